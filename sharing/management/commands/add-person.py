"""`manage.py add-person EMAIL --role ROLE`: somebody who may sign in."""

import sys
from argparse import ArgumentParser
from typing import Any

from sharing.models import Actor, Role
from sharing.services import people
from sharing.services.errors import Refusal
from sharing.services.signing import ways

from ._output import Outcome, ShareCommand, account_id


class Command(ShareCommand):
    """Adds a person; prints a link to set the password, unless one is read from standard input."""

    help = "Add a person who may sign in. Prints a link at which they set their password."

    def arguments(self, parser: ArgumentParser) -> None:
        """EMAIL, role, scope, name."""
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument(
            "--role",
            required=True,
            choices=Role.values,
            help="admin: everything; owner: shares and revokes; auditor: sees, changes nothing",
        )
        parser.add_argument(
            "--account",
            dest="accounts",
            metavar="ACCOUNT_ID",
            type=account_id,
            nargs="+",
            action="extend",
            default=[],
            help="see only these accounts (default: every account; admins always see every account)",
        )
        parser.add_argument("--name", default="", help="the name that others read")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input instead of printing a link"
        )

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Add them."""
        password = None
        if options["password_stdin"]:
            password = sys.stdin.readline().rstrip("\r\n")
            if not password:
                raise Refusal(
                    "There is no password on standard input.", next="Pipe one in, or leave --password-stdin out.", code="usage"
                )
        accounts = people.find_accounts(options["accounts"], by=actor)
        person = people.add_person(
            options["email"],
            role=options["role"],
            name=options["name"],
            every_account=not accounts,
            accounts=accounts,
            password=password,
            by=actor,
        )
        scope = "every account" if person.every_account else ", ".join(account.number for account in accounts)
        item = {
            "id": person.pk,
            "email": person.email,
            "name": person.name,
            "role": person.role,
            "accounts": None if person.every_account else [account.number for account in accounts],
            "password_link": None,
        }
        lines = [f"{person.email} was added as {person.role}; scope: {scope}."]
        if password is None and not ways.password_open(person):
            lines.append(f"They sign in through {ways.provider_name()}.")
        elif password is None:
            item["password_link"] = link = people.password_link(person)
            lines += ["Set the password here (once, within three days):", link]
        return Outcome([item], lines)
