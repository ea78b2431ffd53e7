"""Syncing: AWS read into rows, a place (account and region) at a time.

`request` (or the schedule, `due`) opens a Sync row; a worker calls `run` until it returns False. A sync lists functions
(one call per 50), lists each one's aliases and gets the policy of each function and alias: nothing else. Versions, tags
and URLs come in a slower pass of its own, and when a function is opened (`request_function`).
"""

import uuid
from collections.abc import Callable

from sharing.models import SyncKind

from .asking import request, request_function, request_if_stale
from .cadence import cadence
from .coverage import Coverage, Covered, Survey, coverage
from .details import read_due, read_everything
from .rationing import announce, first
from .running import claim, run_slice
from .schedule import due, next_due, waiting
from .storing import last_read_of, mark_unread, store_policy
from .sweeping import sweep_place

__all__ = [
    "Coverage",
    "Covered",
    "Survey",
    "announce",
    "cadence",
    "coverage",
    "due",
    "first",
    "last_read_of",
    "mark_unread",
    "next_due",
    "request",
    "request_function",
    "request_if_stale",
    "run",
    "store_policy",
    "waiting",
]

_WORK = {SyncKind.SWEEP: sweep_place, SyncKind.FUNCTION: read_everything, SyncKind.DETAILS: read_due}


def run(pk: uuid.UUID | str, *, make_way: Callable[[], bool] = lambda: False) -> bool:
    """One slice of a sync, as a worker runs it. True: unfinished and free to go on at once, so queue it again.

    Safe to run twice, at the same time as well: one worker has the row. make_way: asked about twice a second whether
    something more urgent waits; the slice then ends early. False: it is over, somebody else has it, or it waits for AWS
    to answer again (the schedule takes it up).
    """
    sync = claim(pk)
    if sync is None:
        return False
    return run_slice(sync, _WORK[SyncKind(sync.kind)], make_way)
