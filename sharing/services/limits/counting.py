"""How many grants in the last hour: counted before the write, across all workers, in the database."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from sharing.models import CountedWrite, Freeze, Installation

from .freezing import begin_by_worker, standing

HOUR = timedelta(hours=1)
_KEPT = timedelta(days=7)


def count(subject: uuid.UUID, most: int) -> Freeze | None:
    """Count it, if it still fits into the hour; else freeze everything. What was counted within the hour is not counted again.

    The freeze that stands afterwards, or None. One worker at a time: the row of the installation is the lock.
    """
    with transaction.atomic():
        Installation.objects.get_or_create(pk=1)
        Installation.objects.select_for_update().get(pk=1)
        if frozen := standing():
            return frozen
        lately = CountedWrite.objects.filter(at__gt=timezone.now() - HOUR)
        if lately.filter(subject=subject).exists():
            return None
        if lately.count() < most:
            CountedWrite.objects.create(subject=subject)
            return None
        return begin_by_worker(f"More than {most:,} grants within an hour were about to be written: the workers' limit.")


def prune(now: datetime) -> None:
    """Forget what is counted no more. The sweep calls it."""
    CountedWrite.objects.filter(at__lte=now - _KEPT).delete()
