"""The list narrowed and ordered. No query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from sharing.policy.arn import digits_of

from .shapes import Problem, Waker, Way


class Ranked(NamedTuple):
    """What of a row decides where it stands."""

    worst: int
    whose: str
    whose_name: str
    source: str


#: How the list can be ordered; ties stay by function.
ORDERS: Final[dict[str, Callable[[Waker | Ranked], Any]]] = {
    "function": lambda one: 0,
    "problem": lambda one: one.worst,
    "source": lambda one: (not one.whose_name, not one.whose, one.whose_name.casefold(), one.whose, one.source),
}


@dataclass(frozen=True)
class Asked:
    """What the list is asked for. `account`: of the function's owner or of the source, by name or digits; `accounts`: the
    digits of those that it means, None where that was not looked up yet. `problem`: "any" or one."""

    text: str = ""
    way: Way | None = None
    kind: str = ""
    account: str = ""
    problem: str = ""
    order: str = "function"
    accounts: frozenset[str] | None = None

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.text or self.way or self.kind or self.account or self.problem)


def listed(rows: Iterable[Waker], asked: Asked) -> Sequence[Waker]:
    """Those that are asked for, in order."""
    rows = list(rows)
    asked = meaning(asked, accounts_of(rows)) if asked.account else asked
    found = [
        one
        for one in rows
        if (asked.way is None or one.way is asked.way)
        and (not asked.kind or one.kind == asked.kind)
        and (asked.accounts is None or one.whose in asked.accounts or one.place.number in asked.accounts)
        and (not asked.problem or _has(one, asked.problem))
    ]
    words = asked.text.casefold().split()
    if digits := digits_of(asked.text):
        found = [one for one in found if digits in f"{one.whose} {one.place.number}" or _holds(one, words)]
    elif words:
        found = [one for one in found if _holds(one, words)]
    return found if asked.order == "function" else sorted(found, key=ORDERS[asked.order])


def meaning(asked: Asked, accounts: Sequence[tuple[str, str]]) -> Asked:
    """The same with the accounts that are meant: of exactly this name, or all that it, or the digits, are a part of.

    `accounts`: digits and names of those that it may be. What was looked up already stays.
    """
    if not asked.account or asked.accounts is not None:
        return asked
    name, digits = asked.account.strip().casefold(), digits_of(asked.account)
    found = frozenset(number for number, called in accounts if called.casefold() == name)
    if not found:
        found = frozenset(number for number, called in accounts if name in called.casefold() or (digits and digits in number))
    return replace(asked, accounts=found)


def _has(one: Waker, problem: str) -> bool:
    return bool(one.troubles) if problem == "any" else any(trouble.problem == problem for trouble in one.troubles)


def _holds(one: Waker, words: Sequence[str]) -> bool:
    folded = f"{one.words} {one.place.owner} {one.whose_name}".casefold()
    return all(word in folded for word in words)


def accounts_of(rows: Iterable[Waker]) -> list[tuple[str, str]]:
    """The accounts among them, digits and name ("" for nobody's name), by name: what the list can be narrowed to."""
    found = {one.place.number: one.place.owner for one in rows}
    found |= {one.whose: one.whose_name for one in rows if one.whose and one.whose not in found}
    return by_name(found)


def by_name(accounts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Digits and names in the order of names, those without one last."""
    return sorted(accounts.items(), key=lambda one: (not one[1], one[1].casefold(), one[0]))


def problems_of(rows: Iterable[Waker]) -> dict[Problem, int]:
    """How many rows have each problem."""
    counts = dict.fromkeys(Problem, 0)
    for one in rows:
        for problem in {trouble.problem for trouble in one.troubles}:
            counts[problem] += 1
    return {problem: count for problem, count in counts.items() if count}
