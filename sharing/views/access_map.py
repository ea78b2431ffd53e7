"""Access, the map: a picture made here, and a table that says the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from sharing.forms.narrowing import AccountFilter
from sharing.models import Account, Function
from sharing.policy.arn import is_account_id
from sharing.services import trusting
from sharing.services.access import account_matrix, picture
from sharing.services.access.blind_spots import blind_spots
from sharing.services.access.drawing import Box, Curve, draw
from sharing.services.access.parties import Party
from sharing.services.access.picture import Edge, Node, Picture

from .access_rows import WHO_ICONS
from .matrix_cells import OPEN, SHORT, capital, listed
from .permitting import actor

_PATH = '<path class="{}" d="{}" stroke-width="{}"><title>{} to {}: {}</title></path>'
_REGION = ' <span class="text-secondary small">{}</span>'
_ROW = (
    '<tr><th scope="row"><a href="{}">{}</a>{}</th><td data-label="Who"><a href="{}">{}</a></td>'
    '<td data-label="May"><span class="edge-{}">{}</span></td></tr>'
)


@dataclass(frozen=True)
class ShownNode:
    """A box with what it is, where it leads, and its whole name."""

    box: Box
    node: Node
    url: str
    icon: str
    zone: str


@dataclass(frozen=True)
class ShownEdge:
    """A curve, and the same in words for the table. A map has hundreds, so both are made here: `path` and `row`."""

    path: SafeString
    row: SafeString
    tone: str


@require_safe
def access_map(request: HttpRequest) -> HttpResponse:
    """Owner accounts and whom they let in; of the one that `account` means, its functions; of several, only these."""
    me = actor(request)
    owners = account_matrix.owners(by=me)
    number = "".join(request.GET.get("account", "").split())
    if is_account_id(number):
        get_object_or_404(owners, number=number)
    narrowing = AccountFilter(request.GET, accounts=owners)
    meant = narrowing.cleaned_data["account"] if narrowing.is_valid() else owners.none()
    every = list(owners)
    looked_at = every if meant is None else list(meant)
    chosen = looked_at[0] if len(looked_at) == 1 else None  # one account would be one box: its functions say more
    trust = trusting.trust()
    drawn = picture.of_account(chosen, trust=trust) if chosen else picture.of_accounts(looked_at, trust=trust)
    facts = account_matrix.facts(looked_at)
    return render(
        request,
        "access/map.html",
        {
            **_drawing(drawn, chosen),
            "chosen": chosen,
            "owners": every,
            "narrowing": narrowing,
            "some": str(len(looked_at)) if meant is not None and len(looked_at) > 1 else "",
            "facts": facts,
            "blind_spots": blind_spots(looked_at, facts),
        },
        status=422 if narrowing.errors else 200,
    )


def _drawing(drawn: Picture, chosen: Account | None) -> dict[str, Any]:
    drawing = draw(
        [(node.key, node.label, node.beneath) for node in drawn.left],
        [(node.key, node.label, node.beneath) for node in drawn.right],
        [(edge.left, edge.right, edge.many) for edge in drawn.edges],
    )
    left = {node.key: _node(box, node, chosen) for box, node in zip(drawing.left, drawn.left, strict=True)}
    right = {node.key: _node(box, node, chosen) for box, node in zip(drawing.right, drawn.right, strict=True)}
    edges = [
        _edge(curve, edge, left, right, functions=chosen is not None)
        for curve, edge in zip(drawing.curves, drawn.edges, strict=True)
    ]
    # What is not safe is drawn last, over the rest.
    return {
        "drawing": drawing,
        "left": list(left.values()),
        "right": list(right.values()),
        "edges": edges,
        "sides": (list(left.values()), list(right.values())),
        "icons": static("vendor/icons.svg"),
        "curves": sorted(edges, key=lambda one: ("off", "ok", "warn", "bad").index(one.tone)),
    }


def _node(box: Box, node: Node, chosen: Account | None) -> ShownNode:
    matrix = reverse("access-matrix")
    within = {"account": chosen.number} if chosen else {}
    zone = ""
    match node.of:
        case Account():
            url, icon = f"{reverse('access-map')}?{urlencode({'account': node.of.number})}", "stack-2"
        case Function():
            url, icon = reverse("function-detail", args=[node.of.pk]), "lambda"
        case Party():
            query = {**within, "with": node.of.key} if chosen else {"kind": node.of.kind, "q": node.of.principal.strip("*")}
            url, icon = f"{matrix}?{urlencode(query)}", WHO_ICONS.get(node.kind, "help-circle")
            zone = node.of.zone
        case _ if node.key == "rest":
            query = {**within, "show": "reached"} if chosen else {}
            url, icon = f"{matrix}?{urlencode(query)}", "dots"
        case _:
            url, icon = f"{matrix}?{urlencode({**within, 'kind': node.kind})}", "dots"
    return ShownNode(box, node, url, icon, zone)


def _edge(
    curve: Curve, edge: Edge, left: Mapping[str, ShownNode], right: Mapping[str, ShownNode], *, functions: bool
) -> ShownEdge:
    one, other, tone = left[edge.left], right[edge.right], _tone(edge)
    css = f"line-{tone}" + " is-latent" * edge.latent + " is-stale" * (edge.stale and functions and not one.node.folded)
    css += f" is-{edge.widest}" if edge.widest in ("manage", "read") else ""
    words = "; ".join(_words(edge, left, right, functions=functions))
    region = format_html(_REGION, one.node.of.region) if isinstance(one.node.of, Function) else ""
    return ShownEdge(
        format_html(_PATH, css, curve.path, curve.width, one.node.label, other.node.label, words),
        format_html(_ROW, one.url, one.node.label, region, other.url, other.node.label, tone, words),
        tone,
    )


def _tone(edge: Edge) -> str:
    if edge.public != "no":
        return "bad"
    if edge.open_service != "no" or edge.depends or edge.widest == "manage":
        return "warn"
    return "off" if edge.latent else "ok"


def _words(edge: Edge, left: Mapping[str, ShownNode], right: Mapping[str, ShownNode], *, functions: bool) -> list[str]:
    """What the table says of an edge."""
    folded = right[edge.right].node.folded
    said = []
    if edge.widest:
        said.append(capital(listed([SHORT[one] for one in SHORT if one in edge.classes])))
    elif edge.latent:
        said.append("Not usable yet")
    if folded:
        said.append(f"{edge.many:,} of them")
    elif not functions or left[edge.left].node.folded:
        said.append(f"{edge.many:,} function{'' if edge.many == 1 else 's'}")
    if edge.public != "no":
        said.append("public" if edge.public == "yes" else "public, depends")
    if edge.open_service != "no":
        said.append(OPEN[edge.open_service])
    if edge.depends and edge.public != "depends" and edge.open_service != "depends":
        said.append("not safe or depends" if folded else "depends on something unknown")
    if edge.latent and edge.widest:
        said.append("not usable yet")
    if edge.stale:
        said.append("partly stale, as last read")
    return said
