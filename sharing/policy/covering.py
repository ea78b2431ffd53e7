"""Before a grant: what lets them in already. After a revoke: what still does. Before both: which Deny stands in the way.

Facts: a wider statement makes a narrower one superfluous; an account covers its roles and users, but naming the
account only delegates to it; a Deny beats every Allow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from .arn import FunctionArn
from .conditions import Atom, atom_of, compare
from .decision import action_truth, resource_truth
from .document import Document
from .matching import Truth, any_of, covers, has_wildcard
from .permission import Permission
from .principal import Principal, PrincipalKind
from .reach import Candidate, Reach
from .reaching import reaches
from .services import same_service
from .statement import Statement, parse_statement
from .variables import ANY_REQUEST


class Extent(StrEnum):
    """How much of the permission a statement still lets in."""

    ALL = "all"
    SOME = "some"
    DEPENDS = "depends"


@dataclass(frozen=True, slots=True)
class StillIn:
    """A statement that goes on letting somebody of the permission in, and a sentence that says whom."""

    statement: Statement
    extent: Extent
    sentence: str


def covering(document: Document, permission: Permission) -> list[Statement]:
    """The Allow statements that already let exactly that principal do that action on that form of the function.

    Only those whose every condition is certainly satisfied whenever the permission's own are; Deny is not weighed
    here, see `denying`.
    """
    wanted = _Wanted.of(permission)
    return [
        statement
        for statement in document.statements
        if statement.is_allow and not statement.doubts and _covers(statement, wanted, document.expands_variables)
    ]


def denying(document: Document, permission: Permission) -> list[Statement]:
    """The Deny statements that hit the permission certainly or possibly, wholly or partly."""
    wanted = _Wanted.of(permission)
    found = []
    for statement in document.statements:
        if statement.is_allow or not _is_about(statement, wanted, document.expands_variables):
            continue
        if statement.doubts - {"Sid"} or (
            _principals_meet(statement, wanted) is not False and _can_both_hold(statement, wanted, document.expands_variables)
        ):
            found.append(statement)
    return found


def still_lets_in(document_without: Document, permission: Permission) -> list[StillIn]:
    """What would still let in all or some of the permission's principal once its own statement is gone."""
    wanted = _Wanted.of(permission)
    variables = document_without.expands_variables
    complete = covering(document_without, permission)
    found = []
    for statement in document_without.statements:
        if statement.is_deny or not _is_about(statement, wanted, variables):
            continue
        if statement in complete:
            found.append(StillIn(statement, Extent.ALL, f"{statement.name} lets all of them in as well."))
            continue
        meet = _principals_meet(statement, wanted)
        if meet is False or not _can_both_hold(statement, wanted, variables):
            continue
        uncertain = meet is None or statement.doubts - {"Sid"} or not _implied(statement, wanted, variables)
        if uncertain:
            sentence = f"{statement.name} may still let them in: that depends on {_what(statement)}."
            found.append(StillIn(statement, Extent.DEPENDS, sentence))
        else:
            some = ", ".join(str(one) for one in statement.principals if _overlap(one, wanted)) or "others than it spares"
            found.append(StillIn(statement, Extent.SOME, f"{statement.name} still lets {some} in."))
    return found


def _what(statement: Statement) -> str:
    keys = dict.fromkeys(condition.key for condition in statement.conditions)
    return f"its conditions on {', '.join(keys)}" if keys else "whom it means"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A permission in the terms of the reduction."""

    principal: Principal
    action: str
    arn: str
    function: FunctionArn
    atoms: tuple[Atom, ...]
    candidate: Candidate
    reaches: tuple[Reach, ...]

    @classmethod
    def of(cls, permission: Permission) -> _Wanted:
        own = parse_statement(permission.statement(), partition=permission.function.partition)
        atoms = tuple(atom_of(condition, True) for condition in own.conditions)
        principal = own.principals[0]
        actions = frozenset((permission.action,))
        candidate = Candidate(principal, atoms, permission.action_class, actions, permission.function.qualifier, ())
        found = tuple(reaches(candidate, permission.function))
        return cls(principal, permission.action, str(permission.function), permission.function, atoms, candidate, found)


def _is_about(statement: Statement, wanted: _Wanted, variables: bool) -> bool:
    """Whether action and form of the function may match."""
    if not statement.doubts & {"Action", "Statement"} and not action_truth(statement, wanted.action):
        return False
    return bool(statement.doubts & {"Resource", "Statement"}) or (
        resource_truth(statement, wanted.arn, ANY_REQUEST, variables) is not False
    )


def _covers(statement: Statement, wanted: _Wanted, variables: bool) -> bool:
    if not action_truth(statement, wanted.action) or not resource_truth(statement, wanted.arn, ANY_REQUEST, variables):
        return False
    return _takes_in_all(statement, wanted) and _implied(statement, wanted, variables)


def _takes_in_all(statement: Statement, wanted: _Wanted) -> bool:
    """Whether the statement's principals take in all of the wanted principal; conditions are looked at apart."""
    if statement.not_principals:
        return all(_overlap(principal, wanted) is False for principal in statement.not_principals)
    return any(_takes_in(one, wanted.principal) for one in statement.principals if one.is_in(wanted.function.partition))


def _takes_in(wide: Principal, narrow: Principal) -> bool:
    if wide.kind is PrincipalKind.EVERYONE or str(wide) == str(narrow):
        return wide.kind is not PrincipalKind.GHOST
    if wide.kind is PrincipalKind.ACCOUNT:
        return narrow.account == wide.account
    if wide.kind is PrincipalKind.SERVICE and narrow.kind is PrincipalKind.SERVICE:
        return wide.value == "*" or same_service(wide.value, narrow.value)
    same_role = wide.account == narrow.account and wide.role_name is not None and wide.role_name == narrow.role_name
    return wide.kind is PrincipalKind.ROLE and narrow.kind is PrincipalKind.SESSION and same_role and not wide.has_path


def _implied(statement: Statement, wanted: _Wanted, variables: bool) -> bool:
    """Whether every condition of the statement holds whenever those of the permission do."""
    return all(_one_implied(atom_of(condition, variables), wanted) for condition in statement.conditions)


def _one_implied(atom: Atom, wanted: _Wanted) -> bool:
    if any(_narrower(own, atom) for own in wanted.atoms):
        return True
    # It holds for all of them exactly if nobody of them is left once its opposite is demanded, for certain.
    outside = reaches(wanted.candidate._replace(atoms=(*wanted.atoms, atom.negated())), wanted.function)
    return bool(wanted.reaches) and not outside and atom.family != "unknown" and not atom.vague


def _narrower(own: Atom, wide: Atom) -> bool:
    """Whether one positive condition on the same key implies another."""
    if own.key != wide.key or not (own.want and wide.want) or own.absent or own.vague or wide.vague or wide.family == "unknown":
        return False
    judge = partial(_value_within, wide)
    return all(any(judge(pattern, value) for pattern in wide.values) for value in own.values)


def _value_within(wide: Atom, pattern: str, value: str) -> bool:
    if has_wildcard(value):
        return wide.family in ("like", "arn") and covers(pattern, value)
    return compare(wide, pattern, value) is True


def _principals_meet(statement: Statement, wanted: _Wanted) -> Truth:
    """Whether somebody may be meant by both."""
    if "Principal" in statement.doubts or "Statement" in statement.doubts:
        return None
    if statement.not_principals:
        listed = [one for one in statement.not_principals if one.is_in(wanted.function.partition)]
        inside = [_takes_in(principal, wanted.principal) for principal in listed]
        return None if any(inside) else True
    return any_of(_overlap(principal, wanted) for principal in statement.principals)


def _overlap(principal: Principal, wanted: _Wanted) -> Truth:
    if not principal.is_in(wanted.function.partition):
        return False
    if principal.kind is PrincipalKind.UNKNOWN:
        return None
    if principal.kind in (PrincipalKind.GHOST, PrincipalKind.FEDERATED):
        return str(principal) == str(wanted.principal)
    if _takes_in(principal, wanted.principal) or _takes_in(wanted.principal, principal):
        return True
    same_role = principal.role_name is not None and principal.role_name == wanted.principal.role_name
    return None if same_role and principal.account == wanted.principal.account else False


def _can_both_hold(statement: Statement, wanted: _Wanted, variables: bool) -> bool:
    atoms = tuple(atom_of(condition, variables) for condition in statement.conditions)
    principals: Iterable[Principal] = statement.principals or (wanted.principal,)
    candidates = (
        wanted.candidate._replace(principal=_narrowest(principal, wanted.principal), atoms=(*wanted.atoms, *atoms))
        for principal in principals
        if _overlap(principal, wanted) is not False or not statement.principals
    )
    return any(reaches(candidate, wanted.function) for candidate in candidates)


def _narrowest(one: Principal, other: Principal) -> Principal:
    return one if _takes_in(other, one) else other
