"""Sending mail: the words are written when it leaves, from the rows as they are then."""

from __future__ import annotations

import smtplib
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from sharing.models import Notice, NoticeState

from . import passwords
from .inviting import writing as invitations
from .leasing import letters as leases
from .letters import Letter
from .limits import letters as freezes
from .quoting import one_line
from .requesting import letters as requests
from .signing import letters as signing
from .wiring import letters as wirings

__all__ = ["KINDS", "Letter", "send", "written"]

log = structlog.get_logger(__name__)

#: Waiting times after a failed try; after the last one the notice is given up and says so.
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 60, 240, 720))


#: What writes each kind; None: it is not needed any more (the invitation was cancelled meanwhile, the lease extended).
KINDS: dict[str, Callable[[Notice], Letter | None]] = {
    "invitation": invitations.invited,
    "invitation-accepted": invitations.accepted,
    "invitation-to-confirm": invitations.to_confirm,
    "invitation-declined": invitations.declined,
    "invitation-expired": invitations.expired,
    "password-reset": passwords.letter,
    "second-factor": signing.second_factor,
    "break-glass": signing.break_glass,
    "sso-linked": signing.sso_linked,
    "lease-ending": leases.ending,
    "lease-overdue": leases.overdue,
    "approval-asked": leases.approval,
    "frozen": freezes.frozen,
    "unfrozen": freezes.unfrozen,
    "request-made": requests.made,
    "request-decided": requests.decided,
    "wiring-step": wirings.step_waits,
    "wiring-step-waits": wirings.step_still_waits,
}
#: What else is noted once a mail of that kind has left.
LEFT: dict[str, Callable[[Notice, datetime], None]] = {"invitation": invitations.left}


def send(pk: uuid.UUID | str) -> bool:
    """Send the notice if it is due; whether it was sent now. A mail server that does not answer is tried again later.

    What a server refuses for good fails at once and says so. Safe to run twice and at the same time: whoever counts the try
    up sends. A worker that dies in between sends it again: rather twice than never; one that dies each time is given up.
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
    if notice.tries > len(_WAITS):
        mine = Notice.objects.filter(pk=pk, state=NoticeState.QUEUED, tries=notice.tries)
        return _over(mine, notice.failure or "Each try to send it ended before the mail server had answered.")
    wait = _WAITS[min(notice.tries, len(_WAITS) - 1)]
    mine = Notice.objects.filter(pk=pk, state=NoticeState.QUEUED, tries=notice.tries)
    if not mine.update(tries=notice.tries + 1, next_try_at=now + wait):
        return False
    held = Notice.objects.filter(pk=pk, state=NoticeState.QUEUED, tries=notice.tries + 1)
    if notice.kind not in KINDS:
        log.error("mail_of_unknown_kind", notice=str(pk), kind=notice.kind)
        return _over(held, f"This version of fnshare writes no mail of the kind {notice.kind}.")
    letter = KINDS[notice.kind](notice)
    if letter is None:
        held.update(state=NoticeState.DROPPED, next_try_at=None)
        return False
    try:
        _message(letter, notice.to).send()
    except OSError as problem:  # smtplib's errors are OSErrors too
        log.warning("mail_not_sent", notice=str(pk), kind=notice.kind, problem=type(problem).__name__)
        if refused := _refused_for_good(problem):
            return _over(held, refused)
        failure = f"The mail server did not take it ({type(problem).__name__})."
        if notice.tries + 1 > len(_WAITS):
            return _over(held, failure)
        held.update(failure=failure)
        return False
    except ValueError as problem:  # an address or a header that no mail can have
        log.error("mail_not_made", notice=str(pk), kind=notice.kind, problem=type(problem).__name__)
        return _over(held, "No mail can be made of it: the address or the subject has characters that mail forbids.")
    sent_at = timezone.now()
    held.update(state=NoticeState.SENT, sent_at=sent_at, subject=letter.subject[:300], failure="", next_try_at=None)
    if notice.kind in LEFT:
        LEFT[notice.kind](notice, sent_at)
    return True


def _over(held: QuerySet[Notice, Notice], failure: str) -> bool:
    held.update(state=NoticeState.FAILED, failure=failure, next_try_at=None)
    return False


def _refused_for_good(problem: OSError) -> str:
    """What the server said, when no later try would be answered otherwise (5xx about the address or the mail); else "".

    A refused sign-in or sender is a matter of settings: that is tried again, so that mail leaves once they are right.
    """
    if isinstance(problem, smtplib.SMTPRecipientsRefused):
        answers = list(problem.recipients.values())
        if answers and all(code >= 500 for code, _ in answers):
            return f"The mail server refuses this address: {_said(*answers[0])}"
    if isinstance(problem, smtplib.SMTPDataError) and problem.smtp_code >= 500:
        return f"The mail server refuses this mail: {_said(problem.smtp_code, problem.smtp_error)}"
    return ""


def _said(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return one_line(f"{code} {text}", 200)


def written(letter: Letter) -> tuple[str, str, str]:
    """Subject, text and HTML, as they leave: a preview shows exactly these."""
    context = {"public_url": settings.PUBLIC_URL, "subject": letter.subject, **letter.context}
    subject = one_line(f"{settings.ACCOUNT_EMAIL_SUBJECT_PREFIX}{letter.subject}", 200)
    text = render_to_string(f"{letter.template}.txt", context)
    return subject, text, render_to_string(f"{letter.template}.html", context)


def _message(letter: Letter, to: str) -> EmailMultiAlternatives:
    subject, text, html = written(letter)
    # Nobody's "I am on holiday" answers it.
    message = EmailMultiAlternatives(subject, text, to=[to], headers={"Auto-Submitted": "auto-generated"})
    message.attach_alternative(html, "text/html")
    return message
