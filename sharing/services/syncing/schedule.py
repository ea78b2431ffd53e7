"""Which syncs are due: the schedule, and what killed workers or a lost broker left behind."""

import uuid
import zlib
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from sharing.models import Account, Actor, Connection, Function, Purpose, Sync, SyncKind, SyncState
from sharing.services.resting import resting

from .asking import _create
from .latest import last_ended
from .rationing import Room, turn

#: A place is read again this long after the last sync ended: once a day.
EVERY = timedelta(days=1)
#: A place that had no function at all, likewise: once a week.
EMPTY_EVERY = timedelta(days=7)
_AFTER_FAILURE = timedelta(hours=1)
_JITTER = timedelta(hours=2)
#: A queued row this old was not announced to a worker: the broker was away.
_FORGOTTEN = timedelta(seconds=15)


def due(now: datetime) -> list[Sync]:
    """Open what the schedule asks for, and return the syncs that workers should take up now: as many as may run at once.

    What is due longest comes first; the rest stays due. Safe to call often and from several processes: a place has one
    open sync at most.
    """
    connections = list(
        Connection.objects.usable().filter(purpose=Purpose.MANAGER).select_related("account").order_by("account__number")
    )
    open_places = {
        (account, region, kind) for account, region, kind in Sync.objects.open().values_list("account_id", "region", "kind")
    }
    if not resting(now):
        _begin_sweeps(connections, open_places, now)
        _begin_details(connections, open_places, now)
    return waiting(now)


def waiting(now: datetime) -> list[Sync]:
    """The open syncs whose turn it is, without opening any. Layers have a schedule of their own (services.layers)."""
    return turn(not_taken(now).exclude(kind=SyncKind.LAYERS), now)


def not_taken(now: datetime) -> QuerySet[Sync]:
    """Open syncs that no worker has, and that a message is on its way for neither."""
    return Sync.objects.open().filter(
        Q(state=SyncState.QUEUED, lease_until=None, created_at__lte=now - _FORGOTTEN)
        | Q(lease_until__lte=now)
        | Q(state=SyncState.QUEUED, lease_until=None, requested_as=Actor.system().label)
    )


def next_due(account: Account, region: str, last: Sync | None) -> datetime | None:
    """When the schedule reads the place next, quiet hours left out; None: at once. last: the sweep that ended last."""
    if last is None or last.finished_at is None:
        return None
    if last.state == SyncState.FAILED:
        return last.finished_at + _AFTER_FAILURE
    # Places drift apart instead of all starting in the same minute.
    jitter = _JITTER * (zlib.crc32(f"{account.number} {region}".encode()) % 1000 / 1000)
    return last.finished_at + (EMPTY_EVERY if last.total == 0 else EVERY) + jitter


def _begin_sweeps(connections: list[Connection], open_places: set[tuple[uuid.UUID, str, str]], now: datetime) -> None:
    ended = last_ended(Sync.objects.filter(kind=SyncKind.SWEEP))
    late: list[tuple[bool, datetime, Account, str]] = []
    for connection in connections:
        for region in connection.regions:
            if (connection.account_id, region, SyncKind.SWEEP) in open_places:
                continue
            at = next_due(connection.account, region, ended.get((connection.account_id, region)))
            if at is None or at <= now:
                late.append((at is not None, at or now, connection.account, region))
    late.sort(key=lambda one: one[:2])
    room = Room(SyncKind.SWEEP)
    for _, _, account, region in late:
        if room.taken(account.pk):
            _begin(account, region, SyncKind.SWEEP)
            open_places.add((account.pk, region, SyncKind.SWEEP))


def _begin_details(connections: list[Connection], open_places: set[tuple[uuid.UUID, str, str]], now: datetime) -> None:
    places = {(connection.account_id, region): connection for connection in connections for region in connection.regions}
    room = Room(SyncKind.DETAILS)
    due_places = (
        Function.objects.filter(vanished_at=None, details_due_at__lte=now).values_list("account_id", "region").distinct()
    )
    for account_id, region in due_places:
        connection = places.get((account_id, region))
        busy = {(account_id, region, kind) for kind in (SyncKind.SWEEP, SyncKind.DETAILS)} & open_places
        if connection is not None and not busy and room.taken(account_id):
            _begin(connection.account, region, SyncKind.DETAILS)


def _begin(account: Account, region: str, kind: SyncKind) -> None:
    by = Actor.system()
    _create(
        Sync(account=account, region=region, kind=kind, requested_as=by.label),
        lambda: Sync.objects.open().filter(account=account, region=region, kind=kind, function=None).first(),
    )
