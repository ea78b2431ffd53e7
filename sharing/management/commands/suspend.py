"""Suspend a share: take it away for a while."""

from argparse import ArgumentParser
from typing import Any

from sharing.models import Actor, GrantState
from sharing.services import granting
from sharing.tasks import reconcile_grant, soon

from ._grants import FIELDS, settled_outcome, the_live_grant
from ._output import Outcome, ShareCommand
from ._when import When, when_type


class Command(ShareCommand):
    """`manage.py suspend`."""

    help = (
        "Take a share made here away for a while, also while everything is frozen. A worker removes the statement from AWS and "
        f"re-reads the policy before it says suspended; `resume` writes the very same again. Items have: {FIELDS}."
    )
    waits = True

    def arguments(self, parser: ArgumentParser) -> None:
        """FUNCTION_ARN, which, why and until when."""
        parser.add_argument("function_arn", metavar="FUNCTION_ARN", help="full ARN; may end with an alias or version")
        parser.add_argument("--sid", required=True, metavar="S", help="the share with this statement id")
        parser.add_argument("--reason", required=True, metavar="TEXT", help="why, for the history")
        parser.add_argument(
            "--until",
            type=when_type,
            default=None,
            metavar="WHEN",
            help="resumed by itself then (+4h, +7d, 2027-02-21); else by hand",
        )

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Decide, tell a worker, wait if asked."""
        until: When | None = options["until"]
        grant = the_live_grant(options, by=actor)
        grant = granting.suspend(grant, by=actor, reason=options["reason"], until=until.at if until else None)
        soon(reconcile_grant, grant.pk)
        return settled_outcome(self, grant, options, good=GrantState.SUSPENDED)
