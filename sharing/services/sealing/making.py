"""Making seals: a worker's part, at each sweep."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import IntegrityError, transaction
from django.db.models import Min

from sharing.models import Event, Installation, Seal

from . import keys
from .lines import Sealed, digest_of, line_of

log = structlog.get_logger(__name__)

#: Only lines at least this old are sealed: transactions with lower numbers have ended by then, or come late.
SETTLED: Final = timedelta(minutes=2)
#: For so long a number that nobody had may still turn up.
MAY_APPEAR: Final = timedelta(hours=6)
#: Lines of one seal at most, so that no task takes long.
MOST: Final = 5_000


def seal(now: datetime) -> Seal | None:
    """Seal what was written since the last seal; None when nothing is old enough. Twice at once is once.

    With HISTORY_KEY_FILE the seal is signed; a key that cannot be read means no seal at all, and an error in the log.
    """
    try:
        with transaction.atomic():
            one_at_a_time()
            return _seal(now)
    except IntegrityError:
        return None  # another worker was first


def one_at_a_time() -> None:
    """Wait for whoever seals, or erases a name in what is sealed. Call it inside a transaction."""
    Installation.objects.select_for_update().filter(pk=1).first()


def _seal(now: datetime) -> Seal | None:
    last = Seal.objects.last()
    start = last.last if last else 0
    fresh = Event.objects.filter(sequence__gt=start, at__gt=now - SETTLED).aggregate(first=Min("sequence"))["first"]
    found = Event.objects.filter(sequence__gt=start).order_by("sequence")
    if fresh is not None:
        found = found.filter(sequence__lt=fresh)
    rows = list(found[:MOST])
    if not rows:
        return None  # late ones are sealed with the next lines
    try:
        signer = keys.signer()
    except keys.NoKey as problem:
        log.error("history_not_sealed", problem=str(problem))
        return None
    late = _late(now)
    begin = start + 1 if last else rows[0].sequence
    end = rows[-1].sequence
    present = {row.sequence for row in rows}
    made = Seal(
        first=begin,
        last=end,
        gaps=[number for number in range(begin, end + 1) if number not in present],
        late=[row.sequence for row in late],
        count=len(rows) + len(late),
        digest=digest_of(last.digest if last else "", [line_of(row) for row in (*rows, *late)]),
        form=2,
        at=now,
    )
    if signer is not None:
        made.signature, made.key = signer.sign(Sealed.of(made).message), signer.public.name
    made.save(force_insert=True)
    return made


def _late(now: datetime) -> list[Event]:
    """Lines that fill gaps of recent seals and are in none yet."""
    gaps: set[int] = set()
    recent = list(Seal.objects.filter(at__gt=now - MAY_APPEAR))
    for one in recent:
        gaps |= set(one.gaps)
    for one in recent:
        gaps -= set(one.late)
    return list(Event.objects.filter(sequence__in=gaps).order_by("sequence")) if gaps else []
