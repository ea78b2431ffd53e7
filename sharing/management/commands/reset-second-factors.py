"""`manage.py reset-second-factors EMAIL`: for the admin who lost theirs, when there is no other to ask."""

from argparse import ArgumentParser
from typing import Any

from sharing.models import Actor, User
from sharing.services.errors import NotFound
from sharing.services.signing import factors
from sharing.tasks import send_notice, soon

from ._output import Outcome, ShareCommand


class Command(ShareCommand):
    """Removes app, passkeys and recovery codes; the person is told by mail."""

    help = "Remove the second factors of somebody who lost theirs."

    def arguments(self, parser: ArgumentParser) -> None:
        """EMAIL."""
        parser.add_argument("email", metavar="EMAIL")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Remove them."""
        email = options["email"].strip().lower()
        person = User.objects.filter(email=email).first()
        if person is None:
            raise NotFound(email, next="Check the spelling: Settings, People lists everybody.")
        notice = factors.reset(person, by=actor)
        soon(send_notice, notice.pk, queue="mail")
        return Outcome([{"email": person.email}], [f"The second factors of {person.email} were removed."])
