"""Signs of life of workers and beat, and the calls to AWS that workers counted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from sharing.aws import noting
from sharing.models import CallCount, Pulse, PulseKind

#: So often a worker says that it is there.
EVERY: Final = timedelta(seconds=10)
#: A worker that was silent for longer counts as gone.
GONE_AFTER: Final = timedelta(seconds=45)
#: What nobody took away after a process was killed is forgotten after this.
_FORGOTTEN: Final = timedelta(days=1)


def felt(name: str, *, kind: PulseKind, queues: Iterable[str] = ()) -> None:
    """This process lives (a worker), or did its work just now (beat)."""
    served, now = ",".join(sorted(queues))[:200], timezone.now()
    Pulse.objects.update_or_create(
        name=name[:200],
        defaults={"kind": kind, "queues": served, "at": now},
        create_defaults={"kind": kind, "queues": served, "at": now, "began_at": now},
    )


def ended(name: str) -> None:
    """This process ends in order: nobody needs to wait until its silence is noticed."""
    Pulse.objects.filter(name=name[:200]).delete()


def forget_old(now: datetime) -> int:
    """Forget processes that were killed long ago (each container has a name of its own); how many."""
    return Pulse.objects.filter(at__lt=now - _FORGOTTEN).delete()[0]


def tell_calls() -> None:
    """Add what this process counted to the rows. A database that is away loses nothing: it counts for the next time."""
    taken = noting.take()
    told = set()
    try:
        for place in sorted(taken):
            _add(*place, taken[place])
            told.add(place)
    except DatabaseError:
        noting.give_back({place: noted for place, noted in taken.items() if place not in told})
        raise


def _add(account: str, region: str, noted: noting.Noted) -> None:
    row = CallCount.objects.filter(account=account, region=region)
    more = {
        "calls": F("calls") + noted.calls,
        "throttled": F("throttled") + noted.throttled,
        "failed": F("failed") + noted.failed,
    }
    if row.update(**more):
        return
    try:
        with transaction.atomic():
            CallCount.objects.create(
                account=account, region=region, calls=noted.calls, throttled=noted.throttled, failed=noted.failed
            )
    except IntegrityError:  # another worker was first
        row.update(**more)
