"""Whether history is as it was sealed."""

from typing import Any

from sharing.models import Actor
from sharing.services import sealing
from sharing.services.errors import NotPermitted

from ._output import Outcome, Problem, ShareCommand, when


class Command(ShareCommand):
    """`manage.py verify-history`."""

    help = (
        "Compute every seal of the history again. Exit 1 when a line was changed, removed or slipped in since it was "
        "sealed. One item: seals, events, unsealed (too young to be sealed), last {number, digest, at, line}, problems."
    )
    acts = False

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Read rows, change nothing."""
        if not actor.sees_every_account:
            raise NotPermitted("Only somebody who sees every account can verify the whole history.")
        found = sealing.verify()
        last = found.last
        item = {
            "seals": found.seals,
            "events": found.events,
            "unsealed": found.unsealed,
            "last": {"number": last.number, "digest": last.digest, "at": last.at, "line": last.last} if last else None,
            "problems": list(found.problems),
        }
        lines = [*found.problems]
        if last is not None:
            lines.append(f"Seals: {found.seals}, the last of {when(last.at)} up to line {last.last}: {last.digest}")
        lines.append(f"Lines sealed: {found.events}, too young to be sealed: {found.unsealed}.")
        if found.problems:
            said = f"History is not as it was sealed: {len(found.problems)} problem{'s' * (len(found.problems) != 1)}."
            return Outcome([item], lines, Problem("tampered", said, "Compare with a backup and with printed evidence reports."))
        lines.append("History is as it was sealed." if last else "Nothing is sealed yet.")
        return Outcome([item], lines)
