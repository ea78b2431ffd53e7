"""One statement of a policy, exactly as stored, read without ever failing.

Since August 2026 a function's policy may hold anything IAM allows (Deny, lists, NotPrincipal, wildcards, every
condition key), so nothing is assumed and nothing is dropped: what is malformed is kept, with a `problem`.
Facts: IAM JSON policy grammar; stored forms of AddPermission.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from .elements import ALLOW, DENY, Condition, Doubled, Statement
from .parts import Problems, conditions_of, either_of, partition_of, principals_of
from .principal import Principal, PrincipalKind

__all__ = [
    "ALLOW",
    "DENY",
    "Condition",
    "Doubled",
    "Statement",
    "canonical",
    "canonical_conditions",
    "parse_statement",
    "repr_key",
    "same_statement",
]

_ELEMENTS: Final = frozenset(
    ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
)
_NO_DOUBTS: Final[frozenset[str]] = frozenset()
_MOST_PARTS: Final = 1_000_000


def parse_statement(raw: Any, index: int = 0, partition: str = "") -> Statement:
    """Read one statement. Never raises. `partition`: of the function, for principals that do not say theirs."""
    usual = _usual(raw, index, partition)
    if usual is not None:
        return usual
    if not isinstance(raw, Mapping):
        why = "the statement is not a JSON object"
        return Statement(None, "", (), (), (), (), (), (), (), index, why, frozenset(("Statement",)), raw)
    problems: Problems = []
    if isinstance(raw, Doubled):
        problems.append(("Statement", "an element is written twice"))
    if not _ELEMENTS.issuperset(raw):
        extra = sorted(str(key) for key in raw if key not in _ELEMENTS)
        problems.append(("Statement", f"unknown element {', '.join(extra)}"))
    sid = raw.get("Sid")
    if sid is not None and not isinstance(sid, str):
        problems.append(("Sid", "Sid is not text"))
        sid = repr_key(sid)
    effect = raw.get("Effect")
    if effect not in (ALLOW, DENY):
        problems.append(("Effect", "Effect is neither Allow nor Deny"))
        effect = ""
    actions, not_actions = either_of(raw, "Action", problems)
    resources, not_resources = either_of(raw, "Resource", problems)
    if not partition:
        partition = partition_of(resources or not_resources)
    principals = principals_of(raw, "Principal", partition, problems)
    not_principals = principals_of(raw, "NotPrincipal", partition, problems)
    if ("Principal" in raw) == ("NotPrincipal" in raw):
        problems.append(("Principal", "it needs either Principal or NotPrincipal"))
    conditions = conditions_of(raw["Condition"], problems) if "Condition" in raw else ()
    return Statement(
        sid,
        effect,
        principals,
        not_principals,
        actions,
        not_actions,
        resources,
        not_resources,
        conditions,
        index,
        "; ".join(text for _, text in problems) if problems else None,
        frozenset(element for element, _ in problems) if problems else _NO_DOUBTS,
        raw,
    )


_NONE: Final[tuple[Any, ...]] = ()


def _usual(raw: Any, index: int, partition: str) -> Statement | None:
    """The shape nearly every statement has, made by AddPermission: one of each, as text. None for any other."""
    if type(raw) is not dict or not 5 <= len(raw) <= 6:
        return None
    try:
        sid, effect, who, action, resource = raw["Sid"], raw["Effect"], raw["Principal"], raw["Action"], raw["Resource"]
        condition = raw["Condition"] if len(raw) == 6 else None
    except KeyError:
        return None
    if type(sid) is not str or type(action) is not str or type(resource) is not str:
        return None
    if effect != ALLOW and effect != DENY:
        return None
    if not partition:
        partition = "aws" if resource.startswith("arn:aws:") else partition_of((resource,))
    principals = _one_principal(who, partition)
    if principals is None:
        return None
    conditions: tuple[Condition, ...] = ()
    if condition is not None:
        if type(condition) is not dict:
            return None
        found = []
        for operator, keys in condition.items():
            if type(keys) is not dict:
                return None
            for name, value in keys.items():
                if type(value) is not str:
                    return None
                found.append(Condition(operator, name, (value,)))
        conditions = tuple(found)
    return Statement(
        sid,
        effect,
        principals,
        _NONE,
        (action,),
        _NONE,
        (resource,),
        _NONE,
        conditions,
        index,
        None,
        _NO_DOUBTS,
        raw,
        True,
    )


def _one_principal(who: Any, partition: str) -> tuple[Principal, ...] | None:
    """The Principal element of a usual statement; None for several, or for one nobody could read."""
    if type(who) is dict and len(who) == 1:
        ((key, value),) = who.items()
        if (key == "AWS" or key == "Service") and type(value) is str:
            return _alone(value, key, partition)
        return None
    return _alone("*", "", partition) if who == "*" else None


@lru_cache(maxsize=65536)
def _alone(value: str, key: str, partition: str) -> tuple[Principal, ...] | None:
    principal = Principal.from_stored(value, key=key, partition=partition)
    return None if principal.kind is PrincipalKind.UNKNOWN else (principal,)


def canonical(raw: Any) -> Any:
    """A comparable form of a stored statement in which spellings of one meaning are equal.

    Equal: bare account id and root ARN, `"*"` and `{"AWS": "*"}`, a string and a list of one, any order in lists,
    letter case of actions, operators and condition keys, ArnEquals and ArnLike, true and "true".
    """
    statement = parse_statement(raw)
    if statement.problem:
        return ("as written", repr_key(raw))
    return (
        statement.sid or "",
        statement.effect,
        _principal_set(statement.principals),
        _principal_set(statement.not_principals),
        frozenset(action.lower() for action in statement.actions),
        frozenset(action.lower() for action in statement.not_actions),
        frozenset(statement.resources),
        frozenset(statement.not_resources),
        canonical_conditions(statement.conditions),
    )


def canonical_conditions(conditions: tuple[Condition, ...]) -> frozenset[tuple[str, str, frozenset[str]]]:
    """Conditions without regard to order or letter case of operators and keys."""
    return frozenset((_operator(condition), condition.key.lower(), frozenset(condition.values)) for condition in conditions)


def same_statement(one: Any, other: Any) -> bool:
    """Whether two stored statements (JSON objects) mean the same under the same Sid."""
    return bool(canonical(one) == canonical(other))


def _operator(condition: Condition) -> str:
    operator = condition.operator.lower()
    if operator.endswith(("arnequals", "arnnotequals")):
        return operator.replace("equals", "like")
    # AddPermission documents StringLike for SourceArn and stores ArnLike: one meaning, two spellings.
    if operator == "stringlike" and condition.key.lower() == "aws:sourcearn":
        return "arnlike"
    return operator


def _principal_set(principals: tuple[Principal, ...]) -> frozenset[tuple[str, str]]:
    return frozenset((principal.kind.value, str(principal)) for principal in principals)


def repr_key(raw: Any) -> str:
    """A text that is equal for equal JSON values, whatever their depth: recursion would end at a few hundred levels."""
    out: list[str] = []
    todo: list[Any] = [raw]
    while todo and len(out) < _MOST_PARTS:  # a Python object, unlike JSON, may contain itself
        item = todo.pop()
        if isinstance(item, _Mark):
            out.append(item.text)
        elif isinstance(item, Mapping):
            out.append("{")
            todo.append(_Mark("}"))
            for key in sorted(item, key=str, reverse=True):
                todo.append(item[key])
                todo.append(_Mark(f"{str(key)!r}:"))
        elif isinstance(item, list | tuple):
            out.append("[")
            todo.append(_Mark("]"))
            todo.extend(reversed(item))
        else:
            out.append(f"{item!r},")
    return "".join(out)


@dataclass(frozen=True, slots=True)
class _Mark:
    text: str
