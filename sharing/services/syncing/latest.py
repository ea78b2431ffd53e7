"""How the reads of each place ended, in a fixed number of queries however many places and reads there are."""

import uuid

from django.db.models import Max, QuerySet

from sharing.models import Sync
from sharing.models.sync import OPEN

Place = tuple[uuid.UUID, str]


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
