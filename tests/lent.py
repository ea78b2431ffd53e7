"""Migrated databases that demos of the tests lend each other: in its own folder each would make one anew."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from sharing.running import template

#: Where demos of the tests leave the migrated database for each other.
LENT = Path(tempfile.gettempdir()) / f"fnshare-tests-lent-{os.getuid()}"


def lend(folder: Path) -> None:
    """The migrated database that a demo before kept, if it fits: in its own folder each would make one anew."""
    fits = template.kept(LENT)
    if not (folder / fits.name).exists():
        with contextlib.suppress(FileNotFoundError):  # none yet, or another checkout's tests just kept theirs instead
            shutil.copyfile(fits, folder / fits.name)


def keep(folder: Path) -> None:
    """The migrated database of this demo's folder, for those after it; instead of any earlier one."""
    made = template.kept(folder)
    if not made.exists() or (LENT / made.name).exists():
        return
    LENT.mkdir(mode=0o700, exist_ok=True)
    draft = LENT / f"draft-{os.getpid()}"
    shutil.copyfile(made, draft)
    for outdated in LENT.glob("migrated-*.sqlite3"):
        outdated.unlink(missing_ok=True)
    draft.replace(LENT / made.name)
