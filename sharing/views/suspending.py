"""One grant, suspended for a while and resumed: each asks first, and shows what follows."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from sharing.forms.suspending import ResumeForm, WhileForm
from sharing.services import granting
from sharing.services.errors import Refusal
from sharing.tasks import soon
from sharing.tasks.sharing import reconcile_grant

from .grants import after, ask, blame, context_of, the_grant
from .permitting import actor, for_changing


@for_changing
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def grant_suspend(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What it stops and what lets them in all the same; then why, and until when."""
    me = actor(request)
    grant = the_grant(me, pk)
    form = WhileForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            grant = granting.suspend(grant, by=me, reason=said["reason"], until=said["ends_at"])
        except Refusal as refusal:
            blame(form, refusal)
        else:
            soon(reconcile_grant, grant.pk, queue="clicks")
            return after(request, me, grant, "Suspending it.")
    context = context_of(
        grant, me, form=form, follows=granting.consequences(grant, by=me), problem=granting.why_not_suspended(grant)
    )
    return ask(request, "grants/suspend.html", context, status=422 if form.errors else 200)


@for_changing
@vary_on_headers("HX-Request")
@require_http_methods(["GET", "HEAD", "POST"])
def grant_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Whether it would come back, judged anew; then the click."""
    me = actor(request)
    grant = the_grant(me, pk)
    form = ResumeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            grant = granting.resume(grant, by=me, confirm_role=form.cleaned_data["confirm_role"])
        except Refusal as refusal:
            blame(form, refusal)
        else:
            soon(reconcile_grant, grant.pk, queue="clicks")
            return after(request, me, grant, "Resuming it.")
    [found] = granting.resuming([grant], by=me)
    context = context_of(grant, me, form=form, found=found)
    return ask(request, "grants/resume.html", context, status=422 if form.errors else 200)
