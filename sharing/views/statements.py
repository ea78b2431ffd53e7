"""Statements made elsewhere: what follows from revoking one, and the click."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from sharing.forms.share import ReasonForm
from sharing.models import Actor, Policy
from sharing.services import granting
from sharing.services.errors import Refusal
from sharing.tasks import soon
from sharing.tasks.sharing import reconcile_grant

from .fragments import by_htmx
from .function_pages import list_of
from .function_policy import pretty
from .grants import after, blame
from .permitting import actor, for_changing


def the_policy(me: Actor, pk: uuid.UUID) -> Policy:
    """The policy, if its function is in the actor's scope; else 404."""
    return get_object_or_404(Policy.objects.visible_to(me).select_related("function__account", "current"), pk=pk)


@for_changing
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def statement_revoke(request: HttpRequest, pk: uuid.UUID, version: int, index: int) -> HttpResponse:
    """Take a statement back by its place in the policy version that the person looked at.

    Where the policy has changed since, nothing is done: the answer says so and shows the list as it is now.
    """
    me = actor(request)
    policy = the_policy(me, pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    try:
        if request.method == "POST" and form.is_valid():
            try:
                grant = granting.revoke_statement(policy, index=index, version_pk=version, by=me, **form.cleaned_data)
            except Refusal as refusal:
                if refusal.code == "stale":
                    raise
                blame(form, refusal)
            else:
                soon(reconcile_grant, grant.pk, queue="clicks")
                return after(request, me, grant, "Taking it back.")
        follows = granting.consequences_of_statement(policy, index=index, version_pk=version, by=me)
    except Refusal as refusal:
        if refusal.code != "stale":
            raise
        return _stale(request, me, policy, refusal)
    context: dict[str, Any] = {
        "function": policy.function,
        "policy": policy,
        "form": form,
        "follows": follows,
        "sentence": follows.sentence,
        "statement": pretty(follows.stored),
    }
    template = "grants/revoke.html#panel" if by_htmx(request) else "grants/revoke.html"
    return render(request, template, context, status=422 if form.errors else 200)


def _stale(request: HttpRequest, me: Actor, policy: Policy, refusal: Refusal) -> HttpResponse:
    said = f"{refusal.message} Nothing was changed; the list shows what is there now."
    if by_htmx(request):
        return render(request, "functions/done.html", {**list_of(request, policy.function, me), "said": said, "tone": "bad"})
    messages.error(request, said)
    return redirect("function-detail", policy.function_id)
