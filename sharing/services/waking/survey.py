"""The list of everything that can wake a function, counted and found by kept rows: only those of one page are made.

Functions whose rows are not kept yet, or not as they are now, are read in full, as `gather` reads all; so the list is the
same, whichever way it was found.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, Final

from django.db.models import Count, Q, QuerySet

from sharing.models import Account, Actor, Function, KeptWaker, WakingDue
from sharing.services.naming import account_names

from .gathering import gather, gather_of
from .keeping import waker_of
from .listing import ORDERS, Asked, Ranked, accounts_of, by_name, digits_of, listed, problems_of
from .shapes import Problem, Waker, label_of

#: More functions apart than this, and everything is read in full: as much work, and fewer parameters.
_FEW: Final = 2_000
#: More accounts of a name than this are looked up by the database.
_NAMED_AT_MOST: Final = 500
_ORDERS: Final = {
    "function": ("name", "region", "number", "place"),
    "problem": ("worst", "name", "region", "number", "place"),
}


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
    """A list that is not made: kept rows in the database, and those of functions that were read in full."""

    kept: QuerySet[KeptWaker, KeptWaker]
    read: Sequence[Waker]
    asked: Asked
    owners: Mapping[uuid.UUID, Account]
    names: Mapping[str, str]
    many: int | None = None
    ordered: bool = field(default=True, init=False)

    def count(self) -> int:
        """How many rows there are."""
        if self.many is None:
            self.many = self.kept.count() + len(self.read)
        return self.many

    def __getitem__(self, wanted: slice) -> list[Waker]:
        """Some of them, made now."""
        if not self.read and self.asked.order in _ORDERS:
            return [self._made(one) for one in self.kept.order_by(*_ORDERS[self.asked.order])[wanted]]
        among = self._in_order()[wanted]
        kept = self.kept.in_bulk([one for one in among if isinstance(one, int)])
        made = (one if isinstance(one, Waker) else kept.get(one) for one in among)
        return [one if isinstance(one, Waker) else self._made(one) for one in made if one is not None]

    def _made(self, one: KeptWaker) -> Waker:
        return waker_of(one, self.owners, self.names)

    def _in_order(self) -> list[int | Waker]:
        """Every row: its key where it is kept, itself where it was read in full."""
        order = ORDERS[self.asked.order]
        found: list[tuple[tuple[Any, ...], int | Waker]] = []
        columns = ("worst", "whose", "source", "name", "region", "number", "place", "pk")
        for worst, whose, source, *where, pk in self.kept.order_by().values_list(*columns).iterator(chunk_size=2000):
            found.append(((order(Ranked(worst, whose, self.names.get(whose, ""), source)), *where), pk))
        for at, one in enumerate(self.read):
            place = one.place
            found.append(((order(one), place.name, place.region, place.number, at), one))
        return [one for _, one in sorted(found, key=itemgetter(0))]


def survey(by: Actor, asked: Asked) -> Survey:
    """The list as it is asked for."""
    apart = _apart(by)
    if len(apart) > _FEW:
        every = gather(by)
        return Survey(
            len(every),
            problems_of(every),
            {one.kind: one.label for one in every},
            accounts_of(every),
            listed(every, asked),
        )
    names = account_names()
    owners = {one.pk: one for one in Account.objects.visible_to(by)}
    chosen = Function.objects.visible_to(by).present().filter(pk__in=apart)
    read = gather_of(chosen, by) if apart else []
    kept = KeptWaker.objects.visible_to(by)
    if apart:
        kept = kept.exclude(function__in=apart)
    total, problems, kinds = len(read), Counter(problems_of(read)), {one.kind for one in read}
    for kind, these, many in kept.order_by().values_list("kind", "problems").annotate(many=Count("pk")):
        total += many
        problems.update(dict.fromkeys(map(Problem, these.split()), many))
        kinds.add(kind)
    found = _narrowed(kept, asked, names)
    return Survey(
        total,
        {one: problems[one] for one in Problem if problems[one]},
        {kind: label_of(kind) for kind in kinds},
        _accounts(kept, read, owners, names),
        Rows(found, listed(read, replace(asked, order="function")), asked, owners, names, None if asked.narrowed else total),
    )


def _apart(by: Actor) -> set[uuid.UUID]:
    """Functions whose kept rows are not what reading them would give. Two queries."""
    never = Function.objects.visible_to(by).present().filter(wakes_kept_at=None)
    marked = WakingDue.objects.all()
    if not (by.active and by.sees_every_account):
        marked = marked.filter(function__in=Function.objects.visible_to(by))
    return {*never.values_list("pk", flat=True), *marked.values_list("function_id", flat=True)}


def _accounts(
    kept: QuerySet[KeptWaker, KeptWaker],
    read: Sequence[Waker],
    owners: Mapping[uuid.UUID, Account],
    names: Mapping[str, str],
) -> list[tuple[str, str]]:
    """As `accounts_of` all of them. Two queries."""
    of = set(kept.order_by().values_list("account_id", flat=True).distinct())
    found = dict(accounts_of(read)) | {owners[one].number: owners[one].name for one in of}
    for number in kept.order_by().values_list("whose", flat=True).distinct():
        if number and number not in found:
            found[number] = names.get(number, "")
    return by_name(found)


def _narrowed(kept: QuerySet[KeptWaker, KeptWaker], asked: Asked, names: Mapping[str, str]) -> QuerySet[KeptWaker, KeptWaker]:
    """As `listed`, by the database."""
    if asked.way is not None:
        kept = kept.filter(way=asked.way.value)
    if asked.kind:
        kept = kept.filter(kind=asked.kind)
    if asked.account:
        kept = kept.filter(Q(whose=asked.account) | Q(number=asked.account))
    if asked.problem:
        kept = kept.exclude(problems="") if asked.problem == "any" else kept.filter(problems__contains=f" {asked.problem} ")
    words = asked.text.casefold().split()
    holds = Q()
    for word in words:
        holds &= Q(words__contains=word) | _of_accounts(word, names)
    if digits := digits_of(asked.text):
        return kept.filter(Q(whose__contains=digits) | Q(number__contains=digits) | holds)
    return kept.filter(holds)


def _of_accounts(word: str, names: Mapping[str, str]) -> Q:
    """Whether the owner or the source's account is called so."""
    called = [number for number, name in names.items() if word in name.casefold()]
    if not called:
        return Q()
    wanted: Any = called
    if len(called) > _NAMED_AT_MOST:
        wanted = Account.objects.filter(name__icontains=word).values("number")
    return Q(number__in=wanted) | Q(whose__in=wanted)
