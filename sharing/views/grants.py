"""One grant: everything about it, and what can be done: revoke, undo, check, another end date, approve."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from sharing.forms.share import ExtendForm, ReasonForm, UndoForm
from sharing.models import AccessRequest, Actor, Event, Grant, GrantState, Occasion, User, Verdict, Wanted
from sharing.policy.document import LIMIT
from sharing.services import access, checking, granting
from sharing.services.errors import Refusal
from sharing.services.granting.approving import extension_end
from sharing.services.granting.ends import lateness, past_its_end, spoken
from sharing.services.granting.wording import named
from sharing.tasks import soon
from sharing.tasks.sharing import reconcile_grant, run_check

from .access_rows import ShownRow, seconds_between_polls, shown
from .fragments import LEVELS, by_htmx, tone_of
from .function_pages import list_of, places_of
from .function_policy import pretty
from .permitting import actor, for_changing

SETTLED_WORDS = {
    GrantState.ACTIVE: ("ok", "AWS holds the statement now."),
    GrantState.REVOKED: ("ok", "Taken back: AWS holds the statement no more."),
    GrantState.SUSPENDED: ("ok", "Suspended: AWS holds the statement no more."),
    GrantState.EXPIRED: ("ok", "Ended: AWS holds the statement no more."),
    GrantState.FAILED: ("bad", "AWS refused it."),
    GrantState.STUCK: ("bad", "It is still not settled, and may hold access."),
}

GONE = (GrantState.REVOKED, GrantState.EXPIRED, GrantState.SUSPENDED)


def the_grant(me: Actor, pk: uuid.UUID) -> Grant:
    """The grant, if its function is in the actor's scope; else 404."""
    related = ("policy__function__account", "policy__current", "requested_by", "approved_by", "revoked_by", "undo_of")
    return get_object_or_404(Grant.objects.visible_to(me).select_related(*related), pk=pk)


def row_of(grant: Grant, me: Actor) -> ShownRow | None:
    """The grant's line in who has access, if it has one there."""
    row = access.of_grant(grant, by=me)
    return next(iter(shown([row], function=grant.policy.function, me=me)), None) if row else None


def context_of(grant: Grant, me: Actor, **more: Any) -> dict[str, Any]:
    """What every page about one grant shows."""
    return {
        "grant": grant,
        "function": grant.policy.function,
        "sentence": named(grant),
        "statement": pretty(grant.statement),
        "own": me.person is not None and grant.requested_by_id == me.person.pk,
        **more,
    }


@require_safe
def grant_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Everything about one grant: what was decided, told, proved, stored, and when."""
    me = actor(request)
    grant = the_grant(me, pk)
    row = row_of(grant, me)
    context = context_of(
        grant,
        me,
        row=row,
        events=Event.objects.visible_to(me).filter(grant=grant)[:200],
        checks=grant.checks.order_by("-created_at")[:10],
        successor=grant.undone_by.order_by("-created_at").first(),
        acts=[row.primary, *row.menu[:-1]] if row and row.primary else list(row.menu[:-1]) if row else [],
        polls=grant.is_unsettled or grant.checks.open().exists(),
        every=seconds_between_polls(grant.unsettled_since or grant.settled_at or grant.created_at),
        expected=Verdict.DENIED if grant.wanted == Wanted.ABSENT else Verdict.ALLOWED,
        wishes=AccessRequest.objects.visible_to(me).open().filter(about=grant).select_related("person")[:3],
        past_end=past_its_end(grant, timezone.now()),
        gone_at=grant.settled_at if grant.state in GONE else None,
        late=spoken(late) if (late := lateness(grant)) else "",
        stored=pretty(row.of.stored) if row and row.of.changed and row.of.stored is not None else "",
    )
    return render(request, "grants/detail.html", context)


@require_safe
def grant_row(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The grant's row in the list, polled while it is unsettled: nothing while nothing changed, a toast once it settled."""
    me = actor(request)
    grant = the_grant(me, pk)
    row = row_of(grant, me)
    if row is not None and row.of.unsettled and row.seen == request.GET.get("seen"):
        return HttpResponse(status=204)
    context: dict[str, Any] = {"row": row, "function": grant.policy.function}
    tones, said = [], []
    if request.GET.get("was") != grant.state and grant.state in SETTLED_WORDS:
        tone, words = SETTLED_WORDS[GrantState(grant.state)]
        tones.append(tone)
        said.append(words)
        places = places_of(grant.policy.function)
        context |= {"gauges_too": True, "places_of_function": places, "limit": LIMIT}
        undoes = row is not None and row.primary is not None and row.primary.post
        context["undo"] = row.primary if row and undoes and grant.state == GrantState.REVOKED else None
    if row is not None and not row.of.unsettled and grant.verdict in (Verdict.ALLOWED, Verdict.DENIED):
        who = grant.verdict_principal.rpartition(":")[2]
        tones.append("ok" if grant.verdict == row.expected else "bad")
        said.append(f"Tried as {who}: {'allowed' if grant.verdict == Verdict.ALLOWED else 'denied'}.")
    context |= {"said": " ".join(said), "tone": "bad" if "bad" in tones else "ok"}
    return render(request, "grants/row.html", context)


def after(request: HttpRequest, me: Actor, grant: Grant, said: str, *, tone: str = "") -> HttpResponse:
    """After a click: the list anew beside a toast where the list is on the page, else the grant's own page."""
    tone = tone or tone_of(grant)
    if by_htmx(request):
        context = {**list_of(request, grant.policy.function, me, focus=grant), "said": said, "tone": tone}
        return render(request, "functions/done.html", context)
    messages.add_message(request, LEVELS[tone], said)
    return redirect("grant-detail", grant.pk)


def ask(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A question before something is done: beside the list, or as a page of its own."""
    return render(request, f"{template}#panel" if by_htmx(request) else template, context, status=status)


def blame(form: Form, refusal: Refusal) -> None:
    """What a service refused, on the field it is about."""
    field = {"ends_at": "until"}.get(refusal.field, refusal.field)
    form.add_error(field if field in form.fields else None, f"{refusal.message} {refusal.next}".strip())


@for_changing
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def grant_revoke(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Take it back: first what follows from that, then the click."""
    me = actor(request)
    grant = the_grant(me, pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        was_requested = grant.state == GrantState.REQUESTED
        try:
            grant = granting.revoke(grant, by=me, **form.cleaned_data)
        except Refusal as refusal:
            blame(form, refusal)
        else:
            soon(reconcile_grant, grant.pk, queue="clicks")
            return after(request, me, grant, "Withdrawn." if was_requested else "Taking it back.")
    follows = granting.consequences(grant, by=me)
    context = context_of(grant, me, form=form, follows=follows)
    return ask(request, "grants/revoke.html", context, status=422 if form.errors else 200)


@for_changing
@never_cache
@sensitive_post_parameters("event_source_token")
@require_http_methods(["GET", "HEAD", "POST"])
def grant_undo(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Write the same statement again; asks first where a secret or a role's identity has to be confirmed."""
    me = actor(request)
    grant = the_grant(me, pk)
    form = UndoForm(request.POST) if request.method == "POST" else UndoForm(initial={"form_token": uuid.uuid4().hex})
    if request.method == "POST" and form.is_valid():
        try:
            given = form.cleaned_data
            again = granting.undo(
                grant,
                by=me,
                form_token=given["form_token"],
                confirm_role=given["confirm_role"],
                event_source_token=given["event_source_token"],
                **({"ends_at": given["ends_at"]} if form.new_end else {}),
            )
        except Refusal as refusal:
            blame(form, refusal)
        else:
            soon(reconcile_grant, again.pk, queue="clicks")
            return after(request, me, again, "Writing the same statement again.")
    ended = grant.ends_at is not None and grant.ends_at <= timezone.now()
    context = context_of(grant, me, form=form, follows=granting.consequences(grant, by=me), ended=ended)
    return ask(request, "grants/undo.html", context, status=422 if form.errors else 200)


@for_changing
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def grant_extend(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Another end date."""
    me = actor(request)
    grant = the_grant(me, pk)
    form = ExtendForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            grant = granting.extend(grant, ends_at=form.cleaned_data["ends_at"], by=me, reason=form.cleaned_data["reason"])
        except Refusal as refusal:
            blame(form, refusal)
        else:
            waits = grant.extension is not None
            return after(request, me, grant, "It waits for a second person." if waits else "The end date was changed.")
    return ask(request, "grants/extend.html", context_of(grant, me, form=form), status=422 if form.errors else 200)


@for_changing
@require_POST
def grant_check(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Try it now, as somebody it was made for."""
    me = actor(request)
    grant = the_grant(me, pk)
    try:
        check = checking.request(grant=grant, occasion=Occasion.CLICK, by=me)
    except Refusal as refusal:
        return after(request, me, grant, f"{refusal.message} {refusal.next}".strip(), tone="bad")
    soon(run_check, check.pk, queue="checks")
    if check.state == "done":
        return after(request, me, grant, f"Not tried: {check.detail}")
    return after(request, me, grant, "Checking.", tone="wait")


@for_changing
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def grant_approve(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The second person reads exactly what would be written, and says yes or no."""
    me = actor(request)
    grant = the_grant(me, pk)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            if request.POST.get("answer") == "approve":
                grant = granting.approve(grant, digest=request.POST.get("digest", ""), by=me)
                said = "Approved."
            else:
                grant = granting.decline(grant, reason=form.cleaned_data["reason"], by=me)
                said = "Declined."
        except Refusal as refusal:
            blame(form, refusal)
            grant = the_grant(me, pk)
        else:
            soon(reconcile_grant, grant.pk, queue="clicks")
            return after(request, me, grant, said)
    extension = grant.extension if grant.state == GrantState.ACTIVE else None
    asker = grant.requested_by_id if not extension else extension.get("requested_by")
    context = context_of(
        grant,
        me,
        form=form,
        waits=grant.state == GrantState.REQUESTED or bool(extension),
        digest=granting.approval_digest(grant),
        new_end=extension_end(grant) if extension else grant.ends_at,
        extension=extension,
        asked_by_me=isinstance(request.user, User) and str(asker) == str(request.user.pk),
    )
    return ask(request, "grants/approve.html", context, status=422 if form.errors else 200)
