"""Asking for layers to be read, the schedule of that, and the read itself as a worker runs it."""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from sharing.models import Account, Actor, Connection, LayerVersion, Purpose, Reading, Sync, SyncKind, SyncState
from sharing.services.connecting import manager_of
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.resting import resting
from sharing.services.syncing.asking import _create as create
from sharing.services.syncing.latest import last_ended
from sharing.services.syncing.rationing import Room, turn
from sharing.services.syncing.running import claim, end_pause, run_slice
from sharing.services.syncing.schedule import not_taken

from .reading import read_layers

#: Layers are read this long after the last read ended; every read costs one call a version. A place without any is asked
#: again after a week.
EVERY, EMPTY_EVERY = timedelta(days=1), timedelta(days=7)
_AFTER_FAILURE = timedelta(hours=3)
_JITTER = timedelta(minutes=60)
#: Failures in which AWS was not even asked: nothing is known to be unreadable.
_NOT_ASKED = ("paused", "not-connected")


def may_read(connection: Connection) -> bool:
    """Whether the role may read layers: a test found so, or it was not tried yet."""
    return bool(connection.verbs.get("layers", True))


def request(*, account: Account | None = None, region: str = "", by: Actor) -> list[Sync]:
    """Ask for the layers of one account, or of all in scope, to be read. One row per region; an open one is joined.

    Raises Refusal when nothing can be read, and says why.
    """
    if not by.may_change():
        raise NotPermitted("Your role does not allow starting a sync.")
    if account is not None and not by.sees(account.pk):
        raise NotFound(f"Account {account.number}")
    connections = [manager_of(account)] if account is not None else _usable(by)
    readable = [one for one in connections if may_read(one)]
    places = [(one, name) for one in readable for name in one.regions if region in ("", name)]
    if places:
        return [_open(one.account, name, by) for one, name in places]
    if connections and not readable:
        raise Refusal(
            "No connected role may read layers.",
            next="Add the permissions that the connection's page names (the template has them), then test the connection.",
            code="not-permitted-in-aws",
        )
    raise Refusal(
        "No connected account has layers to read there.",
        next="Connect an account under Settings, Accounts, or name a region that is read.",
        code="not-connected",
    )


def due(now: datetime) -> list[Sync]:
    """Open what the schedule asks for, and return every read of layers that a worker should take up now."""
    open_places = set(Sync.objects.open().filter(kind=SyncKind.LAYERS).values_list("account_id", "region"))
    ended = last_ended(Sync.objects.filter(kind=SyncKind.LAYERS))
    room = Room(SyncKind.LAYERS)
    connections = Connection.objects.none() if resting(now) else Connection.objects.usable()
    for connection in connections.filter(purpose=Purpose.MANAGER).select_related("account"):
        for region in connection.regions if may_read(connection) else ():
            place = (connection.account_id, region)
            late = place not in open_places and _is_due(connection, region, ended.get(place), now)
            if late and room.taken(connection.account_id):
                _open(connection.account, region, Actor.system())
    return waiting(now)


def waiting(now: datetime) -> list[Sync]:
    """The open reads of layers whose turn it is, without opening any."""
    return turn(not_taken(now).filter(kind=SyncKind.LAYERS), now)


def run(pk: uuid.UUID | str, *, make_way: Callable[[], bool] = lambda: False) -> bool:
    """One slice of a read, as a worker runs it. True: unfinished and free to go on at once, so queue it again.

    Safe to run twice, at the same time as well. A read that failed leaves everything as it was, marked unread.
    """
    sync = claim(pk)
    if sync is None:
        return False
    unfinished = run_slice(sync, read_layers, make_way)
    _mark_unread_after_failure(pk)
    return unfinished


def _mark_unread_after_failure(pk: uuid.UUID | str) -> None:
    failed = Sync.objects.filter(pk=pk, state=SyncState.FAILED).exclude(failure_code__in=_NOT_ASKED).first()
    if failed is None:
        return
    rows = LayerVersion.objects.present().filter(account=failed.account_id, region=failed.region)
    rows.filter(Q(read_at=None) | Q(read_at__lte=failed.started_at or timezone.now())).update(
        reading=Reading.UNREAD,
        unread_since=Coalesce(F("unread_since"), failed.finished_at),
        unread_reason=failed.failure,
    )


def _usable(by: Actor) -> list[Connection]:
    usable = Connection.objects.usable().filter(purpose=Purpose.MANAGER, account__in=Account.objects.visible_to(by))
    return list(usable.select_related("account"))


def _is_due(connection: Connection, region: str, last: Sync | None, now: datetime) -> bool:
    if last is None or last.finished_at is None:
        return True
    if last.state == SyncState.FAILED:
        repaired = connection.tested_at is not None and connection.tested_at > last.finished_at
        return repaired or now >= last.finished_at + _AFTER_FAILURE
    # Places drift apart instead of all starting in the same minute.
    jitter = _JITTER * (zlib.crc32(f"layers {connection.account.number} {region}".encode()) % 1000 / 1000)
    return now >= last.finished_at + (EMPTY_EVERY if last.total == 0 else EVERY) + jitter


def _open(account: Account, region: str, by: Actor) -> Sync:
    def joined() -> Sync | None:
        found = Sync.objects.open().filter(account=account, region=region, kind=SyncKind.LAYERS).first()
        if found is not None:
            end_pause(found)
        if found is not None and by.person is not None and found.requested_by_id is None:
            # A person joined what the schedule began: history tells them how it ended.
            Sync.objects.filter(pk=found.pk).update(requested_by=by.person, requested_as=by.label[:300])
        return found

    row = Sync(account=account, region=region, kind=SyncKind.LAYERS, requested_by=by.person, requested_as=by.label[:300])
    return joined() or create(row, joined)
