"""Keeping how far each account and region was read, so that no page has to look at all reads that ever were.

Whoever ends a sweep calls `swept`, whoever chooses regions, makes a manager role stand or ends one calls `chosen`, both in the
same transaction: then the rows are exact at any time. Each writes its own half of a row, whether or not the other did.
What is not kept changes elsewhere and is looked up where it is told: the connection's state, and the few unread policies.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import Max, Q

from sharing.models import Connection, ConnectionState, Purpose, ReadPlace, Sync, SyncKind, SyncState
from sharing.models.place import key_of
from sharing.models.sync import OPEN

_ONCE = ("account", "region")


def swept(account_id: uuid.UUID, region: str) -> None:
    """A sweep of this place has ended, however it did. A place has one open sweep at most: nobody else ends one meanwhile."""
    sweeps = Sync.objects.filter(account=account_id, region=region, kind=SyncKind.SWEEP).order_by()
    complete = Q(state__in=(SyncState.DONE, SyncState.PARTIAL))
    known = sweeps.aggregate(read_at=Max("started_at", filter=complete), ended_at=Max("finished_at", filter=~Q(state__in=OPEN)))
    failed = sweeps.filter(state=SyncState.FAILED, finished_at__isnull=False, finished_at=known["ended_at"])
    last = failed.order_by("-created_at").first()
    _write(
        [
            ReadPlace(
                id=key_of(account_id, region),
                account_id=account_id,
                region=region,
                read_at=known["read_at"],
                failed=last is not None,
                failure=last.failure if last else "",
                failure_next=last.failure_next if last else "",
            )
        ],
        "read_at", "failed", "failure", "failure_next",
    )  # fmt: skip


def chosen(connection: Connection) -> None:
    """The regions of this connection, or whether it stands, may have changed. The caller holds its row."""
    if connection.purpose != Purpose.MANAGER:
        return
    stands = connection.state != ConnectionState.DISCONNECTED
    read = list(dict.fromkeys(connection.regions)) if stands else []
    left_out = sorted(set(connection.enabled_regions or []) - set(read)) if stands else []
    ReadPlace.objects.filter(connection=connection).exclude(region__in=[*read, *left_out]).update(
        connection=None, position=0, aside=0
    )
    _write(
        [
            ReadPlace(
                id=key_of(connection.account_id, region),
                account_id=connection.account_id,
                region=region,
                connection=connection,
                position=position,
                aside=max(0, position - len(read) + 1),
            )
            for position, region in enumerate([*read, *left_out])
        ],
        "connection", "position", "aside",
    )  # fmt: skip


def keep_all() -> None:
    """The rows of everything that is there, for an installation that was not made by what keeps them. Nothing else may run."""
    for account_id, region in Sync.objects.filter(kind=SyncKind.SWEEP).order_by().values_list("account", "region").distinct():
        swept(account_id, region)
    for connection in Connection.objects.filter(purpose=Purpose.MANAGER):
        chosen(connection)


def _write(rows: Iterable[ReadPlace], *columns: str) -> None:
    """Insert, or change these columns alone."""
    ReadPlace.objects.bulk_create(rows, update_conflicts=True, unique_fields=_ONCE, update_fields=columns, batch_size=500)
