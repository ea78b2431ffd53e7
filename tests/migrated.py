"""One migrated database for all test processes of a run: the first makes it, every process gets a copy.

Migrating takes each process seconds, more with each migration; a copy takes none.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.core.management import call_command
from django.db import connection


@contextlib.contextmanager
def copied(folder: Path) -> Iterator[None]:
    """Have this process's test database, migrated, while the block runs. `folder`: one for all processes of the run."""
    name = connection.creation._get_test_db_name()  # type: ignore[attr-defined]  # where create_test_db will look for it
    kept = folder / "migrated"
    with _alone(kept) as users:
        users.touch()
        users.write_text(str(int(users.read_text() or 0) + 1))
        if connection.vendor == "sqlite":
            _copy_file(kept, Path(name))
        else:
            _copy_database(_of(folder), name)
    try:
        yield
    finally:
        connection.close()
        with _alone(kept) as users:
            left = int(users.read_text()) - 1
            users.write_text(str(left))
            sqlite = connection.vendor == "sqlite"
            for database in (name, *([] if left else [str(kept) if sqlite else _of(folder)])):
                if sqlite:
                    _remove_file(database)
                else:
                    _ask(f'DROP DATABASE IF EXISTS "{database}"')


@contextlib.contextmanager
def _alone(kept: Path) -> Iterator[Path]:
    """One process at a time; the file that counts them."""
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield kept.with_suffix(".users")


def _of(folder: Path) -> str:
    return f"migrated_{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


def _copy_file(kept: Path, target: Path) -> None:
    if not kept.exists():
        draft = kept.with_suffix(".draft")
        _migrate(str(draft))
        os.replace(draft, kept)  # the last connection is closed: nothing is left in a write-ahead log
    _remove_file(str(target))  # of a process that was killed: its write-ahead log would be read into the copy
    shutil.copyfile(kept, target)


def _remove_file(database: str) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(f"{database}{ending}").unlink(missing_ok=True)


def _copy_database(kept: str, target: str) -> None:
    if not _ask("SELECT 1 FROM pg_database WHERE datname = %s", kept):
        _ask(f'DROP DATABASE IF EXISTS "{kept}_draft"')
        _ask(f'CREATE DATABASE "{kept}_draft"')
        _migrate(f"{kept}_draft")
        _ask(f'ALTER DATABASE "{kept}_draft" RENAME TO "{kept}"')
    _ask(f'DROP DATABASE IF EXISTS "{target}"')
    _ask(f'CREATE DATABASE "{target}" TEMPLATE "{kept}"')


def _migrate(name: str) -> None:
    connection.close()
    before = connection.settings_dict["NAME"]
    connection.settings_dict["NAME"] = name
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def _ask(statement: str, *given: str) -> object:
    """One statement to the server itself, outside of every test database."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement, given or None)
        return cursor.fetchone() if cursor.description else None
