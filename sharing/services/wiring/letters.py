"""What mail about wirings says, written when it leaves. Consumers read of their own side alone."""

from __future__ import annotations

import uuid

from sharing.models import Account, Actor, Notice, StepState, WiringStep
from sharing.services.letters import Letter, link

from .looking import NOT_THERE
from .planning import NotPlanned, plan_of
from .rights import acts_for
from .standing import theirs
from .words import named, step_named


def step_waits(notice: Notice) -> Letter | None:
    """A step is theirs to do. Not needed any more: it was said or seen, taken over or taken back, or is not theirs."""
    person = notice.person
    waiting = WiringStep.objects.filter(state=StepState.ASKED, ours=False, wiring__abandoned_at=None)
    step = waiting.select_related("wiring__function__account").filter(pk=uuid.UUID(notice.detail["step"])).first()
    if person is None or step is None:
        return None
    me, wiring = Actor.of(person), step.wiring
    if not acts_for(me, step.account) or not theirs(me).filter(pk=wiring.pk).exists():
        return None
    context = {
        "sentence": _sentence(step),
        "again": step.failure_code == NOT_THERE,
        "source": wiring.source_arn,
        "function": wiring.function,
        "qualifier": wiring.qualifier,
        "account": Account.objects.get(number=step.account),
        "show": link("shared-wiring", wiring.pk),
    }
    return Letter(f"For you to do: {named(wiring)}", "mail/wiring-step", context)


def _sentence(step: WiringStep) -> str:
    """The step as their page says it."""
    try:
        plan = plan_of(step.wiring)
    except NotPlanned:
        return f"To do: {step_named(step)}."
    return next((one.sentence for one in plan.steps if one.key == step.key), f"To do: {step_named(step)}.")
