"""May this principal do this to this function, by the function's policy alone?

Facts: IAM policy evaluation for resource policies: a statement applies when principal, action, resource and every
condition match; one Deny beats every Allow. The caller's own account, organisation policies and boundaries can only
take away, and are not judged here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from . import actions
from .arn import FunctionArn, shorten
from .caller import ANONYMOUS, Caller, caller_of, principal_truth
from .conditions import atom_of, truth
from .document import Document, parse
from .matching import Truth, all_of, any_of, arn_matches, glob_matches, negate
from .statement import Condition, Statement
from .variables import Known, expanded, outline


class Outcome(StrEnum):
    """`denied` means an explicit Deny, `none` that no statement lets the request in."""

    ALLOWED = "allowed"
    DENIED = "denied"
    NONE = "none"


class Certainty(StrEnum):
    YES = "yes"
    DEPENDS = "depends"


@dataclass(frozen=True, slots=True)
class Decision:
    """The owner's side of one request.

    `certainty` "depends": the outcome hangs on `unknown` and must be treated as not safe. `delegated`: only the
    account's root is named, so that account's own policies decide who in it may. `statements`: those that decided;
    where nothing decided for certain, those that might.
    """

    outcome: Outcome
    certainty: Certainty = Certainty.YES
    unknown: tuple[str, ...] = ()
    delegated: bool = False
    statements: tuple[Statement, ...] = ()


_ELEMENTS: Final = frozenset(("Statement", "Effect", "Principal", "Action", "Resource", "Condition"))
_VIA_URL: Final = "lambda:invokedviafunctionurl"


def decide(
    document: Document | str | Mapping[str, Any] | None,
    *,
    function_arn: FunctionArn | str,
    principal: str,
    action: str = actions.INVOKE,
    context: Mapping[str, str | Sequence[str] | None] | None = None,
    unknown: Collection[str] = (),
) -> Decision:
    """Decide by the policy of exactly the form of the function that is called.

    `principal`: account id, root, role, user or session ARN, service principal, or "anonymous". `context`: condition
    keys in any letter case; aws:PrincipalAccount, PrincipalArn, PrincipalType, PrincipalIsAWSService and
    PrincipalServiceName follow from `principal` unless given; every other key not given, or given as None, is absent.
    `unknown`: keys that the call may or may not carry: conditions on them are not judged, so that the answer depends.
    Raises ArnError or ValueError, with a sentence, for a function or principal that is neither.
    """
    function = function_arn if isinstance(function_arn, FunctionArn) else FunctionArn.parse(function_arn)
    policy = document if isinstance(document, Document) else parse(document, partition=function.partition)
    caller = caller_of(principal, function.partition)
    keys = keys_of(caller, context or {}, unknown)
    if caller.partition != function.partition:
        return Decision(Outcome.NONE)
    if caller.kind == ANONYMOUS and [value.lower() for value in keys.get(_VIA_URL, Known()).values] != ["true"]:
        return Decision(Outcome.NONE)
    return _weigh(policy, _Request(caller, action, function, keys))


@dataclass(frozen=True, slots=True)
class _Request:
    caller: Caller
    action: str
    function: FunctionArn
    keys: Mapping[str, Known]


def _weigh(policy: Document, request: _Request) -> Decision:
    allowed: list[Statement] = []
    maybe: list[Statement] = []
    denied: list[Statement] = []
    maybe_denied: list[Statement] = []
    unknown: list[str] = [policy.problem] if policy.problem else []
    delegated = True
    for statement in policy.statements:
        found, by_root, doubts = _applies(statement, request, policy.expands_variables)
        if found is False:
            continue
        if not statement.effect:
            maybe.append(statement)
            maybe_denied.append(statement)
        elif statement.is_deny:
            (denied if found else maybe_denied).append(statement)
        else:
            (allowed if found else maybe).append(statement)
        if found and statement.is_allow:
            delegated = delegated and by_root
        unknown.extend(f"{statement.name}: {doubt}" for doubt in doubts)
    if denied:
        return Decision(Outcome.DENIED, statements=tuple(denied))
    hanging = tuple(dict.fromkeys(unknown))
    if allowed and (maybe_denied or policy.problem):
        return Decision(Outcome.ALLOWED, Certainty.DEPENDS, hanging, delegated, (*allowed, *maybe_denied))
    if allowed:
        return Decision(Outcome.ALLOWED, delegated=delegated, statements=tuple(allowed))
    if maybe or maybe_denied or policy.problem:
        return Decision(Outcome.NONE, Certainty.DEPENDS, hanging, statements=(*maybe, *(s for s in maybe_denied if s.effect)))
    return Decision(Outcome.NONE)


def _applies(statement: Statement, request: _Request, variables: bool) -> tuple[Truth, bool, list[str]]:
    """Whether the statement applies, whether only through the account's root, and what could not be judged."""
    who, by_root, who_doubts = principal_truth(statement, request.caller)
    parts: list[tuple[str, Truth, list[str]]] = [
        ("Principal", who, who_doubts),
        ("Action", action_truth(statement, request.action), []),
        (
            "Resource",
            resource_truth(statement, str(request.function), request.keys, variables),
            ["whether its Resource matches"],
        ),
    ]
    for condition in statement.conditions:
        judged = truth(atom_of(condition, variables), request.keys)
        parts.append(("Condition", judged, [f"condition {condition_name(condition)}"]))
    doubted = statement.doubts & _ELEMENTS
    if "Statement" in doubted:
        return None, False, [statement.problem or "it cannot be read"]
    parts = [part for part in parts if part[0] not in doubted]
    parts.extend((element, None, [statement.problem or f"its {element}"]) for element in sorted(doubted))
    found = all_of(judged for _, judged, _ in parts)
    doubts = [doubt for _, judged, reasons in parts if judged is None for doubt in reasons] if found is None else []
    return found, by_root, doubts


def action_truth(statement: Statement, action: str) -> Truth:
    """Whether the statement's Action or NotAction takes in a concrete action."""
    if statement.not_actions:
        return not any(actions.matches(pattern, action) for pattern in statement.not_actions)
    return any(actions.matches(pattern, action) for pattern in statement.actions)


def resource_truth(statement: Statement, arn: str, keys: Mapping[str, Known], variables: bool) -> Truth:
    """Whether the statement's Resource or NotResource takes in exactly this ARN; case counts."""
    patterns = statement.not_resources or statement.resources
    found = any_of(resource_match(pattern, arn, keys, variables) for pattern in patterns)
    return negate(found) if statement.not_resources else found


def resource_match(pattern: str, arn: str, keys: Mapping[str, Known], variables: bool) -> Truth:
    """Whether one pattern of Resource takes in exactly this ARN."""
    if variables and "${" in pattern:
        filled = expanded(pattern, keys)
        if not isinstance(filled, str):
            return filled if filled is False or glob_matches(outline(pattern), arn) else False
        # AWS knows variables only after the fifth colon, and does not say what becomes of others.
        misplaced = "${" in ":".join(pattern.split(":", 5)[:5])
        return None if misplaced and arn_matches(filled, arn) is not False else arn_matches(filled, arn)
    return arn_matches(pattern, arn)


def condition_name(condition: Condition) -> str:
    """Operator and key, without the values: they may be a shared secret."""
    return shorten(f"{condition.operator} {condition.key}")


def keys_of(
    caller: Caller, context: Mapping[str, str | Sequence[str] | None], unknown: Collection[str] = ()
) -> dict[str, Known]:
    """Every condition key of a request, in lower case: what follows from the caller, what is unknown, what is given."""
    return {**caller.keys(), **{key.lower(): Known(unknown=True) for key in unknown}, **_context(context)}


def _context(context: Mapping[str, str | Sequence[str] | None]) -> dict[str, Known]:
    found: dict[str, Known] = {}
    for key, value in context.items():
        if value is None:
            continue
        values = [value] if isinstance(value, str | bool | int | float) else list(value)
        found[key.lower()] = Known(tuple(_text(item) for item in values))
    return found


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
