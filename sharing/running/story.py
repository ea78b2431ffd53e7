"""What the demo's fresh database needs before people see it: tables, people, and the story.

`python -m sharing.running.story HOME [tell]` runs beside the starting processes of the demo and works through the same
commands that a person would type. The file HOME/migrated says that the database may be used.
"""

import json
import sys
from pathlib import Path
from typing import Any

import django
from django.contrib.auth.hashers import make_password
from django.core.management import get_commands
from django.db import connection

from sharing.running import template
from sharing.running.demo import LOGINS, PASSWORD
from sharing.running.prepare import prepare
from sharing.running.static import collect

NAMES = {
    "admin@example.com": "Noor Haddad",
    "owner@example.com": "Robin Vega",
    "second-owner@example.com": "Sam Okafor",
    "auditor@example.com": "Kim Larsen",
}


def people() -> None:
    """Everybody who can sign in to the demo."""
    from sharing.models import Actor, User  # Django is set up by now
    from sharing.services.people import add_person

    operator = Actor.at_shell("make demo")
    for login in LOGINS:
        add_person(login["email"], role=login["role"], name=NAMES[login["email"]], every_account=True, by=operator)
    # One hash for all of them: it is slow by design, and here everybody has the same password.
    User.objects.filter(email__in=NAMES).update(password=make_password(PASSWORD))


def tell(accounts: list[dict[str, Any]]) -> None:
    """Connect, sync and share, as the story has it."""
    if "connect" not in get_commands():
        return
    print(f"{len(accounts)} accounts")


def main(home: Path, *, told: bool) -> None:
    """Prepare, then tell."""
    django.setup()
    migrated = home / "migrated"
    if migrated.exists():
        collect()
    else:
        prepare()
        if connection.vendor == "sqlite":
            template.keep(home.parent, home)
        migrated.touch()
    people()
    if told:
        tell(json.loads((home / "accounts.json").read_text()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), told="tell" in sys.argv[2:])
