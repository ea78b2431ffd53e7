"""The second half of a sync: aliases and policies of every function, read in parallel, kept in order.

Kept in order, so that one ARN says how far a sync came: a killed one goes on at the next function.
"""

import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

import structlog
from django.db import OperationalError, transaction
from django.db.models import Prefetch
from django.utils import timezone

from sharing.aws.errors import AwsError
from sharing.aws.threads import Threads
from sharing.models import Function, Policy, QualifierKind, SyncState
from sharing.services import waking

from .keeping import keep_aliases, vanish_function
from .listing import list_functions, waited
from .reading import FunctionRead, PolicyRead, read_function
from .running import Run, Stopped
from .storing import Content, is_news, mark_unread, store_policy

log = structlog.get_logger(__name__)

_THREADS = 8
_AHEAD = 24  # functions being read or waiting to be kept
_BATCH = 50
_KEPT_EVERY = 1.0  # seconds
_CHUNK = 500
#: So many functions in a row without any answer are an outage, not bad luck.
_OUTAGE = 5

Reading = tuple[Function, "Future[FunctionRead]"]


def sweep_place(run: Run) -> None:
    """The whole sync of one account and region, from its checkpoint on. Raises as list_functions does."""
    pool = Threads(max_workers=_THREADS, thread_name_prefix="sync")
    try:
        if "after" not in run.sync.checkpoint:
            list_functions(run, pool)
        _read_all(run, pool)
    finally:
        run.stopping = True
        pool.shutdown(wait=True, cancel_futures=True)
    run.finish(SyncState.PARTIAL if run.sync.unread else SyncState.DONE)


def _read_all(run: Run, pool: ThreadPoolExecutor) -> None:
    started: deque[Reading] = deque()
    read: list[tuple[Function, FunctionRead]] = []
    kept_at = time.monotonic()
    silent = 0
    ahead = _functions(run)
    exhausted = False
    try:
        while True:
            while not exhausted and len(started) < _AHEAD:
                function = next(ahead, None)
                if function is None:
                    exhausted = True
                    break
                started.append((function, pool.submit(_read, run, function)))
            if not started:
                break
            function, future = started[0]
            result = waited(run, future)
            if result.stopped:
                run.stop()
            if result.locked_out:
                raise result.locked_out
            silent = silent + 1 if result.outage else 0
            if result.outage and silent >= _OUTAGE:
                read = read[: max(0, len(read) - _OUTAGE + 1)]  # these are read again after the outage
                raise result.outage
            started.popleft()
            read.append((function, result))
            run.progressed = True
            due = len(read) >= _BATCH or time.monotonic() - kept_at > _KEPT_EVERY
            if due and not silent:
                _keep(run, read)
                read, kept_at = [], time.monotonic()
            run.tick()
    except (Stopped, AwsError):
        # Whatever ends the slice: what was read in order is kept, the rest is read again.
        read += _drained(run, started)
        if read:
            _keep(run, read)
        raise
    if read:
        _keep(run, read)


def _drained(run: Run, started: deque[Reading]) -> list[tuple[Function, FunctionRead]]:
    """What was begun and comes back within `run.drain`, in order up to the first that did not."""
    futures = [future for _, future in started if not future.cancel()]
    ends = time.monotonic() + run.drain
    while futures and time.monotonic() < ends and not run.stopping:
        futures = list(wait(futures, timeout=min(2.0, run.drain)).not_done)
        if futures:
            run.tick_quietly()
    run.stopping = True
    read: list[tuple[Function, FunctionRead]] = []
    for function, future in started:
        if future.cancelled() or not future.done():
            break
        result = future.result()
        if result.stopped or result.outage or result.locked_out:
            break
        read.append((function, result))
    return read


def _functions(run: Run) -> Iterator[Function]:
    """Functions of the place after the checkpoint, in the order of their ARNs, a chunk at a time."""
    after = str(run.sync.checkpoint.get("after", ""))
    while True:
        chunk = list(
            Function.objects.filter(account=run.sync.account_id, region=run.sync.region, vanished_at=None, arn__gt=after)
            .order_by("arn")
            .prefetch_related("qualifiers")[:_CHUNK]
        )
        if not chunk:
            return
        yield from chunk
        after = chunk[-1].arn


def _read(run: Run, function: Function) -> FunctionRead:
    known = tuple(one.name for one in function.qualifiers.all() if one.kind == QualifierKind.ALIAS and one.vanished_at is None)
    return read_function(run.functions, function.name, known_aliases=known, list_aliases=run.permits("aliases"))


def _keep(run: Run, read: list[tuple[Function, FunctionRead]]) -> None:
    """Keep what was read: a few queries for the whole batch when nothing changed."""
    functions = {function.pk: function for function, _ in read}
    for function in Function.objects.filter(pk__in=functions).prefetch_related(
        "qualifiers", Prefetch("policies", Policy.objects.select_related("current").defer("current__document"))
    ):
        functions[function.pk] = function
    for function, result in read:
        run.sync.changed += keep_read(functions[function.pk], result)
        run.sync.unread += result.unread
        run.sync.done += 1
    run.sync.checkpoint = {**run.sync.checkpoint, "after": read[-1][0].arn}
    run.sync.checkpoint.pop("tries", None)
    run.tick_quietly()


def keep_read(function: Function, result: FunctionRead, *, by_itself: bool = False) -> int:
    """Keep what reading a function brought: 1 when something changed, else 0. Never raises for one bad policy.

    function: with its qualifiers, and policies with their current version, prefetched. by_itself: not as part of a
    sync, so that the time of reading is kept on each row.
    """
    now = timezone.now()
    if result.gone:
        vanish_function(function.pk, now)
        return 1
    changed = 0
    if result.aliases is not None:
        changed += keep_aliases(function, result.aliases, now)
    if function.aliases_failure != result.aliases_failure:
        Function.objects.filter(pk=function.pk).update(aliases_failure=result.aliases_failure)
    policies = {policy.qualifier: policy for policy in function.policies.all()}
    if changed:
        fresh = Policy.objects.filter(function=function).select_related("current")
        policies = {policy.qualifier: policy for policy in fresh}
    for qualifier, one in result.policies.items():
        policy = policies.get(qualifier)
        if policy is None:
            with transaction.atomic():
                policy, made = Policy.objects.get_or_create(function=function, qualifier=qualifier)
                if made:
                    waking.note(function.pk)
        policy.function = function
        try:
            changed += _keep_policy(policy, one, by_itself)
        except Exception as problem:  # one policy that cannot be kept never spoils the others
            log.error("policy_not_kept", policy=policy.arn, problem=type(problem).__name__, exc_info=True)
            mark_unread(policy, "fnshare could not keep this policy; its last content is shown.", one.at)
            result.policies[qualifier] = type(one)(one.at, failure="not kept")
    return 1 if changed else 0


def _keep_policy(policy: Policy, one: PolicyRead, by_itself: bool) -> bool:
    if one.failure:
        return mark_unread(policy, one.failure, one.at)
    if not by_itself and not is_news(policy, Content(one.stored)):
        return False
    try:
        return store_policy(policy, one.stored, read_at=one.at)
    except OperationalError:  # somebody else's transaction was in the way (a deadlock, a long lock): once more
        return store_policy(policy, one.stored, read_at=one.at)
