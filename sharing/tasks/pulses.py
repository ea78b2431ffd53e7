"""Signs of life: a worker's every few seconds, beat's whenever it sent the sweep. And what workers counted."""

import socket
import threading
import time
from typing import Any

import structlog
from celery.signals import after_task_publish, beat_init, task_postrun, worker_ready, worker_shutdown, worker_shutting_down
from django.db import DatabaseError, close_old_connections, connection

from sharing.models import PulseKind
from sharing.services.operating import pulses

log = structlog.get_logger(__name__)

_BEAT = f"beat@{socket.gethostname()}"
#: Beat may tick twice a second; so often is enough.
_BEAT_EVERY = 5.0
#: Seconds at least between two times that a process tells of its calls to AWS.
_TELL_EVERY = 1.0


class _Heart(threading.Thread):
    """A worker's: on a thread of its own, because the worker itself may be busy with messages or wait for the broker."""

    def __init__(self, name: str, queues: tuple[str, ...]) -> None:
        super().__init__(name="pulse", daemon=True)
        self._worker = name
        self._queues = queues
        self._over = threading.Event()

    def run(self) -> None:
        """Until told to stop; then the sign of life is taken away."""
        while True:
            self._try(lambda: pulses.felt(self._worker, kind=PulseKind.WORKER, queues=self._queues))
            self._try(pulses.tell_calls)
            if self._over.wait(pulses.EVERY.total_seconds()):
                break
        self._try(pulses.tell_calls)
        self._try(lambda: pulses.ended(self._worker))

    def stop(self) -> None:
        """Say no more that it lives: it takes no new tasks."""
        self._over.set()

    def _try(self, act: Any) -> None:
        try:
            act()
        except DatabaseError as problem:
            log.warning("pulse_not_kept", name=self._worker, problem=type(problem).__name__)
        finally:
            connection.close()  # every ten seconds is seldom: why keep one of the few that the database has


_hearts: list[_Heart] = []


@worker_ready.connect
def _begin(sender: Any = None, **_: Any) -> None:
    heart = _Heart(str(sender.hostname), tuple(sender.app.amqp.queues.consume_from))
    _hearts.append(heart)
    heart.start()


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    for heart in _hearts:
        heart.stop()


@worker_shutdown.connect
def _wait(**_: Any) -> None:
    while _hearts:
        heart = _hearts.pop()
        heart.stop()
        heart.join(2.0)
    _calls.tell(at_once=True)  # of tasks that ended after the heart did


class _Calls:
    """What this process counted: told after a task, once a second at most, since fifty clicks at once would wait for one
    another's counts. The rest is told after a later task, with the next sign of life or when the worker ends."""

    last = float("-inf")

    def tell(self, *, at_once: bool = False, **_: Any) -> None:
        """Called by Celery after each task; costs nothing when it called nobody."""
        now = time.monotonic()
        if now - self.last < _TELL_EVERY and not at_once:
            return
        self.last = now
        try:
            pulses.tell_calls()
        except DatabaseError as problem:
            log.warning("calls_not_told", problem=type(problem).__name__)


_calls = _Calls()
task_postrun.connect(_calls.tell)


class _Beat:
    """Beat's sign of life: the sweep left for the broker. None while the broker is away: nothing is sent then."""

    last = 0.0

    def sent(self, sender: Any = None, **_: Any) -> None:
        """Called by Celery after each message."""
        if sender != "sharing.sweep" or time.monotonic() - self.last < _BEAT_EVERY:
            return
        self.felt()

    def felt(self) -> None:
        """Keep it; a database that is away must not end beat."""
        try:
            close_old_connections()
            pulses.felt(_BEAT, kind=PulseKind.BEAT)
            self.last = time.monotonic()
        except DatabaseError as problem:
            log.warning("pulse_not_kept", name=_BEAT, problem=type(problem).__name__)


_beat = _Beat()


@beat_init.connect
def _begin_beat(**_: Any) -> None:
    """A beat that has just begun lives; its first sweep leaves one interval later."""
    _beat.felt()
    after_task_publish.connect(_beat.sent)
