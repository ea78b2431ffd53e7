"""What a worker does to read AWS: who it is, whether a role may be trusted, what functions and policies there are."""

import threading
from datetime import datetime
from typing import Any

import structlog
from celery import current_app, shared_task
from celery.signals import worker_ready, worker_shutting_down
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from sharing.aws.errors import Unavailable
from sharing.models import Connection, Purpose, Sync, SyncKind
from sharing.services import connecting, layers, organizations, syncing, tallying, waking

from .findings import refresh_findings
from .organizations import read_organization
from .queueing import soon
from .seats import seated

log = structlog.get_logger(__name__)


@shared_task(name="sharing.identify", ignore_result=True, acks_late=True)
def identify(_pk: str = "1") -> None:
    """Ask AWS who this worker is; what fails is on the row, and the sweep asks again."""
    try:
        connecting.identify_worker()
    except Unavailable as problem:
        log.warning("worker_not_identified", code=problem.code)


@shared_task(name="sharing.test_connection", ignore_result=True, acks_late=True)
@seated(Connection, "account_id")
def test_connection(pk: str) -> None:
    """Test the connection if a test is wanted; once it stands, what it lets us read is read."""
    try:
        connection = connecting.run_test(pk)
    except Unavailable as problem:
        log.warning("connection_not_tested", connection=pk, code=problem.code)
        return
    if connection is not None:
        if connection.purpose == Purpose.CHECKER:  # whether it is proved is a finding, or ends one
            soon(refresh_findings, "1", queue="sync")
        now = timezone.now()
        announce([sync for sync in syncing.due(now) if sync.account_id == connection.account_id], now)
        announce([sync for sync in layers.due(now) if sync.account_id == connection.account_id], now)
        if connection.purpose == Purpose.ORGANIZATION:
            for organization in organizations.due(timezone.now()):
                soon(read_organization, organization, queue="sync")


@shared_task(name="sharing.run_sync", ignore_result=True, acks_late=True)
@seated(Sync, "account_id", kind=SyncKind.FUNCTION)
def run_sync(pk: str) -> None:
    """One slice of a sync; it is queued again behind whatever waits, until it is over."""
    if syncing.run(pk, make_way=should_end):
        soon(run_sync, pk, queue="sync")
    else:
        now = timezone.now()
        announce(syncing.waiting(now), now)
        tallying.count_due()
        waking.keep_due()


@shared_task(name="sharing.read_layers", ignore_result=True, acks_late=True)
def read_layers(pk: str) -> None:
    """One slice of a read of layers; it is queued again behind whatever waits, until it is over."""
    if layers.run(pk, make_way=should_end):
        soon(read_layers, pk, queue="sync")
    else:
        now = timezone.now()
        announce(layers.waiting(now), now)


def announce(syncs: list[Sync], now: datetime, *, again: bool = False) -> None:
    """Tell workers of these syncs; not if they were told a moment ago, unless `again`."""
    for sync in syncing.announce(syncs, now, again=again):
        task = read_layers if sync.kind == SyncKind.LAYERS else run_sync
        soon(task, sync.pk, queue=queue_of(sync), expires=settings.SWEEP_SECONDS)


def begin(syncs: list[Sync]) -> None:
    """Tell workers of what a person just asked for: as many as may run at once, the others follow as these end."""
    now = timezone.now()
    announce(syncing.first(syncs, now), now, again=True)


def queue_of(sync: Sync) -> str:
    """A person waits for one function; the rest is background work."""
    return "clicks" if sync.kind == SyncKind.FUNCTION else "sync"


#: Set once this worker was asked to stop.
_stopping = threading.Event()


@worker_shutting_down.connect
def _note_the_end(**_: Any) -> None:
    _stopping.set()


def should_end(queues: tuple[str, ...] = ("clicks", "checks")) -> bool:
    """Whether a slice should end early: the worker stops, or a click waits."""
    return _stopping.is_set() or clicks_wait(queues)


def clicks_wait(queues: tuple[str, ...] = ("clicks", "checks")) -> bool:
    """Whether something a person waits for is in the queue while every process is busy. With the broker away: no."""
    try:
        with current_app.connection_or_acquire() as broker:
            channel: Any = broker.default_channel
            return any(channel.client.llen(name) > 0 for name in queues)
    except (OperationalError, RedisError, OSError, AttributeError):
        return False


@worker_ready.connect
def _say_who(**_: Any) -> None:
    """A worker that starts tells who it is: templates of trust policies are made from it."""
    try:
        identify.apply_async(("1",), queue="clicks", expires=60, retry=False)
    except (OperationalError, RedisError, OSError):
        log.warning("not_queued", task=identify.name)
