"""What every page's frame needs to know."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from sharing.models import Actor, Freeze, Installation, Membership, Renewal, Sync, SyncKind, User
from sharing.models.sync import SyncState
from sharing.services import limits
from sharing.services.findings.listing import badge
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


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Nothing is queried until a template asks: fragments cost nothing here."""
    person = request.user if isinstance(getattr(request, "user", None), User) else None
    theme = person.theme if isinstance(person, User) else request.COOKIES.get("theme", "auto")
    context: dict[str, Any] = {"theme": theme if theme in ("light", "dark", "auto") else "auto"}
    context["demo_outbox"] = bool(settings.DEMO_OUTBOX)
    context["demo_deliveries"] = settings.DEMO_DELIVERIES
    if isinstance(person, User):
        me = Actor.of(person)
        told = SimpleLazyObject(lambda: workers_told(person))
        context |= {
            "me": me,
            "places": SimpleLazyObject(lambda: places(request, me)),
            "finding_count": SimpleLazyObject(lambda: badge(me, now=timezone.now())),
            "last_sync": SimpleLazyObject(lambda: last_sync(me)),
            "worker_silence": SimpleLazyObject(lambda: worker_silence(told.swept_at)),
            "frozen": SimpleLazyObject(lambda: limits.standing() if told.frozen else None),
            "renewing": SimpleLazyObject(lambda: renewing.SENTENCE if renewing.is_old(told.made_by) else ""),
        }
    return context


def places(request: HttpRequest, me: Actor) -> list[Place]:
    """The side bar."""
    found = []
    named = SHARED if me.is_consumer else (*PLACES, *(SHARED if Membership.objects.of(me).exists() else ()))
    for name, label, icon in named:
        url = reverse(name)
        here = request.path == url if url == "/" else request.path.startswith((url, *BESIDE.get(name, ())))
        found.append(Place(url, label, icon, here))
    return found


def last_sync(me: Actor) -> LastSync:
    """Two queries, in the actor's scope, that read no more with a year of syncs than with a day of them."""
    syncs = Sync.objects.visible_to(me)
    ended = syncs.filter(state__in=(SyncState.DONE, SyncState.PARTIAL), kind=SyncKind.SWEEP, finished_at__isnull=False)
    newest = ended.order_by("-finished_at").values_list("finished_at", flat=True).first()
    return LastSync(newest, syncs.open().count())


@dataclass(frozen=True)
class Told:
    """What every page says of the workers: when the last sweep began, whether a freeze stands, by which rules what is kept
    was made."""

    swept_at: datetime | None
    frozen: bool
    made_by: str | None


def workers_told(person: User) -> Told:
    """One query for all; it hangs on the person's row, which is there when no worker ever told anything."""
    swept_at = Subquery(Installation.objects.filter(pk=1).values("swept_at"))
    stands = Exists(Freeze.objects.filter(standing=True))
    made_by = Subquery(Renewal.objects.filter(pk=1).values("mark"))
    return Told(*User.objects.filter(pk=person.pk).values_list(swept_at, stands, made_by)[0])


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
