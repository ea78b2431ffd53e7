"""Take what is kept long enough, now."""

from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from sharing.models import Actor
from sharing.services.errors import NotPermitted
from sharing.services.operating import retention

from ._output import Outcome, ShareCommand


class Command(ShareCommand):
    """`manage.py retain [--dry-run]`."""

    help = (
        "Remove answered checks, roll up quiet syncs and remove what else the environment says is kept long enough "
        "(KEEP_..._DAYS). A worker does it once a day. One item: checks, quiet_syncs, policy_versions."
    )
    acts = False

    def arguments(self, parser: ArgumentParser) -> None:
        """Only look."""
        parser.add_argument("--dry-run", action="store_true", help="say how many rows that is and change nothing")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Take it in batches, or count it."""
        if not actor.is_admin():
            raise NotPermitted("Only admins may do that.")
        now = timezone.now()
        found = retention.old(now) if options["dry_run"] else retention.retain(now, seconds=float("inf"))
        item = {"checks": found.checks, "quiet_syncs": found.quiet_syncs, "policy_versions": found.policy_versions}
        said = "would go" if options["dry_run"] else "gone"
        lines = [f"Checks {said}: {found.checks}", f"Quiet syncs rolled up into one a day: {found.quiet_syncs}"]
        lines.append(f"Contents of policies {said}: {found.policy_versions}")
        return Outcome([item], lines)
