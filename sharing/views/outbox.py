"""The demo's mailbox: everybody's mail, for everybody. It exists only where DEMO_OUTBOX is set, which only the demo does."""

from __future__ import annotations

import email
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import default as modern
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

P = ParamSpec("P")

SHOWN = 200
_LARGEST = 1_000_000
#: What Django's file backend writes after each message.
_BETWEEN = b"\n" + b"-" * 79 + b"\n"


@dataclass(frozen=True)
class Mail:
    """One mail as it lies in the folder. `name`: its file's, without the ending, and its place in that file."""

    name: str
    at: datetime
    to: str
    sender: str
    subject: str
    text: str
    html: str


def in_the_demo(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Anywhere else the address is one that does not exist, whoever asks and however."""
    safe = require_safe(view)

    @csrf_exempt  # nothing is changed; and without it a POST would tell this address from those that do not exist
    @login_not_required
    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not settings.DEMO_OUTBOX:
            raise Http404
        return safe(request, *args, **kwargs)

    return guarded


@in_the_demo
def outbox(request: HttpRequest) -> HttpResponse:
    """Every mail, the newest first."""
    return render(request, "outbox/list.html", {"mails": list(islice(_mails(), SHOWN)), "most": SHOWN})


@in_the_demo
def outbox_message(request: HttpRequest, name: str) -> HttpResponse:
    """One mail: its text with its links, and the source of its HTML, which is never rendered."""
    # The name is compared with what lies in the folder, never made into a path.
    mail = next((mail for mail in _mails() if mail.name == name), None)
    if mail is None:
        raise Http404
    return render(request, "outbox/message.html", {"mail": mail})


def _mails() -> Iterator[Mail]:
    """The newest first. What one process sends within a second may share a file."""
    for file in _files():
        with file.open("rb") as opened:
            messages = [raw for raw in opened.read(_LARGEST).split(_BETWEEN) if raw.strip()]
        at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
        for number in reversed(range(len(messages))):
            yield _read(messages[number], f"{file.stem}-{number + 1}", at)


def _files() -> list[Path]:
    folder = Path(settings.DEMO_OUTBOX)
    try:
        found = [file for file in folder.iterdir() if file.suffix == ".log" and file.is_file() and not file.is_symlink()]
        return sorted(found, key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)
    except FileNotFoundError:  # nothing was sent yet
        return []


def _read(raw: bytes, name: str, at: datetime) -> Mail:
    message = email.message_from_bytes(raw, policy=modern)
    if not isinstance(message, EmailMessage):
        raise TypeError("The modern policy makes EmailMessages.")
    return Mail(
        name=name,
        at=at,
        to=str(message.get("To", "")),
        sender=str(message.get("From", "")),
        subject=str(message.get("Subject", "")),
        text=_body(message, "plain"),
        html=_body(message, "html"),
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    try:
        return str(part.get_content()).strip() if part is not None else ""
    except (LookupError, ValueError):  # a character set that nobody knows
        return "This part of the mail cannot be read."
