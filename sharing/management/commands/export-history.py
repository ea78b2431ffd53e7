"""The whole history as a file that can be verified anywhere."""

import os
from argparse import ArgumentParser
from pathlib import Path
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
            made = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as problem:
            raise _unwritten(name, problem) from None
        try:
            with os.fdopen(made, "w") as file:
                lines, seals = sealing.export(file)
        except BaseException as problem:
            # Half a history would be taken for a whole one, and stand in the way of the next try.
            Path(name).unlink(missing_ok=True)
            if isinstance(problem, OSError):
                raise _unwritten(name, problem) from None
            raise
        return Outcome([{"file": name, "lines": lines, "seals": seals}], [f"{lines} lines and {seals} seals are in {name}."])


def _unwritten(name: str, problem: OSError) -> Refusal:
    next_step = "Name a file that is not there yet, in a folder that you may write to, with room on its disk."
    return Refusal(f"{name or 'A file without a name'} cannot be written: {problem.strerror}.", next=next_step, code="usage")
