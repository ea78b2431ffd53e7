"""End dates: when people are reminded of one, and how late it was kept."""

from __future__ import annotations

from datetime import datetime, timedelta

from sharing.models import Grant, GrantState, LayerGrant
from sharing.models.grant import MAY_HOLD_ACCESS

#: So long before the end people on both sides are reminded.
REMINDERS = (timedelta(days=7), timedelta(days=1))
#: AWS is to be seen without the statement this soon after the end date; later than that is said.
LATE = timedelta(seconds=60)


def next_reminder(ends_at: datetime | None, *, after: datetime) -> datetime | None:
    """The next moment at which people are to be reminded of this end; None when none lies ahead."""
    moments = [ends_at - before for before in REMINDERS] if ends_at else []
    return min((moment for moment in moments if moment > after), default=None)


def lateness(grant: Grant | LayerGrant) -> timedelta | None:
    """How long after its end date AWS was first seen without an expired grant; None when that was in time."""
    if grant.state != GrantState.EXPIRED or grant.ends_at is None or grant.settled_at is None:
        return None
    if isinstance(grant, Grant) and grant.suspended_at is not None:
        return None  # it was seen without it before
    late = grant.settled_at - grant.ends_at
    return late if late > LATE else None


def past_its_end(grant: Grant, now: datetime) -> bool:
    """Whether it should have ended, and AWS may still hold it: access still stands."""
    return grant.state in MAY_HOLD_ACCESS and grant.ends_at is not None and now - grant.ends_at > LATE


def spoken(span: timedelta) -> str:
    """A length of time as people say it: "2 min", "3 h 12 min", "5 days"."""
    minutes = round(span.total_seconds() / 60)
    if minutes < 60:
        return f"{max(1, minutes)} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(minutes / 60 / 24)} days"
