"""What the first page says: what needs somebody, what is under way, what ends, what is open, what is not known.

Every list is short and comes with its whole count; the number of queries does not depend on how much there is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.db.models import Case, Count, IntegerField, Prefetch, Q, QuerySet, Value, When
from django.utils import timezone

from sharing.models import (
    AccessRequest,
    Actor,
    Bulk,
    BulkState,
    Connection,
    ConnectionState,
    Function,
    Grant,
    GrantState,
    Policy,
    Purpose,
    StepState,
    Sync,
    SyncKind,
    Wiring,
    WiringState,
    WiringStep,
)
from sharing.models.grant import MAY_HOLD_ACCESS, UNSETTLED
from sharing.services.gaps import lines
from sharing.services.granting.ends import LATE
from sharing.services.granting.wording import named
from sharing.services.naming import account_names
from sharing.services.syncing import Covered, Survey
from sharing.services.syncing.coverage import ORDER
from sharing.services.wiring.words import named as wiring_named

SHOWN = 6
SOON = timedelta(days=14)
# A failure older than this is history, not news.
RECENT = timedelta(days=7)
NOT_SAFE = ("yes", "depends")  # what hangs on something unknown counts as not safe

# For sure before perhaps, anyone before a service. What they have in common is nothing, so each is counted by an index.
_WIDEST = (
    Q(public="yes"),
    Q(public="depends"),
    Q(public="no", open_service="yes"),
    Q(public="no", open_service="depends"),
)
_WIDTH = Case(*(When(which, then=Value(place)) for place, which in enumerate(_WIDEST)), output_field=IntegerField())
_WORST = (
    Covered.FAILED,
    Covered.NOT_CONNECTED,
    Covered.PARTLY,
    Covered.NEVER,
    Covered.PAUSED,
    Covered.NOT_READ,
)


@dataclass(frozen=True)
class Line:
    """A grant and its sentence: `Acme may invoke hello_world:live`."""

    grant: Grant
    words: str


@dataclass(frozen=True)
class WiringLine:
    """A wiring that needs somebody, and what the step says that failed or is stuck."""

    wiring: Wiring
    words: str
    step: WiringStep | None


@dataclass(frozen=True)
class Some:
    """The first rows of a list, and how long the whole list is."""

    rows: Sequence[object]
    count: int

    @property
    def more(self) -> int:
        """How many are not shown."""
        return max(0, self.count - len(self.rows))


@dataclass(frozen=True)
class Step:
    """Something to do next on a young installation. `code` says which; `done` whether it was done."""

    code: str
    done: bool


@dataclass(frozen=True)
class Overview:
    """All of it, in the actor's scope.

    `overdue` (past their end and perhaps still in AWS: of the others only `unsettled` has them too), `stuck`, `waiting`,
    `failed`, `unsettled`, `ending`: Lines. `open`: policies that let in anyone, or a service from any account, for sure or
    perhaps. `unread`: policies whose last read failed. `gaps`: gaps.Lines of regions that are not fully read, the worst
    first; `unread_regions` counts the regions. `connections`: refused, or waiting for the role. `requests`: wishes of
    consumers and colleagues that wait for an answer. `versions_unread`: functions whose published versions' policies were
    never looked at. `wirings`: WiringLines of those that failed or are stuck. `bulks`: that run or are paused.
    """

    overdue: Some
    stuck: Some
    waiting: Some
    failed: Some
    unsettled: Some
    ending: Some
    open: Some
    unread: Some
    gaps: Some
    unread_regions: int
    connections: Some
    functions: int
    versions_unread: int
    active: int
    requests: int
    steps: Sequence[Step]
    wirings: Some
    bulks: Some

    @property
    def young(self) -> bool:
        """Whether something of the first steps is left to do."""
        return not all(step.done for step in self.steps)

    @property
    def polls(self) -> bool:
        """Whether the page changes by itself: something is under way that is not stuck."""
        return self.unsettled.count > 0


def overview(*, by: Actor, now: datetime | None = None) -> Overview:
    """What the first page says to this actor."""
    now = now or timezone.now()
    grants = Grant.objects.visible_to(by)
    past = Q(state__in=MAY_HOLD_ACCESS, ends_at__isnull=False, ends_at__lte=now - LATE)
    refused = Q(state=GrantState.ACTIVE) & ~Q(failure="")
    lists = {
        "overdue": past,
        "stuck": Q(state=GrantState.STUCK) & ~past,
        "waiting": Q(state=GrantState.REQUESTED),
        "failed": Q(state=GrantState.FAILED, settled_at__gte=now - RECENT) | refused & ~past,
        "unsettled": Q(state__in=[state for state in UNSETTLED if state != GrantState.STUCK]),
        "ending": Q(state=GrantState.ACTIVE, ends_at__lt=now + SOON) & ~past,
    }
    counts = grants.aggregate(
        active=Count("pk", filter=Q(state=GrantState.ACTIVE)),
        **{name: Count("pk", filter=which) for name, which in lists.items()},
    )
    first = {name: _some(grants.filter(which), name) if counts[name] else [] for name, which in lists.items()}
    every = [grant for rows in first.values() for grant in rows]
    names = account_names(grant.principal_account for grant in every)
    shown = {name: Some([Line(grant, named(grant, names)) for grant in rows], counts[name]) for name, rows in first.items()}
    policies = Policy.objects.visible_to(by).present().select_related("function__account")
    unread = policies.unread().order_by("unread_since", "function__name", "qualifier")
    functions = Function.objects.visible_to(by).present()
    known = {"all": functions.count(), "versions_unread": functions.filter(details_read_at=None).count()}
    gaps, unread_regions = _gaps(by)
    return Overview(
        **shown,
        open=_open(policies),
        unread=Some(list(unread[:SHOWN]), policies.unread().count()),
        gaps=gaps,
        unread_regions=unread_regions,
        connections=_unfinished(by),
        functions=known["all"],
        versions_unread=known["versions_unread"],
        active=counts["active"],
        requests=AccessRequest.objects.visible_to(by).open().count(),
        steps=_steps(by, known["all"]),
        wirings=_wirings(by),
        bulks=_bulks(by),
    )


def _open(policies: "QuerySet[Policy]") -> Some:
    """Of the widest sorts only as many are put in order as are shown."""
    present = policies.order_by()
    sorts = [present.filter(which).values_list(Value(at)).annotate(many=Count("pk")) for at, which in enumerate(_WIDEST)]
    shown, many = [], 0
    for at, count in sorted(sorts[0].union(*sorts[1:], all=True)):
        if many < SHOWN:
            shown.append(_WIDEST[at])
        many += count
    if not shown:
        return Some((), 0)
    widest = present.filter(reduce(or_, shown)).order_by(_WIDTH, "function__name", "qualifier")
    keys = list(widest.values_list("pk", flat=True)[:SHOWN])
    rows = policies.in_bulk(keys)
    return Some([rows[key] for key in keys], many)


def _some(grants: "QuerySet[Grant, Grant]", name: str) -> list[Grant]:
    order = {"overdue": "ends_at", "ending": "ends_at", "failed": "-settled_at"}.get(name, "created_at")
    return list(grants.select_related("policy__function__account", "requested_by").order_by(order, "id")[:SHOWN])


def _gaps(by: Actor) -> tuple[Some, int]:
    survey = Survey(by)
    rank = Case(
        *[When(covered=covered, then=Value(place)) for place, covered in enumerate(_WORST)], output_field=IntegerField()
    )
    worst = survey.gaps.annotate(rank=rank).order_by("rank", *ORDER)
    counts = survey.counts
    return Some(lines(survey, worst[:SHOWN]), counts.gaps), counts.regions - counts.complete


def _unfinished(by: Actor) -> Some:
    rows = (
        Connection.objects.visible_to(by)
        .filter(state__in=(ConnectionState.REFUSED, ConnectionState.AWAITED))
        .select_related("account")
        .order_by("-state", "account__name", "purpose")
    )
    return Some(list(rows[:SHOWN]), rows.count())


def _wirings(by: Actor) -> Some:
    found = Wiring.objects.visible_to(by).filter(state__in=(WiringState.FAILED, WiringState.STUCK))
    bad = WiringStep.objects.filter(state__in=(StepState.FAILED, StepState.STUCK))
    rows = found.select_related("function").prefetch_related(Prefetch("steps", bad))[:SHOWN]
    return Some([WiringLine(one, wiring_named(one), next(iter(one.steps.all()), None)) for one in rows], found.count())


def _bulks(by: Actor) -> Some:
    found = Bulk.objects.visible_to(by).filter(state__in=(BulkState.RUNNING, BulkState.PAUSED))
    return Some(list(found.order_by("-created_at")[:SHOWN]), found.count())


def _steps(by: Actor, functions: int) -> list[Step]:
    """The way from a fresh installation to the first proved share."""
    standing = (
        Connection.objects.visible_to(by)
        .filter(state__in=(ConnectionState.CONNECTED, ConnectionState.PAUSED))
        .aggregate(
            owner=Count("pk", filter=Q(purpose=Purpose.MANAGER)),
            consumer=Count("pk", filter=Q(purpose=Purpose.CHECKER)),
        )
    )
    shared = Grant.objects.visible_to(by).exists()
    return [
        Step("owner", bool(standing["owner"])),
        Step("sync", bool(functions) or Sync.objects.visible_to(by).complete().filter(kind=SyncKind.SWEEP).exists()),
        Step("consumer", bool(standing["consumer"])),
        Step("share", shared),
    ]
