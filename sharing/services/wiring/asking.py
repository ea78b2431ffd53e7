"""A person decides: rows only, written before anything else. A worker makes AWS agree (`reconciling`)."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Actor, StepState, TestState, Wiring, WiringState, WiringStep
from sharing.models.wiring import OPEN_STEPS
from sharing.services import waking
from sharing.services.connecting.reaching import source_roles_for
from sharing.services.errors import Refusal

from . import rights, settling
from .planning import could_be_ours
from .shapes import WiringPlan
from .words import named, step_named

#: Kinds to which a test event can be sent.
TESTABLE = ("s3", "sns", "sqs")
_FRESH: dict[str, Any] = {"failure": "", "failure_code": "", "failure_next": "", "tries": 0, "next_try_at": None}


def ask(plan: WiringPlan, *, by: Actor, reason: str = "", form_token: str) -> Wiring:
    """Keep the decision: the wiring and its steps, in one transaction. The same `form_token` twice: the same wiring.

    Raises Refusal with the plan's first problem, NotPermitted and NotFound.
    """
    rights.require_change(by, plan.function, "That function")
    token = form_token[:64]
    if made := sent(token, by):
        return made
    if plan.refusal is not None:
        following = plan.refusal.ways[0] if plan.refusal.ways else ""
        raise Refusal(plan.refusal.sentence, next=following, code=plan.refusal.code, field=plan.refusal.field)
    if plan.problems or plan.plan is None:
        first = plan.problems[0]
        raise Refusal(first.message, next=first.next, code=first.code, field=first.field)
    wiring = Wiring(
        id=plan.wiring_id,
        function=plan.function,
        qualifier=plan.qualifier,
        kind=plan.kind,
        source_arn=plan.source,
        source_account=plan.source_account,
        source_region=plan.source_region,
        options=plan.options,
        reason=" ".join(reason.split())[:500],
        requested_by=by.person,
        requested_as=by.label[:300],
        form_token=token or None,
    )
    steps = [
        WiringStep(wiring=wiring, position=place, key=one.key, side=one.side.value, account=one.account, ours=one.ours)
        for place, one in enumerate(plan.plan.steps)
    ]
    try:
        with transaction.atomic():
            wiring.full_clean(validate_unique=False)
            wiring.save(force_insert=True)
            waking.note(wiring.function_id)
            WiringStep.objects.bulk_create(steps)
            settling.tell("asked", f"Asked for: {named(wiring)}.", wiring, by=by, reason=wiring.reason)
            settling.follow(wiring)
    except (IntegrityError, ValidationError):
        if made := sent(token, by):
            return made
        raise Refusal(
            "This source is wired to this function already.", next="Look at that wiring.", code="conflict", field="source"
        ) from None
    return wiring


def sent(form_token: str, by: Actor) -> Wiring | None:
    """What this form made already, if this person sent it."""
    if not form_token or "\x00" in form_token:
        return None
    return Wiring.objects.filter(form_token=form_token[:64], requested_by=by.person).first()


def say_done(step: WiringStep, *, by: Actor) -> WiringStep:
    """A person says that a step is done, or, of a step that is to be taken back, that it is taken back.

    Theirs, or one of ours that failed. Said is not seen: where it can be looked at, it is. Twice changes nothing.
    """
    step = _again(step)
    rights.require_word(by, step)
    if step.state in (StepState.SAID, StepState.SEEN, StepState.KEPT, StepState.UNDONE):
        return step
    if step.state not in (StepState.ASKED, StepState.FAILED) or (step.state == StepState.FAILED and not _may(by, step)):
        raise _stale("It is not waiting for anybody's word.")
    now = timezone.now()
    said: dict[str, Any] = {"said_by": by.person, "said_at": now, **_FRESH}
    back = step.wiring.abandoned_at is not None
    with transaction.atomic():
        if back:
            words = f"{by.label} says that it is taken back."
            moved = settling.move(step, StepState.KEPT, evidence=words, **said)
        else:
            words = f"{by.label} says that it is done."
            look = settling.first_look(step.key, StepState.SAID)
            moved = settling.move(step, StepState.SAID, **{**said, "evidence": words, "next_try_at": look})
        if not moved:
            raise _stale()
        settling.tell("step-said", f"{named(step.wiring)}: {step_named(step)}. {words}", step.wiring, by=by, step=step)
    return step


def say_not_done(step: WiringStep, *, by: Actor) -> WiringStep:
    """A person takes the word back: the step is handed over again, or, where it is ours to do, has failed as before.

    What was seen is not talked away.
    """
    step = _again(step)
    rights.require_word(by, step)
    if step.state == StepState.ASKED:
        return step
    if step.state != StepState.SAID:
        raise _stale("Nobody's word stands for this step.")
    words = f"{by.label} says that it is not done."
    to, asked = StepState.ASKED, {**_FRESH, "evidence": words}
    if step.ours:
        following = "Try again to have fnshare do it, or have it done by hand and say so."
        to, asked = StepState.FAILED, {**_FRESH, "failure": words, "failure_next": following, "failure_code": "not-done"}
    asked |= {"said_by": None, "said_at": None, "next_try_at": settling.first_look(step.key, to)}
    with transaction.atomic():
        if not settling.move(step, to, **asked):
            raise _stale()
        settling.tell("step-unsaid", f"{named(step.wiring)}: {step_named(step)}. {words}", step.wiring, by=by, step=step)
        if to == StepState.ASKED and not rights.acts_for(by, step.account):
            settling.hand_over(step)
    return step


def again(step: WiringStep, *, by: Actor) -> WiringStep:
    """Try a failed step once more, from what AWS has now. Whoever asks is responsible from now on."""
    step = _again(step)
    rights.require_change(by, step.wiring.function)
    if step.state in OPEN_STEPS or step.state == StepState.ASKED:
        return step
    if step.state != StepState.FAILED:
        raise _stale("It did not fail.")
    back = step.wiring.abandoned_at is not None
    to = StepState.UNDOING if back else StepState.QUEUED if step.ours else StepState.ASKED
    with transaction.atomic():
        _take_on(step.wiring, by, back=back)
        fresh: dict[str, Any] = {**_FRESH, "evidence": "", "told_at": None}
        if step.failure_code == settling.FOREIGN:  # both versions were shown: what AWS has now is where it begins
            fresh |= {"before": None, "after": None}
        if not back:
            fresh |= {"grant": None, "mapping_change": None, "next_try_at": settling.first_look(step.key, to)}
        if not settling.move(step, to, **fresh):
            raise _stale()
        settling.tell("step-again", f"{named(step.wiring)}: {step_named(step)}, once more.", step.wiring, by=by, step=step)
        if to == StepState.ASKED:
            settling.hand_over(step)
    return step


def take_over(step: WiringStep, *, by: Actor) -> WiringStep:
    """A source role was connected meanwhile: fnshare does this step from now on. Raises Refusal where it cannot."""
    step = _again(step)
    rights.require_change(by, step.wiring.function)
    if step.ours:
        return step
    if step.state not in (StepState.BLOCKED, StepState.ASKED, StepState.SAID) or step.wiring.abandoned_at is not None:
        raise _stale("It is not handed over.")
    if problem := why_not_ours(step):
        raise Refusal(problem, next="Connect a source role in Settings, Accounts; or leave it to them.", code="not-ours")
    to = StepState.BLOCKED if step.state == StepState.BLOCKED else StepState.QUEUED
    with transaction.atomic():
        _take_on(step.wiring, by, back=False)
        if not settling.move(step, to, ours=True, said_by=None, said_at=None, evidence="", **_FRESH):
            raise _stale()
        words = f"{named(step.wiring)}: fnshare does {step_named(step)} from now on."
        settling.tell("step-ours", words, step.wiring, by=by, step=step)
    return step


def abandon(wiring: Wiring, *, by: Actor, reason: str = "") -> Wiring:
    """Take back what fnshare made, the last step first; what others made stays, and is said. Twice changes nothing."""
    rights.require_change(by, wiring.function)
    with transaction.atomic():
        wiring = Wiring.objects.select_for_update().get(pk=wiring.pk)
        if wiring.abandoned_at is not None:
            return wiring
        wiring.abandoned_at, wiring.undone_by, wiring.undone_as = timezone.now(), by.person, by.label[:300]
        wiring.undone_reason = " ".join(reason.split())[:500]
        wiring.save(update_fields=["abandoned_at", "undone_by", "undone_as", "undone_reason"])
        settling.tell("abandoned", f"To be taken back: {named(wiring)}.", wiring, by=by, reason=wiring.undone_reason)
        for step in wiring.steps.all():
            _to_take_back(step)
        settling.follow(wiring)
    return wiring


def test(wiring: Wiring, *, by: Actor) -> Wiring:
    """Ask for one test event. A worker sends it, and looks whether AWS counts a run. Raises Refusal where none can be."""
    rights.require_change(by, wiring.function)
    wiring = Wiring.objects.select_related("function__account").get(pk=wiring.pk)
    if problem := why_not_tested(wiring):
        raise Refusal(problem, next="Put something into the source by hand, and look at the function's runs.", code="no-test")
    now = timezone.now()
    fresh = {"test_sent_at": None, "test_before": None, "test_runs": None, "test_failure": ""}
    with transaction.atomic():
        waiting = Wiring.objects.filter(pk=wiring.pk, abandoned_at=None)
        waiting = waiting.exclude(test_state__in=(TestState.QUEUED, TestState.SENT))
        if waiting.update(test_state=TestState.QUEUED, test_wanted_at=now, **fresh):
            settling.tell("test-asked", f"A test event is to be sent: {named(wiring)}.", wiring, by=by)
            _take_on(wiring, by, back=False)
            settling.follow(Wiring.objects.select_for_update().get(pk=wiring.pk))
    wiring.refresh_from_db()
    return wiring


def why_not_tested(wiring: Wiring) -> str:
    """Why no test event can be sent; "" if one can. The database is asked."""
    if wiring.abandoned_at is not None:
        return "The wiring is taken back."
    if wiring.kind not in TESTABLE:
        return "fnshare sends test events to buckets, topics and queues only."
    if wiring.state not in (WiringState.IN_PLACE, WiringState.SAID, WiringState.PROVED):
        return "The wiring is not in place yet."
    if not source_roles_for(wiring.source_arn, {wiring.source_account}):
        return "A test event is sent through a source role of the source's account, and there is none."
    return ""


def why_not_ours(step: WiringStep) -> str:
    """Why fnshare cannot do this step; "" if it can, as far as the database tells."""
    if not could_be_ours(step):
        return "No source role may do this step: it needs what only they have."
    if not source_roles_for(step.wiring.source_arn, {step.account}):
        return f"Account {step.account} has no source role for this source."
    return ""


def _to_take_back(step: WiringStep) -> None:
    """What becomes of one step when the wiring is abandoned; the row of the wiring is locked."""
    step.next_try_at, step.tries, step.failure, step.failure_code, step.failure_next = None, 0, "", "", ""
    under_way = step.before is not None and step.after is None
    if step.state == StepState.BLOCKED:
        step.state, step.evidence = StepState.UNDONE, "Nothing had been done."
    elif step.ours and (step.made or under_way or step.grant_id or step.mapping_change_id):
        # A write without an answer: what stands under our id now was not there before it.
        step.made = step.made or under_way
        step.state, step.started_at, step.told_at, step.evidence = StepState.UNDOING, timezone.now(), None, ""
        step.before = step.after = None
    elif step.ours and step.state not in (StepState.SEEN, StepState.SAID):
        step.state, step.evidence = StepState.UNDONE, "Nothing had been done."
    elif step.ours and step.state == StepState.SEEN:
        step.state, step.evidence = StepState.KEPT, "It was there before this wiring, and stays."
    else:
        known = {
            StepState.SEEN: "Others did it, and it was seen: ask them to take it back.",
            StepState.SAID: "Others did it, by what was said: ask them to take it back.",
        }
        unknown = "It was handed over, and nobody here knows whether it was done: if so, ask them to take it back."
        step.state, step.evidence = StepState.KEPT, known.get(StepState(step.state), unknown)
    step.save()


def _take_on(wiring: Wiring, by: Actor, *, back: bool) -> None:
    """Where the person on whose behalf it is done may not any more, the one who asks now takes their place."""
    wiring.refresh_from_db()
    if not rights.lost_by_responsible(wiring):
        return
    if back:
        Wiring.objects.filter(pk=wiring.pk).update(undone_by=by.person, undone_as=by.label[:300])
    else:
        Wiring.objects.filter(pk=wiring.pk).update(requested_by=by.person, requested_as=by.label[:300])
    wiring.refresh_from_db()


def _again(step: WiringStep) -> WiringStep:
    return WiringStep.objects.select_related("wiring__function__account").get(pk=step.pk)


def _may(by: Actor, step: WiringStep) -> bool:
    return by.sees(step.wiring.function.account_id) and by.may_change()


def _stale(what: str = "Somebody was faster.") -> Refusal:
    return Refusal(what, next="Reload the page to see where it stands.", code="stale")
