"""How many findings there are each day: kept by the sweep, so that the chart needs no history of every finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q, Sum

from sharing.models import Account, Actor, Finding, FindingCount, FindingState, Weight


@dataclass(frozen=True)
class Day:
    """One day's counts at its last counting: open ones by weight, and accepted ones."""

    day: date
    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0
    accepted: int = 0

    @property
    def open(self) -> int:
        """All that are open."""
        return self.critical + self.high + self.medium + self.low


def count_today(now: datetime) -> None:
    """Count what is open and accepted, by account and altogether, as today's numbers."""
    accepted = Q(accepted_until__gt=now)
    rows = (
        Finding.objects.filter(state=FindingState.OPEN)
        .order_by()
        .values("account", "severity")
        .annotate(open=Count("pk", filter=~accepted | Q(accepted_until=None)), accepted=Count("pk", filter=accepted))
    )
    today = now.date()
    totals = {int(weight): [0, 0] for weight in Weight}
    counts = []
    for row in rows:
        weight, many, borne = row["severity"], row["open"], row["accepted"]
        totals[weight][0] += many
        totals[weight][1] += borne
        if row["account"] is not None:
            counts.append(FindingCount(day=today, account_id=row["account"], severity=weight, open=many, accepted=borne))
    counts += [FindingCount(day=today, severity=weight, open=one[0], accepted=one[1]) for weight, one in totals.items()]
    with transaction.atomic():
        FindingCount.objects.filter(day=today).delete()
        FindingCount.objects.bulk_create(counts, batch_size=500)


def days(by: Actor, *, now: datetime, length: int = 90) -> Sequence[Day]:
    """The counted days in the actor's scope, oldest first, the last as it is now. Days that nobody counted are left out."""
    today = now.date()
    rows = FindingCount.objects.filter(day__lt=today, day__gt=today - timedelta(days=length))
    if by.active and by.sees_every_account:
        rows = rows.filter(account=None)
    else:
        rows = rows.filter(account__in=Account.objects.visible_to(by))
    found: dict[date, dict[str, int]] = {}
    for row in rows.order_by().values("day", "severity").annotate(many=Sum("open"), borne=Sum("accepted")):
        day = found.setdefault(row["day"], {"accepted": 0})
        day[Weight(row["severity"]).name.lower()] = row["many"]
        day["accepted"] += row["borne"]
    return [*(Day(day, **counts) for day, counts in sorted(found.items())), _now(by, now)]


def _now(by: Actor, now: datetime) -> Day:
    mine = Finding.objects.visible_to(by)
    counts = dict(mine.open(now).order_by().values_list("severity").annotate(many=Count("pk")))
    by_word = {Weight(weight).name.lower(): many for weight, many in counts.items()}
    return Day(now.date(), accepted=mine.accepted(now).count(), **by_word)
