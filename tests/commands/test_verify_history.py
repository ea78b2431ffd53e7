"""`manage.py verify-history`: exit codes and what it says."""

from datetime import timedelta
from errno import ENOSPC
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

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


def test_an_export_is_verified_without_a_question_to_the_database(
    tmp_path: Path, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    sealed()
    path = tmp_path / "history.jsonl"
    assert run("export-history", str(path), "--json").items == [{"file": str(path), "lines": 1, "seals": 1}]
    assert path.stat().st_mode & 0o777 == 0o600
    with django_assert_num_queries(0):
        assert run("verify-history", "--export", str(path)).code == 0
        path.write_text(path.read_text().replace("A line", "Another"))
        done = run("verify-history", "--export", str(path), "--json")
    assert (done.code, done.error["code"]) == (1, "tampered")


def test_an_export_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "history.jsonl").write_text("mine")
    assert run("export-history", str(tmp_path / "history.jsonl")).code == 2
    assert (tmp_path / "history.jsonl").read_text() == "mine"


def test_half_an_export_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for problem, said in ((OperationalError("it is gone"), "it is gone"), (OSError(ENOSPC, "Disk full"), "room on its disk")):
        monkeypatch.setattr(sealing, "export", Mock(side_effect=problem))
        done = run("export-history", str(tmp_path / "history.jsonl"))
        assert done.code
        assert said in done.err
        assert not (tmp_path / "history.jsonl").exists()


def test_what_cannot_be_read_is_said_and_no_trace(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    for option in ("--export", "--shipped"):
        assert run("verify-history", option, str(tmp_path / "none"), "--json").error["code"] == "usage"
    assert run("verify-history", "--export", str(tmp_path / "empty")).code == 1
    assert run("verify-history", "--shipped", str(tmp_path / "empty")).code == 2
    assert run("verify-history", "--public-key", "no key").code == 2


def test_a_new_key_prints_its_public_half_only(tmp_path: Path, settings: Any) -> None:
    assert run("history-key").code == 2
    made = run("history-key", "--new", str(tmp_path / "key.pem"), "--json")
    assert set(made.items[0]) == {"public", "name"}
    settings.HISTORY_KEY_FILE = str(tmp_path / "key.pem")
    assert run("history-key").out.strip() == made.items[0]["public"]
    sealed()
    assert run("verify-history", "--public-key", made.items[0]["public"], "--json").items[0]["signed"] == 1
