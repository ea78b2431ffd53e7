"""The first half of a sync: which functions are there. One ListFunctions per 50, and nothing else."""

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from django.utils import timezone

from sharing.aws.errors import AwsError, Refused
from sharing.aws.functions import FunctionPage
from sharing.models import Sync, SyncKind

from .keeping import keep_listed, vanish_functions
from .running import Run, Stopped

_KEPT_EVERY = 10  # pages between two checkpoints of a listing
_T = TypeVar("_T")


def list_functions(run: Run, pool: ThreadPoolExecutor) -> None:
    """List all functions of the place, keep what is new, and mark what is gone. Goes on where a slice ended.

    Raises Stopped at the end of the slice, Refused when AWS does not let us list, Unavailable when it does not answer.
    """
    sync = run.sync
    kept = sync.checkpoint.get("listing") or {}
    seen: list[str] = list(kept.get("seen", []))
    marker: str = kept.get("marker", "")
    resumed = bool(marker)
    first = not Sync.objects.complete().filter(account=sync.account, region=sync.region, kind=SyncKind.SWEEP).exists()
    pages = 0
    while True:
        try:
            page = _page(run, pool, marker)
        except Refused as refused:
            if not resumed or refused.is_access_denied or refused.operation == "AssumeRole":
                raise
            # The place in the list was forgotten by AWS: begin again.
            seen, marker, resumed = [], "", False
            continue
        resumed = False
        arns, changed = keep_listed(sync.account, sync.region, page.functions, at=timezone.now(), first=first)
        seen += arns
        sync.changed += changed
        sync.unread += len(page.functions) - len(arns)
        sync.total = len(seen)
        marker = page.next_marker
        run.progressed = True
        if not marker:
            break
        pages += 1
        if pages % _KEPT_EVERY == 0:
            sync.checkpoint = {**sync.checkpoint, "listing": {"seen": seen, "marker": marker}}
        try:
            run.tick()
        except Stopped:
            sync.checkpoint = {**sync.checkpoint, "listing": {"seen": seen, "marker": marker}}
            raise
    sync.changed += vanish_functions(sync.account, sync.region, set(seen), timezone.now())
    tries = sync.checkpoint.get("tries")
    sync.checkpoint = {"after": "", **({"tries": tries} if tries else {})}
    run.tick(now=True)


def _page(run: Run, pool: ThreadPoolExecutor, marker: str) -> FunctionPage:
    return waited(run, pool.submit(run.functions.page, marker))


def waited(run: Run, future: "Future[_T]") -> _T:
    """The future's result, with the run's clock ticking meanwhile.

    When the slice ends while it waits, a call that comes back within `run.drain` still counts; the next tick raises.
    A call that was not made because the slice ends: Stopped.
    """
    while not future.done():
        wait([future], timeout=0.2)
        if future.done():
            break
        try:
            run.tick()
        except Stopped:
            wait([future], timeout=run.drain)
            run.stopping = run.stopping or not future.done()
            if not future.done():
                raise
    try:
        return future.result()
    except AwsError as error:
        if error.code == "Cancelled":
            raise Stopped from None
        raise
