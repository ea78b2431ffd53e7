"""The whole history as a file that can be verified anywhere."""

import os
from argparse import ArgumentParser
from typing import Any

from sharing.models import Actor
from sharing.services import sealing
from sharing.services.errors import NotPermitted, Refusal

from ._output import Outcome, ShareCommand


class Command(ShareCommand):
    """`manage.py export-history FILE`."""

    help = (
        "Write every line and every seal of the history to a new file, a JSON object a line. manage.py verify-history --export "
        "FILE verifies it without the database. One item: file, lines, seals."
    )
    acts = False

    def arguments(self, parser: ArgumentParser) -> None:
        """FILE."""
        parser.add_argument("file", metavar="FILE", help="a file that is not there yet; only you can read it")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Write it."""
        if not actor.sees_every_account:
            raise NotPermitted("Only somebody who sees every account can export the whole history.")
        name = options["file"]
        try:
            with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                lines, seals = sealing.export(file)
        except OSError as problem:
            raise Refusal(f"{name} cannot be written: {problem.strerror}.", code="usage") from None
        return Outcome([{"file": name, "lines": lines, "seals": seals}], [f"{lines} lines and {seals} seals are in {name}."])
