"""Shared with me, wirings: sources of one's own accounts that somebody wires to a function, and what is left to do there.

Everything comes out of `wiring.theirs`, which holds nothing but wirings of sources in the accounts that the person acts
for; an id from outside is looked for in that, so that what is not theirs costs what does not exist. Of the owner's side
nothing is told but whether it is ready: no policy, no failure, no other consumer.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from sharing.models import Account, Actor, Role, Wiring, WiringStep
from sharing.models.wiring import StepState, WiringState
from sharing.policy.wiring import SOURCES, Plan, Side
from sharing.services import consuming, wiring
from sharing.services.mapping import place
from sharing.services.waking.sources import name_of
from sharing.tasks import soon
from sharing.tasks.wiring import look_at_wiring

from .fragments import by_htmx
from .paging import page_of
from .permitting import actor, for_acting, open_to_consumers
from .waking_rows import ICONS
from .wiring import digest, download, pack_of, plan_of
from .wiring_rows import Mark, ShownStep, steps_of

#: Where their steps stand, in words for them: what failed on either side is never told in the owner's words.
_STEPS: Final[dict[str, Mark]] = {
    StepState.BLOCKED: ("off", "clock", "Not yet: the owner’s side comes first"),
    StepState.ASKED: ("wait", "user-question", "For you to do"),
    StepState.SAID: ("wait", "user", "Said to be done, not seen yet"),
    StepState.SEEN: ("ok", "circle-check", "Seen in place"),
    StepState.QUEUED: ("busy", "robot", "Done by the source role of your account"),
    StepState.TOLD: ("busy", "robot", "Done by the source role of your account"),
    StepState.STUCK: ("bad", "alert-octagon", "Not settled"),
    StepState.FAILED: ("bad", "circle-x", "It did not work"),
    StepState.UNDOING: ("busy", "loader-2", "Being taken back"),
    StepState.UNDONE: ("off", "circle-minus", "Taken back"),
    StepState.KEPT: ("off", "link", "Left as it is"),
}
TO_DO: Final[Mark] = ("wait", "user-question", "Something is for you to do")


@dataclass(frozen=True)
class Row:
    """One wiring of the list."""

    of: Wiring
    icon: str
    source: str
    kind: str
    place: str
    mark: Mark
    account: str


@open_to_consumers
@never_cache
@require_safe
def shared_wirings(request: HttpRequest) -> HttpResponse:
    """Those of their accounts, the newest first."""
    me = actor(request)
    side = consuming.side_of(me)
    page = page_of(wiring.theirs(me).prefetch_related("steps"), request)
    names = {one.account.number: one.account.name for one in side.memberships}
    rows = [_row(one, names) for one in page.object_list]
    return render(request, "shared/wirings.html", {"side": side, "page": page, "rows": rows})


@open_to_consumers
@never_cache
@require_safe
def shared_wiring(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One: what is theirs to do, the pack, whether it is seen. `?pack=1` gives the pack as a file.

    Polled with `?seen=`: 204 while nothing has changed.
    """
    me = actor(request)
    one = _the_wiring(me, pk)
    plan = _their_part(one)
    steps = _their_steps(one, plan)
    handed = plan if plan is not None and any(not step.ours for step in plan.steps) else None
    if request.GET.get("pack") or request.GET.get("file"):
        if handed is None:
            raise Http404
        return download(request, pack_of(handed), f"wiring-{one.function.name}")
    seen = digest(one, one.steps.select_related("grant", "mapping_change"))
    if by_htmx(request) and one.is_open and request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    context = {
        "seen": seen,
        "wiring": one,
        "function": one.function,
        "named": wiring.named(one),
        "mark": _mark(one),
        "steps": steps,
        "pack": pack_of(handed) if handed else None,
        "owner": _owner(one),
        "may_say": me.role != Role.AUDITOR,
        "back": one.abandoned_at is not None,
        "every": 15 if one.is_open else 0,
    }
    return render(request, "shared/wiring.html", context)


@open_to_consumers
@for_acting
@require_POST
def shared_wiring_done(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """They say that a step of theirs is done (`step`), or with `undo` that it is not after all."""
    me = actor(request)
    one = _the_wiring(me, pk)
    asked = request.POST.get("step", "")
    step = next((row for row in _rows_of(one) if row.key == asked and not row.ours), None)
    if step is None:
        raise Http404
    if request.POST.get("undo"):
        wiring.say_not_done(step, by=me)
        messages.success(request, "Noted: it is still to be done.")
    else:
        wiring.say_done(step, by=me)
        messages.success(request, "Thank you. It is looked for where that is possible.")
    soon(look_at_wiring, one.pk)
    return redirect("shared-wiring", pk)


def _the_wiring(me: Actor, pk: uuid.UUID) -> Wiring:
    """Looked for in what is theirs; 404 for all else, which is not even asked for."""
    if pk not in set(wiring.theirs(me).order_by().values_list("pk", flat=True)):
        raise Http404
    return wiring.theirs(me).get(pk=pk)


def _rows_of(one: Wiring) -> list[WiringStep]:
    """The rows of their side."""
    return [row for row in one.steps.all() if row.side == Side.SOURCE and row.account == one.source_account]


def _their_part(one: Wiring) -> Plan | None:
    """The plan with the steps of their side alone. Its permission names the role that they are to make, where there is one."""
    plan = plan_of(one)
    if plan is None:
        return None
    theirs = tuple(step for step in plan.steps if step.side is Side.SOURCE)
    return replace(plan, steps=theirs, notes=())


def _their_steps(one: Wiring, plan: Plan | None) -> list[ShownStep]:
    if plan is None:
        return []
    rows = _rows_of(one)
    names = dict(Account.objects.filter(number=one.source_account).values_list("number", "name"))
    shown = steps_of(plan, names, rows)
    return [replace(step, mark=_STEPS[step.row.state]) if step.row else step for step in shown]


def _mark(one: Wiring) -> Mark:
    """Where the whole stands, as far as it is theirs to know."""
    states = {row.state for row in _rows_of(one) if not row.ours}
    if one.state == WiringState.UNDONE:
        return ("off", "arrow-back-up", "Taken back by its owner: undo your side")
    if one.abandoned_at is not None:
        return ("wait", "arrow-back-up", "Being taken back")
    if StepState.ASKED in states:
        return TO_DO
    if one.state == WiringState.PROVED:
        return ("ok", "shield-check", "Works: the function ran")
    if one.state == WiringState.IN_PLACE:
        return ("ok", "circle-check", "In place")
    if StepState.SAID in states:
        return ("wait", "user", "Said to be done, not seen yet")
    return ("busy", "clock", "Being set up")


def _owner(one: Wiring) -> Mark:
    """The owner's side, in one word: why it is not ready is theirs."""
    states = {row.state for row in one.steps.all() if row.side == Side.OWNER}
    if one.abandoned_at is not None:
        return ("off", "arrow-back-up", "Taken back" if one.state == WiringState.UNDONE else "Takes it back")
    if states <= {StepState.SEEN}:
        return ("ok", "circle-check", "Ready")
    if states <= {StepState.SEEN, StepState.SAID}:
        return ("wait", "user", "Said to be ready")
    if states & {StepState.QUEUED, StepState.TOLD}:
        return ("busy", "loader-2", "Being set up")
    return ("wait", "hourglass", "Not ready yet")


def _row(one: Wiring, names: dict[str, str]) -> Row:
    kind = SOURCES.get(one.kind)
    return Row(
        one,
        ICONS.get(one.kind, "cloud"),
        name_of(one.source_arn),
        kind.label if kind else one.kind,
        place(one.function, one.qualifier),
        _mark(one),
        names.get(one.source_account, ""),
    )
