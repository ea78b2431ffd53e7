"""`manage.py unfreeze [--reason TEXT]`: lets what gives access go on."""

from argparse import ArgumentParser
from typing import Any

from sharing.models import Actor
from sharing.services import limits
from sharing.tasks import send_notice, soon, sweep

from ._output import Outcome, ShareCommand, when


class Command(ShareCommand):
    """Ends the freeze; what waited goes on."""

    help = "End a freeze: what was asked for meanwhile is written to AWS now."

    def arguments(self, parser: ArgumentParser) -> None:
        """--reason."""
        parser.add_argument("--reason", metavar="TEXT", default="", help="why it goes on; history keeps it")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Unfreeze."""
        ended, mail = limits.unfreeze(by=actor, reason=options["reason"])
        for notice in mail:
            soon(send_notice, notice.pk, queue="mail")
        soon(sweep, "1")
        item = {"id": ended.pk, "began_at": ended.began_at, "ended_at": ended.ended_at, "ended_as": ended.ended_as}
        return Outcome([item], [f"The freeze of {when(ended.began_at)} is over. What waited goes on."])
