"""What the other side is told about a function: who of theirs may do what, until when, and whether it was proved.

Told is not proved; what a policy makes depend on something stays a perhaps. Statement ids, documents, reasons, and whatever
is about anybody else never get into these shapes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sharing.models import Account, Check, CheckState, Exposure, Grant, GrantState, Policy, Verdict
from sharing.policy import ArnError, FunctionArn, PrincipalKind
from sharing.policy.actions import ACTIONS, INVOKE, INVOKE_URL
from sharing.services.granting.wording import doing

from .reaching import SHOWN, Side

#: Conditions that say how a function's URL is called; everything else that is asked of the caller is not known here.
_BY_URL = "lambda:invokedviafunctionurl"
_URL_TYPE = "lambda:functionurlauthtype"
_MEMBER = "aws:principalorgid"
#: States in which AWS holds, or may hold, what the grant says: the stored exposure of it is no second way in.
_HELD = (GrantState.GRANTING, GrantState.ACTIVE, GrantState.REVOKING, GrantState.STUCK)
_ANSWERS = {
    "denied-identity": "Its own account refuses: that role's IAM policy does not allow it. The identity policy here does.",
    "denied-resource": "The function's policy does not let it in. Ask the owner.",
    "denied-explicit": "An explicit Deny forbids it, in the function's policy or in your own organisation or account.",
    "not-found": "AWS knows no such function, alias or version any more. Ask the owner.",
    "throttled": "AWS was asked too often at that moment. Try again.",
}


@dataclass(frozen=True)
class Tried:
    """The answer of one DryRun. `says`: our own words, never those kept for the owner; `state` while it has no answer."""

    state: str
    verdict: str
    principal: str
    at: datetime
    says: str
    occasion: str

    @property
    def waiting(self) -> bool:
        """Whether a worker still has to answer."""
        return self.state != CheckState.DONE

    @property
    def number(self) -> str:
        """The account of the principal that tried; "" when nobody did."""
        return self.principal.split(":")[4] if self.principal.count(":") >= 5 else ""


@dataclass(frozen=True)
class Way:
    """One principal of one account may do one thing.

    `how`: "grant" (made here, can be given back), "elsewhere" (by other means) or "organisation" (through theirs).
    `told`: what AWS was told, as state of a grant; "" for what was read. `sure`: False when it hangs on something that is
    not known. `grant`: the grant's id where one is behind it; None else. `kept`: this person gave it back, and AWS or the
    owner's side did not let it go. `pausing`: it is being taken away for a while only.
    """

    account: Account
    principal: str
    action: str
    how: str
    until: datetime | None = None
    told: str = ""
    sure: bool = True
    by_url: bool = False
    grant: uuid.UUID | None = None
    is_account: bool = True
    since: datetime | None = None
    kept: bool = False
    pausing: bool = False

    @property
    def does(self) -> str:
        """The action in words: `invoke it`, `invoke it by its URL`, `read the settings`."""
        return deed(self.action, by_url=self.by_url)

    @property
    def unsettled(self) -> bool:
        """Whether a worker still has something to do about it."""
        return self.told in (GrantState.PENDING, GrantState.GRANTING, GrantState.REVOKING)

    @property
    def usable(self) -> bool:
        """Whether to show how to use it: it is there, comes, or may be there."""
        return self.told not in (GrantState.REVOKING, GrantState.SUSPENDED)

    @property
    def caller(self) -> tuple[str, str]:
        """Name and kind of the role or user that is let in; "" for a whole account."""
        if self.is_account or ":assumed-role/" in self.principal:
            return "", "role"
        kind = "user" if ":user/" in self.principal else "role"
        return self.principal.rsplit("/", 1)[-1] if "/" in self.principal and "*" not in self.principal else "", kind


@dataclass(frozen=True)
class Shared:
    """One function, alias or version that is shared with them. `tried`: the last answer that says something."""

    policy: Policy
    ways: tuple[Way, ...]
    tried: Tried | None = None

    @property
    def arn(self) -> FunctionArn | None:
        """The exact form to call; None should AWS ever have told a name that is none."""
        try:
            return FunctionArn.parse(self.policy.arn)
        except ArnError:
            return None

    @property
    def actions(self) -> list[str]:
        """What can be used, the calls first, then in the order of the closed list."""
        held = {INVOKE_URL if way.by_url else way.action for way in self.ways if way.usable}
        return [name for name in ACTIONS if name in held]

    @property
    def accounts(self) -> list[Account]:
        """Which of their accounts it reaches."""
        return list({way.account.pk: way.account for way in self.ways}.values())

    @property
    def until(self) -> datetime | None:
        """When the first of it ends, if anything does."""
        return min((way.until for way in self.ways if way.until and way.told != GrantState.REVOKING), default=None)

    @property
    def unsettled(self) -> datetime | None:
        """Since when something is being changed; None: nothing is."""
        return min((way.since for way in self.ways if way.unsettled and way.since), default=None)

    @property
    def gone(self) -> bool:
        """Whether AWS does not list it any more."""
        return self.policy.vanished_at is not None or self.policy.function.vanished_at is not None


def shared(side: Side, policies: Sequence[Policy], tried: dict[uuid.UUID, Check]) -> list[Shared]:
    """These policies (of `side.policies()`) with every way in of theirs: two queries, however many."""
    ways: dict[uuid.UUID, list[Way]] = {policy.pk: [] for policy in policies}
    places = {policy.pk: policy for policy in policies}
    held: dict[uuid.UUID, set[tuple[str, str]]] = {}
    for grant in side.grants().filter(policy__in=policies, state__in=SHOWN).order_by("created_at"):
        ways[grant.policy_id].extend(_granted(side, grant))
        if grant.state in _HELD:
            held.setdefault(grant.policy_id, set()).add((grant.principal, grant.action))
    for exposure in side.exposures().filter(policy__in=policies).order_by("pk"):
        found = _read(side, exposure, places[exposure.policy_id].qualifier, held.get(exposure.policy_id, set()))
        ways[exposure.policy_id].extend(found)
    return [
        Shared(policy, tuple(ways[policy.pk]), said(tried[policy.pk]) if policy.pk in tried else None) for policy in policies
    ]


def _granted(side: Side, grant: Grant) -> Iterable[Way]:
    kept = grant.permission or {}
    through = grant.principal_kind == PrincipalKind.ORGANIZATION
    mine = side.me.person is not None and grant.revoked_by_id == side.me.person.pk
    for account in side.organizations.get(grant.principal, []) if through else [side.accounts[grant.principal_account]]:
        yield Way(
            account=account,
            principal=account.number if through else grant.principal,
            action=grant.action,
            how="organisation" if through else "grant",
            until=grant.ends_at,
            told=grant.state,
            sure=through or not kept.get("organization") or account in side.organizations.get(kept["organization"], []),
            by_url=bool(kept.get("via_url")) or grant.action == INVOKE_URL,
            grant=grant.pk,
            is_account=through or grant.principal_kind == PrincipalKind.ACCOUNT,
            since=grant.unsettled_since,
            kept=mine and grant.state == GrantState.ACTIVE and bool(grant.failure_code),
            pausing=grant.is_being_suspended,
        )


def _read(side: Side, exposure: Exposure, qualifier: str, held: set[tuple[str, str]]) -> Iterable[Way]:
    details = exposure.details
    through = exposure.kind == "organization"
    conditions = [text.lower() for text in (*details.get("narrowing", []), *details.get("conditions", []))]
    by_url = exposure.action_class == "invoke-url" or any(_BY_URL in text for text in conditions)
    known = (_BY_URL, _URL_TYPE, _MEMBER) if through else (_BY_URL, _URL_TYPE)
    others = [text for text in conditions if not any(key in text for key in known)]
    elsewhere = details.get("qualifier", "") not in ("", qualifier)
    sure = not (details.get("depends_on") or others or elsewhere) and "*" not in exposure.principal
    for account in side.organizations.get(exposure.principal, []) if through else [side.accounts[exposure.account]]:
        for action in exposure.actions:
            if (exposure.principal, action) in held:
                continue
            yield Way(
                account=account,
                principal=account.number if through else exposure.principal,
                action=action,
                how="organisation" if through else "elsewhere",
                sure=sure,
                by_url=by_url,
                is_account=through or exposure.kind == "account",
            )


def deed(action: str, *, by_url: bool = False) -> str:
    """An action in words that end by themselves."""
    verb = doing(action)
    short = verb.removesuffix(" of").removesuffix(" from").removesuffix(" on")
    words = f"{verb} it" if short == verb else short
    return f"{words} by its URL" if by_url and action == INVOKE else words


def said(check: Check) -> Tried:
    """A check in words for the other side. Its kept words are the owner's: they may name statements and other accounts."""
    if check.state != CheckState.DONE or check.verdict == Verdict.ALLOWED:
        says = ""
    elif check.verdict == Verdict.NOT_TRIED:
        says = check.detail
    elif check.verdict == Verdict.DENIED:
        says = _ANSWERS.get(check.answer, "AWS does not say which side refused. Look at the role's own IAM policy first.")
    else:
        says = _ANSWERS.get(check.answer, "AWS did not answer the question. Try again.")
    return Tried(
        state=check.state,
        verdict=check.verdict,
        principal=check.principal,
        at=check.done_at or check.created_at,
        says=says,
        occasion=check.get_occasion_display(),
    )
