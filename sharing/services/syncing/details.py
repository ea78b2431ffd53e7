"""What is read more slowly: versions and their policies, tags, URLs. And one function with everything.

The slow pass has a Sync row of its own and makes way whenever the place is being synced.
"""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import structlog
from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from sharing.aws.errors import AwsError, Unavailable
from sharing.aws.mapped import ListedMapping
from sharing.aws.threads import Threads
from sharing.models import Function, Policy, QualifierKind, Sync, SyncKind, SyncState
from sharing.services import tallying, waking

from .keeping import DETAILS_EVERY, keep_mappings, keep_versions, vanish_function
from .listing import waited
from .reading import FunctionRead, read_function, read_policy, sentence_of
from .running import Run
from .storing import expose_again
from .sweeping import keep_read

log = structlog.get_logger(__name__)

_T = TypeVar("_T")
_AT_ONCE = 20  # functions looked up at a time
_MOST_VERSIONS = 500  # AWS keeps every published version: beyond this the newest are read


@dataclass
class Details:
    """What the slow pass read of one function; None: not read, for one of `failures`."""

    versions: list[str] | None = None
    tags: dict[str, str] | None = None
    urls: dict[str, str] | None = None
    mappings: list[ListedMapping] | None = None
    policies: FunctionRead = field(default_factory=FunctionRead)
    failures: list[str] = field(default_factory=list)


def read_details(run: Run, function: Function) -> Details:
    """Network only: ListVersionsByFunction, ListTags, ListFunctionUrlConfigs, GetPolicy per version; and once a run
    ListEventSourceMappings.
    """
    found = Details()
    calls = run.functions
    if run.permits("versions"):
        versions = _attempt(found, lambda: calls.versions(function.name))
        gone = found.policies.gone
        found.versions = versions
        newest = sorted(versions or [], key=lambda version: int(version) if version.isdigit() else 0, reverse=True)
        if len(newest) > _MOST_VERSIONS:
            found.failures.append(f"Only the policies of the newest {_MOST_VERSIONS} of {len(newest)} versions are read.")
        for version in newest[:_MOST_VERSIONS]:
            if found.policies.stopped or found.policies.locked_out:
                break
            read_policy(calls, function.name, version, found.policies)
        found.policies.gone = gone
    else:
        found.failures.append("The role may not list versions (lambda:ListVersionsByFunction).")
    if run.permits("tags"):
        found.tags = _attempt(found, lambda: calls.tags(function.arn))
    else:
        found.failures.append("The role may not read tags (lambda:ListTags).")
    if run.permits("urls"):
        found.urls = _attempt(found, lambda: calls.url_configs(function.name))
    else:
        found.failures.append("The role may not list function URLs (lambda:ListFunctionUrlConfigs).")
    if run.permits("mappings"):
        listed = _attempt(found, run.mappings)
        if listed is not None:
            found.mappings = [one for one in listed if one.function.name == function.name]
    else:
        found.failures.append("The role may not list event source mappings (lambda:ListEventSourceMappings).")
    return found


def _attempt(found: Details, call: Callable[[], _T]) -> _T | None:
    if found.policies.stopped or found.policies.locked_out:
        return None
    try:
        return call()
    except AwsError as error:
        if error.code == "Cancelled":
            found.policies.stopped = True
        elif error.operation == "AssumeRole" and not isinstance(error, Unavailable):
            found.failures.append(sentence_of(error))
        elif error.code == "ResourceNotFoundException":
            found.policies.gone = True
        else:
            if isinstance(error, Unavailable):
                found.policies.outage = error
            found.failures.append(sentence_of(error))
    return None


def keep_details(run: Run, function: Function, found: Details) -> None:
    """Keep what the slow pass read. What failed stays as it was, with the reason on the function."""
    now = timezone.now()
    if found.policies.gone:
        vanish_function(function.pk, now)
        run.sync.changed += 1
        return
    changed = 0
    if found.versions is not None:
        changed += keep_versions(function, found.versions, now)
    fields = {
        "details_read_at": now,
        "details_due_at": now + DETAILS_EVERY,
        "details_failure": " ".join(dict.fromkeys(found.failures)),
    }
    if found.tags is not None:
        fields["tags"] = found.tags
    if found.urls is not None:
        fields["urls"] = found.urls
    with transaction.atomic():
        if found.urls is not None and found.urls != function.urls:
            waking.note(function.pk)
            function.urls = found.urls
            expose_again(function)  # before the function is locked, as wherever a content is kept
        if found.mappings is not None:
            # When they were listed, which may be long ago: by a later moment what was found once would have been found twice.
            fields["mappings_read_at"] = max(run.mappings_at, function.mappings_read_at or run.mappings_at)
            changed += keep_mappings(function, found.mappings, run.mappings_at)
        Function.objects.filter(pk=function.pk).update(**fields)
        if function.details_read_at is None:
            tallying.note(function.account_id)
    changed += keep_read(with_policies(function.pk), found.policies)
    run.sync.changed += bool(changed)
    run.sync.unread += bool(found.failures) or found.policies.unread


def with_policies(pk: uuid.UUID) -> Function:
    """A function with its qualifiers, and policies with their current version."""
    return (
        Function.objects.select_related("account")
        .prefetch_related("qualifiers", Prefetch("policies", Policy.objects.select_related("current")))
        .get(pk=pk)
    )


def read_everything(run: Run) -> None:
    """One function, everything: what the button on its page asks for."""
    sync = run.sync
    assert sync.function is not None  # noqa: S101  # a Sync of kind FUNCTION has one
    sync.total = 1
    with Threads(max_workers=2, thread_name_prefix="sync") as pool:
        try:
            function = with_policies(sync.function.pk)
            known = tuple(
                one.name for one in function.qualifiers.all() if one.kind == QualifierKind.ALIAS and one.vanished_at is None
            )
            aliases = run.permits("aliases")
            read = pool.submit(lambda: read_function(run.functions, function.name, known_aliases=known, list_aliases=aliases))
            result = waited(run, read)
            _end_if(run, result)
            if not result.gone and not aliases and run.permits("confirm"):
                result.gone = not waited(run, pool.submit(run.functions.exists, function.name))
            sync.changed += keep_read(function, result, by_itself=True)
            sync.unread += result.unread
            if not result.gone:
                details = waited(run, pool.submit(read_details, run, function))
                _end_if(run, details.policies)
                keep_details(run, with_policies(function.pk), details)
                Function.objects.filter(pk=function.pk).update(read_at=timezone.now())
        finally:
            run.stopping = True
    sync.done = 1
    run.finish(SyncState.PARTIAL if sync.unread else SyncState.DONE)


def read_due(run: Run) -> None:
    """The slow pass over one place: every function whose details are due, one after the other."""
    sync = run.sync
    with Threads(max_workers=1, thread_name_prefix="details") as pool:
        try:
            while True:
                now = timezone.now()
                due = (
                    Function.objects.filter(
                        account=sync.account_id, region=sync.region, vanished_at=None, details_due_at__lte=now
                    )
                    .order_by("details_due_at")
                    .values_list("pk", flat=True)[:_AT_ONCE]
                )
                pks = list(due)
                if not pks:
                    break
                for pk in pks:
                    _read_one(run, pool, pk)
                    if _syncing(sync):
                        # The quick pass goes first; the sweep opens a slow one again later.
                        run.finish(SyncState.PARTIAL if sync.unread else SyncState.DONE)
                        return
        finally:
            run.stopping = True
    run.finish(SyncState.PARTIAL if sync.unread else SyncState.DONE)


def _read_one(run: Run, pool: ThreadPoolExecutor, pk: uuid.UUID) -> None:
    function = with_policies(pk)
    details = waited(run, pool.submit(read_details, run, function))
    _end_if(run, details.policies)
    if details.policies.outage is not None and not details.policies.policies and details.versions is None:
        raise details.policies.outage
    keep_details(run, function, details)
    run.sync.done += 1
    run.sync.total = run.sync.done
    run.progressed = True
    run.tick()


def _end_if(run: Run, result: FunctionRead) -> None:
    if result.stopped:
        run.stop()
    if result.locked_out is not None:
        raise result.locked_out


def _syncing(sync: Sync) -> bool:
    return Sync.objects.open().filter(account=sync.account_id, region=sync.region, kind=SyncKind.SWEEP).exists()
