"""`manage.py verify-history`: exit codes and what it says."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from sharing.models import Actor, Event
from sharing.services import history, sealing
from tests.commands.running import run

pytestmark = pytest.mark.django_db


def sealed() -> Event:
    event = history.record("test.written", "A line", by=Actor.system())
    assert sealing.seal(timezone.now() + timedelta(minutes=5)) is not None
    return event


def test_a_history_that_is_as_it_was_sealed_is_exit_0() -> None:
    event = sealed()
    done = run("verify-history", "--json")
    assert done.code == 0
    (item,) = done.items
    assert item["problems"] == []
    assert item["last"]["line"] == event.sequence


def test_a_changed_line_is_exit_1() -> None:
    sealed()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sharing_event SET text = 'Another line'")
    done = run("verify-history", "--json")
    assert done.code == 1
    assert done.error["code"] == "tampered"
    assert done.items[0]["problems"]
    assert "not as they were sealed" in run("verify-history").out


def test_nothing_sealed_yet_is_said() -> None:
    assert "Nothing is sealed yet" in run("verify-history").out
