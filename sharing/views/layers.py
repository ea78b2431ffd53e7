"""Layers: the list of versions, one version, and reading them again.

A GET never writes. Nothing here asks AWS: pages show what was read, with its age, and say what was not looked at.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from sharing.forms.narrowing import AccountFilter
from sharing.models import Account, Actor, Event, GrantState, LayerGrant, LayerVersion
from sharing.services import layers
from sharing.services.errors import Refusal
from sharing.services.layers import Exposed, Using
from sharing.tasks.reading import begin

from .access_rows import WHO_ICONS, seconds_between_polls
from .fragments import wants
from .function_policy import pretty
from .functions import lets_in_words
from .paging import page_of
from .permitting import actor, for_changing

EXPOSURES = (
    (Exposed.PUBLIC, "Public"),
    (Exposed.EXTERNAL, "Other accounts"),
    (Exposed.UNREAD, "Unread"),
    (Exposed.NOBODY, "Nobody outside"),
)
SETTLED: dict[str, tuple[str, str]] = {
    GrantState.ACTIVE: ("ok", "AWS holds the statement now."),
    GrantState.REVOKED: ("ok", "Taken back: AWS holds the statement no more. Functions that use the layer already keep it."),
    GrantState.EXPIRED: ("ok", "Ended: AWS holds the statement no more. Functions that use the layer already keep it."),
    GrantState.FAILED: ("bad", "AWS refused it."),
    GrantState.STUCK: ("bad", "It is still not settled, and may hold access."),
}
#: Lines of history, and earlier contents, on a version's page.
SHOWN = 50


@dataclass(frozen=True)
class Filters:
    """What the address asks the list for; anything unknown in it is left out."""

    text: str = ""
    account: str = ""
    region: str = ""
    exposed: Exposed | None = None
    vanished: bool = False

    @classmethod
    def of(cls, asked: Mapping[str, str]) -> Filters:
        """Read from the query string."""
        exposed = asked.get("exposure", "")
        return cls(
            text=asked.get("q", "").strip()[:400],
            account=asked.get("account", "").strip()[:80],
            region=asked.get("region", "")[:30],
            exposed=Exposed(exposed) if exposed in {kind.value for kind in Exposed} else None,
            vanished=asked.get("presence") == "vanished",
        )

    @property
    def narrowed(self) -> bool:
        """Whether anything is filtered away."""
        return bool(self.text or self.account or self.region or self.exposed or self.vanished)


@dataclass(frozen=True)
class Row:
    """One principal that may use a version, with its icon, its key for the browser and its digits for people."""

    of: Using
    icon: str
    shown: str


@require_safe
def layer_list(request: HttpRequest) -> HttpResponse:
    """Every layer version in scope: search, filters, pages; and what was not looked at."""
    me = actor(request)
    filters = Filters.of(request.GET)
    narrowing = AccountFilter(request.GET, accounts=Account.objects.visible_to(me))
    valid = narrowing.is_valid()
    found = layers.versions(
        by=me,
        text=filters.text,
        accounts=narrowing.cleaned_data["account"] if valid else Account.objects.none(),
        region=filters.region,
        exposed=filters.exposed,
        vanished=filters.vanished,
    )
    page = page_of(found, request)
    reading = layers.open_reads(by=me)
    summaries = layers.summaries(list(page.object_list))
    choices = layers.places(by=me)
    context = {
        "filters": filters,
        "page": page,
        "rows": [(one, lets_in_words(one.lets_in, {})) for one in summaries],
        "choices": choices,
        "narrowing": narrowing,
        "exposures": EXPOSURES,
        "gaps": layers.gaps(by=me),
        "reading": reading,
        # An empty list looks for the first read by itself.
        "every": max(2, seconds_between_polls(reading[0].created_at)) if reading else 0 if summaries or filters.narrowed else 5,
    }
    return render(request, "layers/list.html", context, status=200 if valid else 422)


@for_changing
@require_POST
def layer_read(request: HttpRequest) -> HttpResponse:
    """Ask for the layers of every account in scope to be read now."""
    found = layers.request(by=actor(request))
    begin(found)
    messages.info(request, f"Reading the layers of {len(found)} region{'s' if len(found) > 1 else ''}.")
    return redirect("layer-list")


def the_layer(me: Actor, pk: uuid.UUID) -> LayerVersion:
    """The layer version, if it is in the actor's scope; else 404."""
    return get_object_or_404(LayerVersion.objects.visible_to(me).select_related("account", "current"), pk=pk)


@require_safe
@vary_on_headers("HX-Request")
def layer_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One version: who may use it, its policy, what happened to it."""
    me = actor(request)
    layer = the_layer(me, pk)
    if wants(request, "access"):
        context = list_of(layer, me)
        if request.GET.get("seen") == context["seen"]:
            return HttpResponse(status=204)
        return render(request, "layers/polled.html", {**context, "settled": _settled(layer, request.GET.get("of", ""))})
    return render(request, "layers/detail.html", {**head_of(layer, me), **list_of(layer, me)})


def _settled(layer: LayerVersion, key: str) -> tuple[str, str] | None:
    """Tone and words once the grant that was waited for has settled."""
    try:
        grant = LayerGrant.objects.filter(layer=layer, pk=uuid.UUID(key)).first()
    except ValueError:
        return None
    return SETTLED.get(grant.state) if grant else None


@for_changing
@require_POST
def layer_reread(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for the layers of this version's account and region to be read now."""
    me = actor(request)
    layer = the_layer(me, pk)
    try:
        begin(layers.request(account=layer.account, region=layer.region, by=me))
        messages.info(request, f"Reading the layers of {layer.account.name} in {layer.region}.")
    except Refusal as refusal:
        messages.error(request, f"{refusal.message} {refusal.next}".strip())
    return redirect("layer-detail", pk)


def head_of(layer: LayerVersion, me: Actor) -> dict[str, Any]:
    """What the page of a version shows around the list of who may use it."""
    document = layers.document_of(layer)
    others = LayerVersion.objects.filter(account=layer.account_id, region=layer.region, name=layer.name)
    reading = [one for one in layers.open_reads(by=me) if (one.account_id, one.region) == (layer.account_id, layer.region)]
    return {
        "layer": layer,
        "document": pretty(document.raw) if document.exists and document.raw is not None else (document.text or ""),
        "problem": document.problem or "",
        "contents": list(layer.contents.all()[:SHOWN]),
        "others": list(others.exclude(pk=layer.pk).order_by("-number")[:SHOWN]),
        "events": list(Event.objects.visible_to(me).filter(layer=layer)[:SHOWN]),
        "earlier": list(layers.earlier(layer)[:SHOWN]),
        "read_at": layers.last_read_of(layer),
        "reading": reading,
        "way": layers.way_in_problem(layer),
    }


def list_of(layer: LayerVersion, me: Actor, *, focus: LayerGrant | None = None) -> dict[str, Any]:
    """Who may use the version. `focus`: the grant whose row takes the keyboard's focus."""
    found = layers.users(layer, by=me)
    rows = [Row(one, WHO_ICONS.get(one.kind, "help-circle"), shown_of(one)) for one in found]
    unsettled = [one.grant for one in found if one.grant is not None and one.grant.is_unsettled]
    since = max((grant.unsettled_since or grant.created_at for grant in unsettled), default=None)
    return {
        "layer": layer,
        "rows": rows,
        "unsettled": max(unsettled, key=lambda grant: grant.unsettled_since or grant.created_at, default=None),
        "every": seconds_between_polls(since) if since else 0,
        "seen": seen_of(layer, found),
        "focus": focus.pk if focus else None,
    }


def shown_of(one: Using) -> str:
    """What AWS reads, as people read it: digits in fours."""
    if one.kind == "account" and len(one.principal) == 12:
        return " ".join((one.principal[:4], one.principal[4:8], one.principal[8:]))
    return "any AWS account" if one.kind == "everyone" else one.principal


def seen_of(layer: LayerVersion, found: list[Using]) -> str:
    """A mark of everything the list shows: a poll is answered 204 while it stays the same."""
    facts = [(one.key, one.index, one.changed, one.grant and (one.grant.state, one.grant.failure)) for one in found]
    return hashlib.sha256(repr((facts, layer.current_id, layer.unread_reason)).encode()).hexdigest()[:16]
