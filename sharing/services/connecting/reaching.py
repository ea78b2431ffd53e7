"""What a role is made for: the functions an invoker role may call, the sources a source role may wire."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sharing.aws.wired import kind_of
from sharing.models import Account, Connection, Grant, Purpose
from sharing.models.grant import MAY_HOLD_ACCESS
from sharing.policy.arn import Arn
from sharing.policy.matching import glob_matches
from sharing.services.errors import Refusal

_NAME = re.compile(r"[A-Za-z0-9_.*?-]{1,140}(:[A-Za-z0-9_*?$-]{1,128})?", re.ASCII)
_PATTERN = re.compile(
    r"arn:(?P<partition>[a-z-]+):lambda:(?P<region>\*|[a-z0-9*?-]{1,30}):(?P<account>[0-9]{12}):function:(?P<name>.+)", re.ASCII
)
_MOST = 40
#: Of the 10,240 characters that a role's own policies may have together (IAM), with two statements for some sources.
_ROOM = 4_000
#: IAM reads these as patterns, Terraform as templates; none of them is in the name of a source that is wired here.
_NOT_PLAIN = ("*", "?", "${", "%{")


@dataclass(frozen=True)
class Reach:
    """own: whether the account's own functions may be called. owners: other accounts whose functions may be."""

    own: bool
    owners: tuple[Account, ...]


def reach(account: Account) -> Reach:
    """An owner's invoker calls the owner's functions; a consumer's those of owners that share with it, never its own.

    Before anything is shared with a consumer the connected owners count: AWS still asks their policies.
    """
    own = Connection.objects.standing().filter(account=account, purpose=Purpose.MANAGER).exists()
    grants = Grant.objects.filter(state__in=MAY_HOLD_ACCESS, principal_account=account.number)
    owners = Account.objects.filter(pk__in=grants.values("policy__function__account")).exclude(pk=account.pk)
    if not own and not owners.exists():
        owners = Account.objects.owners().exclude(pk=account.pk)
    return Reach(own, tuple(owners))


def require_reach(account: Account) -> None:
    """An invoker role without anything to call is no use. Raises Refusal."""
    found = reach(account)
    checks = Connection.objects.standing().filter(account=account, purpose=Purpose.CHECKER).exists()
    shared = Grant.objects.filter(state__in=MAY_HOLD_ACCESS, principal_account=account.number).exists()
    if not found.own and not (found.owners and (checks or shared)):
        raise Refusal(
            "There is nothing that an invoker role of this account could call: its functions are not read here, and none is "
            "shared with it.",
            next="Connect the account with a manager role or a checker role first.",
            field="purpose",
        )


def patterns_of(asked: Iterable[str], account: Account) -> list[str]:
    """What the role is limited to, one ARN pattern each (`*` and `?` as in IAM); a bare name is one of its own functions.

    Raises Refusal for what names no function the role reaches.
    """
    found: list[str] = []
    allowed = reach(account)
    numbers = {owner.number for owner in allowed.owners} | ({account.number} if allowed.own else set())
    for text in filter(None, (line.strip() for line in asked)):
        if _NAME.fullmatch(text) and allowed.own:
            text = f"arn:{account.partition}:lambda:*:{account.number}:function:{text}"
        parts = _PATTERN.fullmatch(text)
        if parts is None or not _NAME.fullmatch(parts["name"]) or parts["partition"] != account.partition:
            raise Refusal(
                f"“{text[:100]}” is no pattern of function ARNs.",
                next=f"Write it like arn:{account.partition}:lambda:us-east-1:{account.number}:function:name*, one on a line.",
                field="limited_to",
            )
        if parts["account"] not in numbers:
            raise Refusal(
                f"This invoker role calls no functions of account {parts['account']}.",
                next=f"Name functions of {', '.join(sorted(numbers))}.",
                field="limited_to",
            )
        found.append(text)
    found = list(dict.fromkeys(found))
    if len(found) > _MOST:
        raise Refusal(
            f"These are {len(found)} patterns; a role's policy has room for {_MOST}.",
            next="Use * for what belongs together.",
            field="limited_to",
        )
    return found


def reaches(connection: Connection, arn: str) -> bool:
    """Whether the invoker role was made for this ARN, as far as fnshare wrote its policy. AWS decides in the end."""
    return not connection.limited_to or any(glob_matches(pattern, arn) for pattern in connection.limited_to)


def sources_of(asked: Iterable[str], account: Account) -> list[str]:
    """The sources a source role may wire, one ARN each: of the account itself, and named in full.

    A bucket's ARN names no account: whether it is this one's shows when it is read. Raises Refusal for what is no source that
    can be wired from its own side, for one of another account, and for none or more than a role's policy has room for.
    """
    found: list[str] = []
    for text in filter(None, (line.strip() for line in asked)):
        kind = kind_of(text) if text.isprintable() and not any(one in text for one in _NOT_PLAIN) else ""
        arn = Arn.parse(text) if kind else None
        whole = arn is not None and (bool(arn.region) and bool(arn.account)) == (kind != "s3") and len(text) <= 1024
        if arn is None or not whole or arn.partition != account.partition:
            raise Refusal(
                f"“{text[:100]}” is not the ARN of a bucket, topic, rule, alarm, queue or stream that can be wired.",
                next=f"Write ARNs in full, one on a line, such as arn:{account.partition}:s3:::bucket or "
                f"arn:{account.partition}:sqs:us-east-1:{account.number}:queue.",
                field="sources",
            )
        if kind != "s3" and arn.account != account.number:
            raise Refusal(
                f"{text[:200]} belongs to account {arn.account}, not to {account.number}.",
                next="Name sources of the account itself; each account has a source role of its own.",
                field="sources",
            )
        found.append(text)
    found = list(dict.fromkeys(found))
    if not found:
        raise Refusal(
            "A source role is made for named sources, and none is named.",
            next="Name the ARNs of the buckets, topics, rules, alarms, queues and streams it may wire, one on a line.",
            field="sources",
        )
    if len(found) > _MOST or sum(map(len, found)) > _ROOM:
        raise Refusal(
            f"These are {len(found)} sources; a role's policy has no room for them: {_MOST} at most, and {_ROOM:,} characters.",
            next="Name those that are wired to functions, and no others.",
            field="sources",
        )
    return found


def source_roles_for(source_arn: str, numbers: Iterable[str]) -> set[str]:
    """Those of these accounts that have a source role for this very source, connected and found to read something.

    For the planner: `source_roles=`. A bucket's ARN does not say whose it is, so only accounts that are asked about count.
    """
    usable = Connection.objects.usable().filter(purpose=Purpose.SOURCE, account__number__in=set(numbers))
    return {
        one.account.number
        for one in usable.select_related("account")
        if source_arn in one.limited_to and one.verbs.get("wire") is not False
    }


def source_role_of(source_arn: str, number: str) -> Connection | None:
    """The connection through which this source of this account is wired; None: it is not wired by fnshare."""
    if number not in source_roles_for(source_arn, [number]):
        return None
    usable = Connection.objects.usable().filter(purpose=Purpose.SOURCE, account__number=number)
    return usable.select_related("account").first()
