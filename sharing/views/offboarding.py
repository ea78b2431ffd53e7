"""Consumers, offboarding or suspending one account: what lets it in, one confirmation, how far it is, and the way back."""

from __future__ import annotations

import secrets
import uuid
from itertools import chain

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from sharing.forms.offboarding import OffboardForm, UndoForm
from sharing.forms.suspending import SuspendForm
from sharing.models import Actor, Offboarding
from sharing.policy.arn import is_account_id
from sharing.services import consumers, offboarding
from sharing.services.access import exporting
from sharing.services.errors import Refusal
from sharing.services.gaps import utc
from sharing.tasks import soon
from sharing.tasks.offboarding import offboard
from sharing.views.errors import blame

from .access import file
from .paging import page_of
from .permitting import actor, for_changing

#: Items of one page.
_SHOWN = 50
_MARKS = {
    "gone": ("ok", "circle-check", "Gone"),
    "working": ("busy", "loader-2", "Working"),
    "not": ("bad", "alert-circle", "Not done"),
    "again": ("plain", "rotate", "As before"),
    "over": ("off", "circle-minus", "Over"),
}
_SUSPENDING = _MARKS | {
    "gone": ("wait", "clock-pause", "Suspended"),
    "working": ("busy", "loader-2", "Being suspended"),
    "again": ("ok", "circle-check", "As before"),
}
_RESUMING = _SUSPENDING | {"working": ("busy", "loader-2", "Being resumed")}
#: So many shares that would come back are shown before an account is resumed.
_PREVIEWED = 500


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def consumer_offboard(request: HttpRequest, number: str) -> HttpResponseBase:
    """Everything that would go and everything that would stay, also as a file (`format`); then one confirmation."""
    return _decide(request, number, OffboardForm(request.POST if request.method == "POST" else None))


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def consumer_suspend(request: HttpRequest, number: str) -> HttpResponseBase:
    """The same for a while: what would be suspended, and what lets the account in all the same."""
    return _decide(request, number, SuspendForm(request.POST if request.method == "POST" else None))


def _decide(request: HttpRequest, number: str, form: OffboardForm) -> HttpResponseBase:
    me = actor(request)
    suspends = isinstance(form, SuspendForm)
    consumer = consumers.find(number, by=me) if is_account_id(number) else None
    if consumer is None:
        raise Http404("No consumer in scope has these digits.")
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = offboarding.start(
                number,
                seen=said["seen"],
                typed=said["typed"],
                reason=said["reason"],
                form_token=said["form"],
                by=me,
                suspends=suspends,
                until=said.get("ends_at"),
            )
        except Refusal as refusal:
            if refusal.code in ("not-permitted", "not-found"):
                raise
            blame(form, refusal)
        else:
            soon(offboard, made.pk)
            return redirect("offboarding-detail", made.pk)
    found = offboarding.preview(number, by=me, suspends=suspends)
    if request.method != "POST" and request.GET.get("format") == "csv":
        return _whole(found, consumer, me)
    token = form.data.get("form") if form.is_bound and len(form.data.get("form", "")) == 32 else secrets.token_hex(16)
    context = {"consumer": consumer, "found": found, "form": form, "token": token, "everything": me.sees_every_account}
    context |= {"kept": found.others, "layers": found.layers} if suspends else {"kept": found.kept}
    return render(request, "offboarding/preview.html", context, status=422 if form.errors else 200)


def _whole(found: offboarding.Preview, consumer: consumers.Consumer, me: Actor) -> HttpResponseBase:
    """All of it as CSV, however long: what would go, then what would stay; what was not looked at comes first."""
    verb = "suspended" if found.suspends else "taken away"
    head = [
        *(f"Not looked at: {one}" for one in found.gaps),
        *([] if me.sees_every_account else ["Only accounts in the scope of whoever asked were looked at."]),
        f"{consumer.label}: {len(found.things):,} would be {verb}, {len(found.kept):,} would stay",
        f"Asked by {me.label} at {utc(timezone.now())}",
    ]
    rows = chain(
        ((f"to be {verb}", one.kind.label, one.sentence, one.where, "") for one in found.things),
        (("stays", "Layer" if one.layer else "", one.sentence, one.where, one.following) for one in found.kept),
    )
    pieces = exporting.csv_text(head, ("What becomes of it", "Kind", "What", "Where", "What can be done"), rows)
    return file(pieces, exporting.file_name(f"{'suspend' if found.suspends else 'offboard'}-{found.number}", "csv"))


@require_safe
def offboarding_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """How far it is, thing by thing; the list polls while something is under way."""
    me = actor(request)
    found = get_object_or_404(Offboarding.objects.visible_to(me).select_related("requested_by"), pk=pk)
    related = ("offboarding", "grant", "layer_grant", "change", "again", "layer_again", "mapping")
    page = page_of(found.items.select_related(*related), request, _SHOWN)
    standing = offboarding.standing_of(found)
    marks = (_RESUMING if found.undo_wanted_at else _SUSPENDING) if found.suspends else _MARKS
    context = {
        "found": found,
        "page": page,
        "rows": [(item, marks[where], told) for item in page.object_list for where, told in (offboarding.status(item),)],
        "standing": standing,
        "may_undo": offboarding.may_undo(found, by=me, now=timezone.now()),
        "until": found.created_at + offboarding.UNDO_WITHIN,
        "form": UndoForm(),
        "layers": offboarding.staying_layers(found.number, by=me) if found.suspends and not found.undo_wanted_at else (),
        "every": "1s" if (timezone.now() - (found.undo_wanted_at or found.created_at)).total_seconds() < 60 else "5s",
    }
    template = "offboarding/detail.html#progress" if request.htmx else "offboarding/detail.html"  # type: ignore[attr-defined]
    return render(request, template, context)


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def offboarding_undo(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then have everything back that was removed."""
    me = actor(request)
    found = get_object_or_404(Offboarding.objects.visible_to(me), pk=pk)
    form = UndoForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            offboarding.undo(found, roles=form.cleaned_data["roles"], by=me)
        except Refusal as refusal:
            if refusal.code in ("not-permitted", "not-found"):
                raise
            blame(form, refusal)
        else:
            soon(offboard, found.pk)
            messages.info(request, "It is being resumed." if found.suspends else "What was taken away is asked for again.")
            return redirect("offboarding-detail", found.pk)
    back = offboarding.coming_back(found, by=me) if found.suspends and not found.undo_wanted_at else []
    context = {
        "found": found,
        "form": form,
        "back": [one for one in back if not one.problem][:_PREVIEWED],
        "stays": [one for one in back if one.problem][:_PREVIEWED],
        "roles": not found.suspends or any(one.confirm_role for one in back),
        "counted": (sum(not one.problem for one in back), sum(bool(one.problem) for one in back)),
        "working": offboarding.standing_of(found).working if found.suspends and not found.undo_wanted_at else 0,
        "warnings": list(dict.fromkeys(warning for one in back for warning in one.warnings)),
    }
    return render(request, "offboarding/undo.html", context, status=422 if form.errors else 200)
