"""How the reads of each place ended, in a fixed number of queries however many places and reads there are."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, F, Max, Q, QuerySet, Value, When

from sharing.models import Sync, SyncState
from sharing.models.sync import OPEN

Place = tuple[uuid.UUID, str]


@dataclass(frozen=True, slots=True)
class LastRead:
    """The sync of a place that ended last failed, or not. `read_at`: the start of the newest complete one; None: none is."""

    failed: bool
    read_at: datetime | None


def last_reads(syncs: QuerySet[Sync]) -> dict[Place, LastRead]:
    """By (account's key, region), for places of which a sync has ended. One query, that reads an index alone."""
    rows = (
        syncs.order_by()
        .values("account_id", "region")
        .annotate(
            ended=Max("finished_at", filter=~Q(state__in=OPEN)),
            failing=Max("finished_at", filter=Q(state=SyncState.FAILED)),
            read_at=Max("started_at", filter=Q(state__in=(SyncState.DONE, SyncState.PARTIAL))),
        )
        .filter(ended__isnull=False)
        .annotate(failed=Case(When(failing__gte=F("ended"), then=Value(True)), default=Value(False)))
    )
    found = rows.values_list("account_id", "region", "failed", "read_at")
    return {(account, region): LastRead(failed, read_at) for account, region, failed, read_at in found}


def last_ended(syncs: QuerySet[Sync]) -> dict[Place, Sync]:
    """By (account's key, region): the sync that ended last, however it ended. Two queries."""
    ended = syncs.exclude(state__in=OPEN).order_by()
    moments = {
        (row["account_id"], row["region"]): row["at"]
        for row in ended.values("account_id", "region").annotate(at=Max("finished_at"))
    }
    newest: dict[Place, Sync] = {}
    for sync in ended.filter(finished_at__in=set(moments.values())).defer("checkpoint"):
        if moments.get((sync.account_id, sync.region)) == sync.finished_at:
            newest[sync.account_id, sync.region] = sync
    return newest
