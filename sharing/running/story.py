"""What the demo's fresh database needs before people see it: tables, people, and the story.

`python -m sharing.running.story HOME [tell]` runs beside the starting processes of the demo and works through the same
commands that a person would type. The files HOME/migrated and HOME/connected say how far it is.
"""

import contextlib
import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.contrib.auth.hashers import make_password
from django.core.management import call_command, get_commands
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
    "consumer@example.com": "Jo Tanaka",
}
#: What Robin shares: region/function, the rest of the command, its exit status (3: waits for a second person).
SHARES = (
    (
        "us-east-1/hello_world",
        ("--with", "Acme Retail", "--until", "+90d", "--reason", "Acme tries its first shared function"),
        0,
    ),
    ("us-east-1/address-verify:live", ("--with", "Globex", "--until", "+90d", "--reason", "Globex ships from May on"), 0),
    ("us-east-1/loyalty-points:live", ("--with", "Initech", "--until", "+3d", "--reason", "Trial for the loyalty team"), 0),
    ("us-east-1/session-cleanup", ("--with", "*", "--until", "+7d", "--reason", "Load test from everywhere"), 3),
)


def people() -> None:
    """Everybody who can sign in to the demo."""
    from sharing.models import Actor, User  # Django is set up by now
    from sharing.services.people import add_person

    operator = Actor.at_shell("make demo")
    for login in LOGINS:
        everything = login["role"] != "consumer"
        add_person(login["email"], role=login["role"], name=NAMES[login["email"]], every_account=everything, by=operator)
    # One hash for all of them: it is slow by design, and here everybody has the same password.
    User.objects.filter(email__in=NAMES).update(password=make_password(PASSWORD))


def connect(accounts: list[dict[str, Any]]) -> None:
    """Connect every account that has a role for us: the owner's functions are shared, the consumers check.

    Only the owners' roles are waited for, since the functions are read through them; the others are tried meanwhile.
    """
    for account in accounts:
        if account["kind"] == "owner":
            regions = [word for region in account["regions"] for word in ("--region", region)]
            roles = ["--role-arn", account["manager_role_arn"], "--external-id", account["external_id"]]
            do("connect", account["id"], "--name", account["name"], *roles, *regions)
    wait_until_tried(purpose="manager")
    for account in accounts:
        roles = []
        if account["kind"] == "consumer":
            roles += ["--checker-role-arn", account["checker_role_arn"], "--checker-external-id", account["external_id"]]
        if account["organization_role_arn"]:
            roles += ["--organization-role-arn", account["organization_role_arn"]]
            roles += ["--organization-external-id", account["organization_external_id"]]
        if account["invoker_role_arn"]:  # test invoke is off by itself; here people can try it
            roles += ["--invoker-role-arn", account["invoker_role_arn"]]
            roles += ["--invoker-external-id", account["invoker_external_id"]]
        if account["source_role_arn"]:  # so are source roles; where there is none, the wizard hands its steps over
            roles += ["--source-role-arn", account["source_role_arn"], "--source-external-id", account["source_external_id"]]
            roles += [word for arn in account["sources"] for word in ("--source", arn)]
        if roles:
            do("connect", account["id"], "--name", account["name"], *roles)
    join("consumer@example.com", next(account["id"] for account in accounts if account["kind"] == "consumer"))


def join(email: str, number: str) -> None:
    """That person acts for that account, whose role was just proved."""
    from sharing.models import Account, Actor, User
    from sharing.services.memberships import begin

    begin(User.objects.get(email=email), Account.objects.get(number=number), by=Actor.at_shell("make demo"))


def share(accounts: list[dict[str, Any]]) -> None:
    """Read the owner's functions, then share some of them, all at once, and wait until they are settled and checked."""
    from sharing.models import Check, Grant, GrantState

    do("sync", "--wait", "--pace-share", "1")
    wait_until_tried()
    if "share" not in get_commands():
        return
    owner = next(account for account in accounts if account["kind"] == "owner")
    for target, words, expected in SHARES:
        region, name = target.split("/")
        arn = f"arn:aws:lambda:{region}:{owner['id']}:function:{name}"
        do("share", arn, *words, "--by", "owner@example.com", expected=expected)
    under_way = Grant.objects.filter(state__in=(GrantState.PENDING, GrantState.GRANTING))
    wait_until(lambda: not under_way.exists() and not Check.objects.open().exists(), "The workers settled no share in time.")


def wait_until(ready: Callable[[], bool], otherwise: str, seconds: float = 60) -> None:
    """Poll rows; end the story with `otherwise` when they never get there."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            sys.exit(otherwise)
        time.sleep(0.05)


def wait_until_tried(**which: str) -> None:
    """Until every role (or those of one purpose) was tried. A role that was refused ends the story with why."""
    from sharing.models import Connection, ConnectionState

    untried = Connection.objects.filter(test_wanted_at__isnull=False, **which)
    wait_until(lambda: not untried.exists(), "The workers tried no role in time.")
    refused = Connection.objects.filter(state=ConnectionState.REFUSED).first()
    if refused is not None:
        sys.exit(f"{refused} was refused: {refused.failure}")


def do(*words: str, expected: int = 0) -> None:
    """A command as a person types it. Any other exit status than the expected one ends the story with what it said."""
    said = io.StringIO()
    status = 0
    with contextlib.redirect_stderr(said):
        try:
            call_command(*words)
        except SystemExit as end:
            status = int(end.code or 0)
    if status != expected:
        lines = said.getvalue().strip().splitlines() or ["it said nothing"]
        sys.exit(f"manage.py {words[0]}: exit {status}: {lines[-1]}")


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
    accounts = json.loads((home / "accounts.json").read_text())
    if told:
        connect(accounts)
    (home / "connected").touch()
    if told:
        share(accounts)


if __name__ == "__main__":
    main(Path(sys.argv[1]), told="tell" in sys.argv[2:])
