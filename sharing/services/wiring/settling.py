"""Writing down how it went: one transaction each, by compare-and-set, with its event; what follows from it included."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from sharing.models import Actor, StepState, TestState, Wiring, WiringState, WiringStep
from sharing.models.wiring import OPEN_STEPS
from sharing.services import waking
from sharing.services.granting.transitions import FROZEN_FOR
from sharing.services.history import record
from sharing.services.limits import Frozen
from sharing.services.naming import spoken

from .handing_over import next_reminder, tell_theirs
from .shapes import Outcome
from .words import named, step_named

#: A step that is unsettled for longer than this is stuck: it is said, and still tried.
STUCK_AFTER = timedelta(minutes=15)
#: The code of a step that stopped because somebody else changed the source at the same time.
FOREIGN = "foreign-change"
_LONGEST_PAUSE = 300.0
#: Steps that AWS, or whoever is asked, can be looked at for.
SEEABLE = frozenset(
    {"permission", "mapping", "notification", "topic-policy", "subscription", "target", "alarm-action", "source-policy"}
)
#: What need not wait for the step before it: the two sides can do them at once.
_AT_ONCE = {"source-policy": frozenset({"execution-role"})}
SETTLED_WELL = (StepState.SEEN, StepState.SAID)
_GONE_BACK = (StepState.UNDONE, StepState.KEPT)
CLEARED: dict[str, Any] = {"failure": "", "failure_code": "", "failure_next": ""}


def tell(
    verb: str, text: str, wiring: Wiring, *, by: Actor | None = None, step: WiringStep | None = None, **facts: Any
) -> None:
    """One event about a wiring; by fnshare itself unless somebody did it."""
    detail = {"wiring": str(wiring.pk), "source": wiring.source_arn, **({"step": step.key} if step else {})}
    record(
        f"wiring.{verb}",
        text,
        by=by or Actor.system(),
        function=wiring.function,
        qualifier=wiring.qualifier,
        detail=detail,
        **facts,
    )


def move(step: WiringStep, to: StepState, *, tells: Callable[[], None] = lambda: None, **changes: Any) -> bool:
    """Set the state, and `changes`, if the row still is as `step` remembers it; `step` then has the new values.

    Steps that wait are let go and the wiring's own state follows, in the same transaction. `tells`: writes the event of it,
    before those of what follows. False: somebody decided otherwise meanwhile, read again.
    """
    now = timezone.now()
    if to in OPEN_STEPS and step.state not in OPEN_STEPS:
        changes = {"started_at": now, "next_try_at": None, "tries": 0, **changes}
    elif to not in OPEN_STEPS and to != step.state:
        changes = {"next_try_at": first_look(step.key, to), "tries": 0, **changes}
    if to == StepState.ASKED and to != step.state:
        changes = {"asked_at": now, "remind_at": next_reminder(now, after=now), **changes}
    with transaction.atomic():
        wiring = Wiring.objects.select_for_update().get(pk=step.wiring_id)
        as_seen = WiringStep.objects.filter(pk=step.pk, state=step.state, wiring__abandoned_at=step.wiring.abandoned_at)
        if not as_seen.update(state=to, **changes):
            return False
        for name, value in {"state": to, **changes}.items():
            setattr(step, name, value)
        tells()
        follow(wiring)
        step.wiring.state = wiring.state
    return True


def follow(wiring: Wiring) -> None:
    """Let go what waited for a step, and set the wiring's state from its steps. Inside a transaction that locks its row."""
    steps = list(wiring.steps.order_by("position"))
    if wiring.abandoned_at is None:
        _let_go(steps)
    state = overall(wiring, steps)
    if state != wiring.state:
        over = state in (WiringState.IN_PLACE, WiringState.PROVED, WiringState.SAID, WiringState.FAILED, WiringState.UNDONE)
        was, wiring.state, wiring.settled_at = wiring.state, state, timezone.now() if over else None
        wiring.save(update_fields=["state", "settled_at"])
        waking.note(wiring.function_id)
        if state == WiringState.IN_PLACE and was != WiringState.PROVED:  # another test is no news of that
            tell("in-place", f"In place, each step seen: {named(wiring)}.", wiring)
        elif state == WiringState.UNDONE:
            tell("undone", f"Taken back, as far as fnshare made it: {named(wiring)}.", wiring)


def hand_over(step: WiringStep) -> None:
    """The step waits for people of its account from now on: they are told. Inside the transaction that makes it so."""
    told = len(tell_theirs(step))
    if told:
        people = f"{told} {'person' if told == 1 else 'people'}"
        text = f"{named(step.wiring)}: {step_named(step)} waits for {spoken(step.account)}. Told {people} of it by mail."
        tell("step-asked", text, step.wiring, step=step)


def overall(wiring: Wiring, steps: Sequence[WiringStep]) -> WiringState:
    """Where the whole stands, from its steps."""
    states = {StepState(step.state) for step in steps}
    if wiring.abandoned_at is not None and states <= set(_GONE_BACK):
        return WiringState.UNDONE
    if StepState.FAILED in states:
        return WiringState.FAILED
    if StepState.STUCK in states:
        return WiringState.STUCK
    if wiring.abandoned_at is not None:
        return WiringState.UNDOING
    if states & {StepState.QUEUED, StepState.TOLD}:
        return WiringState.WORKING
    if not states <= set(SETTLED_WELL):
        return WiringState.WAITING
    if wiring.test_state == TestState.ARRIVED:
        return WiringState.PROVED
    return WiringState.SAID if StepState.SAID in states else WiringState.IN_PLACE


def ready(wiring_id: uuid.UUID) -> tuple[uuid.UUID, ...]:
    """Steps that a worker may take up at once."""
    waiting = WiringStep.objects.filter(wiring=wiring_id, state__in=OPEN_STEPS, next_try_at=None)
    return tuple(waiting.values_list("pk", flat=True))


def seen(step: WiringStep, evidence: str, **changes: Any) -> Outcome:
    """It is so, seen by looking."""
    text = f"{named(step.wiring)}: {step_named(step)} is in place. {evidence}"
    request_id = changes.get("request_id", step.request_id)
    news = _nothing if step.state == StepState.SEEN else _news("seen", text, step, request_id=request_id)
    move(step, StepState.SEEN, tells=news, evidence=evidence, seen_at=timezone.now(), **CLEARED, **changes)
    return Outcome(step, ready=ready(step.wiring_id))


def failed(step: WiringStep, sentence: str, following: str, *, code: str, request_id: str = "", **changes: Any) -> Outcome:
    """Refused, or stopped: a person decides how to go on."""
    facts = {"failure": sentence, "failure_code": code[:100], "failure_next": following}
    text = f"{named(step.wiring)}: {step_named(step)}. {sentence}"
    news = _news("failed", text, step, request_id=request_id, error_code=code[:100])
    move(step, StepState.FAILED, tells=news, **facts, request_id=request_id or step.request_id, **changes)
    return Outcome(step)


def undone(step: WiringStep, evidence: str, *, kept: bool = False, **changes: Any) -> Outcome:
    """It is taken back, or there is nothing of ours to take back."""
    news = _news("undone", f"{named(step.wiring)}: {step_named(step)}. {evidence}", step)
    move(step, StepState.KEPT if kept else StepState.UNDONE, tells=news, evidence=evidence, **CLEARED, **changes)
    return Outcome(step, ready=ready(step.wiring_id))


def _news(verb: str, text: str, step: WiringStep, **facts: Any) -> Callable[[], None]:
    return lambda: tell(f"step-{verb}", text, step.wiring, step=step, **facts)


def _nothing() -> None:
    """No event."""


def waits(step: WiringStep, evidence: str, *, most: float = 20.0, **changes: Any) -> Outcome:
    """On its way elsewhere (a share, a mapping, a step that is taken back first): look again soon, then more rarely."""
    pause = min(most, 1.0 * 1.5 ** min(step.tries, 12))
    return _later(step, pause, {"evidence": evidence, **CLEARED, **changes}, told=True)


def later(step: WiringStep, sentence: str, following: str, *, code: str, at_least: float = 0.0, **changes: Any) -> Outcome:
    """No answer: kept, tried again with growing pauses; stuck (and still tried) after 15 minutes."""
    pause = min(_LONGEST_PAUSE, 2.0 ** min(step.tries + 1, 9)) * random.uniform(0.75, 1.25)  # noqa: S311
    facts = {"failure": sentence, "failure_code": code[:100], "failure_next": following}
    return _later(step, max(at_least, pause), {**facts, **changes})


def frozen(step: WiringStep, stopped: Frozen) -> Outcome:
    """Everything is frozen: it stays as it is, is not stuck, and goes on by itself once the freeze is over."""
    facts: dict[str, Any] = {"failure": stopped.sentence, "failure_code": stopped.code, "failure_next": stopped.next}
    now = timezone.now()
    move(step, StepState(step.state), started_at=now, tries=0, next_try_at=now + FROZEN_FOR, **facts)
    return Outcome(step, again_in=FROZEN_FOR.total_seconds())


def mark_stuck(step: WiringStep) -> None:
    """Say that it takes too long; it goes on being tried."""
    minutes = int(STUCK_AFTER.total_seconds() // 60)
    text = f"{named(step.wiring)}: {step_named(step)} is unsettled for {minutes} minutes. {step.failure}".strip()
    move(step, StepState.STUCK, tells=_news("stuck", text, step, error_code=step.failure_code))


def first_look(key: str, state: StepState) -> Any:
    """When a settled step is looked at for the first time; None: there is nothing to look at."""
    if key not in SEEABLE or state not in (StepState.SEEN, StepState.SAID, StepState.ASKED):
        return None
    return timezone.now() + timedelta(seconds=300 if state == StepState.SEEN else 15)


def _later(step: WiringStep, pause: float, changes: dict[str, Any], *, told: bool = False) -> Outcome:
    now = timezone.now()
    aged = step.started_at is not None and now - step.started_at >= STUCK_AFTER
    to = StepState(step.state)
    if told and to == StepState.QUEUED:
        to = StepState.TOLD
    move(step, to, tries=step.tries + 1, next_try_at=now + timedelta(seconds=pause), **changes)
    if aged and not told and step.state != StepState.STUCK:
        mark_stuck(step)
    return Outcome(step, again_in=pause)


def _let_go(steps: Sequence[WiringStep]) -> None:
    """Each step waits for those before it, but for what the two sides can do at once."""
    now = timezone.now()
    open_before: set[str] = set()
    for step in steps:
        if step.state == StepState.BLOCKED and open_before <= _AT_ONCE.get(step.key, frozenset()):
            to = StepState.QUEUED if step.ours else StepState.ASKED
            step.state, step.started_at = to, now if step.ours else None
            step.next_try_at = first_look(step.key, to)
            if to == StepState.ASKED:
                step.asked_at, step.remind_at = now, next_reminder(now, after=now)
            step.save(update_fields=["state", "started_at", "next_try_at", "asked_at", "remind_at"])
            if to == StepState.ASKED:
                hand_over(step)
        if step.state not in SETTLED_WELL:
            open_before.add(step.key)
