"""What nearly lets a caller in: the Allow statements that miss by one thing, and what is not known about the call.

This is where "no" gets its reason: the condition that does not hold, the deleted role behind a unique id, another
session, another path, another form of the function. Facts: aws-facts 1.4, 1.7, 6.2, 6.3.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from .arn import FunctionArn
from .caller import ANONYMOUS, Caller, principal_truth
from .conditions import atom_of, truth
from .decision import action_truth, keys_of, resource_truth
from .document import Document
from .keys import Presence, Role, key_of
from .principal import Principal, PrincipalKind
from .statement import Condition, Statement
from .variables import Known


class Near(StrEnum):
    """The one thing by which a statement misses the caller."""

    CONDITION = "condition"
    GHOST = "ghost"
    SESSION = "session"
    PATH = "path"
    SPELLING = "spelling"
    IDENTITY = "identity"
    ACTION = "action"
    FORM = "form"


@dataclass(frozen=True, slots=True)
class Miss:
    """An Allow that does not let the caller in. `principals`: those it names instead; `conditions`: those not met."""

    statement: Statement
    why: Near
    principals: tuple[Principal, ...] = ()
    conditions: tuple[Condition, ...] = ()


_IDENTITIES: Final = frozenset({PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION})
_SAID_BY_THE_CHANNEL: Final = frozenset({Role.VIA_URL, Role.URL_AUTH})
#: What differs from one role of an account to the next, when only the account is named.
_WITHIN_AN_ACCOUNT: Final = ("aws:principalarn", "aws:principaltype", "aws:userid")

Context = Mapping[str, str | Sequence[str] | None]


def circumstances(
    document: Document, *, caller: Caller, function: FunctionArn, given: Context, at: datetime | None = None
) -> tuple[dict[str, str | Sequence[str] | None], frozenset[str]]:
    """The context of a call as far as it is known, and the keys of this policy's conditions about which nothing is.

    `at`: the moment of the call; without it conditions on time are unknown. Keys that such a caller never carries are
    absent; whether the call comes by the function's URL is known to whoever asks, and absent unless given.
    """
    known: dict[str, str | Sequence[str] | None] = dict(given)
    named = {key.lower() for key in given}
    derived = set(caller.keys())
    unknown: set[str] = set()
    for key in {condition.key.lower() for statement in document.statements for condition in statement.conditions}:
        if key in named:
            continue
        if caller.kind == PrincipalKind.ACCOUNT and key in _WITHIN_AN_ACCOUNT:
            unknown.add(key)
        elif key not in derived:
            fixed = _fixed(key, function, at)
            if fixed:
                known[key] = fixed
            elif _may_carry(key, caller):
                unknown.add(key)
    return known, frozenset(unknown)


def _fixed(key: str, function: FunctionArn, at: datetime | None) -> str:
    """The value of a key that is the same for every call at that moment; "" for any other key."""
    if key_of(key).role is Role.TIME and at is not None:
        return str(int(at.timestamp())) if key == "aws:epochtime" else at.astimezone(UTC).isoformat(timespec="seconds")
    constant = key_of(key).constant
    return {"region": function.region, "account": function.account}.get(constant, constant)


def _may_carry(key: str, caller: Caller) -> bool:
    known = key_of(key)
    if known.role in _SAID_BY_THE_CHANNEL:
        return False
    presence = known.signed
    if caller.kind == ANONYMOUS:
        presence = known.anonymous
    elif caller.kind == PrincipalKind.SERVICE:
        presence = known.service
    return presence is not Presence.NEVER


def near_misses(
    document: Document,
    *,
    function: FunctionArn,
    caller: Caller,
    action: str,
    context: Context,
    unknown: Collection[str] = (),
) -> list[Miss]:
    """The Allow statements that let this caller in but for one thing, in their order. Malformed ones are left out."""
    keys = keys_of(caller, context, unknown)
    found = []
    for statement in document.statements:
        if statement.is_allow and not statement.doubts - {"Sid"}:
            miss = _miss(statement, caller, action, function, keys, document.expands_variables)
            if miss is not None:
                found.append(miss)
    return found


def _miss(
    statement: Statement, caller: Caller, action: str, function: FunctionArn, keys: Mapping[str, Known], variables: bool
) -> Miss | None:
    who, _, _ = principal_truth(statement, caller)
    does = action_truth(statement, action)
    on = resource_truth(statement, str(function), keys, variables)
    unmet = tuple(one for one in statement.conditions if truth(atom_of(one, variables), keys) is False)
    if who is True:
        if sum((does is not True, on is False, bool(unmet))) != 1:
            return None
        if unmet:
            return Miss(statement, Near.CONDITION, conditions=unmet)
        return Miss(statement, Near.FORM if does is True else Near.ACTION, statement.principals)
    if who is None or does is not True or on is False:
        return None
    return _other(statement, caller)


def _other(statement: Statement, caller: Caller) -> Miss | None:
    """Somebody else is named: the nearest of them."""
    who = caller.principal
    ghosts = tuple(one for one in statement.principals if one.kind is PrincipalKind.GHOST)
    if who is None or who.kind is PrincipalKind.SERVICE:
        return None
    others = tuple(one for one in statement.principals if one.kind in _IDENTITIES and one.account == who.account)
    for why, chosen in (
        (Near.SESSION, [one for one in others if one.kind is PrincipalKind.SESSION and _same_role(one, who)]),
        (Near.PATH, [one for one in others if one.kind is PrincipalKind.ROLE and _same_role(one, who)]),
        (Near.SPELLING, [one for one in others if str(one).casefold() == str(who).casefold()]),
        (Near.GHOST, list(ghosts)),
        (Near.IDENTITY, list(others)),
    ):
        if chosen:
            return Miss(statement, why, tuple(chosen))
    return None


def _same_role(one: Principal, who: Principal) -> bool:
    return one.role_name is not None and one.role_name == who.role_name
