"""What the findings do not know, in a few lines: the first line of every list, export and command."""

from __future__ import annotations

from sharing.models import Actor
from sharing.services.gaps import lines
from sharing.services.syncing import Covered, coverage

_MOST = 6


def summary(by: Actor) -> tuple[str, ...]:
    """One sentence that sums up, then a line for each gap (the rest counted)."""
    rows = coverage(by)
    complete = sum(row.complete for row in rows)
    regions = "1 region" if len(rows) == 1 else f"{len(rows):,} regions"
    unread = sum(row.unread_policies for row in rows)
    head = f"Coverage: {complete:,} of {regions} read completely" + (f", {unread:,} policies unread" if unread else "") + "."
    if not rows:
        head = "Coverage: no account is connected, so nothing was read."
    gaps = [line for line in lines(rows) if line.covered != Covered.READ]
    said = [f"{line.account} {', '.join(line.regions[:3]) or 'every region'}: {line.reason.rstrip('.')}." for line in gaps]
    more = [f"And {len(said) - _MOST} more gaps: see Settings, Coverage."] if len(said) > _MOST else []
    return (head, *said[:_MOST], *more)
