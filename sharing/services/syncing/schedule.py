"""Which syncs are due: the schedule, and what killed workers or a lost broker left behind."""

import uuid
import zlib
from datetime import datetime, timedelta

from django.db.models import Q

from sharing.models import Account, Actor, Connection, Function, Purpose, Sync, SyncKind, SyncState

from .asking import _create
from .latest import last_ended

#: A place is read again this long after the last sync ended. Ten thousand functions take 33 minutes of a third of AWS's
#: rate, so this is a tenth of the time at most.
EVERY = timedelta(hours=6)
_AFTER_FAILURE = timedelta(hours=1)
_JITTER = timedelta(minutes=30)
#: A queued row this old was not announced to a worker: the broker was away.
_FORGOTTEN = timedelta(seconds=15)


def due(now: datetime) -> list[Sync]:
    """Open what the schedule asks for, and return every sync that a worker should take up now.

    Safe to call often and from several processes: a place has one open sync at most.
    """
    connections = list(
        Connection.objects.usable().filter(purpose=Purpose.MANAGER).select_related("account").order_by("account__number")
    )
    open_places = {
        (account, region, kind) for account, region, kind in Sync.objects.open().values_list("account_id", "region", "kind")
    }
    ended = last_ended(Sync.objects.filter(kind=SyncKind.SWEEP))
    for connection in connections:
        for region in connection.regions:
            place = (connection.account_id, region)
            if (*place, SyncKind.SWEEP) not in open_places and _is_due(connection.account, region, ended.get(place), now):
                _begin(connection.account, region, SyncKind.SWEEP)
                open_places.add((*place, SyncKind.SWEEP))
    _begin_details(connections, open_places, now)
    waiting = Sync.objects.open().filter(
        Q(state=SyncState.QUEUED, lease_until=None, created_at__lte=now - _FORGOTTEN)
        | Q(lease_until__lte=now)
        | Q(state=SyncState.QUEUED, lease_until=None, requested_as=Actor.system().label)
    )
    # Layers have a schedule of their own (services.layers).
    return list(waiting.exclude(kind=SyncKind.LAYERS).order_by("created_at"))


def _is_due(account: Account, region: str, last: Sync | None, now: datetime) -> bool:
    if last is None or last.finished_at is None:
        return True
    if last.state == SyncState.FAILED:
        return now >= last.finished_at + _AFTER_FAILURE
    # Places drift apart instead of all starting in the same minute.
    jitter = _JITTER * (zlib.crc32(f"{account.number} {region}".encode()) % 1000 / 1000)
    return now >= last.finished_at + EVERY + jitter


def _begin_details(connections: list[Connection], open_places: set[tuple[uuid.UUID, str, str]], now: datetime) -> None:
    places = {(connection.account_id, region): connection for connection in connections for region in connection.regions}
    due_places = (
        Function.objects.filter(vanished_at=None, details_due_at__lte=now).values_list("account_id", "region").distinct()
    )
    for account_id, region in due_places:
        connection = places.get((account_id, region))
        busy = {(account_id, region, kind) for kind in (SyncKind.SWEEP, SyncKind.DETAILS)} & open_places
        if connection is not None and not busy:
            _begin(connection.account, region, SyncKind.DETAILS)


def _begin(account: Account, region: str, kind: SyncKind) -> None:
    by = Actor.system()
    _create(
        Sync(account=account, region=region, kind=kind, requested_as=by.label),
        lambda: Sync.objects.open().filter(account=account, region=region, kind=kind, function=None).first(),
    )
