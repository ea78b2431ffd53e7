"""What every page's frame needs to know."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Exists, IntegerField, Subquery
from django.http import HttpRequest
from django.urls import get_script_prefix, reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from sharing.models import Actor, Freeze, Installation, Membership, Renewal, Role, Sync, SyncKind, User
from sharing.models.sync import SyncState
from sharing.services import limits
from sharing.services.findings.listing import badge
from sharing.services.prepared import SOME_DAY, SOMEBODY, Prepared, as_moment
from sharing.services.renewing import telling as renewing

# The sweep starts every 20 s (sharing/celery.py). Three in a row missing is worth a word.
SILENT_AFTER = timedelta(seconds=90)

# URL name, words, icon. Addresses below the URL belong to the place.
PLACES = (
    ("overview", "Overview", "home"),
    ("function-list", "Functions", "lambda"),
    ("access", "Access", "shield"),
    ("consumer-list", "Consumers", "users"),
    ("mapping-list", "Mappings", "plug-connected"),
    ("finding-list", "Findings", "alert-triangle"),
    ("activity", "Activity", "history"),
    ("settings", "Settings", "settings"),
)
# The consumers' own, for them and for everybody else who acts for an account.
SHARED = (("shared-list", "Shared with me", "share"),)
# Addresses of a place's other tabs that do not lie below it.
BESIDE = {"function-list": ("/layers/",)}


@dataclass(frozen=True)
class Place:
    """One entry of the side bar."""

    url: str
    label: str
    icon: str
    here: bool


@dataclass(frozen=True)
class LastSync:
    """When a read of any region last came to its end, and how many are running or queued."""

    at: datetime | None
    running: int


@dataclass(frozen=True)
class Known:
    """What every page says beside its own content.

    swept_at: when the last sweep began. frozen: whether a freeze stands. made_by: by which rules what is kept was made.
    acts: whether the person acts for an account. findings: how many are open and nobody bears, counted no further than the
    side bar shows.
    """

    swept_at: datetime | None
    frozen: bool
    made_by: str | None
    acts: bool = False
    synced_at: datetime | None = None
    syncing: int = 0
    findings: int = 0


class _HowMany(Subquery):
    """The number of a query's rows as a column of another one; also of a query that ends at some number, where Count cannot."""

    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Nothing is queried until a template asks: fragments cost nothing here."""
    person = request.user if isinstance(getattr(request, "user", None), User) else None
    theme = person.theme if isinstance(person, User) else request.COOKIES.get("theme", "auto")
    context: dict[str, Any] = {"theme": theme if theme in ("light", "dark", "auto") else "auto"}
    context["demo_outbox"] = bool(settings.DEMO_OUTBOX)
    context["demo_deliveries"] = settings.DEMO_DELIVERIES
    if isinstance(person, User):
        me = Actor.of(person)
        known = SimpleLazyObject(lambda: known_to(person, now=timezone.now()))
        context |= {
            "me": me,
            "places": SimpleLazyObject(lambda: places(request.path, me, acts=known.acts)),
            "finding_count": SimpleLazyObject(lambda: known.findings),
            "last_sync": SimpleLazyObject(lambda: LastSync(known.synced_at, known.syncing)),
            "worker_silence": SimpleLazyObject(lambda: worker_silence(known.swept_at)),
            "frozen": SimpleLazyObject(lambda: limits.standing() if known.frozen else None),
            "renewing": SimpleLazyObject(lambda: renewing.SENTENCE if renewing.is_old(known.made_by) else ""),
        }
    return context


def places(path: str, me: Actor, *, acts: bool) -> list[Place]:
    """The side bar of a page at `path`."""
    found = []
    named = SHARED if me.is_consumer else (*PLACES, *(SHARED if acts else ()))
    for name, label, icon in named:
        url = _address(name, get_script_prefix())
        here = path == url if url == "/" else path.startswith((url, *BESIDE.get(name, ())))
        found.append(Place(url, label, icon, here))
    return found


@cache
def _address(name: str, _beneath: str) -> str:
    """Of a place, wherever fnshare is mounted."""
    return reverse(name)


def known_to(person: User, *, now: datetime) -> Known:
    """One query, in the person's scope, that reads no more with a year of syncs than with a day of them."""
    me = Actor.of(person)
    names, asked = _asked(consumer=me.is_consumer, everywhere=me.sees_every_account)
    with connection.cursor() as cursor:
        cursor.execute(asked.sql, asked.values(person.pk, now))
        found = dict(zip(names, cursor.fetchone(), strict=True))
    moments = {name: as_moment(found.get(name)) for name in ("swept_at", "synced_at")}
    return Known(**(found | moments))


@cache
def _asked(*, consumer: bool, everywhere: bool) -> tuple[tuple[str, ...], Prepared]:
    """What is asked for somebody of such a scope, and the names of its columns.

    It hangs on the person's row, which is there when no worker ever told anything.
    """
    me = Actor.of(User(pk=SOMEBODY, role=Role.CONSUMER if consumer else Role.OWNER, every_account=everywhere))
    asked: dict[str, Any] = {
        "swept_at": Subquery(Installation.objects.filter(pk=1).values("swept_at")),
        "frozen": Exists(Freeze.objects.filter(standing=True)),
        "made_by": Subquery(Renewal.objects.filter(pk=1).values("mark")),
    }
    if not consumer:
        syncs = Sync.objects.visible_to(me)
        ended = syncs.filter(state__in=(SyncState.DONE, SyncState.PARTIAL), kind=SyncKind.SWEEP, finished_at__isnull=False)
        asked |= {
            "acts": Exists(Membership.objects.of(me)),
            "synced_at": Subquery(ended.order_by("-finished_at").values("finished_at")[:1]),
            "syncing": _HowMany(syncs.open().order_by().values("pk")),
            "findings": _HowMany(badge(me, now=SOME_DAY)),
        }
    return tuple(asked), Prepared(User.objects.filter(pk=SOMEBODY).values_list(*asked.values()), SOMEBODY, SOME_DAY)


def worker_silence(seen: datetime | None) -> str:
    """A sentence when no worker has started the sweep lately; empty when all is well."""
    if seen is None:
        return "No worker was ever seen."
    silent = timezone.now() - seen
    if silent < SILENT_AFTER:
        return ""
    minutes = round(silent.total_seconds() / 60)
    if minutes < 120:
        return f"No worker seen for {minutes} min."
    return f"No worker seen for {minutes // 60} h."
