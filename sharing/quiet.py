"""Quiet hours: when background work lets AWS and its owners be. A span of the day in a time zone that is named."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True)
class QuietHours:
    """From `start` to `end`, every day, by the clocks of `zone`; over midnight if the end is earlier."""

    start: time
    end: time
    zone: ZoneInfo

    def __str__(self) -> str:
        return f"{self.start:%H:%M} to {self.end:%H:%M} ({self.zone.key})"

    def covers(self, now: datetime) -> bool:
        """Whether it is quiet at that moment (aware). The end is not quiet any more."""
        clock = now.astimezone(self.zone).time()
        if self.start < self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end

    def ends(self, now: datetime) -> datetime:
        """The next moment at which the clocks show the end."""
        there = now.astimezone(self.zone)
        end = there.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        return end if end > there else end + timedelta(days=1)


def parse(text: str) -> QuietHours:
    """`08:00-18:00 Europe/Berlin`. Raises ValueError, whose text says what is wrong."""
    found = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)(?: (\S+))?", text)
    if found is None:
        raise ValueError("is no span of hours with a time zone")
    hour, minute, last_hour, last_minute = (int(one) for one in found.groups()[:4])
    try:
        start, end = time(hour, minute), time(last_hour, last_minute)
    except ValueError:
        raise ValueError("has an hour that no clock shows") from None
    if start == end:
        raise ValueError("begins and ends at the same time")
    name = found.group(5)
    if not name:
        raise ValueError("names no time zone")
    try:
        return QuietHours(start, end, ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"names a time zone that is not known ({name[:40]})") from None
