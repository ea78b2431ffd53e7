"""How the reads of each place ended, in a fixed number of queries however many places and reads there are."""

import uuid
from datetime import datetime
from typing import Any

from django.db.models import Exists, Max, OuterRef, Q, QuerySet

from sharing.models import Sync, SyncState
from sharing.models.sync import OPEN

Place = tuple[uuid.UUID, str]


def last_reads(syncs: QuerySet[Sync]) -> dict[Place, datetime | None]:
    """By (account's key, region): the start of the newest complete sync, None where none came to its end. Of places of which
    any sync has ended. One query, that reads an index alone."""
    rows = _by_place(syncs).annotate(read_at=Max("started_at", filter=Q(state__in=(SyncState.DONE, SyncState.PARTIAL))))
    found = rows.values_list("account_id", "region", "read_at")
    return {(account, region): read_at for account, region, read_at in found}


def ended_places(syncs: QuerySet[Sync]) -> set[Place]:
    """Places of which any sync has ended. One query, likewise."""
    return set(_by_place(syncs).values_list("account_id", "region"))


def last_failed(syncs: QuerySet[Sync]) -> dict[Place, Sync]:
    """The sync that ended last, of places where that one failed. One query, that looks at the failed ones alone."""
    same = {name: OuterRef(name) for name in ("account", "region", "kind")}
    newer = Sync.objects.exclude(state__in=OPEN).filter(**same, finished_at__gt=OuterRef("finished_at"))
    failed = syncs.filter(state=SyncState.FAILED, finished_at__isnull=False).exclude(Exists(newer))
    return {(one.account_id, one.region): one for one in failed.order_by("created_at").defer("checkpoint")}


def _by_place(syncs: QuerySet[Sync]) -> QuerySet[Sync, Any]:
    ended = Max("finished_at", filter=~Q(state__in=OPEN))
    return syncs.order_by().values("account_id", "region").annotate(ended=ended).filter(ended__isnull=False)


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
