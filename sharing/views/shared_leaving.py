"""Leaving: giving a share back for the account, and no longer acting for an account. Each is asked first, then done."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from sharing.forms.consuming import GiveBackForm
from sharing.services import consuming
from sharing.services.errors import Refusal
from sharing.services.granting.wording import doing, place_of
from sharing.tasks import soon
from sharing.tasks.sharing import reconcile_grant

from .errors import blame
from .permitting import actor, for_acting, open_to_consumers


@open_to_consumers
@for_acting
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def shared_leave(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Give one share back: first what stops, then the click."""
    side = consuming.side_of(actor(request))
    grant = side.grant(pk)
    if grant is None:
        raise Http404
    form = GiveBackForm(request.POST if request.method == "POST" else None)
    place = place_of(grant.policy)
    if request.method == "POST" and form.is_valid():
        try:
            grant = consuming.give_back(side, grant, reason=form.cleaned_data["reason"])
        except Refusal as refusal:
            if refusal.code in ("not-found", "not-permitted"):
                raise
            blame(form, refusal)
        else:
            soon(reconcile_grant, grant.pk, queue="clicks")
            messages.info(request, f"Giving {place} back. It is over once AWS no longer holds it.")
            return redirect("shared-list")
    context = {
        "grant": grant,
        "account": side.accounts[grant.principal_account],
        "place": place,
        "may": doing(grant.action),
        "whole": grant.principal_kind == "account",
        "left": consuming.what_stops(grant),
        "form": form,
        "dangerous": True,
        "back": reverse("shared-function", args=[grant.policy_id]),
    }
    return render(request, "shared/leave.html", context, status=422 if form.errors else 200)


@open_to_consumers
@for_acting
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def shared_account_leave(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Stop acting for an account: one's own membership only."""
    side = consuming.side_of(actor(request))
    membership = next((one for one in side.memberships if one.pk == pk), None)
    if membership is None:
        raise Http404
    said = ""
    if request.method == "POST":
        try:
            consuming.leave_account(side, membership)
        except Refusal as refusal:
            if refusal.code in ("not-found", "not-permitted"):
                raise
            said = f"{refusal.message} {refusal.next}"
        else:
            messages.success(request, f"You no longer act for {membership.account.name}.")
            return redirect("shared-list")
    context = {"membership": membership, "said": said, "dangerous": True, "back": reverse("shared-list")}
    return render(request, "shared/leave_account.html", context, status=422 if said else 200)
