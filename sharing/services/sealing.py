"""Sealing history, so that a changed, removed or added line is evident to whoever kept an earlier seal.

Each seal is a SHA-256 over the seal before and the lines since. Whoever can write to the database can make all seals
anew; an evidence report that was printed, or a digest that was sent elsewhere, then no longer fits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Min

from sharing.models import Event, Seal

#: Only lines at least this old are sealed: transactions with lower numbers have ended by then, or come late.
SETTLED: Final = timedelta(minutes=2)
#: For so long a number that nobody had may still turn up.
_MAY_APPEAR: Final = timedelta(hours=6)
#: Lines of one seal at most, so that no task takes long.
MOST: Final = 5_000
_FIELDS: Final = (
    "sequence", "id", "at", "verb", "text", "person_id", "actor", "account_id", "function_id", "qualifier", "grant_id",
    "layer_id", "sid", "reason", "request_id", "error_code", "detail",
)  # fmt: skip


@dataclass(frozen=True)
class Verified:
    """What looking at every seal found. `problems`: a sentence each, none when history is as it was sealed."""

    seals: int
    events: int
    unsealed: int
    last: Seal | None
    problems: tuple[str, ...]


def seal(now: datetime) -> Seal | None:
    """Seal what was written since the last seal; None when nothing is old enough. Twice at once is once."""
    last = Seal.objects.last()
    start = last.last if last else 0
    fresh = Event.objects.filter(sequence__gt=start, at__gt=now - SETTLED).aggregate(first=Min("sequence"))["first"]
    found = Event.objects.filter(sequence__gt=start).order_by("sequence")
    if fresh is not None:
        found = found.filter(sequence__lt=fresh)
    rows = list(found[:MOST])
    if not rows:
        return None  # late ones are sealed with the next lines
    late = _late(now)
    begin = start + 1 if last else rows[0].sequence
    end = rows[-1].sequence
    present = {row.sequence for row in rows}
    gaps = [number for number in range(begin, end + 1) if number not in present]
    try:
        with transaction.atomic():
            return Seal.objects.create(
                first=begin,
                last=end,
                gaps=gaps,
                late=[row.sequence for row in late],
                count=len(rows) + len(late),
                digest=_digest(last.digest if last else "", rows, late),
                at=now,
            )
    except IntegrityError:
        return None  # another worker was first


def verify() -> Verified:
    """Compute every seal again from the lines as they are now."""
    problems: list[str] = []
    before, end, events, count = "", 0, 0, 0
    last: Seal | None = None
    missing: set[int] = set()
    for last in Seal.objects.order_by("number").iterator(chunk_size=200):
        count += 1
        events += last.count
        if count > 1 and last.first != end + 1:
            problems.append(f"Seal {last.number} begins at line {last.first}, not after line {end}: a seal was removed.")
        rows = list(Event.objects.filter(sequence__gte=last.first, sequence__lte=last.last).order_by("sequence"))
        gaps = set(last.gaps)
        missing = (missing | gaps) - set(last.late)
        sealed = [row for row in rows if row.sequence not in gaps]
        late = list(Event.objects.filter(sequence__in=last.late).order_by("sequence"))
        expected = last.last - last.first + 1 - len(gaps)
        if len(sealed) != expected or len(late) != len(last.late):
            problems.append(f"Lines {last.first} to {last.last}: {_removed(last, sealed, late)}.")
        elif _digest(before, sealed, late) != last.digest:
            problems.append(f"Lines {last.first} to {last.last} are not as they were sealed: a line or the seal was changed.")
        before, end = last.digest, last.last
    if last is not None:
        settled = last.at - _MAY_APPEAR
        slipped = Event.objects.filter(sequence__in=missing, at__lt=settled).values_list("sequence", flat=True)
        problems += [f"Line {number} was not there when its neighbours were sealed." for number in slipped]
    unsealed = Event.objects.filter(sequence__gt=end).count()
    return Verified(count, events, unsealed, last, tuple(problems))


def _late(now: datetime) -> list[Event]:
    """Lines that fill gaps of recent seals and are in none yet."""
    gaps: set[int] = set()
    recent = list(Seal.objects.filter(at__gt=now - _MAY_APPEAR))
    for one in recent:
        gaps |= set(one.gaps)
    for one in recent:
        gaps -= set(one.late)
    return list(Event.objects.filter(sequence__in=gaps).order_by("sequence")) if gaps else []


def _removed(seal: Seal, sealed: Sequence[Event], late: Sequence[Event]) -> str:
    there = {row.sequence for row in (*sealed, *late)}
    wanted = [*(number for number in range(seal.first, seal.last + 1) if number not in set(seal.gaps)), *seal.late]
    gone = [str(number) for number in wanted if number not in there]
    shown = ", ".join(gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
    return f"line {shown} was removed" if len(gone) == 1 else f"lines {shown} were removed"


def _digest(before: str, rows: Iterable[Event], late: Iterable[Event]) -> str:
    digest = hashlib.sha256(before.encode())
    for row in (*rows, *late):
        digest.update(b"\n")
        digest.update(_line(row).encode())
    return digest.hexdigest()


def _line(event: Event) -> str:
    """The same text on every database: times in UTC to the microsecond, keys in order."""
    told = {name: getattr(event, name) for name in _FIELDS}
    told["at"] = event.at.timestamp()
    return json.dumps(told, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
