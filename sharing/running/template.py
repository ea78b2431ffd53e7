"""A migrated, empty SQLite database, kept from start to start: making its tables anew takes seconds.

It is used only while it fits: its name is a digest of all migrations, the settings, and the pinned packages.
"""

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sharing.running.install import CHECKOUT

DATABASE = "fnshare.sqlite3"


def kept(folder: Path) -> Path:
    """Where in the folder the one that fits is, or would be."""
    digest = hashlib.sha256()
    decisive = [*sorted((CHECKOUT / "sharing" / "migrations").glob("*.py")), CHECKOUT / "sharing" / "settings.py"]
    for path in [*decisive, CHECKOUT / "constraints.txt"]:
        digest.update(path.name.encode() + path.read_bytes())
    return folder / f"migrated-{digest.hexdigest()[:16]}.sqlite3"


def copy(folder: Path, home: Path) -> bool:
    """Give a fresh run in `home` the database kept in `folder`, and say so by `home`/migrated; False when none fits."""
    made = kept(folder)
    if not made.exists():
        return False
    shutil.copyfile(made, home / DATABASE)
    (home / "migrated").touch()
    return True


def keep(folder: Path, home: Path) -> None:
    """Keep a copy of the database that was just migrated in `home`, instead of any earlier one."""
    for outdated in folder.glob("migrated-*.sqlite3"):
        outdated.unlink(missing_ok=True)
    draft = home / "template.sqlite3"
    with closing(sqlite3.connect(home / DATABASE)) as database:
        database.execute("VACUUM INTO ?", (str(draft),))
    draft.replace(kept(folder))
