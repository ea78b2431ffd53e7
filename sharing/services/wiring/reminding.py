"""Reminding people of a step that waits for them, after three days and once more after ten."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from sharing.models import Notice, StepState, User, WiringStep
from sharing.services import notices

from . import settling
from .handing_over import REMINDER, REMINDERS, next_reminder, whose
from .words import named, step_named

#: So many steps in one go; the next sweep takes the others.
_SLICE = 200


def remind(now: datetime) -> list[Notice]:
    """Queue the mail about every step whose reminder is due; what was queued. Costs one query when none is.

    Whatever was missed while nothing ran is one reminder, not two. Safe to run twice.
    """
    due = WiringStep.objects.filter(state=StepState.ASKED, ours=False, wiring__abandoned_at=None, remind_at__lte=now)
    rows = due.select_related("wiring__function__account", "wiring__requested_by").order_by("remind_at", "id")[:_SLICE]
    return [notice for step in rows for notice in _remind(step, now)]


def _remind(step: WiringStep, now: datetime) -> list[Notice]:
    asked_at = step.asked_at
    if asked_at is None:
        raise AssertionError("Who is reminded was asked.")
    with transaction.atomic():
        unchanged = WiringStep.objects.filter(pk=step.pk, remind_at=step.remind_at, asked_at=asked_at, state=StepState.ASKED)
        following = next_reminder(asked_at, after=now)
        if not unchanged.update(remind_at=following):
            return []
        last = following is None
        people = [person for person in whose(step) if person.reminders]
        queued = [notice for person in people if (notice := _queue(step, asked_at, last, person))]
        if queued:
            many = "1 person" if len(queued) == 1 else f"{len(queued)} people"
            text = f"{named(step.wiring)}: {step_named(step)} waits since {asked_at:%Y-%m-%d}. Reminded {many} of it by mail."
            settling.tell("step-reminded", text, step.wiring, step=step)
    return queued


def _queue(step: WiringStep, asked_at: datetime, last: bool, person: User) -> Notice | None:
    days = REMINDERS[-1 if last else 0].days
    since = asked_at.isoformat()
    return notices.queue(
        REMINDER,
        to=person.email,
        person=person,
        detail={"step": str(step.pk), "asked_at": since, "last": last},
        once=f"{REMINDER}-{days}:{step.pk}:{since}:{person.email}",
    )
