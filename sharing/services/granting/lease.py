"""One writer per policy at a time: a lease in the database, since Redis may vanish and workers may be killed."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from sharing.models import LayerVersion, MappingChange, Policy, WiringSource, WiringStep
from sharing.services import limits

Leased = type[Policy] | type[LayerVersion] | type[MappingChange] | type[WiringStep] | type[WiringSource]

#: The part of a lease in which a call may begin; the rest is left for its answer (at most 15 of 45 seconds).
_BEGIN = 2 / 3
#: The part of a lease that need not be over before it is renewed: nobody else can take it meanwhile (5 of 45 seconds).
_FRESH = 1 / 9
#: A worker waits this long for another to finish before it comes back later, in seconds.
PATIENCE = 6.0


class LeaseLost(Exception):
    """Another worker has the policy now: stop before the next call."""


class Lease:
    """Held by one run of one worker. RevisionId is the fence for what a lapsed lease may have let through.

    It reaches LEASE_SECONDS ahead: longer than any one call to AWS, and what a killed worker makes the next one wait.
    """

    def __init__(self, pk: uuid.UUID, of: Leased = Policy) -> None:
        self._row = of.objects.filter(pk=pk)
        self._length = timedelta(seconds=settings.LEASE_SECONDS)
        self._holder = uuid.uuid4().hex
        self._ends = self._fresh_until = 0.0
        self._gives = False
        self._given_back = False
        #: Whether somebody else had it first: what was read before then is old.
        self.waited = False

    def take(self) -> bool:
        """Compare-and-set on the row that has the policy: free, run out, or already ours."""
        now = timezone.now()
        free = Q(lease_until=None) | Q(lease_until__lte=now) | Q(lease_holder=self._holder)
        started = time.monotonic()
        until = now + self._length
        taken = self._row.filter(free).update(lease_holder=self._holder, lease_until=until)
        if taken:
            self._ends = started + self._length.total_seconds() * _BEGIN
            self._fresh_until = started + self._length.total_seconds() * _FRESH
        return bool(taken)

    def renew(self) -> None:
        """Make sure that the next call to AWS happens inside the lease. Raises LeaseLost."""
        if time.monotonic() >= self._fresh_until and not self.take():
            raise LeaseLost

    def lapsed(self) -> bool:
        """Whether a call that waited for its turn must not be made any more: the lease could run out before it is answered,
        or it would give access and a freeze has begun."""
        return time.monotonic() >= self._ends or (self._gives and limits.is_frozen())

    @contextmanager
    def giving(self) -> Iterator[None]:
        """Around a write that gives access, after `limits.require`: a freeze stops it to the last moment."""
        self._gives = True
        try:
            yield
        finally:
            self._gives = False

    def release(self, *, again: bool = False) -> None:
        """Let the next one in at once; inside a transaction when that is committed. again: even if that was done, since the
        transaction may have come to nothing."""
        if again or not self._given_back:
            self._row.filter(lease_holder=self._holder).update(lease_holder="", lease_until=None)
            self._given_back = True


@contextmanager
def held(pk: uuid.UUID, of: Leased = Policy, *, patience: float | None = None) -> Iterator[Lease | None]:
    """The lease of a function's policy, or of a layer version's, or None when somebody else kept it for so many seconds."""
    lease = Lease(pk, of)
    gives_up = time.monotonic() + (PATIENCE if patience is None else patience)
    taken = lease.take()
    lease.waited = not taken
    while not taken and time.monotonic() < gives_up:
        time.sleep(random.uniform(0.05, 0.2))  # noqa: S311  # jitter, not a secret
        taken = lease.take()
    if not taken:
        yield None
        return
    try:
        yield lease
    except BaseException:
        lease.release(again=True)
        raise
    lease.release()
