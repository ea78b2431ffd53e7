"""One writer per policy at a time: a lease in the database, since Redis may vanish and workers may be killed."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from sharing.models import Policy

#: How far ahead a lease reaches: longer than any one call to AWS, and what a killed worker makes the next one wait.
LENGTH = timedelta(seconds=45)
#: A worker waits this long for another to finish before it comes back later, in seconds.
PATIENCE = 6.0


class LeaseLost(Exception):
    """Another worker has the policy now: stop before the next call."""


class Lease:
    """Held by one run of one worker. RevisionId is the fence for what a lapsed lease may have let through."""

    def __init__(self, policy_pk: uuid.UUID) -> None:
        self._policy_pk = policy_pk
        self._holder = uuid.uuid4().hex
        self._ends = 0.0

    def take(self) -> bool:
        """Compare-and-set on the policy's row: free, run out, or already ours."""
        now = timezone.now()
        free = Q(lease_until=None) | Q(lease_until__lte=now) | Q(lease_holder=self._holder)
        started = time.monotonic()
        taken = Policy.objects.filter(free, pk=self._policy_pk).update(lease_holder=self._holder, lease_until=now + LENGTH)
        if taken:
            self._ends = started + LENGTH.total_seconds()
        return bool(taken)

    def renew(self) -> None:
        """Make sure that the next call to AWS happens inside the lease. Raises LeaseLost."""
        if not self.take():
            raise LeaseLost

    def lapsed(self) -> bool:
        """Whether the lease ran out while a call waited for its turn: then the call must not be made."""
        return time.monotonic() >= self._ends

    def release(self) -> None:
        """Let the next one in at once."""
        Policy.objects.filter(pk=self._policy_pk, lease_holder=self._holder).update(lease_holder="", lease_until=None)


@contextmanager
def held(policy_pk: uuid.UUID, *, patience: float = PATIENCE) -> Iterator[Lease | None]:
    """The policy's lease, or None when somebody else kept it for `patience` seconds."""
    lease = Lease(policy_pk)
    gives_up = time.monotonic() + patience
    taken = lease.take()
    while not taken and time.monotonic() < gives_up:
        time.sleep(random.uniform(0.05, 0.2))  # noqa: S311  # jitter, not a secret
        taken = lease.take()
    if not taken:
        yield None
        return
    try:
        yield lease
    finally:
        lease.release()
