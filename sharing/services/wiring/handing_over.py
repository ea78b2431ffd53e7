"""A step that waits for people: those whom fnshare knows are told by mail, and reminded twice while it waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from sharing.models import Notice, Role, User, WiringStep
from sharing.policy.wiring import Side
from sharing.services import notices
from sharing.services.owning import MOST, owners_of

from .rights import lost_by_responsible

KIND: Final = "wiring-step"
REMINDER: Final = "wiring-step-waits"
#: After so long somebody is reminded; the last time is the last.
REMINDERS: Final = (timedelta(days=3), timedelta(days=10))


def next_reminder(asked_at: datetime, *, after: datetime) -> datetime | None:
    """The next moment at which people are to be reminded of a step that waits since then; None when none lies ahead."""
    return min((asked_at + since for since in REMINDERS if asked_at + since > after), default=None)


def whose(step: WiringStep) -> list[User]:
    """Who has to do a step that is handed over, as far as fnshare knows them: those who act for the source's account, or for
    a step of the owner's own side whoever asked for the wiring; the function's owners once that person may not any more."""
    if step.side == Side.SOURCE:
        return list(User.objects.acting_for(step.account).exclude(role=Role.AUDITOR)[:MOST]) if step.account else []
    asked = step.wiring.requested_by
    if asked is not None and not lost_by_responsible(step.wiring):
        return [asked]
    return owners_of(step.wiring.function)


def tell_theirs(step: WiringStep) -> list[Notice]:
    """Queue mail to those who act for the step's account and may say that it is done; what was queued.

    At most one a day about one step for each of them, however often it is handed over anew.
    """
    if step.side != Side.SOURCE:
        return []
    day = timezone.now().date().isoformat()
    queued = [
        notices.queue(
            KIND,
            to=person.email,
            person=person,
            detail={"step": str(step.pk)},
            once=f"{KIND}:{step.pk}:{day}:{person.email}",
        )
        for person in whose(step)
    ]
    return [notice for notice in queued if notice is not None]
