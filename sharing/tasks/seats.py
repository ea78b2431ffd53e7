"""Seats of the workers that serve clicks: an account whose AWS hangs never takes them all, nor does a mail server.

One account has a quarter of them at most, and so have all accounts together that keep somebody waiting. What finds no
seat is left with the process and taken up by whoever gets up next; should the process end or die, the sweep finds its row.
"""

import contextvars
import functools
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from celery.signals import worker_shutting_down
from django.db import close_old_connections
from django.db.models import Model

log = structlog.get_logger(__name__)

#: Threads of the worker that serves clicks (sharing/running/programs.py).
SEATS = 24
#: Seconds after which a task keeps its seat too long, and for how long its account is remembered for that.
_SLOW, _REMEMBERED = 5.0, 60.0

#: Of which account: its key, or its digits where a row names no other. What is none (the mail server) has a name.
Account = uuid.UUID | str
Key = tuple[str, str]
Work = Callable[[], None]


class Seats:
    """Who sits where, in one process. Thread-safe."""

    def __init__(self, number: int = SEATS, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._part = max(1, number // 4)
        self._clock = clock
        self._lock = threading.Lock()
        self._taken: dict[object, tuple[Account, float]] = {}
        self._left: dict[Account, dict[Key, Work]] = {}
        self._slow: dict[Account, float] = {}
        self._closed = False

    def work(self, account: Account, key: Key, do: Work) -> None:
        """Do it now if there is a seat, and then what was left for want of one; else leave it to who has one.

        key: the same work is left once. An error of this work is raised, those of others are logged.
        """
        error: Exception | None = None
        seat = self._sit(account, key, do)
        while seat is not None:
            try:
                do()
            except Exception as problem:  # noqa: BLE001  # raised below, after what others left
                error = problem
            finally:
                self._stand(seat)
            following = self._next()
            if following is None:
                break
            seat, do = following
        if error is not None:
            raise error

    def close(self) -> None:
        """The process ends: what was left is not begun any more. Takes no lock: a signal may come while one is held."""
        self._closed = True

    @property
    def left(self) -> int:
        """How much waits for a seat."""
        with self._lock:
            return sum(len(works) for works in self._left.values())

    def _sit(self, account: Account, key: Key, do: Work) -> object | None:
        with self._lock:
            if self._may(account):
                return self._take(account)
            # Whoever takes it up, it runs in the log context of who asked for it.
            self._left.setdefault(account, {})[key] = functools.partial(contextvars.copy_context().run, _alone, key, do)
            return None

    def _take(self, account: Account) -> object:
        seat = object()
        self._taken[seat] = (account, self._clock())
        return seat

    def _stand(self, seat: object) -> None:
        with self._lock:
            account, since = self._taken.pop(seat)
            if self._clock() - since > _SLOW:
                self._slow[account] = self._clock() + _REMEMBERED

    def _next(self) -> tuple[object, Work] | None:
        with self._lock:
            for account, works in self._left.items() if not self._closed else ():
                if not self._may(account):
                    continue
                key = next(iter(works))
                do = works.pop(key)
                # To the end of the row, or away: accounts take turns.
                del self._left[account]
                if works:
                    self._left[account] = works
                return self._take(account), do
        return None

    def _may(self, account: Account) -> bool:
        if sum(1 for one, _ in self._taken.values() if one == account) >= self._part:
            return False
        now = self._clock()
        slow = {one for one, since in self._taken.values() if now - since > _SLOW}
        self._slow = {one: until for one, until in self._slow.items() if until > now}
        slow.update(self._slow)
        return account not in slow or sum(1 for one, _ in self._taken.values() if one in slow) < self._part


def _alone(key: Key, do: Work) -> None:
    """Work of a task that has ended meanwhile: its error is nobody's."""
    try:
        close_old_connections()
        do()
    except Exception as problem:
        log.error("task_failed", task=key[0], pk=key[1], problem=type(problem).__name__, exc_info=True)


_seats = Seats()


@worker_shutting_down.connect
def _leave_the_rest(**_: Any) -> None:
    _seats.close()


def seated(model: type[Model], path: str, **only: Any) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    """For a task that works in an account: it needs a seat of that account's.

    path: from the row that the task's id names to the account's key or digits. only: which rows; others need no seat.
    """

    def decorate(do: Callable[[str], None]) -> Callable[[str], None]:
        @functools.wraps(do)
        def sits(pk: str) -> None:
            account = model._default_manager.filter(pk=pk, **only).values_list(path, flat=True).first()
            if not account:
                do(pk)
            else:
                _seats.work(account, (do.__name__, pk), lambda: do(pk))

        return sits

    return decorate


def seated_together(name: str) -> Callable[[Callable[[str], None]], Callable[[str], None]]:
    """For a task that waits for one thing that is no account: all of them have an account's part of the seats together."""

    def decorate(do: Callable[[str], None]) -> Callable[[str], None]:
        @functools.wraps(do)
        def sits(pk: str) -> None:
            _seats.work(name, (do.__name__, pk), lambda: do(pk))

        return sits

    return decorate
