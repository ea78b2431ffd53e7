"""Whether this installation works: database, broker, workers, beat; each by name, none with a secret."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar

import redis
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from sharing.models import Pulse, PulseKind

from .pulses import GONE_AFTER

Answer = TypeVar("Answer")

#: Every queue that some worker has to serve (sharing/celery.py).
QUEUES: Final = ("clicks", "checks", "sync", "mail")
#: For so long an answer serves everybody who asks: probes cost the database next to nothing.
_FRESH: Final = 1.0


@dataclass(frozen=True)
class Part:
    """One thing that has to work. state: a word of few; age: seconds since the last sign of life, where there is one."""

    name: str
    ready: bool
    state: str
    age: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class Readiness:
    """All of it, at one moment."""

    parts: tuple[Part, ...]

    @property
    def ready(self) -> bool:
        """Whether everything works."""
        return all(part.ready for part in self.parts)

    def as_data(self) -> dict[str, object]:
        """For JSON."""
        return {"ready": self.ready, **{part.name: _said(part) for part in self.parts}}


@dataclass
class Remembered(Generic[Answer]):
    """An answer that is made anew when it is older than a second; one thread asks, the others wait for it."""

    make: Callable[[], Answer]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _kept: tuple[float, Answer] | None = None

    def __call__(self) -> Answer:
        with self._lock:
            now = time.monotonic()
            if self._kept is None or now - self._kept[0] > _FRESH:
                self._kept = (now, self.make())
            return self._kept[1]

    def forget(self) -> None:
        """Ask anew the next time."""
        with self._lock:
            self._kept = None


def look() -> Readiness:
    """Ask now. Two queries and a PING; never raises for what is away."""
    now = timezone.now()
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        pulses = list(Pulse.objects.all())
        database = Part("database", True, "ok")
    except OperationalError:
        database, pulses = Part("database", False, "away"), None
    except DatabaseError:
        database, pulses = Part("database", False, "not migrated", detail="Run manage.py migrate."), None
    return Readiness((database, _broker(), _worker(pulses, now), _beat(pulses, now)))


def beat_silent_after() -> timedelta:
    """Beat sends a sweep every SWEEP_SECONDS; three missed ones, and at least this long, are silence."""
    return max(timedelta(seconds=3 * settings.SWEEP_SECONDS), timedelta(seconds=30))


def broker() -> redis.Redis:
    """A client that gives up fast, for questions about the queues."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1.0, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 0))


def _broker() -> Part:
    try:
        with broker() as client:
            client.ping()
    except (RedisError, OSError):
        return Part("broker", False, "away")
    return Part("broker", True, "ok")


def _worker(pulses: list[Pulse] | None, now: datetime) -> Part:
    if pulses is None:
        return Part("worker", False, "unknown")
    seen = [one for one in pulses if one.kind == PulseKind.WORKER]
    if not seen:
        return Part("worker", False, "none")
    age = (now - max(one.at for one in seen)).total_seconds()
    alive = [one for one in seen if now - one.at <= GONE_AFTER]
    if not alive:
        return Part("worker", False, "silent", age)
    served = {queue for one in alive for queue in one.queues.split(",")}
    missing = [queue for queue in QUEUES if queue not in served]
    if missing:
        return Part("worker", False, "incomplete", age, f"No worker serves: {', '.join(missing)}.")
    return Part("worker", True, "ok", age)


def _beat(pulses: list[Pulse] | None, now: datetime) -> Part:
    if pulses is None:
        return Part("beat", False, "unknown")
    seen = [one.at for one in pulses if one.kind == PulseKind.BEAT]
    if not seen:
        return Part("beat", False, "none")
    silent = now - max(seen)
    ready = silent <= beat_silent_after()
    return Part("beat", ready, "ok" if ready else "silent", silent.total_seconds())


def _said(part: Part) -> dict[str, object]:
    said: dict[str, object] = {"ready": part.ready, "state": part.state}
    if part.age is not None:
        said["age_seconds"] = round(max(part.age, 0.0), 1)
    if part.detail:
        said["detail"] = part.detail
    return said


readiness: Final = Remembered(look)
