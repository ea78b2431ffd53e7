"""What is looked at before an installation starts."""

from pathlib import Path

import pytest
from django.core.checks import CheckMessage, Error
from django.core.checks.registry import registry

from sharing.running import prepare, programs


def _broken(**_: object) -> list[CheckMessage]:
    return [Error("LOGIN_URL leads nowhere.")]


def test_settings_that_cannot_work_stop_the_start_and_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    began: list[str] = []
    _broken.tags = ("urls",)  # type: ignore[attr-defined]
    monkeypatch.setattr(registry, "registered_checks", {_broken})
    monkeypatch.setattr(prepare, "prepare", lambda: began.append("prepared"))
    assert prepare.main() == 1
    assert "LOGIN_URL leads nowhere." in capsys.readouterr().err
    assert began == []


def test_no_worker_repeats_what_was_checked_before(tmp_path: Path) -> None:
    workers = [one for one in programs.product(port=1, folder=tmp_path) if one.name in programs.WORKERS]
    assert workers
    assert all("--skip-checks" in one.command for one in workers)
