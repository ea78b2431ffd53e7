"""Resume a suspended share."""

from argparse import ArgumentParser
from typing import Any

from sharing.models import Actor, GrantState
from sharing.services import granting
from sharing.services.errors import Refusal
from sharing.tasks import reconcile_grant, soon

from ._grants import FIELDS, settled_outcome, the_live_grant
from ._output import Outcome, ShareCommand


class Command(ShareCommand):
    """`manage.py resume`."""

    help = (
        "Write the statement of a suspended share again, exactly as it was. Everything is judged anew; what does not come back "
        f"stays suspended and says why. Items have: {FIELDS}."
    )
    waits = True

    def arguments(self, parser: ArgumentParser) -> None:
        """FUNCTION_ARN and which."""
        parser.add_argument("function_arn", metavar="FUNCTION_ARN", help="full ARN; may end with an alias or version")
        parser.add_argument("--sid", required=True, metavar="S", help="the share with this statement id")
        parser.add_argument("--confirm-role", action="store_true", help="the role or user of this name today is meant")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Decide, tell a worker, wait if asked."""
        grant = the_live_grant(options, by=actor)
        try:
            grant = granting.resume(grant, by=actor, confirm_role=options["confirm_role"])
        except Refusal as refusal:
            if refusal.code == "confirm-role":
                refusal.next = "If the one of this name today is meant, repeat with --confirm-role."
            raise
        soon(reconcile_grant, grant.pk)
        return settled_outcome(self, grant, options, good=GrantState.ACTIVE)
