"""Numbers for Prometheus, all from rows and queues: every web process says the same, and none has to be asked twice.

A constant number of queries, whatever the size of the estate; what cannot be asked now is left out, never 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import DatabaseError
from django.db.models import Count, Max, Min, Q
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from sharing.models import (
    CallCount,
    Check,
    Connection,
    Event,
    Finding,
    FindingState,
    Grant,
    GrantState,
    Installation,
    LayerGrant,
    Notice,
    NoticeState,
    Policy,
    Pulse,
    PulseKind,
    Purpose,
    Seal,
    Shipment,
    Sync,
    SyncKind,
    Weight,
)
from sharing.models.grant import UNSETTLED
from sharing.services.syncing.latest import last_ended

from .readiness import QUEUES, Remembered, broker, readiness

log = structlog.get_logger(__name__)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def write() -> bytes:
    """The page that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_FromRows())
    return generate_latest(registry)


class _FromRows(Collector):
    """One look at the rows and queues."""

    def collect(self) -> Iterator[Metric]:
        """Families in the order of this file."""
        yield from _parts()
        yield from _queues()
        now = timezone.now()
        for family in (_grants, _reads, _signs, _work, _calls, _history):
            try:
                yield from list(family(now))
            except DatabaseError as problem:
                log.warning("numbers_left_out", family=family.__name__, problem=type(problem).__name__)


def _parts() -> Iterator[Metric]:
    ready = GaugeMetricFamily("fnshare_ready", "1 when this part works (/readyz).", labels=["part"])
    for part in readiness().parts:
        ready.add_metric([part.name], float(part.ready))
    yield ready


def _queues() -> Iterator[Metric]:
    try:
        with broker() as client:
            lengths = {name: int(client.llen(name)) for name in QUEUES}
    except (RedisError, OSError):
        return
    waiting = GaugeMetricFamily("fnshare_queue_messages", "Messages that no worker has taken.", labels=["queue"])
    for name, length in lengths.items():
        waiting.add_metric([name], length)
    yield waiting


def _grants(now: datetime) -> Iterator[Metric]:
    held = GaugeMetricFamily("fnshare_grants", "Grants by state, shares of layers included.", labels=["state"])
    counts = dict.fromkeys(GrantState.values, 0)
    oldest: datetime | None = None
    for model in (Grant, LayerGrant):
        for state, count in model.objects.order_by().values_list("state").annotate(count=Count("pk")):
            counts[state] = counts.get(state, 0) + count
        since = model.objects.filter(state__in=UNSETTLED).aggregate(since=Min("unsettled_since"))["since"]
        oldest = min((one for one in (oldest, since) if one), default=None)
    for state, count in counts.items():
        held.add_metric([state], count)
    yield held
    yield _gauge(
        "fnshare_grants_oldest_unsettled_seconds",
        "Since when the oldest unsettled grant waits; 0: none does.",
        _age(oldest, now),
    )
    overdue = Grant.objects.overdue(now).count() + LayerGrant.objects.filter(state=GrantState.ACTIVE, ends_at__lte=now).count()
    yield _gauge("fnshare_leases_overdue", "Active grants past their end date.", overdue)


def _reads(now: datetime) -> Iterator[Metric]:
    ended = last_ended(Sync.objects.filter(kind=SyncKind.SWEEP))
    read, missing = [], 0
    for connection in Connection.objects.usable().filter(purpose=Purpose.MANAGER):
        for region in connection.regions:
            last = ended.get((connection.account_id, region))
            if last is not None and last.finished_at is not None:
                read.append(last.finished_at)
            else:
                missing += 1
    yield _gauge(
        "fnshare_sync_oldest_seconds",
        "Age of the account-region that was read longest ago.",
        _age(min(read, default=None), now),
    )
    yield _gauge("fnshare_sync_never_read", "Account-regions that were never read.", missing)
    opened = Sync.objects.open().aggregate(count=Count("pk"), since=Min("created_at"))
    yield _gauge("fnshare_syncs_open", "Reads that are queued or run.", opened["count"])
    yield _gauge(
        "fnshare_syncs_oldest_open_seconds", "Since when the oldest open read is due; 0: none is.", _age(opened["since"], now)
    )
    yield _gauge("fnshare_policies_unread", "Policies that cannot be read now.", Policy.objects.present().unread().count())


def _signs(now: datetime) -> Iterator[Metric]:
    beat = GaugeMetricFamily("fnshare_beat_age_seconds", "Since beat last sent a sweep.", labels=["name"])
    worker = GaugeMetricFamily("fnshare_worker_age_seconds", "Since this worker last gave a sign of life.", labels=["name"])
    for pulse in Pulse.objects.all():
        family = beat if pulse.kind == PulseKind.BEAT else worker
        family.add_metric([pulse.name], _age(pulse.at, now))
    yield beat
    yield worker
    kept = Installation.objects.filter(pk=1).values_list("swept_at", "retained_at").first() or (None, None)
    if kept[0]:
        yield _gauge("fnshare_sweep_age_seconds", "Since a worker last began a sweep.", _age(kept[0], now))
    if kept[1]:
        yield _gauge("fnshare_retention_age_seconds", "Since the last pass over what is kept too long.", _age(kept[1], now))


def _work(now: datetime) -> Iterator[Metric]:
    checks = Check.objects.open().aggregate(count=Count("pk"), since=Min("created_at"))
    yield _gauge("fnshare_checks_open", "Checks that are not answered yet.", checks["count"])
    yield _gauge(
        "fnshare_checks_oldest_open_seconds",
        "Since when the oldest open check waits; 0: none does.",
        _age(checks["since"], now),
    )
    notices = GaugeMetricFamily("fnshare_notices", "Mail by state: queued, or given up.", labels=["state"])
    states = (NoticeState.QUEUED, NoticeState.FAILED)
    found = dict(Notice.objects.filter(state__in=states).order_by().values_list("state").annotate(count=Count("pk")))
    for state in states:
        notices.add_metric([state], found.get(state, 0))
    yield notices
    since = Notice.objects.filter(state=NoticeState.QUEUED).aggregate(since=Min("created_at"))["since"]
    yield _gauge("fnshare_notices_oldest_queued_seconds", "Since when the oldest mail waits; 0: none does.", _age(since, now))
    findings = GaugeMetricFamily("fnshare_findings_open", "Open findings by weight.", labels=["weight"])
    for weight, count in (
        Finding.objects.filter(state=FindingState.OPEN).order_by().values_list("severity").annotate(count=Count("pk"))
    ):
        findings.add_metric([Weight(weight).name.lower()], count)
    yield findings


def _calls(_now: datetime) -> Iterator[Metric]:
    labels = ["account", "region"]
    made = CounterMetricFamily("fnshare_aws_calls", "Calls to AWS, as workers told them.", labels=labels)
    slowed = CounterMetricFamily("fnshare_aws_throttled", "Calls that AWS answered with 429.", labels=labels)
    failed = CounterMetricFamily("fnshare_aws_failed", "Calls that AWS answered with 5xx or not at all.", labels=labels)
    for row in CallCount.objects.all():
        place = [row.account or "worker", row.region]
        made.add_metric(place, row.calls)
        slowed.add_metric(place, row.throttled)
        failed.add_metric(place, row.failed)
    yield from (made, slowed, failed)


def _history(now: datetime) -> Iterator[Metric]:
    last = Seal.objects.order_by("number").last()
    unsealed = Event.objects.filter(sequence__gt=last.last if last else 0).order_by()
    since = unsealed.aggregate(since=Min("at"))["since"]
    yield from _shipped(now)
    yield _gauge(
        "fnshare_history_oldest_unsealed_seconds", "Age of the oldest line of history without a seal.", _age(since, now)
    )


def _shipped(now: datetime) -> Iterator[Metric]:
    """From what was tried lately: where seals go is known to the workers only. Never taken: as old as the first try."""
    tried = Shipment.objects.filter(at__gt=now - timedelta(days=7)).order_by().values("destination")
    last = tried.annotate(sent=Max("at", filter=Q(failure="")), first=Min("at"))
    age = GaugeMetricFamily("fnshare_history_shipped_age_seconds", "Since a seal last left for there.", labels=["destination"])
    for row in last:
        age.add_metric([row["destination"]], _age(row["sent"] or row["first"], now))
    yield age


def _gauge(name: str, help_: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_, value=value)


def _age(since: datetime | None, now: datetime) -> float:
    return round(max((now - since).total_seconds(), 0.0), 3) if since else 0.0


numbers: Final = Remembered(write)
