"""The findings of one policy, judged in the transaction that stores it and whenever something else about it changed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from sharing.models import Account, Finding, FindingState, Policy
from sharing.policy import Document, FunctionArn, exposures
from sharing.policy.findings import OF_POLICIES, Facts, of_policy
from sharing.services.organizations import known as known_members
from sharing.services.trusting import Trust, trust

from .settling import Subject, Wanted, settle


def keep_findings(
    policy: Policy, document: Document, *, url_auth: str | None, trusted: Trust | None = None, now: datetime | None = None
) -> None:
    """Judge one policy by every rule about policies and keep what is found. Call it in the storing transaction.

    document: as kept (tokens masked). url_auth: as for `sharing.policy.exposures`. `policy.function.account` should be loaded.
    """
    wanted = judged(policy, document, url_auth=url_auth, trusted=trusted, now=now)
    held = Finding.objects.filter(Q(state=FindingState.OPEN) | Q(pk__in=wanted), policy=policy, rule__in=OF_POLICIES)
    settle(held, wanted, now=now or timezone.now())


def judged(
    policy: Policy,
    document: Document,
    *,
    url_auth: str | None,
    trusted: Trust | None = None,
    known: Collection[str] | None = None,
    now: datetime | None = None,
) -> Wanted:
    """What every rule about policies finds in this one; nothing is saved.

    known: the numbers of all accounts that have a name here, for who judges many policies; None: they are asked for.
    """
    account = policy.function.account
    colours = trusted or trust()
    members = known_members(now)
    function = FunctionArn.parse(policy.arn)
    let_in = exposures(
        document,
        function_arn=function,
        owner_account=account.number,
        trusted_accounts=colours.accounts,
        trusted_organizations=colours.organizations,
        organization_of=members.places or None,
        whole_organizations=members.whole,
        url_auth=url_auth,
    )
    numbers = {one.account for one in let_in if one.account}
    if known is not None:
        named = numbers & set(known)
    else:
        named = set(Account.objects.filter(number__in=numbers).values_list("number", flat=True)) if numbers else set()
    found = of_policy(
        Facts(
            document,
            function,
            account.number,
            tuple(let_in),
            url_auth,
            policy.size,
            known=named | colours.accounts | {account.number},
            trusted_organizations=colours.organizations,
        )
    )
    subject = Subject(policy.arn, account, policy.function, policy, version=policy.current_id)
    return {key: (one, subject) for key, one in found.items()}
