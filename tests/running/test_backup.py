"""A backup of the running demo, restored beside it: history is whole, and AWS is asked before anything is written."""

import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

from sharing.running import template
from sharing.running.install import CHECKOUT
from tests.live import LiveDemo


def test_a_copy_made_while_it_runs_holds_the_whole_history(demo: LiveDemo, tmp_path: Path) -> None:
    """As docs/backup.md says for SQLite."""
    copy = tmp_path / "restored.sqlite3"
    with (
        contextlib.closing(sqlite3.connect(demo.home / template.DATABASE)) as running,
        contextlib.closing(sqlite3.connect(copy)) as backup,
    ):
        running.backup(backup)
    environ = {**demo.environ, "DATABASE_URL": f"sqlite:///{copy}"}

    def command(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=True
        ).stdout

    verified: dict[str, Any] = json.loads(command("verify-history", "--json"))["items"][0]
    assert verified["problems"] == []
    assert verified["events"] + verified["unsealed"] > 0
    done = json.loads(command("after-restore", "--json"))["items"][0]
    assert done["policies"] > 0
    assert done["syncs"] > 0
