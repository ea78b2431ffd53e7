"""What every page reads is read from an index: only SQLite's plan is looked at, its words do not change."""

import pytest
from django.db import connection

from sharing.models import Sync

pytestmark = pytest.mark.django_db


def test_the_last_sync_and_the_open_ones_are_read_from_indexes() -> None:
    with connection.cursor() as cursor:
        assert {"sync_swept", "sync_by_state"} <= set(connection.introspection.get_constraints(cursor, Sync._meta.db_table))
    ended = Sync.objects.filter(state__in=("done", "partial"), kind="sweep", finished_at__isnull=False)
    newest = ended.order_by("-finished_at").values_list("finished_at", flat=True)[:1]
    if connection.vendor == "sqlite":
        assert "sync_swept" in newest.explain()
        assert "TEMP B-TREE" not in newest.explain()
        assert "sync_by_state" in Sync.objects.open().order_by().values("pk").explain()
