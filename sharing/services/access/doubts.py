"""What an answer hangs on, in words, and what nobody here looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sharing.policy import Condition, Principal, PrincipalKind, Statement
from sharing.policy.decision import condition_name
from sharing.policy.keys import Role, key_of

if TYPE_CHECKING:
    from .questioning import Question
    from .reasoning import OwnersSide

#: What a condition asks, by what its key is about. Only for operators that say what must be, not what must not.
_WHETHER: Final = {
    Role.ORGANIZATION: "whether {who} belongs to organisation {values}",
    Role.ORGANIZATION_PATH: "whether {who} belongs to the organisational unit {values}",
    Role.SOURCE_ACCOUNT: "whether the service calls for account {values}",
    Role.SOURCE_ARN: "whether the service calls for {values}",
    Role.SOURCE_ORGANIZATION: "whether the service calls for an account of organisation {values}",
    Role.ADDRESS: "whether the call comes from {values}",
    Role.NETWORK: "whether the call comes through {values}",
    Role.TOKEN: "whether the event source token is the right one",
    Role.ARN: "whether {values} is who calls",
    Role.TIME: "the time of the call",
}
_CROSS: Final = (
    "the identity policies of the calling role or user, and its permissions boundary and session policy",
    "service control policies of their organisation, and VPC endpoint policies on the way",
    "resource control policies of the owner's organisation",
)
_UNSEEN: Final[dict[str, tuple[str, ...]]] = {
    "other": _CROSS,
    "same": _CROSS,
    "service": (
        "what the service itself demands in the account it calls for",
        "resource control policies of the owner's organisation",
    ),
    "anonymous": (
        "resource control policies of the owner's organisation",
        "whatever stands before the URL, such as a firewall",
    ),
}


def in_words(owner: OwnersSide, asked: Question) -> tuple[str, ...]:
    """What the owner's side hangs on, each once; empty when it was decided for certain."""
    if owner.certain:
        return ()
    found: list[str] = []
    for part in owner.parts:
        said = {
            f"{statement.name}: condition {condition_name(condition)}": _asks(statement, condition, asked)
            for statement in part.decision.statements
            for condition in statement.conditions
        }
        said |= {
            f"{statement.name}: whether {principal} is this caller": _path(statement, principal, asked)
            for statement in part.decision.statements
            for principal in statement.principals
        }
        found += [said.get(doubt, doubt) for doubt in part.decision.unknown]
    return tuple(dict.fromkeys(found))


def _path(statement: Statement, principal: Principal, asked: Question) -> str:
    caller = asked.caller.principal
    if principal.has_path and caller is not None and caller.kind is PrincipalKind.SESSION:
        said = f"whether {principal.name} is the role of this session, whose ARN does not show the role's path"
    else:
        said = f"whether {principal} is this caller"
    return f"{said} ({statement.effect} “{statement.name}”)"


def _asks(statement: Statement, condition: Condition, asked: Question) -> str:
    words = _WHETHER.get(key_of(condition.key.lower()).role, "")
    operator = condition.operator.lower()
    said = f"whether it holds that {condition.text}"
    if words and "not" not in operator and operator != "null":
        said = words.format(who=asked.label, values=" or ".join(condition.values))
    return f"{said} ({statement.effect} “{statement.name}”)"


def not_looked_at(kind: str, *, delegated: bool) -> tuple[str, ...]:
    """What only they, or AWS, can tell. Across accounts it can take away what the function's policy gives, never add to it."""
    found = _UNSEEN[kind]
    if delegated and kind == "other":
        return (f"{found[0]}: only their account is named, so its administrators decide who in it may", *found[1:])
    return found
