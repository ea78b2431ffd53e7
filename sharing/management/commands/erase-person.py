"""Erase the name of a person who left."""

from argparse import ArgumentParser
from typing import Any

from sharing.models import Actor, User
from sharing.services import erasing
from sharing.services.errors import NotFound, Refusal

from ._output import Outcome, ShareCommand


class Command(ShareCommand):
    """`manage.py erase-person EMAIL --for-good`."""

    help = (
        "Replace a person's e-mail address and full name everywhere, history included, by a name that says nothing; remove "
        "what signs them in. Seals still verify, and history says that it was done. It cannot be undone; backups and "
        "exports still hold the name. One item: name, rows, lines, sealed."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        """Whom, and that it is meant."""
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--for-good", action="store_true", help="without it nothing is done")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Erase it."""
        email = options["email"].strip().lower()
        person = User.objects.filter(email=email).first()
        if person is None:
            raise NotFound(email, next="Check the spelling: Settings, People lists everybody.")
        if not options["for_good"]:
            raise Refusal(
                f"This erases {email} from every row and from the history, and cannot be undone.",
                next="Say --for-good if that is meant.",
                code="usage",
            )
        gone = erasing.erase(person, by=actor)
        item = {"name": gone.name, "rows": gone.rows, "lines": gone.lines, "sealed": gone.sealed}
        said = f"The person is called {gone.name} now: in {gone.rows} rows and {gone.lines} lines of history."
        return Outcome([item], [said, "Backups, exports, mail and logs still hold the name."])
