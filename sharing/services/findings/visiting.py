"""What is new to a person: whatever came since they last looked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sharing.models import Actor, FindingVisit

#: Looks closer together than this are one visit.
ONE_VISIT = timedelta(minutes=30)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def new_since(by: Actor, *, now: datetime) -> datetime:
    """Since when a finding counts as new to this person; everything is new to somebody who never looked."""
    if by.person is None:
        return LONG_AGO
    visit = FindingVisit.objects.filter(person=by.person).first()
    if visit is None:
        return LONG_AGO
    return (visit.before or LONG_AGO) if now - visit.at < ONE_VISIT else visit.at


def looked(by: Actor, *, now: datetime) -> None:
    """The person has the list before them."""
    if by.person is None:
        return
    visit, first = FindingVisit.objects.get_or_create(person=by.person, defaults={"at": now})
    if first:
        return
    if now - visit.at >= ONE_VISIT:
        visit.before = visit.at
    visit.at = now
    visit.save(update_fields=["at", "before"])


def seen_all(by: Actor, *, now: datetime) -> None:
    """Nothing is new any more, as the person says."""
    if by.person is not None:
        FindingVisit.objects.update_or_create(person=by.person, defaults={"at": now, "before": now})
