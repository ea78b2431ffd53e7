"""Sending mail: the words are written when it leaves, from the rows as they are then."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone

from sharing.models import Notice, NoticeState

from .leasing import letters as leases
from .letters import Letter
from .requesting import letters as requests
from .signing import letters as signing

__all__ = ["KINDS", "Letter", "send"]

log = structlog.get_logger(__name__)

#: Waiting times after a failed try; after the last one the notice is given up and says so.
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 60, 240, 720))


#: What writes each kind; None: it is not needed any more (the invitation was cancelled meanwhile, the lease extended).
KINDS: dict[str, Callable[[Notice], Letter | None]] = {
    "second-factor": signing.second_factor,
    "break-glass": signing.break_glass,
    "sso-linked": signing.sso_linked,
    "lease-ending": leases.ending,
    "lease-overdue": leases.overdue,
    "approval-asked": leases.approval,
    "request-made": requests.made,
    "request-decided": requests.decided,
}


def send(pk: uuid.UUID | str) -> bool:
    """Send the notice if it is due; whether it was sent now. A mail server that does not answer is tried again later.

    Safe to run twice and at the same time: whoever counts the try up sends. A worker that dies in between sends it again:
    rather twice than never.
    """
    now = timezone.now()
    notice = (
        Notice.objects.due(now)
        .select_related("person", "invitation", "grant__policy__function__account", "access_request")
        .filter(pk=pk)
        .first()
    )
    if notice is None:
        return False
    wait = _WAITS[min(notice.tries, len(_WAITS) - 1)]
    mine = Notice.objects.filter(pk=pk, state=NoticeState.QUEUED, tries=notice.tries)
    if not mine.update(tries=notice.tries + 1, next_try_at=now + wait):
        return False
    held = Notice.objects.filter(pk=pk, state=NoticeState.QUEUED, tries=notice.tries + 1)
    letter = KINDS[notice.kind](notice)
    if letter is None:
        held.update(state=NoticeState.DROPPED, next_try_at=None)
        return False
    try:
        _message(letter, notice.to).send()
    except OSError as problem:  # smtplib's errors are OSErrors too
        log.warning("mail_not_sent", notice=str(pk), kind=notice.kind, problem=type(problem).__name__)
        over = notice.tries + 1 > len(_WAITS)
        failure = f"The mail server did not take it ({type(problem).__name__})."
        held.update(failure=failure, **({"state": NoticeState.FAILED, "next_try_at": None} if over else {}))
        return False
    held.update(state=NoticeState.SENT, sent_at=timezone.now(), subject=letter.subject[:300], failure="", next_try_at=None)
    return True


def _message(letter: Letter, to: str) -> EmailMultiAlternatives:
    context = {"public_url": settings.PUBLIC_URL, "subject": letter.subject, **letter.context}
    subject = " ".join(f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{letter.subject}".split())
    message = EmailMultiAlternatives(subject, render_to_string(f"{letter.template}.txt", context), to=[to])
    message.attach_alternative(render_to_string(f"{letter.template}.html", context), "text/html")
    return message
