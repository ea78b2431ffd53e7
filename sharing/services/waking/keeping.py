"""Rows of the list of mappings, kept so that a page need not make all of them to count, find and order some.

Whoever changes what a row says leaves a mark (`note`) in the same transaction; a worker makes the rows of marked functions
anew (`keep_due`), by the code that reads everything. A mark is a row of its own, so writers never wait for one another, and
it goes only with rows that were made after it. Until then the list reads these functions themselves (`survey`), so nothing
that is shown is older than what was read. Names of accounts are not kept: people may change them at any time.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from sharing.models import Actor, Function, KeptWaker, WakingDue
from sharing.services import widths

from . import counting
from .gathering import gather_of
from .shapes import Place, Problem, Trouble, Waker, Way, callers_of

#: Counted up whenever what the rows, or the widths kept with them, say of unchanged functions is another thing: all of them
#: are made anew then.
VERSION: Final = 1
_AT_ONCE: Final = 300
#: More functions unkept than this, and everything is read in full: as much work, and fewer parameters.
FEW: Final = 2_000
#: Rows that nothing was seen to change are made again after this long, should a mark ever have been forgotten.
_AGAIN: Final = timedelta(days=1)
_COLUMNS: Final = frozenset({"way", "place", "qualifier", "kind", "whose", "whose_name", "callers"})
_REST: Final = tuple(one for one in fields(Waker) if one.name not in _COLUMNS)


def note(function_id: uuid.UUID) -> None:
    """What wakes this function, or what is known about it, has changed. Call it in the same transaction."""
    WakingDue.objects.create(function_id=function_id)


def note_all() -> None:
    """The same of every function."""
    keys = Function.objects.values_list("pk", flat=True)
    WakingDue.objects.bulk_create([WakingDue(function_id=pk) for pk in keys], batch_size=500)


def unkept(by: Actor) -> set[uuid.UUID]:
    """Functions in the actor's scope of which what is kept is not what reading them would give. Two queries."""
    never = Function.objects.visible_to(by).present().filter(wakes_kept_at=None)
    marked = WakingDue.objects.all()
    if not (by.active and by.sees_every_account):
        marked = marked.filter(function__in=Function.objects.visible_to(by))
    return {*never.values_list("pk", flat=True), *marked.values_list("function_id", flat=True)}


def keep_due(*, seconds: float = 5.0) -> int:
    """Make the rows of functions that are due anew, for so long at most; of how many. Safe to run twice, and at once."""
    ends, total = time.monotonic() + seconds, 0
    while many := _keep_some():
        total += many
        if time.monotonic() > ends:
            break
    return total


def _keep_some() -> int:
    marked = list(WakingDue.objects.order_by("pk").values_list("function_id", flat=True)[:_AT_ONCE])
    old = Function.objects.filter(wakes_kept_at__lt=timezone.now() - _AGAIN)
    due = set(marked)
    for others in (Function.objects.filter(wakes_kept_at=None), old.order_by("wakes_kept_at")):
        due |= set(others.values_list("pk", flat=True)[: max(0, _AT_ONCE - len(due))])
    return _keep(due) if due else 0


def _keep(due: Iterable[uuid.UUID]) -> int:
    """Of two at the same time, the first is kept; the other leaves its marks for next time. Of how many functions.

    What somebody is just changing is left, too: nobody waits here for a lock while holding those of other functions.
    """
    now = timezone.now()
    functions = Function.objects.filter(pk__in=due)
    seen = list(WakingDue.objects.filter(function__in=due).values_list("pk", "function_id"))
    turns = dict(functions.values_list("pk", "wakes_turn"))
    rows: dict[uuid.UUID, list[Waker]] = defaultdict(list)
    for row in gather_of(functions.present(), Actor.system()):
        rows[row.place.pk].append(row)
    owners = dict(functions.values_list("pk", "account_id"))
    with transaction.atomic():
        held = functions.select_for_update(no_key=True, skip_locked=True).values_list("pk", "wakes_turn")
        mine = {pk for pk, turn in held if turns.get(pk) == turn}
        Function.objects.filter(pk__in=mine).update(wakes_turn=F("wakes_turn") + 1, wakes_kept_at=now)
        widths.keep(mine)
        before = KeptWaker.objects.filter(function__in=mine)
        gone = list(before.values_list(*counting.COUNTED))
        before.delete()
        made = [_kept(row, owners[pk], place) for pk in mine for place, row in enumerate(rows.get(pk, ()))]
        counting.count(gone, ((one.account_id, one.way, one.kind, one.problems, one.whose) for one in made))
        KeptWaker.objects.bulk_create(made, batch_size=500)
        marks = [mark for mark, of in seen if of in mine]
        for at in range(0, len(marks), 500):
            WakingDue.objects.filter(pk__in=marks[at : at + 500]).delete()
    return len(mine)


def _kept(row: Waker, owner: uuid.UUID, at: int) -> KeptWaker:
    place = row.place
    found = {trouble.problem for trouble in row.troubles}
    return KeptWaker(
        function_id=place.pk,
        account_id=owner,
        place=at,
        name=place.name,
        region=place.region,
        number=place.number,
        qualifier=row.qualifier,
        way=row.way.value,
        kind=row.kind,
        whose=row.whose,
        problems=f" {' '.join(one.value for one in Problem if one in found)} " if found else "",
        worst=row.worst,
        source=row.source,
        words=row.words.casefold(),
        rest={"arn": place.arn, **_rest(row)},
    )


def _rest(row: Waker) -> dict[str, Any]:
    """What is not as it usually is, as JSON has it."""
    found: dict[str, Any] = {}
    for one in _REST:
        value = getattr(row, one.name)
        if value == one.default:
            continue
        if isinstance(value, uuid.UUID):
            value = str(value)
        elif isinstance(value, datetime):
            value = value.isoformat()
        elif one.name == "troubles":
            value = [[trouble.problem.value, trouble.sentence] for trouble in value]
        found[one.name] = value
    return found


def waker_of(one: KeptWaker, names: Mapping[str, str]) -> Waker:
    """The row as it was made, with accounts named as people call them now. No query."""
    rest = dict(one.rest)
    place = Place(one.function_id, one.name, rest.pop("arn"), one.region, names[one.number], one.number)
    for name in ("policy", "grant", "mapping", "wiring"):
        if name in rest:
            rest[name] = uuid.UUID(rest[name])
    for name in ("sources", "statements"):
        if name in rest:
            rest[name] = tuple(rest[name])
    if "stuck_since" in rest:
        rest["stuck_since"] = datetime.fromisoformat(rest["stuck_since"])
    if "named" in rest:
        rest["named"] = tuple((kind, principal, account) for kind, principal, account in rest["named"])
        rest["callers"] = callers_of(rest["named"], names)
    if "troubles" in rest:
        rest["troubles"] = tuple(Trouble(Problem(problem), sentence) for problem, sentence in rest["troubles"])
    return Waker(Way(one.way), place, one.qualifier, one.kind, whose=one.whose, whose_name=names.get(one.whose, ""), **rest)
