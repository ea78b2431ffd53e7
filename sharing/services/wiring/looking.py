"""Watching: what is in place, said or handed over is read again, with growing pauses, as far as a source role lets us."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from sharing.aws.errors import Refused, Unavailable
from sharing.aws.wired import Absent
from sharing.models import GrantState, Mapping, StepState, Wanted, Wiring, WiringStep
from sharing.policy.wiring import Plan
from sharing.services.granting.door import NoWayIn
from sharing.services.granting.lease import LeaseLost, held

from . import settling
from .door import SourceDoor
from .parts import part_of
from .planning import NotPlanned, plan_of
from .reconciling import again
from .standing import GONE_BY_ROWS, LOOKED_AT
from .words import as_found, named, step_named

log = structlog.get_logger(__name__)

#: The code of a step that was seen, and is not there any more.
GONE = "gone"
#: The code of a step that was said to be done, and is not there.
NOT_THERE = "not-there"
_SEEN_PAUSES, _ASKED_PAUSES = (300.0, 21_600.0, 2.0), (15.0, 3600.0, 1.5)


def look(pk: uuid.UUID | str) -> tuple[uuid.UUID, ...]:
    """Read again what is due of this wiring. Steps that a worker may take up now are given back."""
    wiring = Wiring.objects.filter(pk=pk, abandoned_at=None).first()
    if wiring is None:
        return ()
    now = timezone.now()
    its_time = Q(next_try_at__lte=now) | GONE_BY_ROWS
    due = wiring.steps.filter(its_time, state__in=LOOKED_AT).order_by("position")
    planned: Plan | None = None
    for step_pk in due.values_list("pk", flat=True):
        step = again(step_pk)
        if step is None or step.wiring.abandoned_at is not None:
            continue
        try:
            planned = planned or plan_of(step.wiring)
            there = _there(step, planned)
        except NotPlanned:  # the planner is another than when it was asked for
            there = None
        if there is None:
            _next(step)
        else:
            _settle(step, there=there)
    return settling.ready(wiring.pk)


def _there(step: WiringStep, planned: Plan) -> bool | None:
    """Whether what the step is about is there; None: nobody could look."""
    if step.key == "permission":
        grant = step.grant
        if grant is None or grant.state in (GrantState.SUSPENDED, GrantState.STUCK, GrantState.REVOKING):
            return None
        return grant.state == GrantState.ACTIVE and grant.wanted == Wanted.PRESENT
    if step.key == "mapping":
        of = Mapping.objects.present().filter(function=step.wiring.function, qualifier=step.wiring.qualifier)
        found = of.filter(source_arn=step.wiring.source_arn).exists()
        return found if found or step.mapping_change is not None or step.state == StepState.SEEN else None
    part = next((part_of(step, one) for one in planned.steps if one.key == step.key), None)
    if part is None:
        return None
    with held(step.pk, WiringStep) as lease:
        if lease is None:
            return None
        try:
            return part.holds(part.read(SourceDoor(step, lease).sources))
        except Absent:
            return False
        except (Refused, Unavailable) as error:
            log.warning("wiring_not_looked_at", step=str(step.pk), code=error.code, request_id=error.request_id)
        except (NoWayIn, LeaseLost):
            pass
    return None


def _settle(step: WiringStep, *, there: bool) -> None:
    if there:
        if step.state == StepState.SEEN:
            _next(step, seen_at=timezone.now())
        elif step.state != StepState.FAILED or step.failure_code == GONE:
            evidence = as_found(step, "Seen by looking.")
            settling.seen(step, evidence, next_try_at=_after(step, _SEEN_PAUSES, 0), tries=0)
        return
    if step.state == StepState.SEEN:
        sentence = "It was in place, and is not there any more: somebody took it away outside this wiring."
        settling.failed(
            step, sentence, "Try again to make it anew, or take the wiring back.", code=GONE,
            next_try_at=_after(step, _SEEN_PAUSES, 0), tries=0,
        )  # fmt: skip
    elif step.state == StepState.SAID:
        _take_word(step)
    else:
        _next(step)


def _take_word(step: WiringStep) -> None:
    """It was said to be done, and AWS does not show it: handed over again, or, where it is ours to do, failed as before."""
    facts: dict[str, Any] = {
        "failure": "It was said to be done, and is not there.",
        "failure_code": NOT_THERE,
        "failure_next": "Try again to have fnshare do it, or compare what was made with the plan and say so again."
        if step.ours
        else "Compare what was made with the hand-off, then say so again.",
    }
    to = StepState.FAILED if step.ours else StepState.ASKED
    with transaction.atomic():
        if settling.move(step, to, said_by=None, said_at=None, evidence="", **facts):
            text = f"{named(step.wiring)}: {step_named(step)} was said to be done, and is not there."
            settling.tell("step-not-there", text, step.wiring, step=step)
            if to == StepState.ASKED:
                settling.hand_over(step)


def _next(step: WiringStep, **changes: Any) -> None:
    """Nothing new: look again later."""
    pauses = _ASKED_PAUSES if step.state in (StepState.ASKED, StepState.SAID) else _SEEN_PAUSES
    tries = step.tries + 1
    settling.move(step, StepState(step.state), tries=tries, next_try_at=_after(step, pauses, tries), **changes)


def _after(step: WiringStep, pauses: tuple[float, float, float], tries: int) -> datetime:
    first, most, growth = pauses
    return timezone.now() + timedelta(seconds=min(most, first * growth ** min(tries, 30)))
