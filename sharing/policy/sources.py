"""On whose behalf a service calls: which values of aws:SourceArn say whose resource it is.

Facts: an ARN with a fixed account is that account's; a bare bucket ARN names no account, and a deleted bucket can be
made again by a stranger; a wildcard in the account field, or in a bucket's name, leaves it open to anybody.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple

from .arn import is_account_id
from .matching import has_wildcard, overlap


class Scope(Enum):
    """How far a source is known."""

    ACCOUNT = "of one account"
    ORGANIZATION = "of one organisation"
    BUCKET = "one bucket, whose account its ARN does not say"
    RESOURCE = "one resource, whose account its ARN does not say"
    OPEN = "of any account"


class SourceArn(NamedTuple):
    """One value of aws:SourceArn. `name` is the bucket's for Scope.BUCKET, else the whole text."""

    text: str
    scope: Scope
    account: str | None = None
    name: str = ""


class Behalf(NamedTuple):
    """What remains of all source conditions together: one account, organisation, bucket, or anything."""

    scope: Scope
    account: str | None = None
    name: str = ""


OPEN: Final = Behalf(Scope.OPEN)
_OPEN_ONLY: Final = (OPEN,)


def source_arn(text: str, family: str = "arn") -> SourceArn:
    """Say whose resource a SourceArn pattern stands for; `family` of the operator, as in `conditions.OPERATORS`.

    Outside the ARN operators a wildcard runs over colons, and so past the account that follows it.
    """
    parts = text.split(":", 5)
    account = parts[4] if len(parts) > 4 else ""
    if is_account_id(account):
        if family == "like" and has_wildcard(":".join(parts[:4])):
            return SourceArn(text, Scope.RESOURCE, None, text)
        return SourceArn(text, Scope.ACCOUNT, account, text)
    if len(parts) < 6 or account:
        return SourceArn(text, Scope.OPEN if has_wildcard(text) else Scope.RESOURCE, None, text)
    resource = parts[5]
    if parts[2] == "s3":
        bucket = resource.split("/", 1)[0]
        if bucket and not has_wildcard(bucket):
            return SourceArn(text, Scope.BUCKET, None, bucket)
        return SourceArn(text, Scope.OPEN, None, text)
    if has_wildcard(parts[2]) or has_wildcard(resource):
        return SourceArn(text, Scope.OPEN, None, text)
    return SourceArn(text, Scope.RESOURCE, None, text)


def meet(now: tuple[SourceArn, ...] | None, more: Iterable[SourceArn]) -> tuple[SourceArn, ...]:
    """The sources that satisfy both lists; of two overlapping patterns the better known one stays."""
    more = tuple(more)
    if now is None:
        return more
    met: dict[SourceArn, None] = {}
    for one in now:
        for other in more:
            if overlap(one.text, other.text):
                met[one if one.scope is Scope.ACCOUNT or other.scope is Scope.OPEN else other] = None
    return tuple(met)


def behalves(
    accounts: tuple[str, ...] | None, arns: tuple[SourceArn, ...] | None, organizations: tuple[str, ...] | None
) -> tuple[Behalf, ...]:
    """What is left of source accounts, ARNs and organisations together; empty when they contradict each other."""
    if arns is None and accounts is None and organizations is None:
        return _OPEN_ONLY
    if arns is not None and accounts is not None:
        left = [arn.account for arn in arns if arn.account in accounts]
        if any(arn.account is None for arn in arns):  # an ARN without an account contradicts none
            left.extend(accounts)
        return tuple(Behalf(Scope.ACCOUNT, account) for account in dict.fromkeys(left))
    if accounts is not None:
        return tuple(Behalf(Scope.ACCOUNT, account) for account in accounts)
    found = [Behalf(arn.scope, arn.account, "" if arn.account else arn.name) for arn in arns or ()]
    if arns is None:
        found = [OPEN]
    if organizations is not None:
        by_organization = [Behalf(Scope.ORGANIZATION, None, name) for name in organizations]
        kept = [behalf for behalf in found if behalf.scope is Scope.ACCOUNT]
        found = kept + (by_organization if len(kept) < len(found) else [])
    merged = [OPEN if behalf.scope is Scope.OPEN else behalf for behalf in found]
    return tuple(dict.fromkeys(merged))
