"""What a Deny takes away from somebody who is let in.

A Deny removes only what it certainly applies to: what remains is whoever does not satisfy one of its conditions, each
in turn. A Deny that cannot be judged never makes anything safe; it only makes the answer depend.
Facts: NotPrincipal with Deny hits everybody but the listed, who depend; an account in a Deny covers all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .arn import FunctionArn
from .conditions import Atom, atom_of
from .decision import action_truth, resource_truth
from .identities import arn_covers
from .keys import Presence, Role, key_of
from .matching import Truth, any_of, covers, has_wildcard
from .population import holds
from .principal import Principal, PrincipalKind
from .reach import Reach
from .reaching import reaches
from .services import same_service
from .statement import Statement
from .variables import ANY_REQUEST

#: Pieces after which splitting stops and everything left depends.
MOST_PIECES = 256


@dataclass(frozen=True, slots=True)
class Blocked:
    """Somebody an Allow names and a Deny certainly shuts out: `deny` is the index of that statement."""

    deny: int
    reach: Reach


_NAMED: Final = {
    PrincipalKind.ACCOUNT: 1,
    PrincipalKind.SERVICE: 1,
    PrincipalKind.ROLE: 2,
    PrincipalKind.USER: 2,
    PrincipalKind.SESSION: 2,
}


def breadth(deny: Statement) -> int:
    """The order to subtract in: a Deny of somebody named finds its own only after the wide ones have split the rest."""
    return min((_NAMED.get(principal.kind, 0) for principal in deny.principals), default=0)


def subtract(
    found: list[Reach], deny: Statement, function: FunctionArn, variables: bool, blocked: list[Blocked]
) -> list[Reach]:
    """Everybody who is left after one Deny; whom it shuts out completely is added to `blocked`."""
    escapes = tuple(atom_of(condition, variables).negated() for condition in deny.conditions)
    left: list[Reach] = []
    if deny.doubts - {"Sid"}:
        return [doubted(reach, f"whether the Deny {deny.name} applies") for reach in found]
    places: dict[str | None, Truth] = {}
    covered: dict[frozenset[str], frozenset[str]] = {}
    for reach in found:
        qualifier, actions = reach.candidate.qualifier, reach.candidate.actions
        if qualifier not in places:
            places[qualifier] = _place(reach, deny, function, variables)
        if actions not in covered:
            covered[actions] = _covered(deny, actions)
        if not covered[actions] or places[qualifier] is False:
            left.append(reach)
            continue
        if len(left) > MOST_PIECES:
            left.append(doubted(reach, f"{deny.name}, a Deny in a policy of too many combinations"))
            continue
        left.extend(_subtract_one(reach, deny, escapes, function, covered[actions], places[qualifier], blocked))
    return left


def doubted(reach: Reach, doubt: str) -> Reach:
    """The same with one more thing that its answer depends on."""
    if doubt in reach.doubts:
        return reach
    candidate = reach.candidate._replace(doubts=(*reach.candidate.doubts, doubt))
    return reach._replace(doubts=(*reach.doubts, doubt), candidate=candidate)


def _subtract_one(
    reach: Reach,
    deny: Statement,
    escapes: tuple[Atom, ...],
    function: FunctionArn,
    covered: frozenset[str],
    place: Truth,
    blocked: list[Blocked],
) -> list[Reach]:
    """Who is left of one reach; the Deny is on `covered` of its actions and perhaps (`place` None) on its form."""
    doubt = f"whether the Deny {deny.name} applies"
    if any(_escapes_anyway(reach.kind, escape) for escape in escapes):
        return [reach]
    kept = _with_actions(reach, reach.candidate.actions - covered)
    hit = _with_actions(reach, covered)[0]
    who, spared = _who(hit, deny, function)
    if who is False:
        return [reach]
    if who is None or place is None:
        return [*kept, doubted(hit, doubt)]
    remaining = _least_restricted(_outside(hit, escapes, function))
    if not remaining and not spared:
        blocked.append(Blocked(deny.index, hit))
    for piece in remaining:
        if _unchanged(hit, piece):
            return [*kept, hit._replace(candidate=piece.candidate)]
    return [*kept, *remaining, *(doubted(piece, doubt) for piece in spared)]


def _unchanged(hit: Reach, piece: Reach) -> bool:
    """Whether a Deny leaves everybody of the reach a way in, so that it says nothing new about it."""
    return (piece.kind, piece.principal, piece.account, piece.behalf, piece.organizations, piece.times, piece.dead) == (
        hit.kind,
        hit.principal,
        hit.account,
        hit.behalf,
        hit.organizations,
        hit.times,
        hit.dead,
    ) and _restrictions(piece) == _restrictions(hit)


def _covered(deny: Statement, wanted: frozenset[str]) -> frozenset[str]:
    if deny.actions in (("*",), ("lambda:*",)):
        return wanted
    return frozenset(action for action in wanted if action_truth(deny, action))


def _with_actions(reach: Reach, actions: frozenset[str]) -> list[Reach]:
    if actions == reach.candidate.actions:
        return [reach]
    return [reach._replace(candidate=reach.candidate._replace(actions=actions))] if actions else []


def _place(reach: Reach, deny: Statement, function: FunctionArn, variables: bool) -> Truth:
    """Whether the Deny is on the form of the function that is reached."""
    qualifier = reach.candidate.qualifier
    if qualifier == "*":
        wanted = f"{function.unqualified}:*"
        return not deny.not_resources and any_of(_covers_form(pattern, wanted) for pattern in deny.resources)
    arn = str(function) if qualifier == function.qualifier else f"{function.unqualified}:{qualifier}"
    found = resource_truth(deny, arn, ANY_REQUEST, variables)
    if found is False and function.qualifier is not None and not deny.not_resources:
        # Whether a statement on the bare function counts in the policy of an alias or version is not documented.
        bare = resource_truth(deny, str(function.unqualified), ANY_REQUEST, variables)
        return False if bare is False else None
    return found


def _covers_form(pattern: str, wanted: str) -> Truth:
    """Whether a Resource pattern covers another; None where only a comparison over the colons of the ARN says so."""
    if not covers(pattern, wanted):
        return False
    return True if arn_covers(pattern, wanted) else None


def _escapes_anyway(kind: str, escape: Atom) -> bool:
    """Whether every caller of that kind certainly satisfies the condition, so that the Deny never applies to one."""
    if escape.family != "bool" or kind == "everyone" or key_of(escape.key).role is not Role.IS_SERVICE:
        return False
    return holds(escape, "true" if kind == "service" else "false") is True


def _outside(hit: Reach, escapes: tuple[Atom, ...], function: FunctionArn) -> list[Reach]:
    """Who does not satisfy all conditions of the Deny: whoever fails the first, or the second..."""
    candidate = hit.candidate
    found: list[Reach] = []
    for escape in escapes:
        if not _hopeless(hit.kind, escape):
            found += reaches(candidate._replace(atoms=(*candidate.atoms, escape)), function)
    return found


def _hopeless(kind: str, escape: Atom) -> bool:
    """Whether callers of that kind certainly cannot satisfy the condition: seen without resolving anything."""
    if kind == "everyone":
        return False
    key = key_of(escape.key)
    by_service = kind == "service"
    if key.role is Role.IS_SERVICE and escape.family == "bool":
        return holds(escape, "true" if by_service else "false") is False
    if escape.absent or escape.vague or escape.family == "unknown":
        return False
    return (key.service if by_service else key.signed) is Presence.NEVER


def _least_restricted(pieces: list[Reach]) -> list[Reach]:
    """One piece for each way in: where a Deny leaves several paths to the same, the widest says it all."""
    if len(pieces) < 2:
        return pieces
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
        return any_of(_takes_in(one, reach) for one in deny.principals if one.is_in(function.partition)), []
    spared: list[Reach] = []
    for principal in deny.not_principals:
        if not principal.is_in(function.partition):
            continue
        if principal.kind is PrincipalKind.EVERYONE:
            return False, []
        if _takes_in(principal, reach) is not False:
            return None, []
        if _lies_in(principal, reach):
            spared.extend(reaches(reach.candidate._replace(principal=principal), function))
    return True, spared


def unless_listed(found: list[Reach], listed: list[Principal]) -> list[Reach]:
    """Whom an Allow with NotPrincipal lets in: not the services it lists; of listed accounts and roles it depends.

    Every form of a caller would have to be listed to keep it out, and a list seldom has them all.
    """
    left: list[Reach] = []
    for reach in found:
        inside = any_of(_takes_in(principal, reach) for principal in listed if not _is_one_unknown(principal, reach))
        if inside is False:
            left.append(reach)
        elif reach.kind != "service":
            left.append(doubted(reach, "whether NotPrincipal keeps every form of them out"))
    return left


def _is_one_unknown(principal: Principal, reach: Reach) -> bool:
    """Whether nobody could read the principal, which can be one identity at most where everybody is let in."""
    return principal.kind is PrincipalKind.UNKNOWN and reach.kind == "everyone" and not has_wildcard(principal.value)


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
    if principal.kind is PrincipalKind.USER and other.kind is PrincipalKind.SESSION and other.role_name is None:
        return None
    if principal.kind is PrincipalKind.ROLE and other.kind is PrincipalKind.SESSION:
        if other.role_name != principal.role_name:
            return False
        return None if principal.has_path else True
    return False
