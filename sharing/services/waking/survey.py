"""The list of everything that can wake a function, counted and found by kept rows: only those of one page are made.

Functions whose rows are not kept yet, or not as they are now, are read in full, as `gather` reads all; so the list is the
same, whichever way it was found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import merge
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from django.db.models import Case, Count, Q, QuerySet, Value, When

from sharing.models import Account, Actor, Function, KeptWaker, WakingDue
from sharing.policy.arn import digits_of
from sharing.services.naming import account_names

from . import counting
from .gathering import gather, gather_of, of_function
from .keeping import FEW, unkept, waker_of
from .listing import ORDERS, Asked, Ranked, accounts_of, by_name, listed, meaning, problems_of
from .shapes import Problem, Waker, label_of

#: More accounts of a name than this are looked up by the database.
_NAMED_AT_MOST: Final = 500
#: So many rows, or accounts, are taken from the database at once.
_AT_ONCE: Final = 200
_DIGITS: Final = re.compile(r"\d{12}", re.ASCII)
_ORDERS: Final = {
    "function": ("name", "region", "number", "place"),
    "problem": ("worst", "name", "region", "number", "place"),
}


@dataclass
class Survey:
    """What a page of the list needs. `every`: how many rows there are; `problems`, `kinds`, `accounts`: of all of them.

    `rows`: those asked for, in order, to be counted and sliced. `known`: whether the account asked for is one at all.
    """

    every: int
    problems: dict[Problem, int]
    kinds: dict[str, str]
    accounts: list[tuple[str, str]]
    rows: Rows | Sequence[Waker]
    known: bool = True

    @property
    def many(self) -> int:
        """How many rows are asked for. One query, or none."""
        return self.rows.count() if isinstance(self.rows, Rows) else len(self.rows)


@dataclass
class Rows:
    """A list that is not made: kept rows in the database, and those of functions that were read in full.

    It is sliced, or gone through. `many`: how many there are; `sources`: how many kept ones by their source's account. None:
    not counted yet.
    """

    kept: QuerySet[KeptWaker, KeptWaker]
    read: Sequence[Waker]
    asked: Asked
    names: Mapping[str, str]
    many: int | None = None
    sources: Mapping[str, int] | None = None
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
        among: Sequence[int | Waker] = self._in_order()[wanted] if self.read else self._by_source(wanted)
        kept = KeptWaker.objects.in_bulk([one for one in among if isinstance(one, int)])
        made = (one if isinstance(one, Waker) else kept.get(one) for one in among)
        return [one if isinstance(one, Waker) else self._made(one) for one in made if one is not None]

    def __iter__(self) -> Iterator[Waker]:
        """Every row, each read as it is needed, none twice and none left out whatever is kept anew meanwhile."""
        return merge(self._each_kept(), sorted(self.read, key=self._turn), key=self._turn)

    def _turn(self, one: Waker) -> tuple[Any, ...]:
        place = one.place
        return (ORDERS[self.asked.order](one), place.name, place.region, place.number)

    def _each_kept(self) -> Iterator[Waker]:
        if self.asked.order in _ORDERS:
            yield from map(self._made, self.kept.order_by(*_ORDERS[self.asked.order]).iterator(chunk_size=_AT_ONCE))
            return
        for some in self._turns(self.kept.order_by().values_list("whose", flat=True).distinct()):
            yield from map(self._made, self._of(some).iterator(chunk_size=_AT_ONCE))

    def _turns(self, accounts: Iterable[str]) -> Iterator[list[str]]:
        """Accounts of sources as they follow each other, some at once."""
        order = sorted(accounts, key=lambda one: ORDERS["source"](Ranked(0, one, self.names.get(one, ""), "")))
        for at in range(0, len(order), _AT_ONCE):
            yield order[at : at + _AT_ONCE]

    def _of(self, accounts: Sequence[str]) -> QuerySet[KeptWaker, KeptWaker]:
        """Kept rows whose source is in one of these accounts, in this order of the accounts."""
        turn = Case(*(When(whose=whose, then=Value(at)) for at, whose in enumerate(accounts)))
        return self.kept.filter(whose__in=accounts).order_by(turn, "source", *_ORDERS["function"])

    def _made(self, one: KeptWaker) -> Waker:
        return waker_of(one, self.names)

    def _by_source(self, wanted: slice) -> Sequence[int]:
        """Keys in the order of the source's account: accounts as people call them now, rows of one account by the database."""
        many = self.sources
        if many is None:
            many = dict(self.kept.order_by().values_list("whose").annotate(total=Count("pk")))
        before, skipped, chosen = 0, 0, list[str]()
        for whose in chain.from_iterable(self._turns(many)):
            if before >= wanted.stop:
                break
            if wanted.start < before + many[whose]:
                skipped = skipped if chosen else wanted.start - before
                chosen.append(whose)
            before += many[whose]
        if not chosen:
            return []
        found = self._of(chosen).values_list("pk", flat=True)
        return list(found[skipped : skipped + wanted.stop - wanted.start])

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
    apart = unkept(by)
    if len(apart) > FEW:
        every = gather(by)
        accounts = accounts_of(every)
        asked = meaning(asked, accounts)
        return Survey(
            len(every),
            problems_of(every),
            {one.kind: one.label for one in every},
            accounts,
            listed(every, asked),
            _known(asked, by),
        )
    names = account_names()
    chosen = Function.objects.visible_to(by).present().filter(pk__in=apart)
    read = gather_of(chosen, by) if apart else []
    kept = KeptWaker.objects.visible_to(by)
    if apart:
        kept = kept.exclude(function__in=apart)
    sorts, sources = counting.sorts(by, but=apart), counting.sources(by, but=apart)
    problems, kinds = Counter(problems_of(read)), {one.kind for one in read} | {kind for _, kind, _ in sorts}
    for (_, _, these), many in sorts.items():
        problems.update(dict.fromkeys(map(Problem, these.split()), many))
    accounts = _accounts(counting.owners(by, but=apart), sources, read, names)
    asked = meaning(asked, accounts)
    among = listed(read, replace(asked, order="function"))
    counted = None
    if not asked.text and not asked.account:
        counted = len(among) + sum(many for sort, many in sorts.items() if _is_of(sort, asked))
    found = _narrowed(kept, asked, names)
    return Survey(
        len(read) + sum(sorts.values()),
        {one: problems[one] for one in Problem if problems[one]},
        {kind: label_of(kind) for kind in kinds},
        accounts,
        Rows(found, among, asked, names, counted, None if asked.narrowed else sources),
        _known(asked, by),
    )


def survey_of(function: Function, *, by: Actor) -> list[Waker]:
    """As `of_function`, from kept rows where these are what reading everything would give. Three queries then."""
    if function.wakes_kept_at is None or WakingDue.objects.filter(function=function).exists():
        return of_function(function, by=by)
    rows = list(KeptWaker.objects.visible_to(by).filter(function=function).order_by("place"))
    numbers = {number for one in rows for number in (one.number, one.whose, *_numbers(one.rest.get("named", ())))}
    names = dict(Account.objects.filter(number__in=numbers).values_list("number", "name"))
    return [waker_of(one, names) for one in rows]


def _numbers(named: Sequence[Sequence[str]]) -> set[str]:
    """The accounts that may be among whom a URL lets in."""
    return {number for who in named for text in who for number in _DIGITS.findall(text)}


def _accounts(
    owners: Iterable[str], sources: Iterable[str], read: Sequence[Waker], names: Mapping[str, str]
) -> list[tuple[str, str]]:
    """As `accounts_of` all of them. No query."""
    found = dict(accounts_of(read)) | {number: names[number] for number in owners}
    return by_name({number: names.get(number, "") for number in sources if number} | found)


def _known(asked: Asked, by: Actor) -> bool:
    """Whether it is an account that has rows, or at least one in the actor's scope."""
    return not asked.account or bool(asked.accounts) or Account.objects.visible_to(by).called(asked.account).exists()


def _is_of(sort: counting.Sort, asked: Asked) -> bool:
    """Whether rows of this sort are asked for, as `listed` has it."""
    way, kind, problems = sort
    return (
        (asked.way is None or way == asked.way.value)
        and (not asked.kind or kind == asked.kind)
        and (not asked.problem or (bool(problems) if asked.problem == "any" else f" {asked.problem} " in problems))
    )


def _narrowed(kept: QuerySet[KeptWaker, KeptWaker], asked: Asked, names: Mapping[str, str]) -> QuerySet[KeptWaker, KeptWaker]:
    """As `listed`, by the database."""
    if asked.way is not None:
        kept = kept.filter(way=asked.way.value)
    if asked.kind:
        kept = kept.filter(kind=asked.kind)
    if asked.accounts is not None:
        owners = list(Account.objects.filter(number__in=asked.accounts).values_list("pk", flat=True))
        kept = kept.filter(Q(whose__in=asked.accounts) | Q(account__in=owners))
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
