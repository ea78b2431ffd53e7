"""The moment a question is about, as people write it: a day, a date and time, or nothing for now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo

from django.db.models import Min
from django.utils import timezone

from sharing.models import Actor, PolicyVersion, Sync
from sharing.services.errors import Refusal
from sharing.services.gaps import utc

_FORMS = "Write a day (2026-11-05: its end), or a date and time such as 2026-11-05T18:00 or 2026-11-05T18:00:00+01:00."


@dataclass(frozen=True)
class Moment:
    """`at` None: as last read. `text`: as it was written; it asks the same again. `day`: a whole day was asked for."""

    at: datetime | None = None
    text: str = ""
    day: date | None = None


def moment(text: str, *, by: Actor, zone: tzinfo | None = None, field: str = "as_of") -> Moment:
    """Read it; without an offset in `zone` (the person's). A day means its end, today means now.

    Raises Refusal for what is no date, has not come yet, or lies before the first read of anything in scope.
    """
    wanted = text.replace("\x00", "").strip()
    if not wanted:
        return Moment()
    zone = zone or timezone.get_current_timezone()
    now = timezone.now()
    shown = wanted[:40]
    try:
        day = date.fromisoformat(wanted) if len(wanted) == 10 else None
        if day is not None:
            at = datetime.combine(day, time(23, 59, 59), zone)
        else:
            at = datetime.fromisoformat(wanted)
            at = at if at.tzinfo else at.replace(tzinfo=zone)
        at = at.astimezone(zone)
        utc(at)
    except (ValueError, OverflowError):
        raise Refusal(f"“{shown}” is no date.", next=_FORMS, code="invalid", field=field) from None
    if day is not None and day == now.astimezone(zone).date():
        return Moment(None, wanted, day)
    if at > now:
        raise Refusal(
            f"{shown} has not come yet.", next="Ask about now, or about a day in the past.", code="invalid", field=field
        )
    first = _first_read(by)
    if first is None or at < first:
        when = f"before {utc(first)}" if first else "yet"
        raise Refusal(
            f"Nothing was read {when}: nobody here knows who could invoke what on {shown}.",
            next="Ask about a later moment." if first else "Start a sync, then ask about now.",
            code="not-read-then",
            field=field,
        )
    return Moment(at, wanted, day)


def _first_read(by: Actor) -> datetime | None:
    """The first read of anything in scope."""
    synced = Sync.objects.visible_to(by).complete().aggregate(at=Min("started_at"))["at"]
    if synced is not None:
        return synced  # type: ignore[no-any-return]  # an aggregate's values are not typed
    versions = PolicyVersion.objects.all()
    if not by.sees_every_account:
        versions = versions.filter(policy__function__account__people=by.person)
    found: datetime | None = versions.aggregate(at=Min("first_seen_at"))["at"]
    return found
