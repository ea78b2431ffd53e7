"""Settings, organisations: which accounts belong to one, as last read. For whoever sees every account; admins connect."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.organizations import OrganizationForm
from sharing.models import (
    Account,
    Connection,
    ConnectionState,
    Joiner,
    JoinerState,
    Joining,
    Organization,
    OrganizationMember,
    Purpose,
)
from sharing.policy.arn import digits_of
from sharing.services import connecting, joining, organizations
from sharing.services.errors import Refusal
from sharing.tasks import read_organization, soon
from sharing.views.errors import blame
from sharing.views.fragments import wants
from sharing.views.member_states import JOINER_STATES, STATES
from sharing.views.paging import page_of
from sharing.views.permitting import actor, for_admins, for_changing
from sharing.views.units import is_reading


@dataclass(frozen=True)
class Shown:
    """One organisation of the list: how many members it has, and why they do not count as known ("" while they do)."""

    organization: Organization
    members: int
    stale: str
    reading: bool


@dataclass(frozen=True)
class Member:
    """One line of the list of members: `known` is the account people named here."""

    row: OrganizationMember
    known: Account | None
    state: tuple[str, str, str]
    joiner: Joiner | None = None
    joining: tuple[str, str, str] | None = None


@require_safe
def organization_list(request: HttpRequest) -> HttpResponse:
    """Every organisation whose members are read, and the roles that were prepared for one."""
    me = actor(request)
    visible = Organization.objects.visible_to(me).select_related("connection__account")
    many = Count("members", filter=Q(members__left_at=None))
    page = page_of(visible.annotate(many=many).order_by("organization_id"), request)
    waiting = Connection.objects.visible_to(me).standing().filter(purpose=Purpose.ORGANIZATION, organization=None)
    context = {
        "page": page,
        "rows": [_shown(one, one.many) for one in page.object_list],
        "waiting": list(waiting.select_related("account").order_by("account__name")) if me.sees_every_account else [],
    }
    return render(request, "organisations/list.html", context)


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def organization_connect(request: HttpRequest) -> HttpResponse:
    """Step one: name the account, and get an ExternalId for the role to be made in it."""
    form = OrganizationForm(request.POST or None, initial=_asked(request))
    if request.method == "POST" and form.is_valid():
        try:
            connection = connecting.prepare(
                number=form.cleaned_data["number"],
                name=form.cleaned_data["name"],
                purpose=Purpose.ORGANIZATION,
                by=actor(request),
            )
        except Refusal as refusal:
            blame(form, refusal)
        else:
            return redirect("connection-detail", connection.pk)
    return render(request, "organisations/connect.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
def organization_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One organisation: its members as last read; the page's body alone while it is read and the page polls."""
    organization = _find(request, pk)
    if wants(request, "joining-progress"):
        return render(request, "organisations/progress.html", {"organization": organization, **_progress(organization)})
    if wants(request, "units-told"):
        return render(request, "organisations/units_told.html", {"organization": organization, **_units(organization)})
    context = _context(request, organization)
    polls = wants(request, "organisation")
    if polls and not context["shown"].reading:
        said = "Its members could not be read." if organization.failure else "Its members were read."
        context["toast"] = (said, "bad" if organization.failure else "ok")
    return render(request, f"organisations/detail.html{'#body' if polls else ''}", context)


@for_changing
@require_POST
def organization_read(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Have a worker read the members again."""
    organization = _find(request, pk)
    try:
        organizations.request_read(organization, by=actor(request))
    except Refusal as refusal:
        messages.error(request, f"{refusal.message} {refusal.next}".strip())
    else:
        soon(read_organization, organization.pk, queue="sync")
    return redirect("organisation-detail", pk)


def _find(request: HttpRequest, pk: uuid.UUID) -> Organization:
    visible = Organization.objects.visible_to(actor(request)).select_related("connection__account")
    return get_object_or_404(visible, pk=pk)


def _shown(organization: Organization, many: int) -> Shown:
    connection = organization.connection
    connected = connection is not None and connection.state == ConnectionState.CONNECTED
    first = organization.read_at is None and not organization.failure
    reading = connected and (organization.read_wanted_at is not None or first)
    return Shown(organization, many, organization.stale(timezone.now()), reading)


def _context(request: HttpRequest, organization: Organization) -> dict[str, Any]:
    asked = request.GET.get("q", "").strip()[:100]
    left = request.GET.get("show") == "left"
    present = OrganizationMember.objects.present().filter(organization=organization).select_related("unit")
    gone = OrganizationMember.objects.filter(organization=organization, left_at__isnull=False)
    rows = gone.order_by("-left_at", "number") if left else present.order_by("name", "number")
    progress = _progress(organization)
    joining_ = progress["joining"]
    stage = request.GET.get("stage", "") if joining_ is not None and not left else ""
    if stage in JoinerState.values:
        rows = rows.filter(joiners__joining=joining_, joiners__state=stage)
    page = page_of(_matching(rows, asked), request)
    shown = _shown(organization, present.count())
    wanted = organization.read_wanted_at or organization.created_at
    return {
        "organization": organization,
        "shown": shown,
        "asked": asked,
        "left": left,
        "gone": gone.count(),
        "page": page,
        "members": list(_members(page.object_list, joining_)),
        "stage": stage,
        "stages": JoinerState.choices,
        **progress,
        **_units(organization),
        "every": "1s" if (timezone.now() - wanted).total_seconds() < 60 else "5s",
    }


def _progress(organization: Organization) -> dict[str, Any]:
    """How far connecting the accounts is; nothing where nobody asked for it."""
    held = Joining.objects.filter(organization=organization).first()
    if held is None:
        return {"joining": None}
    counts = joining.counts_of(held)
    connected = organization.connection is not None and organization.connection.state == ConnectionState.CONNECTED
    going = connected and held.paused_at is None
    states = [(state, JOINER_STATES[state], counts.by_state[state]) for state in JoinerState.values if state in counts.by_state]
    return {"joining": held, "counts": counts, "stages_now": states, "going": going, "working": going and counts.is_working}


def _units(organization: Organization) -> dict[str, Any]:
    """How many are known beneath the root, and whether a worker reads them."""
    many = organization.units.present().exclude(unit_id__startswith="r-").count()
    return {"units": many, "placing": is_reading(organization)}


def _matching(rows: QuerySet[OrganizationMember], text: str) -> QuerySet[OrganizationMember]:
    digits = digits_of(text)
    found = Q(name__icontains=text)
    return rows.filter(found | Q(number__contains=digits) if digits else found) if text else rows


def _members(rows: Iterable[OrganizationMember], held: Joining | None) -> Iterable[Member]:
    """Two queries: for the names people gave here, and for how far connecting them is."""
    rows = list(rows)
    known = {one.number: one for one in Account.objects.filter(number__in=[row.number for row in rows])}
    joiners = joining.joiners_of(held, [row.number for row in rows]) if held is not None else {}
    for row in rows:
        one = joiners.get(row.number)
        state = STATES.get(row.status, ("off", "help-circle", row.status or "Not told"))
        yield Member(row, known.get(row.number), state, one, JOINER_STATES[one.state] if one else None)


def _asked(request: HttpRequest) -> dict[str, str]:
    """What a link to the form already knows: the account."""
    number = request.GET.get("account", "")[:20]
    known = Account.objects.visible_to(actor(request)).filter(number=number).first()
    return {"number": number, **({"name": known.name} if known else {})}
