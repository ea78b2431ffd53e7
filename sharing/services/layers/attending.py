"""What about layers needs somebody, for the first page. Depends counts as public, what is unread stays counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.utils import timezone

from sharing.models import Actor, GrantState, LayerGrant, LayerVersion, Reading
from sharing.services.inventory import NOT_SAFE
from sharing.services.naming import account_names

from .wording import named

SHOWN = 6
_SOON = timedelta(days=14)
#: A failure older than this is history, not news.
_RECENT = timedelta(days=7)


@dataclass(frozen=True)
class Line:
    """A grant that somebody should look at, in words. why: waiting, stuck, failed or ending."""

    grant: LayerGrant
    words: str
    why: str


@dataclass(frozen=True)
class Attention:
    """Versions that let in everyone (or perhaps), versions that are unread, and grants; `more` grants are not shown."""

    public: int
    unread: int
    lines: tuple[Line, ...]
    more: int

    def __bool__(self) -> bool:
        return bool(self.public or self.unread or self.lines)


def attention(*, by: Actor, now: datetime | None = None) -> Attention:
    """In the actor's scope. Three queries, whatever the number of layers."""
    now = now or timezone.now()
    counts = (
        LayerVersion.objects.visible_to(by)
        .present()
        .aggregate(
            public=Count("pk", filter=Q(public__in=NOT_SAFE)),
            unread=Count("pk", filter=Q(reading=Reading.UNREAD) | Q(unread_since__isnull=False)),
        )
    )
    wanted = Q(state__in=(GrantState.REQUESTED, GrantState.STUCK))
    wanted |= Q(state=GrantState.FAILED, settled_at__gte=now - _RECENT) & ~Q(failure_code__in=("declined", "withdrawn"))
    wanted |= Q(state=GrantState.ACTIVE, ends_at__lt=now + _SOON) | Q(state=GrantState.ACTIVE) & ~Q(failure="")
    grants = list(
        LayerGrant.objects.visible_to(by).filter(wanted).select_related("layer__account").order_by("created_at")[:500]
    )
    names = account_names() if grants else {}
    order = ("stuck", "failed", "waiting", "ending")
    found = sorted(((_why(grant), grant) for grant in grants), key=lambda one: order.index(one[0]))
    lines = tuple(Line(grant, named(grant, names), why) for why, grant in found[:SHOWN])
    return Attention(counts["public"], counts["unread"], lines, len(found) - len(lines))


def _why(grant: LayerGrant) -> str:
    if grant.state == GrantState.ACTIVE:
        return "failed" if grant.failure else "ending"
    return {GrantState.REQUESTED: "waiting", GrantState.STUCK: "stuck"}.get(GrantState(grant.state), "failed")
