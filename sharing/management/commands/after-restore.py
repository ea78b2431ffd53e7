"""What has to be done between restoring a backup and starting the workers."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from sharing.models import Actor
from sharing.services import syncing
from sharing.services.errors import Refusal
from sharing.services.granting.wording import named
from sharing.services.operating import restoring

from ._output import Outcome, ShareCommand, when


class Command(ShareCommand):
    """`manage.py after-restore [--hold-leases HOURS]`."""

    help = (
        "Run it once after a backup was restored, before the workers start. Every policy is unread until it is read again; "
        "grants that waited are looked for in AWS and not written by themselves; reads of everything are asked for. One "
        "item: policies, wanted, unwanted, mapping_changes, invocations, bulks (paused), not_given (by undos of offboardings "
        "and accepted invitations), not_resumed (suspended until a day), syncs, leases (past their end: workers "
        "take them back when they start, unless --hold-leases says how many hours you want to look first)."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        """For how long leases are left alone."""
        parser.add_argument(
            "--hold-leases", type=_hours, default=timedelta(0), metavar="HOURS", help="leave leases past their end for so long"
        )

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Mark, count, ask for reads."""
        found = restoring.after_restore(by=actor, hold_leases=options["hold_leases"])
        try:
            syncs = len(syncing.request(by=actor))  # rows: no worker runs yet
        except Refusal:
            syncs = 0  # no account is connected
        leases = [{"id": str(one.pk), "what": named(one), "ends_at": one.ends_at} for one in found.leases]
        item = {
            "policies": found.policies,
            "wanted": found.wanted,
            "unwanted": found.unwanted,
            "mapping_changes": found.mapping_changes,
            "invocations": found.invocations,
            "bulks": found.bulks,
            "not_given": found.not_given,
            "not_resumed": found.not_resumed,
            "syncs": syncs,
            "leases": leases,
        }
        lines = [
            f"Policies that are unread until they are read again: {found.policies} ({syncs} reads are asked for)",
            f"Grants that waited, to be looked for and not written: {found.wanted}; to be taken back: {found.unwanted}",
            f"Changes of mappings that waited: {found.mapping_changes}, test invokes that are not made: {found.invocations}",
            f"Bulks that are paused until somebody resumes them: {found.bulks}; things that undos of offboardings or accepted "
            f"invitations had still to give, and do not: {found.not_given}",
            f"Suspended shares that had a day to come back on, and are resumed by hand only: {found.not_resumed}",
        ]
        lines += [f"Past its end ({when(one.ends_at)}): {named(one)}" for one in found.leases]
        lines.append("Start the workers now, then look at Coverage, Findings and Activity.")
        return Outcome([item], lines)


def _hours(text: str) -> timedelta:
    try:
        hours = float(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text[:40]}” is not a number of hours.") from None
    if not 0 <= hours <= 168:
        raise ArgumentTypeError("Give hours from 0 to 168.")
    return timedelta(hours=hours)
