"""A policy reduced to who is let in: once per document, before trust, membership, URLs, buckets and time are applied."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from . import actions
from .actions import ActionClass
from .arn import FunctionArn
from .conditions import Atom, atom_of
from .decision import resource_match
from .denial import Blocked, breadth, subtract, unless_listed
from .document import Document
from .matching import arn_matches, has_wildcard, overlap
from .plain import plain
from .principal import EVERYONE, PrincipalKind
from .reach import Candidate, Reach
from .reaching import reaches
from .statement import ALLOW, DENY, Condition, Statement
from .variables import ANY_REQUEST, outline

_ALL: Final = frozenset(actions.ACTIONS)


@dataclass(frozen=True, slots=True)
class Reduction:
    """`reaches`: everybody let in. `blocked`: whom a Deny shuts out. `nobody`: Allow statements that let nobody in."""

    reaches: tuple[Reach, ...]
    blocked: tuple[Blocked, ...] = ()
    nobody: tuple[int, ...] = ()


_cache: dict[tuple[bytes, FunctionArn], Reduction] = {}
_MOST_KEPT: Final = 32_768
_keeping: Final = threading.Lock()


def reduction(document: Document, function: FunctionArn) -> Reduction:
    """Reduce a policy of exactly this form of a function; kept by the document's hash, so never twice for the same."""
    key = (document.fingerprint, function)
    found = _cache.get(key)
    if found is None:
        found = reduce(document, function)
        with _keeping:  # who looks for the oldest breaks off when another thread changes the dict meanwhile
            while len(_cache) >= _MOST_KEPT:
                del _cache[next(iter(_cache))]
            _cache[key] = found
    return found


def reduce(document: Document, function: FunctionArn) -> Reduction:
    """Reduce without looking for an earlier result."""
    variables = document.expands_variables
    takers = [one for one in document.statements if one.effect != ALLOW]
    pinned = bool(takers)
    own = str(function)
    all_plain = True
    found: list[Reach] = []
    nobody: list[int] = []
    for statement in document.statements:
        if statement.effect == DENY:
            continue
        short = plain(statement, function, own, pinned)
        if short is not None:
            found += short
            continue
        all_plain = False
        pieces = [
            reach
            for candidate in _candidates(statement, function, variables)
            for reach in reaches(candidate, function, pinned=pinned)
        ]
        if statement.not_principals:
            pieces = unless_listed(pieces, [one for one in statement.not_principals if one.is_in(function.partition)])
        found += pieces
        if not pieces:
            nobody.append(statement.index)
    if document.problem:
        found = [reach._replace(doubts=(*reach.doubts, document.problem)) for reach in found] or _anybody(document, function)
    blocked: list[Blocked] = []
    for taker in sorted(takers, key=breadth) if len(takers) > 1 else takers:
        found = subtract(found, taker, function, variables, blocked)
    found = _merged(found) if len(found) > 1 else found
    return Reduction(tuple(found if all_plain else _paired(found)), tuple(blocked), tuple(nobody))


def _anybody(document: Document, function: FunctionArn) -> list[Reach]:
    """A policy nobody can read might let anybody in."""
    candidate = Candidate(
        EVERYONE, (), ActionClass.INVOKE, frozenset((actions.INVOKE,)), function.qualifier, (), (document.problem or "",)
    )
    return reaches(candidate, function)


def _candidates(statement: Statement, function: FunctionArn, variables: bool) -> Iterator[Candidate]:
    doubts: tuple[str, ...] = ()
    if statement.doubts and statement.doubts - {"Sid"}:
        doubts = (f"{statement.name}: {statement.problem}",)
    if "Statement" in statement.doubts:  # nothing in it can be relied on, so it might let anybody do anything
        for action_class, names, _, _ in _by_class(_ALL):
            yield Candidate(EVERYONE, (), action_class, names, function.qualifier, (statement.index,), doubts)
        return
    # What could be read of a doubted element neither narrows nor is all there is.
    atoms: tuple[Atom, ...] = ()
    if statement.conditions and "Condition" not in statement.doubts:
        atoms = tuple([atom_of(condition, variables) for condition in statement.conditions])
    if any(principal.kind is PrincipalKind.EVERYONE for principal in statement.not_principals):
        return  # everybody but everybody
    principals = statement.principals or (EVERYONE,)
    if "Principal" in statement.doubts and EVERYONE not in principals:
        principals = (*principals, EVERYONE)
    groups = _groups(statement)
    place = (statement.index,)
    for qualifier, doubt in _targets(statement, function, variables):
        for action_class, names, nothing, unsure in groups:
            reasons = (*doubts, *(text for text in (doubt, unsure) if text)) if doubt or unsure else doubts
            for principal in principals:
                yield Candidate(principal, atoms, action_class, names, qualifier, place, reasons, nothing)


Group = tuple[ActionClass, frozenset[str], str, str]


def _groups(statement: Statement) -> tuple[Group, ...]:
    """The statement's actions by class: (class, concrete names, why they authorise nothing, what is in doubt)."""
    if "Action" in statement.doubts:
        return _by_class(_ALL)
    if statement.not_actions:
        named = _ALL - frozenset(name for pattern in statement.not_actions for name in actions.expand(pattern))
        return _by_class(named)
    return _groups_of(statement.actions)


@lru_cache(maxsize=8192)
def _groups_of(patterns: tuple[str, ...]) -> tuple[Group, ...]:
    named: set[str] = set()
    groups: list[Group] = []
    for pattern in patterns:
        found = actions.expand(pattern)
        named |= found
        if not found:
            groups.append(_strange(pattern))
    return (*_by_class(frozenset(named)), *groups)


def _strange(name: str) -> Group:
    """An action outside the closed list."""
    folded = name.lower()
    if folded in actions.REPLICATION:
        return ActionClass.MANAGE, frozenset((actions.REPLICATION[folded],)), "", ""
    found = actions.action_class(name)
    known_dead = folded in actions.INEFFECTIVE or (":" in name and not overlap(folded.split(":", 1)[0], "lambda"))
    if known_dead or has_wildcard(name):
        return found, frozenset((name,)), f"{name} authorises nothing in a function's policy", ""
    return found, frozenset((name,)), "", f"action {name}, which is not known to work in a function's policy"


def _by_class(names: frozenset[str]) -> tuple[Group, ...]:
    if len(names) == 1:
        (name,) = names
        return ((actions.ACTIONS[name].action_class, names, "", ""),)
    classes: dict[ActionClass, set[str]] = {}
    for name in names:
        classes.setdefault(actions.ACTIONS[name].action_class, set()).add(name)
    return tuple((one, frozenset(classes[one]), "", "") for one in ActionClass if one in classes)


def _targets(statement: Statement, function: FunctionArn, variables: bool) -> list[tuple[str | None, str]]:
    """The forms of the function that Resource takes in: (qualifier, doubt)."""
    own, base = str(function), str(function.unqualified)
    if len(statement.resources) == 1 and statement.resources[0] == own:
        return [(function.qualifier, "")]
    if "Resource" in statement.doubts:
        return [(function.qualifier, "")]  # the doubt is among the statement's own
    patterns = statement.not_resources or statement.resources
    judged = [resource_match(pattern, own, ANY_REQUEST, variables) for pattern in patterns]
    if statement.not_resources:
        return (
            [] if any(judged) else [(function.qualifier, "whether NotResource takes the function in" if None in judged else "")]
        )
    if any(judged):
        return [(function.qualifier, "")]
    if None in judged:
        return [(function.qualifier, "whether its Resource matches")]
    return _other_forms([outline(pattern) if variables else pattern for pattern in patterns], function, base)


def _other_forms(patterns: list[str], function: FunctionArn, base: str) -> list[tuple[str | None, str]]:
    """A statement on another form than the policy's own: whether AWS honours it is not documented."""
    if function.qualifier is not None:
        if any(arn_matches(pattern, base) for pattern in patterns):
            return [
                (function.qualifier, "whether a statement on the bare function counts in the policy of an alias or version")
            ]
        return []
    found: dict[str, str] = {}
    for pattern in patterns:
        if overlap(pattern, f"{base}:*"):
            qualifier = pattern[len(base) + 1 :] if pattern.startswith(f"{base}:") and not has_wildcard(pattern) else "*"
            found[qualifier] = "whether a function's own policy can let callers use its aliases and versions"
    return list(found.items())


def _merged(found: list[Reach]) -> list[Reach]:
    """One entry for what several statements grant alike."""
    if len({reach.principal for reach in found}) == len(found):
        return found
    groups: dict[tuple[str, str, str | None], list[Reach]] = {}
    for reach in found:
        groups.setdefault(reach[:3], []).append(reach)
    if len(groups) == len(found):
        return found
    return [reach for group in groups.values() for reach in (_merge(group) if _overlap(group) else group)]


def _overlap(group: list[Reach]) -> bool:
    """Whether some of them are about one class of actions and one form of the function, and so may be one."""
    if len(group) < 2:
        return False
    places = {(reach.candidate.action_class, reach.candidate.qualifier, reach.candidate.nothing) for reach in group}
    return len(places) < len(group)


def _merge(group: list[Reach]) -> list[Reach]:
    merged: dict[object, Reach] = {}
    for reach in group:
        candidate = reach.candidate
        everyone = candidate.principal.kind is PrincipalKind.EVERYONE
        # By their words: the shortcut (`plain`) keeps a condition where the long way keeps what it means.
        words = (_words(reach.narrowing), _words(reach.other))
        same = reach._replace(candidate=_BLANK, narrowing=(), other=())
        key = (same, words, candidate.action_class, candidate.qualifier, candidate.nothing, everyone)
        now = merged.get(key)
        if now is None:
            merged[key] = reach
            continue
        both = now.candidate._replace(
            actions=now.candidate.actions | candidate.actions,
            statements=tuple(sorted({*now.candidate.statements, *candidate.statements})),
        )
        merged[key] = now._replace(candidate=both)
    return list(merged.values())


def _words(atoms: Iterable[Atom | Condition]) -> tuple[tuple[str, bool], ...]:
    return tuple((atom.text, getattr(atom, "hidden", False)) for atom in atoms)


_BLANK: Final = Candidate(EVERYONE, (), ActionClass.INVOKE, frozenset(), None, ())


def _paired(found: list[Reach]) -> Iterator[Reach]:
    """Join the two statements a function URL needs: lambda:InvokeFunctionUrl, and lambda:InvokeFunction by the URL."""
    if not any(reach.only_by_url or reach.candidate.action_class is ActionClass.INVOKE_URL for reach in found):
        yield from found
        return
    urls = [reach for reach in found if actions.INVOKE_URL in reach.candidate.actions]
    calls = [reach for reach in found if actions.INVOKE in reach.candidate.actions]
    for reach in found:
        if actions.INVOKE_URL in reach.candidate.actions:
            others, half = calls, actions.INVOKE
        elif reach.only_by_url and actions.INVOKE in reach.candidate.actions:
            others, half = urls, actions.INVOKE_URL
        else:
            yield reach
            continue
        partners = [other for other in others if _meet(reach, other)]
        if not partners:
            yield reach._replace(half=half)
        elif half == actions.INVOKE_URL:
            types = frozenset(kind for partner in partners for kind in partner.url_types)
            yield reach._replace(url_types=reach.url_types & types or reach.url_types)
        else:
            yield reach


def _meet(one: Reach, other: Reach) -> bool:
    """Whether somebody may be in both."""
    if one.candidate.qualifier != other.candidate.qualifier:
        return False
    if "everyone" in (one.kind, other.kind) or "organization" in (one.kind, other.kind):
        return True
    if one.account is not None and other.account is not None:
        return one.account == other.account
    return one.principal == other.principal
