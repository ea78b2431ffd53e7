"""`manage.py freeze [--reason TEXT]`: stops everything that gives access, also with the web process down."""

from argparse import ArgumentParser
from typing import Any

from sharing.models import Actor
from sharing.services import limits
from sharing.tasks import send_notice, soon

from ._output import Outcome, ShareCommand, when


class Command(ShareCommand):
    """One row: every worker sees it before its next write."""

    help = "Stop every write to AWS that gives access, until somebody unfreezes. Revokes and end dates go on."

    def arguments(self, parser: ArgumentParser) -> None:
        """--reason."""
        parser.add_argument("--reason", metavar="TEXT", default="", help="why; everybody reads it while it is frozen")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Freeze."""
        made, mail = limits.freeze(by=actor, reason=options["reason"])
        for notice in mail:
            soon(send_notice, notice.pk, queue="mail")
        item = {"id": made.pk, "began_at": made.began_at, "began_as": made.began_as, "reason": made.reason}
        return Outcome([item], [f"Frozen since {when(made.began_at)} by {made.began_as}. {limits.FREEZES}"])
