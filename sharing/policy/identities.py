"""Whether conditions on the caller's ARN or account take in, or shut out, a whole identity or pattern."""

from __future__ import annotations

from .conditions import WILD, Atom
from .matching import Truth, arn_matches, covers, has_wildcard, overlap
from .principal import Principal, PrincipalKind


def excludes(atom: Atom, pattern: str) -> bool:
    """Whether a negated condition certainly shuts out every caller the account or ARN pattern stands for."""
    values = [value for value in atom.values if not (atom.variables and "${" in value)]
    if atom.family == "arn":
        return any(arn_covers(value, pattern) for value in values)
    if atom.family in WILD:
        return any(covers(value, pattern) for value in values)
    return not has_wildcard(pattern) and pattern in values


def may_hold(atom: Atom, pattern: str) -> bool:
    """Whether a positive condition may hold for a caller that the account or ARN pattern stands for."""
    return any((atom.variables and "${" in value) or overlap(value, pattern) for value in atom.values)


def arn_covers(wide: str, narrow: str) -> bool:
    """Whether an ARN pattern takes in everything another one does, part by part."""
    wide_parts, parts = wide.split(":", 5), narrow.split(":", 5)
    return wide == "*" or (len(wide_parts) == len(parts) and all(map(covers, wide_parts, parts)))


def shown_arn(principal: Principal) -> str:
    """What aws:PrincipalArn shows for the principal: of a session its role's ARN, without the path."""
    if principal.kind is PrincipalKind.SESSION and principal.role_name:
        return f"arn:{principal.partition}:iam::{principal.account}:role/{principal.role_name}"
    return principal.value


def identity_matches(pattern: str, principal: Principal, shown: str) -> Truth:
    """Whether aws:PrincipalArn of the principal matches; None where a session hides the path that would decide."""
    if arn_matches(pattern, shown):
        return True
    if principal.kind is PrincipalKind.SESSION and principal.role_name:
        base = f"arn:{principal.partition}:iam::{principal.account}:role/"
        return None if overlap(pattern, f"{base}*/{principal.role_name}") else False
    return False
