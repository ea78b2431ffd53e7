"""Conditions on one key that no request could satisfy together.

Only certain contradictions count: a condition beside its exact opposite, or plain values of which none, nor another
one, nor a missing key fits all. Whatever is less clear is taken as satisfiable, which never makes anything look safer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from .conditions import Atom, truth
from .variables import Known

_OTHER: Final = "\ue002 some other value"


def contradict(atoms: Iterable[Atom]) -> bool:
    """Whether no request can satisfy all of them."""
    atoms = tuple(atoms)
    if len({atom.key for atom in atoms}) == len(atoms):
        return False
    by_key: dict[str, list[Atom]] = {}
    for atom in atoms:
        by_key.setdefault(atom.key, []).append(atom)
    return any(len(group) > 1 and (_opposites(group) or _exhausted(group)) for group in by_key.values())


def _opposites(group: list[Atom]) -> bool:
    seen = {(a.family, a.compare, frozenset(a.values), a.want, a.absent, a.every) for a in group}
    return any(
        (family, order, values, not want, not absent, not every) in seen for family, order, values, want, absent, every in seen
    )


def _exhausted(group: list[Atom]) -> bool:
    plain = [atom for atom in group if atom.family in ("equal", "null") and not atom.variables and _single(atom)]
    if len(plain) < 2:
        return False
    values = {value for atom in plain if atom.family == "equal" for value in atom.values}
    key = group[0].key
    requests = ({}, *({key: Known((value,))} for value in (*values, _OTHER)))
    return not any(all(truth(atom, request) is not False for atom in plain) for request in requests)


def _single(atom: Atom) -> bool:
    """No ForAllValues or ForAnyValue, whose keys may have several values at once."""
    return atom.family == "null" or atom.every is not atom.want
