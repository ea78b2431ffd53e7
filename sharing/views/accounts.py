"""Settings, accounts: what is connected, and the first step of connecting one more."""

import uuid

from django.db.models import Count, Prefetch, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from sharing.forms.accounts import ConnectForm
from sharing.models import Account, Connection, Event, Purpose
from sharing.services import connecting, syncing
from sharing.services.errors import Refusal
from sharing.views.errors import blame
from sharing.views.paging import page_of
from sharing.views.permitting import actor, for_admins

#: What the page of an account offers to connect, in this order.
OFFERED = (Purpose.MANAGER, Purpose.CHECKER, Purpose.INVOKER, Purpose.SOURCE)


@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    """Settings begin with the accounts."""
    return redirect("account-list")


@require_safe
def account_list(request: HttpRequest) -> HttpResponse:
    """Every known account with its connections, or those called `?q=`; of `?show=owners` functions are read."""
    me = actor(request)
    asked, owners = request.GET.get("q", "").strip()[:200], request.GET.get("show") == "owners"
    known = Account.objects.visible_to(me).called(asked)
    rows = (
        (known.owners() if owners else known)
        .prefetch_related(Prefetch("connections", Connection.objects.standing().order_by("-purpose"), to_attr="standing"))
        .annotate(functions_read=Count("functions", filter=Q(functions__vanished_at=None)))
        .order_by("name", "number")
    )
    return render(request, "settings/accounts.html", {"page": page_of(rows, request), "asked": asked, "owners": owners})


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def account_connect(request: HttpRequest) -> HttpResponse:
    """Step one: name the account and get an ExternalId for the role to be made."""
    form = ConnectForm(request.POST or None, initial=_asked(request))
    if request.method == "POST" and form.is_valid():
        try:
            connection = connecting.prepare(
                number=form.cleaned_data["number"],
                name=form.cleaned_data["name"],
                purpose=form.cleaned_data["purpose"],
                regions=form.chosen_regions if form.cleaned_data["purpose"] == Purpose.MANAGER else (),
                limited_to=form.limits(form.cleaned_data["purpose"]),
                by=actor(request),
            )
        except Refusal as refusal:
            blame(form, refusal)
        else:
            return redirect("connection-detail", connection.pk)
    context = {"form": form, "cadence": syncing.cadence()}
    return render(request, "settings/connect.html", context, status=422 if form.errors else 200)


@require_safe
def account_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One account: its connections and what happened lately."""
    me = actor(request)
    account = get_object_or_404(Account.objects.visible_to(me), pk=pk)
    order = [*OFFERED, Purpose.ORGANIZATION]
    connections = sorted(account.connections.standing(), key=lambda one: order.index(Purpose(one.purpose)))
    purposes = {connection.purpose for connection in connections}
    context = {
        "account": account,
        "connections": connections,
        "missing": [(value, Purpose(value).label) for value in OFFERED if value not in purposes],
        "events": Event.objects.filter(account=account).select_related("function")[:10],
        "functions_read": account.functions.present().count(),
    }
    return render(request, "settings/account.html", context)


def _asked(request: HttpRequest) -> dict[str, str]:
    """What a link to the form already knows: the account, and what for."""
    asked = {"number": request.GET.get("account", "")[:20], "purpose": Purpose.MANAGER.value}
    known = Account.objects.visible_to(actor(request)).filter(number=asked["number"]).first()
    if known is not None:
        asked["name"] = known.name
    if request.GET.get("purpose") in Purpose.values:
        asked["purpose"] = request.GET["purpose"]
    if asked["purpose"] == Purpose.SOURCE:
        asked["sources"] = request.GET.get("source", "")[:1024]
    return asked
