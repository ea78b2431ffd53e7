"""What each connection to the database is told: nobody waits for ever for a lock whose holder is gone."""

from types import SimpleNamespace

import pytest
from django.db import connection
from django.db.backends.signals import connection_created


@pytest.mark.django_db
def test_a_lock_of_a_process_that_is_gone_is_given_up() -> None:
    ask, within = (
        ("PRAGMA busy_timeout", 20_000)
        if connection.vendor == "sqlite"
        else ("SHOW idle_in_transaction_session_timeout", "5min")
    )
    with connection.cursor() as cursor:
        cursor.execute(ask)
        assert cursor.fetchone() == (within,)


def test_only_postgresql_is_told_when_to_end_a_silent_transaction() -> None:
    said: list[str] = []
    for vendor in ("sqlite", "postgresql"):
        made = SimpleNamespace(vendor=vendor, connection=SimpleNamespace(execute=said.append))
        connection_created.send(sender=None, connection=made)
    assert said == ["SET idle_in_transaction_session_timeout = '5min'"]
