"""What every page or a long list reads is read from an index: only SQLite's plan is looked at, its words do not change."""

import pytest
from django.db import connection
from django.db.models import F, Sum

from sharing.models import Sync, Tally

pytestmark = pytest.mark.django_db


def test_the_last_sync_and_the_open_ones_are_read_from_indexes() -> None:
    ended = Sync.objects.filter(state__in=("done", "partial"), kind="sweep", finished_at__isnull=False)
    newest = ended.order_by("-finished_at").values_list("finished_at", flat=True)[:1]
    if connection.vendor == "sqlite":
        assert "sync_swept" in newest.explain()
        assert "TEMP B-TREE" not in newest.explain()
        assert "sync_by_state" in Sync.objects.open().order_by().values("pk").explain()


def test_the_sums_of_every_consumer_are_read_from_an_index_alone() -> None:
    rows = Tally.objects.filter(kind="account").exclude(principal=F("account__number")).order_by()
    sums = {f"sum_{name}": Sum(name) for name in ("functions", "not_safe", "depends", "latent", "stale")}
    if connection.vendor == "sqlite":
        assert "COVERING INDEX tally_by_kind" in rows.values("principal").annotate(**sums).explain()
