"""What is left behind: clicks nobody took, calls whose worker died, and what has been kept long enough."""

from __future__ import annotations

from datetime import datetime, timedelta

from sharing.models import Invocation, InvocationState

from .running import end

#: Longer than AWS is waited for (aws.invoking): whoever made the call is gone.
RUNS_WITHIN = timedelta(seconds=160)
_BATCH = 200


def due(now: datetime) -> list[Invocation]:
    """Clicks that wait for a worker, oldest first. A running one is never due: it is not called a second time."""
    return list(Invocation.objects.filter(state=InvocationState.QUEUED).order_by("created_at")[:_BATCH])


def sweep(now: datetime) -> None:
    """End the calls whose worker died (unknown: they may have run), and empty what is over its time."""
    dead = Invocation.objects.filter(state=InvocationState.RUNNING, started_at__lte=now - RUNS_WITHIN)
    for one in dead.select_related("policy__function__account", "person")[:_BATCH]:
        end(
            one,
            (InvocationState.RUNNING,),
            InvocationState.UNKNOWN,
            "The worker that made the call ended in the middle of it.",
            "It may have run all the same. fnshare does not call it again: look in the function's logs before you do.",
            code="worker-lost",
        )
    over = Invocation.objects.filter(wipe_at__lte=now)
    over.update(payload="", answer="", log_tail="", wipe_at=None)
