"""Whose turn it is: how many syncs run at once, of one account and altogether.

Rows wait in the database, not in the broker: of four thousand due syncs a few dozen are announced, and each that ends
lets the next one in. An account with many regions leaves room for others, and so do those whose AWS does not answer.
"""

import uuid
from collections import Counter
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from sharing.models import Actor, Sync, SyncKind, SyncState
from sharing.services.resting import resting

#: Of all that may run at once: the most of one account, and the most of those that AWS did not answer the last time.
_PART = 4


class Room:
    """How many rows of a kind the schedule may open: enough that no worker waits for it, not all that are due."""

    def __init__(self, kind: SyncKind) -> None:
        self._of_account = Counter(Sync.objects.open().filter(kind=kind).values_list("account_id", flat=True))
        self._left = 2 * settings.SYNCS_AT_ONCE - self._of_account.total()

    def taken(self, account: uuid.UUID) -> bool:
        """Take a place for one row of the account; False: there is none, for this account or for any."""
        if self._left <= 0 or self._of_account[account] >= max(1, settings.SYNCS_AT_ONCE // _PART):
            return False
        self._left -= 1
        self._of_account[account] += 1
        return True


def turn(waiting: QuerySet[Sync], now: datetime) -> list[Sync]:
    """Of the waiting syncs those that may run beside what runs already; what a person asked for comes first.

    Reading one function is a click and always comes. In quiet hours what the schedule asked for waits.
    """
    by_schedule = Q(requested_as=Actor.system().label)
    if resting(now):
        waiting = waiting.exclude(by_schedule)
    ration = _Ration(now)
    urgency = (When(kind=SyncKind.FUNCTION, then=Value(0)), When(by_schedule, then=Value(2)))
    rows = waiting.annotate(urgency=Case(*urgency, default=Value(1), output_field=IntegerField()))
    rows = rows.order_by("urgency", "created_at", "pk")
    chosen: list[uuid.UUID] = []
    for pk, account, kind, failure in rows.values_list("pk", "account_id", "kind", "failure").iterator():
        if kind == SyncKind.FUNCTION or ration.admits(account, bool(failure)):
            chosen.append(pk)
        elif ration.is_full:
            break
    place = {pk: number for number, pk in enumerate(chosen)}
    found = Sync.objects.select_related("account").defer("checkpoint").filter(pk__in=chosen)
    return sorted(found, key=lambda sync: place[sync.pk])


def announce(syncs: list[Sync], now: datetime, *, again: bool = False) -> list[Sync]:
    """Those of these syncs that workers should be told of now; each is told of once in SWEEP_SECONDS, or `again`."""
    still = Sync.objects.open().filter(pk__in=[sync.pk for sync in syncs])
    if not again:
        still = still.filter(Q(announced_at=None) | Q(announced_at__lte=now - timedelta(seconds=settings.SWEEP_SECONDS)))
    # Asked once more with each mark: of two workers that end a sync in the same moment one tells of it.
    free = {pk for pk in still.values_list("pk", flat=True) if still.filter(pk=pk).update(announced_at=now)}
    return [sync for sync in syncs if sync.pk in free]


def first(syncs: list[Sync], now: datetime) -> list[Sync]:
    """Of what a person just asked for, what workers are told of at once; the rest follows as these end."""
    ration = _Ration(now, idle=True)
    return [sync for sync in syncs if sync.kind == SyncKind.FUNCTION or ration.admits(sync.account_id, bool(sync.failure))]


class _Ration:
    """Counts what runs, and what is let in beside it."""

    def __init__(self, now: datetime, *, idle: bool = False) -> None:
        self._most = settings.SYNCS_AT_ONCE
        self._part = max(1, self._most // _PART)
        self._all = self._troubled = 0
        self._of_account: Counter[uuid.UUID] = Counter()
        running = Sync.objects.filter(state=SyncState.RUNNING, lease_until__gt=now).exclude(kind=SyncKind.FUNCTION)
        facts = running.values_list("account_id", "failure", "lease_until", "checkpoint__not_before")
        for account, failure, until, not_before in () if idle else facts:
            if until is not None and not_before != until.isoformat():  # else it pauses after an outage: nobody works on it
                self._count(account, bool(failure))

    @property
    def is_full(self) -> bool:
        """Whether nothing can be let in any more."""
        return self._all >= self._most

    def admits(self, account: uuid.UUID, troubled: bool) -> bool:
        """Let one in, if there is room. troubled: AWS did not answer it the last time."""
        if self.is_full or self._of_account[account] >= self._part or (troubled and self._troubled >= self._part):
            return False
        self._count(account, troubled)
        return True

    def _count(self, account: uuid.UUID, troubled: bool) -> None:
        self._all += 1
        self._of_account[account] += 1
        self._troubled += troubled
