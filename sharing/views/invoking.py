"""Test invoke: the form, and what came of it. The call itself is a worker's; the page polls while it is under way."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from sharing.forms.invoking import InvokeForm
from sharing.models import Actor, Connection, Invocation, InvocationType, Policy
from sharing.models.invocation import InvocationQuerySet
from sharing.services import invoking
from sharing.services.errors import Refusal
from sharing.services.invoking.asking import KEPT_FOR
from sharing.tasks import soon
from sharing.tasks.invoking import run_invocation

from .access_rows import seconds_between_polls
from .errors import blame
from .fragments import by_htmx
from .function_pages import choices_of, head_of, the_function
from .permitting import actor, for_changing, open_to_consumers


@for_changing
@sensitive_post_parameters("payload")
@require_http_methods(["GET", "HEAD", "POST"])
def invoke_new(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """An owner calls a function of theirs; `?on=` chooses the alias or version, `?again=` takes an earlier call's payload."""
    me = actor(request)
    function = the_function(me, pk)
    door = invoking.owner_door(function, by=me)
    context = {**head_of(function, "invoke"), "door": door, "back": reverse("function-detail", args=[pk])}
    if door is None:
        return render(request, "invoking/new.html", context, status=200 if request.method != "POST" else 409)
    places = choices_of(function)
    if request.method != "POST":
        if not _token(request):
            return _with_token(request)
        form = InvokeForm(initial=_initial(request, invoking.for_owner(me, timezone.now())), places=places)
        return _form(request, "invoking/new.html", {**context, "form": form})
    form = InvokeForm(request.POST.dict(), places=places)
    if form.is_valid():
        policies = function.policies.select_related("function__account")
        policy = get_object_or_404(policies, qualifier=form.cleaned_data["qualifier"])
        one = _asked(form, policy, door, me)
        if one is not None:
            return redirect("invoke-result", one.pk)
    return _form(request, "invoking/new.html", {**context, "form": form}, status=422)


@vary_on_headers("HX-Request")
@never_cache
@require_safe
def invoke_result(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What came of an owner's call; theirs alone."""
    me = actor(request)
    one = get_object_or_404(invoking.for_owner(me, timezone.now()), pk=pk)
    function = one.policy.function
    again = f"{reverse('invoke-new', args=[function.pk])}?again={one.pk}"
    return _result(request, "invoking/result.html", one, again, {"back": reverse("function-detail", args=[function.pk])})


@open_to_consumers
@sensitive_post_parameters("payload")
@require_http_methods(["GET", "HEAD", "POST"])
def invoke_shared(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A consumer calls what is shared with an account they act for, as that account's invoker role."""
    me = actor(request)
    invoking.may_ask(me)
    policy = get_object_or_404(invoking.shared_with(me), pk=pk)
    doors = invoking.consumer_doors(policy, by=me)
    choices = [(str(door.pk), str(door.account)) for door in doors] if len(doors) > 1 else []
    context: dict[str, Any] = {"policy": policy, "function": policy.function, "door": doors[0] if doors else None}
    context["back"] = reverse("shared-function", args=[policy.pk])
    if not doors:
        return render(request, "invoking/shared_new.html", context, status=200 if request.method != "POST" else 409)
    if request.method != "POST":
        if not _token(request):
            return _with_token(request)
        form = InvokeForm(initial=_initial(request, invoking.for_consumer(me, timezone.now())), doors=choices)
        return _form(request, "invoking/shared_new.html", {**context, "form": form})
    form = InvokeForm(request.POST.dict(), doors=choices)
    if form.is_valid():
        chosen = form.cleaned_data.get("through") or str(doors[0].pk)
        one = _asked(form, policy, next(door for door in doors if str(door.pk) == chosen), me)
        if one is not None:
            return redirect("invoke-shared-result", one.pk)
    return _form(request, "invoking/shared_new.html", {**context, "form": form}, status=422)


@open_to_consumers
@vary_on_headers("HX-Request")
@never_cache
@require_safe
def invoke_shared_result(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What came of a consumer's call; theirs alone, while they act for the account."""
    one = get_object_or_404(invoking.for_consumer(actor(request), timezone.now()), pk=pk)
    again = f"{reverse('invoke-shared', args=[one.policy_id])}?again={one.pk}"
    back = reverse("shared-function", args=[one.policy_id])
    return _result(request, "invoking/shared_result.html", one, again, {"back": back})


def _asked(form: InvokeForm, policy: Policy, door: Connection, me: Actor) -> Invocation | None:
    """The row of this form, and a worker told; None: refused, and the form says why."""
    given = form.cleaned_data
    try:
        one = invoking.ask(
            policy, through=door, kind=given["kind"], payload=given["payload"], by=me, form_token=given["form_token"]
        )
    except Refusal as refusal:
        if refusal.code in ("not-permitted", "not-found"):
            raise
        blame(form, refusal)
        if refusal.code == "stale":
            form.renew()
        return None
    if one.is_unsettled:
        soon(run_invocation, one.pk, queue="checks")
    return one


def _form(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """The page of the form. One that holds a payload is kept by no browser and no proxy; an empty one may be gone back to."""
    form: InvokeForm = context["form"]
    if form.is_bound and "payload" not in form.errors:
        try:  # say at once what else is wrong
            invoking.payload_of(form.cleaned_data.get("payload", ""))
        except Refusal as refusal:
            blame(form, refusal)
    response = render(request, template, context, status=status)
    if form.is_bound or "again" in request.GET:
        add_never_cache_headers(response)
    return response


def _token(request: HttpRequest) -> str:
    """The form's token, from its address; empty: it has none yet."""
    found = request.GET.get("form", "")
    return found if re.fullmatch(r"[0-9a-f]{32}", found) else ""


def _with_token(request: HttpRequest) -> HttpResponse:
    """The same address with a token: whoever goes back to it has the same form, and sending that again calls nothing again."""
    asked = request.GET.copy()
    asked["form"] = InvokeForm.fresh_token()
    return redirect(f"{request.path}?{asked.urlencode()}")


def _initial(request: HttpRequest, own: InvocationQuerySet) -> dict[str, Any]:
    """A fresh form, or one that begins with what an own earlier call sent."""
    found = {"form_token": _token(request), "payload": "{}", "qualifier": request.GET.get("on", "")[:128]}
    try:
        again = uuid.UUID(request.GET.get("again", ""))
    except ValueError:
        return found
    if (one := own.filter(pk=again).first()) is not None:
        found |= {"kind": one.kind, "qualifier": one.policy.qualifier, "through": str(one.connection_id)}
        found["payload"] = one.shown_payload if one.in_time else "{}"
    return found


def _result(request: HttpRequest, template: str, one: Any, again: str, more: dict[str, Any]) -> HttpResponse:
    function = one.policy.function
    context = {
        "one": one,
        "policy": one.policy,
        "function": function,
        "here": request.path,
        "again": again,
        "every": seconds_between_polls(one.created_at),
        "kept_until": _kept_until(one.created_at),
        "is_event": one.kind == InvocationType.EVENT,
        **more,
    }
    if by_htmx(request):
        return render(request, "invoking/answer.html", context)
    if template == "invoking/result.html":
        context |= head_of(function, "invoke")
    return render(request, template, context)


def _kept_until(created_at: datetime) -> datetime:
    return created_at + KEPT_FOR
