"""Sending the head of the chain outside, on schedule: to a file, to syslog or by mail (HISTORY_SHIP_TO).

What is outside cannot be made anew from inside: a history that was cut off or sealed anew does not fit it.
"""

from __future__ import annotations

import json
import os
import socket
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone

from sharing.models import Seal, Shipment

log = structlog.get_logger(__name__)

EVERY: Final = timedelta(hours=1)
_AFTER_FAILURE: Final = timedelta(minutes=5)
#: <facility auth, severity informational>, as RFC 5424 counts.
_PRIORITY: Final = 4 * 8 + 6


def due(now: datetime) -> bool:
    """Whether some destination has not got the newest seal within the hour."""
    return bool(settings.HISTORY_SHIP_TO) and any(_is_due(one, now) for one in settings.HISTORY_SHIP_TO)


def ship(now: datetime | None = None) -> int:
    """Send the newest seal to each destination that is due; how many got it. A failure is a row, and tried again. Twice at
    once sends it twice: rather so than never."""
    now = now or timezone.now()
    last = Seal.objects.order_by("number").last()
    sent = 0
    for destination in settings.HISTORY_SHIP_TO if last else ():
        if last is None or not _is_due(destination, now):
            continue
        failure = ""
        try:
            _send(destination, message(last, now))
        except OSError as problem:  # smtplib's errors are OSErrors too
            failure = f"{type(problem).__name__} {problem.strerror or ''}".strip()
            log.error("history_not_shipped", destination=destination, problem=failure)
        Shipment.objects.create(destination=destination, number=last.number, digest=last.digest, failure=failure[:300], at=now)
        sent += not failure
    return sent


def message(seal: Seal, now: datetime) -> str:
    """One line of JSON: enough to know the seal again, and to try its signature."""
    return json.dumps(
        {
            "fnshare": "history",
            "from": settings.PUBLIC_URL,
            "seal": seal.number,
            "line": seal.last,
            "digest": seal.digest,
            "at": seal.at.isoformat(),
            "key": seal.key,
            "signature": seal.signature,
            "sent": now.isoformat(timespec="seconds"),
        }
    )


def _is_due(destination: str, now: datetime) -> bool:
    last = Shipment.objects.filter(destination=destination).first()
    newest = Seal.objects.order_by("-number").values_list("number", flat=True).first()
    if newest is None:
        return False
    if last is None:
        return True
    if last.failure:
        return now >= last.at + _AFTER_FAILURE
    return newest > last.number and now >= last.at + EVERY


def _send(destination: str, text: str) -> None:
    """Raises OSError."""
    parts = urlsplit(destination)
    if parts.scheme == "file":
        with os.fdopen(os.open(parts.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640), "a") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
    elif parts.scheme == "syslog":
        said = f"<{_PRIORITY}>fnshare: {text}".encode()
        here = not parts.hostname
        with socket.socket(socket.AF_UNIX if here else socket.AF_INET, socket.SOCK_DGRAM) as out:
            out.settimeout(5)
            out.sendto(said, parts.path if here else (str(parts.hostname), parts.port or 514))
    else:
        subject = "[fnshare] The head of the history"
        body = f"Keep this. manage.py verify-history --shipped FILE compares it with the history as it is then.\n\n{text}\n"
        EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [parts.path]).send()
