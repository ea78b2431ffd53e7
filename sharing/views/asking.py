"""Asking for access: consumers for the accounts they act for, colleagues for accounts they know.

What is asked for is never looked up here: a function that does not exist is answered like any other.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.requests import AskForm, AskForOthersForm, LongerForm
from sharing.models import AccessRequest, Account, Actor, Grant, GrantState, Membership, RequestKind, Wanted
from sharing.services import requesting
from sharing.services.errors import Refusal
from sharing.services.granting.wording import doing
from sharing.tasks import soon, take_up_request

from .function_pages import choices_of, the_function
from .paging import page_of
from .permitting import actor, open_to_consumers

ASKED = "Asked. The function's owners are told; their answer comes by mail and stands here."
# Where a refusal belongs when the form has another name for it.
FIELDS = {"ends_at": "until"}


def _accounts(me: Actor) -> QuerySet[Account]:
    """The accounts that the person acts for."""
    return Account.objects.filter(pk__in=Membership.objects.of(me).values("account"))


def _about(request: HttpRequest, me: Actor) -> Grant | None:
    """What more or longer is asked of: a share with an account of theirs; anything else does not exist."""
    text = request.GET.get("about", "")
    if not text:
        return None
    try:
        pk = uuid.UUID(text)
    except ValueError:
        raise Http404 from None
    return get_object_or_404(requesting.grants_asked_about(me).select_related("policy__function__account"), pk=pk)


def _may_last_longer(grant: Grant) -> bool:
    return grant.state == GrantState.ACTIVE and grant.wanted == Wanted.PRESENT and grant.ends_at is not None


@open_to_consumers
@require_http_methods(["GET", "HEAD", "POST"])
def request_new(request: HttpRequest) -> HttpResponse:
    """Ask for access, or with `?about=` for a later end; `&kind=more` for another action or alias of the same function."""
    me = actor(request)
    accounts = _accounts(me)
    about = _about(request, me)
    if not accounts.exists():
        if request.method == "POST":
            raise PermissionDenied("You act for no account, so there is none to ask for.")
        return render(request, "requests/ask.html", {"nobody": True})
    longer = about is not None and _may_last_longer(about) and request.GET.get("kind") != "more"
    form = _form_of(request, about, accounts, longer=longer)
    if request.method == "POST" and form.is_valid():
        try:
            wish = _ask(form, me, about, longer=longer)
        except Refusal as refusal:
            _blame(form, refusal)
        else:
            return _asked(request, wish)
    context = {
        "form": form,
        "about": about,
        "longer": longer,
        "may_last_longer": about is not None and _may_last_longer(about),
        "doing": doing(about.action) if about else "",
    }
    return render(request, "requests/ask.html", context, status=422 if form.errors else 200)


def _form_of(request: HttpRequest, about: Grant | None, accounts: QuerySet[Account], *, longer: bool) -> LongerForm:
    posted = request.POST if request.method == "POST" else None
    initial: dict[str, Any] = {"form_token": LongerForm.fresh_token()}
    if longer:
        return LongerForm(posted, initial=initial)
    if about is not None:
        initial |= {
            "account": about.principal_account,
            "asked_for": about.policy.arn,
            "action": about.action,
            "principal": about.principal if about.principal_kind != "account" else "",
        }
    return AskForm(posted, initial=initial, accounts=accounts)


def _ask(form: LongerForm, me: Actor, about: Grant | None, *, longer: bool) -> AccessRequest:
    given = form.cleaned_data
    said: dict[str, Any] = {name: given[name] for name in ("reason", "ends_at", "form_token")}
    if longer and about is not None:
        account = get_object_or_404(_accounts(me), number=about.principal_account)
        whom = about.principal if about.principal_kind != "account" else ""
        return requesting.ask(
            by=me,
            account=account,
            asked_for=about.policy.arn,
            action=about.action,
            principal=whom,
            kind=RequestKind.LONGER,
            about=about,
            **said,
        )
    wanted = {name: given[name] for name in ("account", "asked_for", "action", "principal")}
    if about is not None and about.state == GrantState.ACTIVE and about.principal_account == given["account"].number:
        return requesting.ask(by=me, kind=RequestKind.MORE, about=about, **wanted, **said)
    return requesting.ask(by=me, **wanted, **said)


def _asked(request: HttpRequest, wish: AccessRequest) -> HttpResponse:
    soon(take_up_request, wish.pk)
    messages.success(request, ASKED)
    return redirect("request-mine")


def _blame(form: LongerForm, refusal: Refusal) -> None:
    field = FIELDS.get(refusal.field, refusal.field)
    form.add_error(field if field in form.fields else None, f"{refusal.message} {refusal.next}".strip())


@open_to_consumers
@require_safe
def request_mine(request: HttpRequest) -> HttpResponse:
    """What one asked for oneself, and the owners' answers."""
    me = actor(request)
    wishes = AccessRequest.objects.asked_by(me).select_related("account", "grant__policy__function")
    context = {"page": page_of(wishes, request), "may_ask": _accounts(me).exists()}
    return render(request, "requests/mine.html", context)


@open_to_consumers
@require_POST
def request_withdraw(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One's own wish is not needed any more."""
    me = actor(request)
    wish = get_object_or_404(AccessRequest.objects.asked_by(me).select_related("account"), pk=pk)
    try:
        requesting.withdraw(wish, by=me)
    except Refusal as refusal:
        messages.error(request, f"{refusal.message} {refusal.next}".strip())
    else:
        messages.success(request, "Withdrawn.")
    return redirect("request-mine")


@require_http_methods(["GET", "HEAD", "POST"])
def function_ask(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A colleague asks the function's owners for somebody else's account. Nothing is shared by that, so auditors may too."""
    me = actor(request)
    function = the_function(me, pk)
    form = AskForOthersForm(
        request.POST if request.method == "POST" else None,
        initial={"form_token": LongerForm.fresh_token()},
        accounts=Account.objects.visible_to(me).exclude(pk=function.account_id),
        places=choices_of(function),
    )
    if request.method == "POST" and form.is_valid():
        given = {name: value for name, value in form.cleaned_data.items() if name not in ("until", "until_date", "qualifier")}
        qualifier = form.cleaned_data["qualifier"]
        try:
            wish = requesting.ask(by=me, asked_for=f"{function.arn}:{qualifier}" if qualifier else function.arn, **given)
        except Refusal as refusal:
            _blame(form, refusal)
        else:
            return _asked(request, wish)
    context = {"form": form, "function": function}
    return render(request, "requests/ask_for_others.html", context, status=422 if form.errors else 200)
