"""What a Deny takes away from somebody who is let in.

A Deny removes only what it certainly applies to: what remains is whoever does not satisfy one of its conditions, each
in turn. A Deny that cannot be judged never makes anything safe; it only makes the answer depend.
Facts: NotPrincipal with Deny hits everybody but the listed, who depend; an account in a Deny covers all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from .arn import FunctionArn
from .conditions import Atom, Known, atom_of
from .decision import action_truth, resource_truth
from .matching import Truth, any_of, covers
from .principal import Principal, PrincipalKind
from .reach import Reach, reaches
from .services import same_service
from .statement import Statement

#: Pieces after which splitting stops and everything left depends.
MOST_PIECES = 256


@dataclass(frozen=True, slots=True)
class Blocked:
    """Somebody an Allow names and a Deny certainly shuts out: `deny` is the index of that statement."""

    deny: int
    reach: Reach


def subtract(
    found: list[Reach], deny: Statement, function: FunctionArn, variables: bool, blocked: list[Blocked]
) -> list[Reach]:
    """Everybody who is left after one Deny; whom it shuts out completely is added to `blocked`."""
    atoms = tuple(atom_of(condition, variables) for condition in deny.conditions)
    left: list[Reach] = []
    for reach in found:
        if len(left) > MOST_PIECES:
            left.append(doubted(reach, f"{deny.name}, a Deny in a policy of too many combinations"))
            continue
        left.extend(_subtract_one(reach, deny, atoms, function, variables, blocked))
    return left


def doubted(reach: Reach, doubt: str) -> Reach:
    """The same with one more thing that its answer depends on."""
    if doubt in reach.doubts:
        return reach
    candidate = replace(reach.candidate, doubts=(*reach.candidate.doubts, doubt))
    return replace(reach, doubts=(*reach.doubts, doubt), candidate=candidate)


def _subtract_one(
    reach: Reach,
    deny: Statement,
    atoms: tuple[Atom, ...],
    function: FunctionArn,
    variables: bool,
    blocked: list[Blocked],
) -> list[Reach]:
    doubt = f"whether the Deny {deny.name} applies"
    if deny.doubts - {"Sid"}:
        return [doubted(reach, doubt)]
    covered = frozenset(action for action in reach.candidate.actions if action_truth(deny, action))
    place = _place(reach, deny, function, variables)
    if not covered or place is False:
        return [reach]
    kept = _with_actions(reach, reach.candidate.actions - covered)
    hit = _with_actions(reach, covered)[0]
    who, spared = _who(hit, deny, function)
    if who is False:
        return [reach]
    if who is None or place is None:
        return [*kept, doubted(hit, doubt)]
    remaining = _outside(hit, atoms, function)
    if remaining is None:
        return [reach]
    if not remaining and not spared:
        blocked.append(Blocked(deny.index, hit))
    return [*kept, *_least_restricted(remaining), *(doubted(piece, doubt) for piece in spared)]


def _with_actions(reach: Reach, actions: frozenset[str]) -> list[Reach]:
    if actions == reach.candidate.actions:
        return [reach]
    return [replace(reach, candidate=replace(reach.candidate, actions=actions))] if actions else []


def _place(reach: Reach, deny: Statement, function: FunctionArn, variables: bool) -> Truth:
    """Whether the Deny is on the form of the function that is reached."""
    qualifier = reach.candidate.qualifier
    if qualifier == "*":
        wanted = f"{function.unqualified}:*"
        return not deny.not_resources and any(covers(pattern, wanted) for pattern in deny.resources)
    arn = str(function) if qualifier == function.qualifier else f"{function.unqualified}:{qualifier}"
    return resource_truth(deny, arn, _NO_KEYS, variables)


_NO_KEYS: dict[str, Known] = {}


def _outside(hit: Reach, atoms: tuple[Atom, ...], function: FunctionArn) -> list[Reach] | None:
    """Who does not satisfy all conditions of the Deny; None if nobody can satisfy them, so that it never applies."""
    if not atoms:
        return []
    candidate = hit.candidate
    if not reaches(replace(candidate, atoms=(*candidate.atoms, *atoms)), function):
        return None
    return [
        piece for atom in atoms for piece in reaches(replace(candidate, atoms=(*candidate.atoms, atom.negated())), function)
    ]


def _least_restricted(pieces: Iterable[Reach]) -> list[Reach]:
    """One piece for each way in: where a Deny leaves several paths to the same, the widest says it all."""
    best: dict[tuple[object, ...], Reach] = {}
    for piece in pieces:
        key = (piece.kind, piece.principal, piece.account, piece.behalf, piece.organizations, piece.times)
        now = best.get(key)
        if now is None or _restrictions(piece) < _restrictions(now):
            best[key] = piece
    return list(best.values())


def _restrictions(piece: Reach) -> tuple[int, ...]:
    return (
        bool(piece.dead),
        len(piece.doubts),
        len(piece.limits),
        piece.only_by_url,
        not piece.anonymous,
        len(piece.narrowing),
    )


def _who(reach: Reach, deny: Statement, function: FunctionArn) -> tuple[Truth, list[Reach]]:
    """Whether the Deny's principals take in all of the reach, and whom a NotPrincipal may spare of it."""
    if not deny.not_principals:
        return any_of(_takes_in(principal, reach) for principal in deny.principals), []
    spared: list[Reach] = []
    for principal in deny.not_principals:
        if principal.kind is PrincipalKind.EVERYONE:
            return False, []
        if _takes_in(principal, reach) is not False:
            return None, []
        if _lies_in(principal, reach):
            spared.extend(reaches(replace(reach.candidate, principal=principal), function))
    return True, spared


def _lies_in(principal: Principal, reach: Reach) -> bool:
    if reach.kind in ("everyone", "organization"):
        return True
    if reach.kind == "service":
        return reach.principal == "*" and principal.kind is PrincipalKind.SERVICE
    return principal.account is not None and principal.account == reach.account


def _takes_in(principal: Principal, reach: Reach) -> Truth:
    """Whether a principal of a Deny covers everybody of the reach; False also where it covers only some."""
    match principal.kind:
        case PrincipalKind.EVERYONE:
            return True
        case PrincipalKind.UNKNOWN:
            return None
        case PrincipalKind.SERVICE:
            return reach.kind == "service" and (principal.value == "*" or same_service(principal.value, reach.principal))
        case PrincipalKind.ACCOUNT:
            return reach.kind in ("account", "identity") and principal.account == reach.account
        case PrincipalKind.ROLE | PrincipalKind.USER | PrincipalKind.SESSION:
            return _same_identity(principal, reach)
    return principal.value == reach.principal


def _same_identity(principal: Principal, reach: Reach) -> Truth:
    if reach.kind != "identity" or principal.account != reach.account:
        return False
    if principal.value == reach.principal:
        return True
    other = reach.candidate.principal
    if principal.kind is PrincipalKind.ROLE and other.kind is PrincipalKind.SESSION:
        if other.role_name != principal.role_name:
            return False
        return None if principal.has_path else True
    return False
