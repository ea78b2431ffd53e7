"""How many kept rows there are, by what the list of mappings is narrowed to: counted where they are kept, not on a page.

A number is a sum of rows. Whoever keeps rows writes by how much each number changes, in the same transaction, and takes into
that row the rows of the same number that nobody else is just writing: so nobody waits, and the sum is right at every moment.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.db import models, transaction
from django.db.models import Count, QuerySet, Sum

from sharing.models import Actor, Installation, KeptWaker, SourceCount, WakerCount

#: What of a kept row is counted; the last one by itself.
COUNTED: Final = ("account_id", "way", "kind", "problems", "whose")

Sort = tuple[str, str, str]  # way, kind, problems


def count(gone: Iterable[tuple[Any, ...]], made: Iterable[tuple[Any, ...]]) -> None:
    """Rows went and came, as COUNTED has them. Call it in the transaction that keeps them."""
    sorts: Counter[tuple[Any, ...]] = Counter()
    sources: Counter[tuple[Any, ...]] = Counter()
    for rows, by in ((gone, -1), (made, 1)):
        for *sort, whose in rows:
            sorts[tuple(sort)] += by
            sources[(whose,)] += by
    owners = {sort[0] for sort, by in sorts.items() if by}
    _write(WakerCount.objects.filter(account__in=owners), COUNTED[:-1], sorts)
    _write(SourceCount.objects.filter(whose__in=[whose for (whose,), by in sources.items() if by]), COUNTED[-1:], sources)


def _write(among: QuerySet[Any, Any], columns: tuple[str, ...], changes: Mapping[tuple[Any, ...], int]) -> None:
    """`among`: the rows that hold those to be taken in."""
    model: type[models.Model] = among.model
    sums = Counter({key: by for key, by in changes.items() if by})
    if not sums:
        return
    same = [pk for pk, *key in among.values_list("pk", *columns) if tuple(key) in sums]
    held = among.model.objects.select_for_update(skip_locked=True).filter(pk__in=same)
    mine = list(held.values_list("pk", "many", *columns))
    for _, many, *key in mine:
        sums[tuple(key)] += many
    among.model.objects.filter(pk__in=[pk for pk, *_ in mine]).delete()
    rows = (model(**dict(zip(columns, key, strict=True)), many=many) for key, many in sums.items() if many)
    among.model.objects.bulk_create(rows, batch_size=500)


def recount() -> int:
    """Set right what somebody kept or took away without counting it, as a worker of a version before this one does while an
    upgrade is under way: every later change would be counted from there. How many numbers were wrong.

    What is counted and what there is are read in one query, and the difference is written beside it: so nobody waits here
    either. One at a time, or two would write the same difference.
    """
    with transaction.atomic():
        Installation.objects.get_or_create(pk=1)
        Installation.objects.select_for_update().get(pk=1)
        return _set_right(WakerCount, COUNTED[:-1]) + _set_right(SourceCount, COUNTED[-1:])


def _set_right(model: Any, columns: tuple[str, ...]) -> int:
    there: QuerySet[Any, Any] = KeptWaker.objects.order_by().values_list(*columns).annotate(total=Count("pk"))
    counted: QuerySet[Any, Any] = model.objects.order_by().values_list(*columns).annotate(total=Sum("many") * -1)
    lacking: Counter[tuple[Any, ...]] = Counter()
    for *key, many in there.union(counted, all=True):
        lacking[tuple(key)] += many
    rows = [model(**dict(zip(columns, key, strict=True)), many=many) for key, many in lacking.items() if many]
    model.objects.bulk_create(rows, batch_size=500)
    return len(rows)


def sorts(by: Actor, *, but: Collection[uuid.UUID] = ()) -> dict[Sort, int]:
    """How many rows of each sort there are in the actor's scope, without those of the functions `but`. One query."""
    columns = ("way", "kind", "problems")
    return _sums(WakerCount.objects.visible_to(by), KeptWaker.objects.visible_to(by), columns, but)


def owners(by: Actor, *, but: Collection[uuid.UUID] = ()) -> set[str]:
    """The accounts that have rows, by their digits, likewise."""
    counts, kept = WakerCount.objects.visible_to(by), KeptWaker.objects.visible_to(by)
    return {number for (number,) in _sums(counts, kept, ("account__number",), but)}


def sources(by: Actor, *, but: Collection[uuid.UUID] = ()) -> dict[str, int]:
    """How many rows have a source in each account, likewise. Whoever sees some accounts has those rows counted now."""
    kept = KeptWaker.objects.visible_to(by)
    if not (by.active and by.sees_every_account):
        return dict(kept.exclude(function__in=but).order_by().values_list("whose").annotate(total=Count("pk")))
    found: QuerySet[Any, Any] = SourceCount.objects.values_list("whose", "many")  # a row each, or hardly more
    if but:
        found = found.union(_less(kept, ("whose",), but), all=True)
    sums: dict[str, int] = {}
    for whose, many in found:
        sums[whose] = sums.get(whose, 0) + many
    return {whose: many for whose, many in sums.items() if many > 0}


def _sums(
    counts: QuerySet[Any, Any], kept: QuerySet[KeptWaker, KeptWaker], columns: tuple[str, ...], but: Collection[uuid.UUID]
) -> dict[tuple[Any, ...], int]:
    """What there is, less what is read in full, at one moment: a single query, or a worker could come between the two."""
    found: QuerySet[Any, Any] = counts.order_by().values_list(*columns).annotate(total=Sum("many"))
    if but:
        found = found.union(_less(kept, columns, but), all=True)
    sums: Counter[tuple[Any, ...]] = Counter()
    for *key, total in found:
        sums[tuple(key)] += total
    return {key: total for key, total in sums.items() if total > 0}


def _less(
    kept: QuerySet[KeptWaker, KeptWaker], columns: tuple[str, ...], but: Collection[uuid.UUID]
) -> QuerySet[KeptWaker, Any]:
    return kept.filter(function__in=but).order_by().values_list(*columns).annotate(total=Count("pk") * -1)
