"""What is kept for how long (settings.KEEP): removed in small transactions, safe to kill anywhere and to run twice.

- Answered checks go after 90 days; the last answer about each grant or principal stays.
- Quiet reads (complete, nothing changed, nothing unread) older than 30 days are rolled up: one row for each day and place,
  which says for how many it stands. The first read of each place stays as it is.
- Contents of policies stay for ever, unless the environment says otherwise. Then a content goes when another one had taken
  its place before the cut; what is left reads as if it had been the first.
- History, mail, invocations (their payloads are emptied after 15 minutes) and everything else stay.

The daily pass counts once more what is counted by differences alone (services.waking.counting): no later change would mend it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate
from django.utils import timezone

from sharing.models import Check, CheckState, Installation, PolicyVersion, Sync, SyncKind, SyncState
from sharing.services import waking

from . import pulses

EVERY: Final = timedelta(days=1)
#: Rows of one transaction.
BATCH: Final = 500
#: One slice of work, in seconds; a worker then lets others at the queue.
SLICE: Final = 20.0


@dataclass(frozen=True)
class Old:
    """How many rows are older than they are kept."""

    checks: int
    quiet_syncs: int
    policy_versions: int

    @property
    def none(self) -> bool:
        """Nothing to do."""
        return not (self.checks or self.quiet_syncs or self.policy_versions)


def due(now: datetime) -> bool:
    """Whether the daily pass should begin or go on."""
    last = Installation.objects.filter(pk=1).values_list("retained_at", flat=True).first()
    return last is None or last <= now - EVERY


def old(now: datetime) -> Old:
    """What a pass would take, without taking it."""
    return Old(_old_checks(now).count(), _old_syncs(now).count(), _old_versions(now).count())


def retain(now: datetime | None = None, *, seconds: float = SLICE, batch: int = BATCH) -> Old:
    """Take what is too old, for so many seconds at most; what was taken. `finished` says whether a pass came to its end."""
    now = now or timezone.now()
    ends = time.monotonic() + seconds
    pulses.forget_old(now)
    taken = Old(
        _repeat(lambda: _drop_checks(now, batch), ends),
        _repeat(lambda: _roll_up_syncs(now, batch), ends),
        _repeat(lambda: _drop_versions(now, batch), ends),
    )
    if time.monotonic() < ends:
        waking.recount()
        Installation.objects.update_or_create(pk=1, defaults={"retained_at": now})
    return taken


def _repeat(batch: Callable[[], int], ends: float) -> int:
    total = 0
    while time.monotonic() < ends:
        taken = batch()
        total += taken
        if not taken:
            break
    return total


def _old_checks(now: datetime) -> QuerySet[Check]:
    done = Check.objects.filter(state=CheckState.DONE)
    newer = done.filter(done_at__gt=OuterRef("done_at"))
    of_grant = Q(grant__isnull=False) & Exists(newer.filter(grant=OuterRef("grant")))
    of_who = Q(grant__isnull=True) & Exists(newer.filter(grant=None, policy=OuterRef("policy"), asked_as=OuterRef("asked_as")))
    return done.filter(of_grant | of_who, done_at__lt=now - settings.KEEP.checks).order_by()


def _drop_checks(now: datetime, batch: int) -> int:
    return Check.objects.filter(pk__in=list(_old_checks(now).values_list("pk", flat=True)[:batch])).delete()[0]


def _quiet() -> Any:  # with `day`
    day = TruncDate("finished_at", tzinfo=UTC)
    return Sync.objects.filter(state=SyncState.DONE, changed=0, unread=0).annotate(day=day).order_by()


def _newer(of_function: bool) -> Any:
    """Of the same place, kind and day, and later; the last of a day stands for the others."""
    same = _quiet().filter(account=OuterRef("account"), region=OuterRef("region"), kind=OuterRef("kind"))
    same = same.filter(day=OuterRef("day"))
    same = same.filter(function=OuterRef("function")) if of_function else same.filter(function=None)
    return same.filter(
        Q(finished_at__gt=OuterRef("finished_at")) | Q(finished_at=OuterRef("finished_at"), pk__gt=OuterRef("pk"))
    )


def _old_syncs(now: datetime) -> Any:
    earlier = Sync.objects.complete().filter(
        account=OuterRef("account"), region=OuterRef("region"), kind=OuterRef("kind"), finished_at__lt=OuterRef("finished_at")
    )
    place = Q(function=None) & Exists(_newer(of_function=False)) & Exists(earlier.filter(function=None))
    one = Q(function__isnull=False, kind=SyncKind.FUNCTION) & Exists(_newer(of_function=True))
    return _quiet().filter(place | one, finished_at__lt=now - settings.KEEP.quiet_syncs)


def _roll_up_syncs(now: datetime, batch: int) -> int:
    last = Subquery(_newer(of_function=False).order_by("-finished_at", "-pk").values("pk")[:1])
    of_function = Subquery(_newer(of_function=True).order_by("-finished_at", "-pk").values("pk")[:1])
    taken = 0
    with transaction.atomic():
        found = _old_syncs(now).annotate(of_place=last, of_function=of_function)[:batch]
        for pk, function, of_place, of_one, stands_for, calls in found.values_list(
            "pk", "function_id", "of_place", "of_function", "stands_for", "calls"
        ):
            # Whoever deletes the row adds it: two workers at once count nothing twice.
            if Sync.objects.filter(pk=pk).delete()[0]:
                kept = Sync.objects.filter(pk=of_one if function else of_place)
                kept.update(stands_for=F("stands_for") + stands_for, calls=F("calls") + calls)
                taken += 1
    return taken


def _old_versions(now: datetime) -> QuerySet[PolicyVersion]:
    if settings.KEEP.policy_versions is None:
        return PolicyVersion.objects.none()
    cut = now - settings.KEEP.policy_versions
    replaced = PolicyVersion.objects.filter(policy=OuterRef("policy"), pk__gt=OuterRef("pk"), first_seen_at__lt=cut)
    return PolicyVersion.objects.filter(Exists(replaced), first_seen_at__lt=cut).exclude(policy__current=F("pk")).order_by("pk")


def _drop_versions(now: datetime, batch: int) -> int:
    with transaction.atomic():
        found = list(_old_versions(now).values_list("pk", "policy_id")[:batch])
        if not found:
            return 0
        PolicyVersion.objects.filter(pk__in=[pk for pk, _ in found]).delete()
        # The oldest that is left: nothing is known of what was before it.
        for policy in {policy for _, policy in found}:
            first = PolicyVersion.objects.filter(policy=policy).order_by("first_seen_at", "pk").first()
            if first is not None:
                PolicyVersion.objects.filter(pk=first.pk).update(last_seen_without=None)
    return len(found)
