"""Requests for access, as the functions' owners see them: the list, one with the exact preview, and the answer."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from sharing.forms.requests import AnswerForm, DecideForm
from sharing.models import AccessRequest, Actor, Function, Policy, RequestKind, RequestState
from sharing.services import granting, owning, requesting
from sharing.services.errors import Refusal
from sharing.services.granting.wording import doing, named
from sharing.services.proofs import requests_paused
from sharing.tasks import soon
from sharing.tasks.mailing import send_notice
from sharing.tasks.sharing import reconcile_grant

from .function_pages import choices_of
from .function_policy import pretty
from .paging import page_of
from .permitting import actor, for_changing
from .sharing import mark_of

SHOWN = (("open", "Open"), ("decided", "Answered"), ("all", "All"))
# Where a problem belongs when the form has another name for it.
FIELDS = {"ends_at": "until", "who": "principal"}
# What the pressed button says; anything else is only a preview.
DECISIONS = ("grant", "extend", "anyway")
NOT_SEEN = "What would be granted is not what was shown. Below is what it would be now: read it and confirm again."


@require_safe
def request_list(request: HttpRequest) -> HttpResponse:
    """Requests about functions in the person's scope; the open ones, or `?show=decided`, `?show=all`; `?q=` searches."""
    me = actor(request)
    asked = request.GET.get("q", "").strip()[:200]
    show = request.GET.get("show", "open")
    found = AccessRequest.objects.visible_to(me).about(asked)
    if show == "decided":
        found = found.exclude(state=RequestState.OPEN)
    elif show != "all":
        show, found = "open", found.open()
    related = ("person", "account", "policy__function__account", "about", "decided_by", "grant")
    page = page_of(found.select_related(*related), request)
    context = {"page": page, "show": show, "choices": SHOWN, "asked": asked, "tab": "requests"}
    return render(request, "requests/list.html", context)


def _the_request(me: Actor, pk: uuid.UUID) -> AccessRequest:
    related = ("person", "account", "policy__function__account", "policy__current", "about__policy__function__account")
    found = AccessRequest.objects.visible_to(me).select_related(*related, "decided_by", "grant__policy__function__account")
    return get_object_or_404(found, pk=pk)


@require_safe
def request_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Who asks for what and why, what would be written, and what they have already."""
    me = actor(request)
    wish = _the_request(me, pk)
    policy = requesting.policy_of(wish)
    form = _form_of(wish, policy) if _decides(wish, me) else None
    plan = _plan_as_asked(wish, policy, me) if form else None
    return _page(request, wish, policy, form, plan)


def _decides(wish: AccessRequest, me: Actor) -> bool:
    own = me.person is not None and wish.person_id == me.person.pk
    return wish.state == RequestState.OPEN and me.may_change() and not own


def _form_of(wish: AccessRequest, policy: Policy | None, data: Any = None) -> AnswerForm:
    local = timezone.localtime(wish.ends_at) if wish.ends_at else None
    asked = f"until {local.day} {local:%b %Y, %H:%M}" if local else "no end date"
    if wish.kind == RequestKind.LONGER or policy is None:
        return AnswerForm(data, wish=wish, asked=asked)
    initial = {"action": wish.action, "qualifier": policy.qualifier, "principal": wish.principal}
    return DecideForm(data, wish=wish, asked=asked, initial=initial, places=choices_of(policy.function))


def _plan_as_asked(wish: AccessRequest, policy: Policy | None, me: Actor) -> granting.Plan | None:
    if policy is None or wish.kind == RequestKind.LONGER:
        return None
    return requesting.plan_of(wish, by=me, policy=policy, ends_at=wish.ends_at)


def _plan_of(form: AnswerForm, wish: AccessRequest, policy: Policy | None, me: Actor) -> granting.Plan | None:
    """The plan of what the form says, its problems put on the form; None where there is nothing to plan."""
    if policy is None or wish.kind == RequestKind.LONGER or not form.is_valid():
        return None
    given = form.cleaned_data
    chosen = get_object_or_404(
        Policy.objects.select_related("current", "function__account"), function=policy.function, qualifier=given["qualifier"]
    )
    try:
        plan = requesting.plan_of(
            wish, by=me, policy=chosen, action=given["action"], principal=given["principal"], ends_at=given["ends_at"]
        )
    except Refusal as refusal:
        _blame(form, refusal.message, refusal.next, refusal.field)
        return None
    for problem in plan.problems:
        _blame(form, problem.message, problem.next, problem.field)
    return plan


@for_changing
@require_POST
def request_decide(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The owner's answer, or `step=preview`: what it would be with other values."""
    me = actor(request)
    wish = _the_request(me, pk)
    step = request.POST.get("step", "")
    policy = requesting.policy_of(wish)
    form = _form_of(wish, policy, request.POST.dict())
    if step == "decline":
        return _decline(request, me, wish, policy, form)
    plan = _plan_of(form, wish, policy, me)
    if form.errors or step not in DECISIONS:
        return _page(request, wish, policy, form, plan, status=422 if form.errors else 200)
    if plan is not None and request.POST.get("seen") != mark_of(plan) and wish.state == RequestState.OPEN:
        form.add_error(None, NOT_SEEN)
        return _page(request, wish, policy, form, plan, status=422)
    try:
        given = form.cleaned_data
        decided = requesting.approve(
            wish, by=me, plan=plan, ends_at=given.get("ends_at"), answer=given.get("answer", ""), how=step
        )
    except Refusal as refusal:
        return _refused(request, me, wish, form, plan, refusal)
    if decided.grant is not None:
        soon(reconcile_grant, decided.grant.pk, queue="clicks")
    waits = decided.grant is not None and (decided.grant.state == "requested" or decided.grant.extension)
    said = "Approved. It waits for a second person now." if waits else "Approved."
    return _done(request, decided, said)


def _decline(request: HttpRequest, me: Actor, wish: AccessRequest, policy: Policy | None, form: AnswerForm) -> HttpResponse:
    form.is_valid()
    answer = form.cleaned_data.get("answer", "")
    for name in [name for name in form.errors if name != "answer"]:
        del form.errors[name]  # what would be granted does not matter: nothing is
    if form.errors:
        return _page(request, wish, policy, form, None, status=422)
    try:
        decided = requesting.decline(wish, by=me, answer=answer)
    except Refusal as refusal:
        return _refused(request, me, wish, form, None, refusal)
    return _done(request, decided, "Declined.")


def _done(request: HttpRequest, decided: requesting.Decided, said: str) -> HttpResponse:
    if decided.notice is not None:
        soon(send_notice, decided.notice.pk, queue="mail")
    messages.success(request, said)
    return redirect("request-detail", decided.request.pk)


def _refused(
    request: HttpRequest, me: Actor, wish: AccessRequest, form: AnswerForm, plan: granting.Plan | None, refusal: Refusal
) -> HttpResponse:
    """A service said no: on the form; where somebody else was faster, beside their answer."""
    if refusal.code in ("not-found", "not-permitted"):
        raise refusal
    wish = _the_request(me, wish.pk)
    policy = requesting.policy_of(wish)
    if wish.state != RequestState.OPEN:
        return _page(request, wish, policy, None, None, status=409, told=f"{refusal.message}")
    _blame(form, refusal.message, refusal.next, refusal.field)
    return _page(request, wish, policy, form, plan, status=422)


def _blame(form: AnswerForm, message: str, following: str, field: str) -> None:
    name = FIELDS.get(field, field)
    form.add_error(name if name in form.fields else None, f"{message} {following}".strip())


def _page(
    request: HttpRequest,
    wish: AccessRequest,
    policy: Policy | None,
    form: AnswerForm | None,
    plan: granting.Plan | None,
    *,
    status: int = 200,
    told: str = "",
) -> HttpResponse:
    function: Function | None = policy.function if policy else None
    context = {
        "wish": wish,
        "policy": policy,
        "function": function,
        "owners": owning.owners(function) if function else None,
        "form": form,
        "plan": plan,
        "seen": mark_of(plan) if plan and plan.permission else "",
        "statement": pretty(plan.statement) if plan and plan.permission else "",
        "tight": bool(plan and plan.size_after > plan.limit * 0.9),
        "doing": doing(wish.action),
        "longer": wish.kind == RequestKind.LONGER,
        "has": named(wish.about) if wish.about else "",
        "left": wish.state == RequestState.OPEN and not requesting.acts_still(wish),
        "paused": _paused(wish, policy) if wish.state == RequestState.OPEN else "",
        "told": told,
        "tab": "requests",
    }
    return render(request, "requests/detail.html", context, status=status)


def _paused(wish: AccessRequest, policy: Policy | None) -> str:
    return requests_paused(wish.account) or (
        granting.why_paused(wish.account.number, policy.function.account_id) if policy else ""
    )
