"""What the demo's fresh database needs before people see it: tables, people, and the story.

`python -m sharing.running.story FOLDER [tell]` runs beside the starting processes of the demo and works through the same
commands that a person would type. The file FOLDER/migrated says that the database may be used.
"""

import json
import sys
from pathlib import Path
from typing import Any

import django
from django.core.management import get_commands

from sharing.running.demo import LOGINS
from sharing.running.prepare import prepare


def people() -> None:
    """Everybody who can sign in to the demo."""
    from sharing.models import User  # Django is set up by now

    for login in LOGINS:
        User.objects.create_user(
            login["email"], login["password"], role=login["role"], every_account=True, name=login["email"].split("@")[0]
        )


def tell(accounts: list[dict[str, Any]]) -> None:
    """Connect, sync and share, as the story has it."""
    if "connect" not in get_commands():
        return
    print(f"{len(accounts)} accounts")


def main(folder: Path, *, told: bool) -> None:
    """Prepare, then tell."""
    django.setup()
    prepare()
    (folder / "migrated").touch()
    people()
    if told:
        tell(json.loads((folder / "accounts.json").read_text()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), told="tell" in sys.argv[2:])
