"""Failed sign-ins, told once a quarter of an hour and person, with a count."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from sharing.models import Actor, SignInFailure, User
from sharing.models.sign_in_failure import QUARTER
from sharing.services import history


def failed(email: str, *, ip: str | None = None, now: datetime | None = None) -> None:
    """Count one failure. An address that nobody has costs the same work and is never told: no row says who exists."""
    now = now or timezone.now()
    person = User.objects.filter(email=email.strip().lower()).first()
    key = str(person.pk) if person else "unknown"
    with transaction.atomic():
        counted = SignInFailure.objects.filter(key=key, began_at__gt=now - QUARTER)
        if counted.update(count=F("count") + 1, last_ip=ip):
            return
        stale = SignInFailure.objects.filter(key=key).first()
        if stale is not None:
            _tell(stale)
        fresh, made = SignInFailure.objects.get_or_create(
            key=key, defaults={"person": person, "began_at": now, "count": 1, "last_ip": ip}
        )
        if not made:
            SignInFailure.objects.filter(key=fresh.key).update(count=F("count") + 1, last_ip=ip)


def tell_due(now: datetime) -> None:
    """Tell what was counted for a quarter of an hour. The sweep calls it; safe to run twice."""
    for row in SignInFailure.objects.over(now).order_by("began_at")[:200]:
        with transaction.atomic():
            _tell(row)


def tell_now(person: User) -> None:
    """Tell what was counted so far: the person just came in, and their line should stand after those failures."""
    row = SignInFailure.objects.filter(key=str(person.pk)).first()
    if row is not None:
        with transaction.atomic():
            _tell(row)


def _tell(row: SignInFailure) -> None:
    """Whoever takes the row away tells it; a failure that comes in between keeps the row for the next time."""
    taken, _ = SignInFailure.objects.filter(key=row.key, began_at=row.began_at, count=row.count).delete()
    if not taken or row.person is None:
        return
    attempts = "1 attempt" if row.count == 1 else f"{row.count} attempts"
    where = f", the last from {row.last_ip}" if row.last_ip else ""
    history.record(
        "person.sign-in-failed",
        f"{attempts} to sign in as {row.person.email} failed since {row.began_at:%H:%M} UTC{where}.",
        by=Actor.system(),
        detail={"count": row.count, "person": str(row.person.pk)},
    )
