"""The shortcut for statements as AddPermission makes them, which are nearly all there are.

It says exactly what the long way (`reaching`, `narrowing`) says of the same statement, several times faster; whatever
it does not recognise at a glance it leaves to the long way. A test compares the two on generated statements.
"""

from __future__ import annotations

from typing import Final

from . import channels
from .actions import ACTIONS, ActionClass
from .arn import FunctionArn, is_account_id
from .conditions import atom_of
from .principal import ORGANIZATION_ID, Principal, PrincipalKind
from .reach import Candidate, Reach
from .sources import OPEN, SourceArn, behalves, source_arn
from .statement import Condition, Statement

#: Class and set of names of each action; those of a function URL need a second statement and are never plain.
_KNOWN: Final = {
    name: (action.action_class, frozenset((name,)))
    for name, action in ACTIONS.items()
    if action.action_class is not ActionClass.INVOKE_URL
}


_KINDS: Final = {
    PrincipalKind.ACCOUNT: "account",
    PrincipalKind.ROLE: "identity",
    PrincipalKind.USER: "identity",
    PrincipalKind.SESSION: "identity",
}


def plain(statement: Statement, function: FunctionArn, own: str, with_atoms: bool) -> tuple[Reach, ...] | None:
    """Whom a statement on the policy's own form of the function (`own`, its ARN) lets in; None if it is not plain.

    `with_atoms`: whether the candidates are needed later, to take a Deny away from them.
    """
    if not statement.usual or statement.resources[0] != own:
        return None
    known = _KNOWN.get(statement.actions[0])
    if known is None:
        return None
    principal = statement.principals[0]
    if principal.account is not None and principal.partition != function.partition:
        return None
    conditions = statement.conditions
    atoms = tuple([atom_of(condition) for condition in conditions]) if with_atoms else ()
    candidate = Candidate(principal, atoms, *known, function.qualifier, (statement.index,))
    kind = principal.kind
    if kind is PrincipalKind.SERVICE:
        return _service(principal, conditions, candidate, function.partition)
    name = _KINDS.get(kind)
    if conditions:
        return _organization(name, principal, conditions, candidate)
    return (Reach(name, principal.value, principal.account, candidate),) if name is not None else None


def _service(
    principal: Principal, conditions: tuple[Condition, ...], candidate: Candidate, partition: str
) -> tuple[Reach, ...] | None:
    name = principal.value
    if not conditions:
        return (Reach("service", name, None, candidate, behalf=OPEN),)
    if len(conditions) > 2:
        return None
    if len(conditions) == 1 and conditions[0].key == "lambda:EventSourceToken":
        return _token(name, conditions, candidate)
    accounts: tuple[str, ...] | None = None
    arns: tuple[SourceArn, ...] | None = None
    for operator, key, values in conditions:
        if operator == "ArnLike" and key == "AWS:SourceArn" and len(values) == 1 and arns is None and "${" not in values[0]:
            if not values[0].startswith(f"arn:{partition}:"):
                return None
            arns = (source_arn(values[0]),)
        elif operator == "StringEquals" and key == "AWS:SourceAccount" and len(values) == 1 and is_account_id(values[0]):
            accounts = values
        else:
            return None
    if arns is not None and arns[0].scope is OPEN.scope:
        return None
    found = [
        Reach("service", name, behalf.account, candidate, behalf=behalf, narrowing=conditions)
        for behalf in behalves(accounts, arns, None)
    ]
    return tuple(found) or None


def _token(name: str, conditions: tuple[Condition, ...], candidate: Candidate) -> tuple[Reach, ...] | None:
    operator, _, (secret, *_) = conditions[0]
    if operator != "StringEquals" or "*" in secret or "?" in secret or "${" in secret:
        return None
    return (
        Reach(
            "service",
            name,
            None,
            candidate,
            behalf=OPEN,
            token=True,
            narrowing=conditions,
            limits=(channels.LIMITED_TO_HOLDERS,),
        ),
    )


def _organization(
    name: str | None, principal: Principal, conditions: tuple[Condition, ...], candidate: Candidate
) -> tuple[Reach, ...] | None:
    if len(conditions) != 1:
        return None
    operator, key, values = conditions[0]
    if operator != "StringEquals" or key != "aws:PrincipalOrgID" or not ORGANIZATION_ID.fullmatch(values[0]):
        return None
    if name is not None:
        return (Reach(name, principal.value, principal.account, candidate, values, narrowing=conditions),)
    if principal.kind is not PrincipalKind.EVERYONE:
        return None
    return (Reach("organization", values[0], None, candidate, values, narrowing=conditions),)
