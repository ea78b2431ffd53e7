"""What mail about wirings says, written when it leaves. Consumers read of their own side alone."""

from __future__ import annotations

import uuid

from sharing.models import Account, Actor, Notice, StepState, User, Wiring, WiringStep
from sharing.policy.wiring import Side
from sharing.services.letters import Letter, link, moment_for

from .handing_over import whose
from .looking import NOT_THERE
from .planning import NotPlanned, plan_of
from .rights import acts_for
from .standing import theirs
from .words import named, step_named


def step_waits(notice: Notice) -> Letter | None:
    """A step is theirs to do. Not needed any more: it was said or seen, taken over or taken back, or is not theirs."""
    step = _waiting(notice)
    if step is None or notice.person is None or not _is_theirs(step, notice.person):
        return None
    return Letter(f"For you to do: {named(step.wiring)}", "mail/wiring-step", _of_their_side(step))


def step_still_waits(notice: Notice) -> Letter | None:
    """It waits for days by now. Not needed any more either: it was handed over anew since, is another's to do by now, or they
    want no reminders."""
    step, person = _waiting(notice), notice.person
    if step is None or person is None or not person.is_active or not person.reminders:
        return None
    if step.asked_at is None or step.asked_at.isoformat() != notice.detail.get("asked_at"):
        return None
    last = bool(notice.detail.get("last"))
    subject = f"{'Last reminder' if last else 'Still'} for you to do: {named(step.wiring)}"
    context = {"since": moment_for(person, step.asked_at), "last": last, "settings": link("profile")}
    if step.side == Side.SOURCE:
        return Letter(subject, "mail/wiring-step", {**_of_their_side(step), **context}) if _is_theirs(step, person) else None
    me = Actor.of(person)
    if person not in whose(step) or not me.may_change() or not me.sees(step.wiring.function.account_id):
        return None
    return Letter(subject, "mail/wiring-step-owner", {**_of(step), **context, "show": link("wiring-detail", step.wiring_id)})


def _waiting(notice: Notice) -> WiringStep | None:
    waiting = WiringStep.objects.filter(state=StepState.ASKED, ours=False, wiring__abandoned_at=None)
    related = ("wiring__function__account", "wiring__requested_by")
    return waiting.select_related(*related).filter(pk=uuid.UUID(notice.detail["step"])).first()


def _is_theirs(step: WiringStep, person: User) -> bool:
    me = Actor.of(person)
    return acts_for(me, step.account) and theirs(me).filter(pk=step.wiring_id).exists()


def _of(step: WiringStep) -> dict[str, object]:
    wiring: Wiring = step.wiring
    return {
        "sentence": _sentence(step),
        "again": step.failure_code == NOT_THERE,
        "source": wiring.source_arn,
        "function": wiring.function,
        "qualifier": wiring.qualifier,
    }


def _of_their_side(step: WiringStep) -> dict[str, object]:
    account = Account.objects.get(number=step.account)
    return {**_of(step), "account": account, "show": link("shared-wiring", step.wiring_id)}


def _sentence(step: WiringStep) -> str:
    """The step as their page says it."""
    try:
        plan = plan_of(step.wiring)
    except NotPlanned:
        return f"To do: {step_named(step)}."
    return next((one.sentence for one in plan.steps if one.key == step.key), f"To do: {step_named(step)}.")
