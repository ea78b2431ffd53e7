"""The list of everything that can wake a function, counted from kept sums: only the rows of one page are made.

Functions about which sums do not say everything (a URL, a wiring, a vanished share, a policy that was not summed yet) are
read in full, as `gather` reads all; so the list is the same, whichever way it was found. Pull mappings are read in full too.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from sharing.models import Account, Actor, Exposure, Function, Grant, GrantState, Policy, Wiring, WiringState
from sharing.services.naming import account_names

from .gathering import gather, gather_of
from .ground import Ground
from .judging import judged
from .listing import Asked, accounts_of, listed, problems_of
from .polling import polled
from .shapes import Problem, Waker, Way, label_of
from .summing import sums

#: More functions apart than this, and everything is read in full: as much work, and fewer parameters.
_FEW = 2_000
Key = tuple[str, str, str]  # as gathering orders functions: name, region, the owner's digits


@dataclass
class Survey:
    """What a page of the list needs. `every`: how many rows there are; `problems`, `kinds`, `accounts`: of all of them.

    `rows`: those asked for, in order, to be counted and sliced.
    """

    every: int
    problems: dict[Problem, int]
    kinds: dict[str, str]
    accounts: list[tuple[str, str]]
    rows: Rows | Sequence[Waker]


@dataclass
class Rows:
    """A list that is not made: how many rows each function has, and who can make them."""

    functions: list[tuple[uuid.UUID, int]]
    by: Actor
    asked: Asked
    ordered: bool = field(default=True, init=False)

    def count(self) -> int:
        """How many rows there are."""
        return sum(many for _, many in self.functions)

    def __getitem__(self, wanted: slice) -> list[Waker]:
        """Some of them, made now."""
        start, stop = wanted.start or 0, wanted.stop
        keys, skipped, passed = [], 0, 0
        for pk, many in self.functions:
            if passed + many <= start:
                skipped += many
            elif stop is None or passed < stop:
                keys.append(pk)
            else:
                break
            passed += many
        chosen = Function.objects.visible_to(self.by).present().filter(pk__in=keys)
        made = listed(gather_of(chosen, self.by), self.asked)
        return list(made[start - skipped : None if stop is None else stop - skipped])


def survey(by: Actor, asked: Asked) -> Survey:
    """The list as it is asked for. Words, one account and other orders need every row; anything else does not."""
    functions = Function.objects.visible_to(by).present()
    apart = _apart(functions)
    if asked.text or asked.account or asked.order != "function" or len(apart) > _FEW:
        every = gather(by)
        return Survey(
            len(every),
            problems_of(every),
            {one.kind: one.label for one in every},
            accounts_of(every),
            listed(every, asked),
        )
    names = account_names()
    ground = Ground(functions, {one.pk: one for one in Account.objects.visible_to(by)}, names)
    pulled = [row for row in polled(ground) if row.place.pk not in apart]
    made = [*gather_of(functions.filter(pk__in=apart), by), *judged(pulled)]
    total, counts, kinds = len(made), Counter(problems_of(made)), {one.kind for one in made}
    accounts = {row.place.number: row.place.owner for row in made}
    found: Counter[uuid.UUID] = Counter()
    keys: dict[uuid.UUID, Key] = {}
    for row in listed(made, asked):
        found[row.place.pk] += 1
        keys[row.place.pk] = (row.place.name, row.place.region, row.place.number)
    for pk, name, region, owner, text, many in _summed(functions):
        if pk in apart:
            continue
        total += many
        account = ground.owners[owner]
        accounts[account.number] = account.name
        for kind, these, times in sums(text):
            counts.update(dict.fromkeys(these, times))
            kinds.add(kind)
            if _is_asked(kind, these, asked):
                found[pk] += times
                keys[pk] = (name, region, account.number)
    for number in {row.whose for row in made} | _sources(functions):
        if number and number not in accounts:
            accounts[number] = names.get(number, "")
    return Survey(
        total,
        {one: counts[one] for one in Problem if counts[one]},
        {kind: label_of(kind) for kind in kinds},
        sorted(accounts.items(), key=lambda one: (not one[1], one[1].casefold(), one[0])),
        Rows([(pk, found[pk]) for pk in sorted(found, key=keys.__getitem__)], by, asked),
    )


def _apart(functions: QuerySet[Function]) -> set[uuid.UUID]:
    """Functions that are read in full. Five queries."""
    by_url = Q(action_class="invoke-url") | Q(action_class="invoke", latent=True) & ~Q(kind="service")
    about: tuple[QuerySet[Any, Any], ...] = (
        functions.filter(urls__isnull=False).exclude(urls={}).values_list("pk", flat=True),
        Exposure.objects.filter(by_url, policy__function__in=functions).values_list("policy__function_id", flat=True),
        Wiring.objects.exclude(state=WiringState.UNDONE).filter(function__in=functions).values_list("function_id", flat=True),
        Grant.objects.filter(
            state=GrantState.VANISHED, principal_kind="service", policy__function__in=functions
        ).values_list("policy__function_id", flat=True),
        Policy.objects.filter(wakes=None, current__isnull=False, function__in=functions).values_list("function_id", flat=True),
    )  # fmt: skip
    return {pk for found in about for pk in found.order_by()}


def _summed(functions: QuerySet[Function]) -> Iterator[tuple[uuid.UUID, str, str, uuid.UUID, str, int]]:
    rows = Policy.objects.filter(vanished_at=None, function__in=functions, wakes_rows__gt=0).order_by()
    names = ("function_id", "function__name", "function__region", "function__account_id", "wakes", "wakes_rows")
    return rows.values_list(*names).iterator(chunk_size=2000)


def _sources(functions: QuerySet[Function]) -> set[str]:
    """Whose sources services call for, whatever it is read from."""
    pushing = Exposure.objects.filter(kind="service", action_class="invoke", policy__vanished_at=None)
    return set(pushing.filter(policy__function__in=functions).order_by().values_list("account", flat=True).distinct())


def _is_asked(kind: str, these: Collection[Problem], asked: Asked) -> bool:
    return (
        asked.way in (None, Way.PUSH)
        and asked.kind in ("", kind)
        and (not asked.problem or (bool(these) if asked.problem == "any" else asked.problem in these))
    )
