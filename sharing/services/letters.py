"""What a mail says, before it is sent: shared by the services that write letters and the one that sends them."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from sharing.models import User


@dataclass(frozen=True)
class Letter:
    """What one notice says. `template`: "mail/NAME" has NAME.txt and NAME.html. The context gets `public_url` too."""

    subject: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)


def link(name: str, *args: object, asking: str = "") -> str:
    """The whole address of a page, for a mail. `asking`: what comes after the question mark."""
    return f"{settings.PUBLIC_URL}{reverse(name, args=args)}{'?' if asking else ''}{asking}"


def moment_for(person: User | None, moment: datetime) -> str:
    """A moment in words, in the reader's time zone (UTC for somebody without one): "3 Dec 2026, 23:59 CET"."""
    try:
        zone = zoneinfo.ZoneInfo(person.time_zone if person else "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        zone = zoneinfo.ZoneInfo("UTC")
    local = timezone.localtime(moment, zone)
    return f"{local.day} {local:%b %Y, %H:%M} {local.tzname()}"
