"""An end date as people, files and scripts write it."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

_COUNTED = re.compile(r"\+(\d{1,6})([wdhm])", re.ASCII)
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
_FORMS = "Write ISO 8601 with an offset (2027-02-20T18:00:00+01:00), a date (2027-02-20, its end in UTC), or +90d, +4h."


@dataclass(frozen=True)
class When:
    """A moment. `counted`: it was given as a distance from now, so the same words mean another moment each time."""

    at: datetime
    counted: bool = False


def when(text: str) -> When:
    """The moment that the text means; a date means the end of that day, in UTC. Raises ValueError with what to write."""
    wanted = text.strip()
    counted = _COUNTED.fullmatch(wanted)
    try:
        if counted:
            return When(timezone.now() + timedelta(**{_UNITS[counted[2]]: int(counted[1])}), counted=True)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", wanted, re.ASCII):
            return When(datetime.combine(date.fromisoformat(wanted), time(23, 59, 59), UTC))
        moment = datetime.fromisoformat(wanted)
        moment_in_utc = moment.astimezone(UTC) if moment.tzinfo else None
    except OverflowError:
        raise ValueError(f"“{text[:40]}” is too far away. {_FORMS}") from None
    except ValueError:
        raise ValueError(f"“{text[:40]}” is not an end date. {_FORMS}") from None
    if moment_in_utc is None:
        raise ValueError(f"“{text[:40]}” has no offset from UTC: add one, such as Z or +01:00. {_FORMS}")
    return When(moment_in_utc)
