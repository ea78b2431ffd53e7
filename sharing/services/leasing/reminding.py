"""Reminding people of an end date, seven days and one day before it, on both sides."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from sharing.models import Actor, Grant, GrantState, Notice, User, Wanted
from sharing.services import notices
from sharing.services.granting.ends import next_reminder
from sharing.services.granting.wording import named, until
from sharing.services.history import record
from sharing.services.owning import owners_of

from .people import consumers_of

#: So many grants in one go; the next sweep takes the others.
_SLICE = 200


def remind(now: datetime) -> list[Notice]:
    """Queue the mail about every lease whose reminder is due; what was queued. Costs one query when none is.

    Whatever was missed while nothing ran is one reminder, not two: the next one is counted from now. Safe to run twice.
    """
    due = Grant.objects.filter(state=GrantState.ACTIVE, wanted=Wanted.PRESENT, remind_at__lte=now)
    rows = due.select_related("policy__function__account").order_by("remind_at", "id")[:_SLICE]
    return [notice for grant in rows for notice in _remind(grant, now)]


def _remind(grant: Grant, now: datetime) -> list[Notice]:
    ends_at = grant.ends_at
    following = next_reminder(ends_at, after=now)
    with transaction.atomic():
        unchanged = Grant.objects.filter(pk=grant.pk, remind_at=grant.remind_at, ends_at=ends_at, state=GrantState.ACTIVE)
        if not unchanged.update(remind_at=following) or ends_at is None or ends_at <= now:
            return []
        days = 1 if ends_at - now <= timedelta(days=1) else 7
        sides = dict.fromkeys(owners_of(grant.policy.function), "owner")
        for person in consumers_of(grant):
            sides.setdefault(person, "consumer")
        wanting = {person: side for person, side in sides.items() if person.reminders}
        queued = [notice for person, side in wanting.items() if (notice := _queue(grant, ends_at, days, person, side))]
        if queued:
            people = f"{len(queued)} {'person' if len(queued) == 1 else 'people'}"
            text = f"Reminded {people} of its end: {named(grant)}, {until(ends_at)}."
            record("grant.reminded", text, by=Actor.system(), grant=grant)
    return queued


def _queue(grant: Grant, ends_at: datetime, days: int, person: User, side: str) -> Notice | None:
    end = ends_at.isoformat()
    return notices.queue(
        "lease-ending",
        to=person.email,
        person=person,
        grant=grant,
        detail={"ends_at": end, "side": side, "days": days},
        once=f"lease-{days}:{grant.pk}:{end}:{person.email}",
    )
