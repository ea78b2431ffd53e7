"""What is done about a wiring: a step once more, somebody's word about one, a test event, taking it all back."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from sharing.forms.share import ReasonForm
from sharing.models import Wiring, WiringStep
from sharing.models.wiring import OPEN_STEPS, StepState
from sharing.services import wiring
from sharing.services.errors import Refusal
from sharing.tasks import soon
from sharing.tasks.wiring import look_at_wiring, reconcile_wiring, send_wiring_test

from .errors import blame
from .permitting import actor, for_changing
from .wiring import plan_of, the_step, the_wiring
from .wiring_rows import names_of, steps_of

#: What a test event is, by kind.
_TESTS: Final = {
    "s3": "A small object whose name begins with “fnshare-test-” is put into the bucket, between the wiring’s prefix and "
    "suffix, and is deleted again.",
    "sns": "A message that says it is a test is published to the topic. Everybody who subscribes to the topic gets it.",
    "sqs": "A message that says it is a test is sent to the queue.",
}


@for_changing
@require_POST
def wiring_step_done(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Somebody says that the step is done: it is looked for."""
    return _step(request, pk, wiring.say_done, "Noted. It counts as in place once it was seen.")


@for_changing
@require_POST
def wiring_step_undone(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Somebody takes that word back."""
    return _step(request, pk, wiring.say_not_done, "Noted: it is still to be done.")


@for_changing
@require_POST
def wiring_step_again(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A step that failed, once more."""
    return _step(request, pk, wiring.again, "Trying again.")


@for_changing
@require_POST
def wiring_step_ours(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A source role is there meanwhile: fnshare does the step."""
    return _step(request, pk, wiring.take_over, "fnshare does it from now on.")


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def wiring_test(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then send one real event."""
    me = actor(request)
    one = the_wiring(me, pk)
    back = reverse("wiring-detail", args=[pk])
    refused = ""
    if request.method == "POST":
        try:
            wiring.test(one, by=me)
        except Refusal as refusal:
            if refusal.code in ("not-permitted", "not-found"):
                raise
            refused = f"{refusal.message} {refusal.next}".strip()
        else:
            soon(send_wiring_test, one.pk)
            messages.info(request, "Sending a test event.")
            return redirect(back)
    context = {"name": wiring.named(one), "back": back, "what": _TESTS.get(one.kind, ""), "refused": refused, "dangerous": True}
    return render(request, "wiring/test.html", context, status=422 if refused else 200)


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def wiring_abandon(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, with what exactly is undone and what stays; then take back what fnshare made."""
    me = actor(request)
    one = the_wiring(me, pk)
    back = reverse("wiring-detail", args=[pk])
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            wiring.abandon(one, by=me, reason=form.cleaned_data["reason"])
        except Refusal as refusal:
            if refusal.code in ("not-permitted", "not-found"):
                raise
            blame(form, refusal)
        else:
            follow(one)
            messages.info(request, "Taking it back.")
            return redirect(back)
    context = {"name": wiring.named(one), "back": back, "form": form, "dangerous": True, **_what_follows(one)}
    return render(request, "wiring/abandon.html", context, status=422 if form.errors else 200)


def follow(one: Wiring) -> None:
    """Tell a worker of every step that has something to do."""
    for step in one.steps.all():
        if step.is_open:
            soon(reconcile_wiring, step.pk)


def _step(request: HttpRequest, pk: uuid.UUID, act: Callable[..., WiringStep], said: str) -> HttpResponse:
    me = actor(request)
    step = the_step(me, pk)
    act(step, by=me)
    follow(step.wiring)
    soon(look_at_wiring, step.wiring_id)
    messages.success(request, said)
    return redirect(f"{reverse('wiring-detail', args=[step.wiring_id])}#step-{step.key}")


def _what_follows(one: Wiring) -> dict[str, object]:
    """What is undone, the last first; what others have to undo; what was there before."""
    rows = list(one.steps.all())
    plan = plan_of(one)
    shown = steps_of(plan, names_of(row.account for row in rows), rows) if plan else []
    pairs = [(step, step.row) for step in reversed(shown) if step.row is not None]
    return {
        "undone": [step for step, row in pairs if row.ours and (row.made or row.state in OPEN_STEPS)],
        "theirs": [step for step, row in pairs if not row.ours and row.state != StepState.BLOCKED],
        "stays": [step for step, row in pairs if row.ours and not row.made and row.state == StepState.SEEN],
    }
