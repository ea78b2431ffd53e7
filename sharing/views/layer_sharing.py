"""Sharing a layer version: the form, its preview, the click; one grant of it: approving, taking back.

As for functions: with JavaScript the form stands beside the list and previews itself, without it the preview is a step of
its own, and the last click carries a mark of what was previewed (`seen`).
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from sharing.forms.layers import LayerShareForm
from sharing.forms.share import ReasonForm
from sharing.models import Account, Actor, Event, GrantState, LayerGrant, LayerVersion
from sharing.services import layers
from sharing.services.errors import Refusal
from sharing.services.layers import LayerPlan
from sharing.tasks import soon
from sharing.tasks.sharing import reconcile_layer_grant

from .access_rows import seconds_between_polls
from .fragments import LEVELS, by_htmx, tone_of
from .function_policy import pretty
from .grants import blame
from .layers import head_of, list_of, the_layer
from .permitting import actor, for_changing
from .sharing import NO_REASON


@for_changing
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def layer_share(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The share form beside who may use the version; POST previews (`step=preview`) or shares."""
    me = actor(request)
    layer = the_layer(me, pk)
    if request.method != "POST":
        form = LayerShareForm(initial={"form_token": LayerShareForm.fresh_token()})
        return _answer(request, me, layer, form, plan=None)
    form = LayerShareForm(request.POST.dict())
    plan = _plan_of(form, layer, me)
    step = request.POST.get("step", "preview")
    for problem in plan.problems if plan else ():
        _blame(form, problem.field, f"{problem.message} {problem.next}".strip())
    if form.errors or plan is None:
        return _answer(request, me, layer, form, plan, status=422)
    if step == "preview":
        return _answer(request, me, layer, form, plan)
    if request.POST.get("seen") != plan.seen:
        form.add_error(None, "The preview was not up to date. Below is what would be written now: read it and confirm again.")
        return _answer(request, me, layer, form, plan, status=422)
    reason = form.cleaned_data["reason"] or ("" if plan.second_person else NO_REASON)
    started = timezone.now()
    try:
        grant = layers.share(plan, reason=reason, by=me, anyway=step == "anyway")
    except Refusal as refusal:
        _blame(form, refusal.field, f"{refusal.message} {refusal.next}".strip())
        if refusal.code == "stale":
            form.renew()
        return _answer(request, me, layer, form, _plan_of(form, layer, me), status=422)
    soon(reconcile_layer_grant, grant.pk)
    if grant.created_at < started:
        said = "They already have exactly this. Nothing new was written."
    elif grant.second_person:
        said = "Asked. It waits until a second person approves exactly this."
    else:
        said = "Sharing it."
    return _done(request, me, grant, said)


@for_changing
@never_cache
@require_POST
def layer_share_preview(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The live preview: what would be written, said while it is typed. Writes nothing and blames nobody yet."""
    me = actor(request)
    layer = the_layer(me, pk)
    form = LayerShareForm(request.POST.dict())
    context = {"layer": layer, "form": form, "live": True, **_preview(_plan_of(form, layer, me))}
    return render(request, "layers/share.html#preview", context)


def _plan_of(form: LayerShareForm, layer: LayerVersion, me: Actor) -> LayerPlan | None:
    """The plan of what the form says; None while the form itself cannot be read."""
    if not form.is_valid():
        return None
    given = form.cleaned_data
    return layers.plan(layer=layer, who=given["who"], by=me, ends_at=given["ends_at"], form_token=given["form_token"])


def _preview(plan: LayerPlan | None) -> dict[str, Any]:
    return {"plan": plan, "statement": pretty(plan.statement) if plan and plan.share else ""}


def _blame(form: Form, field: str, text: str) -> None:
    name = {"ends_at": "until"}.get(field, field)
    form.add_error(name if name in form.fields else None, text)


def _answer(
    request: HttpRequest, me: Actor, layer: LayerVersion, form: LayerShareForm, plan: LayerPlan | None, *, status: int = 200
) -> HttpResponse:
    context = {"layer": layer, "form": form, "known": Account.objects.visible_to(me), **_preview(plan)}
    if by_htmx(request):
        return render(request, "layers/share.html#share", context, status=status)
    return render(request, "layers/share.html", {**head_of(layer, me), **list_of(layer, me), **context}, status=status)


def _done(request: HttpRequest, me: Actor, grant: LayerGrant, said: str) -> HttpResponse:
    """What follows a click: the list anew beside a toast, or the version's page with a message."""
    if by_htmx(request):
        context = {**list_of(grant.layer, me, focus=grant), "said": said, "tone": tone_of(grant)}
        response = render(request, "layers/done.html", context)
        response["HX-Replace-Url"] = reverse("layer-detail", args=[grant.layer_id])
        return response
    messages.add_message(request, LEVELS[tone_of(grant)], said)
    return redirect(f"{reverse('layer-detail', args=[grant.layer_id])}#row-{grant.pk.hex}")


def the_grant(me: Actor, pk: uuid.UUID) -> LayerGrant:
    """The grant, if its layer is in the actor's scope; else 404."""
    related = ("layer__account", "layer__current", "requested_by", "approved_by", "revoked_by")
    return get_object_or_404(LayerGrant.objects.visible_to(me).select_related(*related), pk=pk)


def _about(grant: LayerGrant, **more: Any) -> dict[str, Any]:
    return {
        "grant": grant,
        "layer": grant.layer,
        "sentence": layers.named(grant),
        "statement": pretty(grant.statement),
        "kept": layers.KEPT,
        **more,
    }


@require_safe
def layer_grant(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Everything about one grant: what was decided, told, stored, and when."""
    me = actor(request)
    grant = the_grant(me, pk)
    stored = next(iter(layers.document_of(grant.layer).by_sid(grant.sid)), None)
    live = LayerGrant.objects.live().filter(pk=grant.pk).exists()
    context = _about(
        grant,
        stored=pretty(stored.raw) if stored is not None and grant.failure_code == "statement-changed" else "",
        events=Event.objects.visible_to(me).filter(layer=grant.layer, sid=grant.sid)[:200],
        revocable=live and grant.wanted == "present",
        polls=grant.is_unsettled,
        every=seconds_between_polls(grant.unsettled_since or grant.created_at),
    )
    return render(request, "layers/grant.html", context)


@for_changing
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def layer_grant_revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take it back: first what follows from that, then the click."""
    me = actor(request)
    grant = the_grant(me, pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        waits = grant.state == GrantState.REQUESTED
        try:
            grant = layers.revoke(grant, by=me, **form.cleaned_data)
        except Refusal as refusal:
            blame(form, refusal)
        else:
            soon(reconcile_layer_grant, grant.pk)
            return _done(request, me, grant, "Withdrawn." if waits else "Taking it back.")
    stored = next(iter(layers.document_of(grant.layer).by_sid(grant.sid)), None)
    changed = stored is not None and grant.failure_code == "statement-changed"
    context = _about(
        grant,
        form=form,
        action=request.path,
        withdraw=grant.state == GrantState.REQUESTED,
        changed=pretty(stored.raw) if changed and stored is not None else "",
        remaining=layers.remaining(grant.layer, kind=grant.principal_kind, principal=grant.principal, without=grant.sid),
        way=layers.way_in_problem(grant.layer, taking=True),
    )
    return _ask(request, "layers/revoke.html", context, status=422 if form.errors else 200)


@for_changing
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def layer_statement_revoke(request: HttpRequest, pk: uuid.UUID, content: int, index: int) -> HttpResponse:
    """Take back a statement that was made elsewhere."""
    me = actor(request)
    layer = the_layer(me, pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            reason = form.cleaned_data["reason"]
            grant = layers.revoke_statement(layer, index=index, content_pk=content, by=me, reason=reason)
        except Refusal as refusal:
            blame(form, refusal)
        else:
            soon(reconcile_layer_grant, grant.pk)
            return _done(request, me, grant, "Taking it back.")
    statement = layers.statement_at(layer, index=index, content_pk=content)
    row = layers.adopted(layer, statement, by=me, reason="")
    context = _about(
        row,
        form=form,
        action=request.path,
        elsewhere=True,
        remaining=layers.remaining(layer, kind=row.principal_kind, principal=row.principal, without=row.sid),
        way=layers.way_in_problem(layer, taking=True),
    )
    return _ask(request, "layers/revoke.html", context, status=422 if form.errors else 200)


@for_changing
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def layer_grant_approve(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second person reads exactly what would be written, and says yes or no."""
    me = actor(request)
    grant = the_grant(me, pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("answer") == "approve":
                grant, said = layers.approve(grant, digest=request.POST.get("digest", ""), by=me), "Approved."
            else:
                grant, said = layers.decline(grant, reason=form.cleaned_data["reason"], by=me), "Declined."
        except Refusal as refusal:
            blame(form, refusal)
            grant = the_grant(me, pk)
        else:
            soon(reconcile_layer_grant, grant.pk)
            return _done(request, me, grant, said)
    context = _about(
        grant,
        form=form,
        waits=grant.state == GrantState.REQUESTED,
        digest=layers.approval_digest(grant),
        asked_by_me=me.person is not None and grant.requested_by_id == me.person.pk,
    )
    return _ask(request, "layers/approve.html", context, status=422 if form.errors else 200)


def _ask(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A question before something is done: beside the list, or as a page of its own."""
    return render(request, f"{template}#panel" if by_htmx(request) else template, context, status=status)
