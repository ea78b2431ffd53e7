"""Steps with a life of their own: the permission is a share, the mapping a change of a mapping. Here they are followed."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from sharing.models import (
    Grant,
    GrantState,
    Mapping,
    MappingChange,
    MappingChangeKind,
    MappingChangeState,
    Policy,
    StepState,
    Wanted,
    WiringState,
    WiringStep,
)
from sharing.models.mapping_change import OPEN_CHANGES
from sharing.services import granting
from sharing.services import mapping as mappings
from sharing.services.errors import Refusal
from sharing.services.granting.planning import plan_permission
from sharing.services.granting.revoking import OVER
from sharing.services.operating import restored

from . import rights, settling
from .planning import mapping_options, plan_of
from .shapes import Outcome
from .words import named

_BACK = "The share was taken back, or ended: nothing lets the source in any more."


def permit(step: WiringStep) -> Outcome:
    """Have the source let in by a share, and follow it."""
    if step.grant is None and (ended := _share(step)):
        return ended
    grant = step.grant
    if grant is None:
        return Outcome(step)
    if grant.state == GrantState.ACTIVE and grant.wanted == Wanted.PRESENT:
        return settling.seen(step, f"AWS holds statement {grant.sid}, seen by reading the policy again.")
    if grant.state == GrantState.FAILED:
        words = grant.failure or "The share failed."
        return settling.failed(
            step, words, grant.failure_next, code=grant.failure_code or "failed", request_id=grant.request_id
        )
    if (grant.wanted == Wanted.ABSENT and grant.suspended_at is None) or grant.state in OVER:
        return settling.failed(step, _BACK, "Try again to share it anew, or take the wiring back.", code="gone")
    under_way = "being suspended" if grant.is_being_suspended else "under way"
    words = {
        GrantState.REQUESTED: "The share waits for a second person’s approval.",
        GrantState.SUSPENDED: "The share is suspended: it goes on when it is resumed.",
    }.get(GrantState(grant.state), f"The share is {under_way}. {grant.failure}".strip())
    slow = grant.state in (GrantState.REQUESTED, GrantState.SUSPENDED)
    return _with(settling.waits(step, words, most=120.0 if slow else 20.0), grant=grant)


def withdraw(step: WiringStep) -> Outcome:
    """Take the share back if this wiring made it and no other needs it."""
    grant = step.grant
    if grant is None:
        return settling.undone(step, "Nothing had been done.")
    if not step.made:
        return settling.undone(step, "The share was there before this wiring, and stays.", kept=True)
    others = WiringStep.objects.filter(grant=grant).exclude(pk=step.pk)
    if others.exclude(wiring__state=WiringState.UNDONE).exclude(wiring__abandoned_at__isnull=False).exists():
        return settling.undone(step, "Another wiring uses this share, so it stays.", kept=True)
    if grant.state in OVER:
        return settling.undone(step, "The share is taken back.")
    if grant.wanted == Wanted.PRESENT and step.told_at is not None and grant.failure:
        return settling.failed(step, grant.failure, grant.failure_next, code=grant.failure_code or "failed")
    if grant.wanted == Wanted.PRESENT:
        try:
            with transaction.atomic():
                by = rights.responsible(step.wiring)
                grant = granting.revoke(grant, by=by, reason=f"Wiring taken back: {named(step.wiring)}"[:500])
                settling.move(step, StepState(step.state), told_at=timezone.now())
        except Refusal as refusal:
            return settling.failed(step, refusal.message, refusal.next, code=refusal.code)
        if grant.state in OVER:
            return settling.undone(step, "The share is taken back.")
    return _with(settling.waits(step, f"The share is being taken back. {grant.failure}".strip()), grant=grant)


def map_source(step: WiringStep) -> Outcome:
    """Have the mapping created, and follow it."""
    wiring = step.wiring
    if step.mapping_change is None:
        held = _mapping(step)
        if held is not None:
            return _mapped(step, held, f"It was there already; AWS said {held.state} when it was last read.")
        if restored.asked_before(step.started_at):
            return settling.failed(step, restored.SENTENCE, restored.NEXT, code=restored.CODE)
        if ended := _change(step):
            return ended
    change = step.mapping_change
    if change is None:
        return Outcome(step)
    if change.state == MappingChangeState.DONE:
        state = change.mapping.state if change.mapping else ""
        return _mapped(step, change.mapping, f"AWS says {state} of the mapping from {wiring.source_arn}.")
    if change.state == MappingChangeState.FAILED:
        facts = {"code": change.failure_code or "failed", "request_id": change.request_id}
        made = _made(step, change.mapping)
        return settling.failed(step, change.failure, change.failure_next, made=made, **facts)
    return _with(settling.waits(step, f"AWS is at it. {change.failure}".strip()), change=change)


def unmap(step: WiringStep) -> Outcome:
    """Delete the mapping if this wiring made it."""
    change = step.mapping_change
    if change is None and not step.made:
        return settling.undone(step, "Nothing had been done.")
    if change is not None and change.is_open:
        return _with(settling.waits(step, "AWS is at it."), change=change)
    mapping = change.mapping if change is not None else _mapping(step)
    if mapping is None or mapping.vanished_at is not None:
        return settling.undone(step, "AWS knows no such mapping any more.")
    if change is not None and change.kind == MappingChangeKind.DELETE and step.told_at is not None:  # not asked again since
        return settling.failed(step, change.failure, change.failure_next, code=change.failure_code or "failed")
    if not _made(step, mapping):
        return settling.undone(step, "The mapping was there before this wiring, and stays.", kept=True)
    try:
        with transaction.atomic():
            token = _token(step, MappingChange.objects.filter(form_token__startswith=f"{_prefix(step)}-back").count(), "-back")
            made_now = mappings.delete(mapping, by=rights.responsible(step.wiring), form_token=token)
            at = timezone.now()
            if not settling.move(step, StepState(step.state), mapping_change=made_now, made=True, told_at=at):
                transaction.set_rollback(True)
                return Outcome(step)
    except Refusal as refusal:
        if refusal.code == "stale":
            return settling.waits(step, refusal.message)
        return settling.failed(step, refusal.message, refusal.next, code=refusal.code)
    return _with(settling.waits(step, "The mapping is being deleted."), change=made_now)


def _share(step: WiringStep) -> Outcome | None:
    """Ask for the share, or use the one that is there. None: it was asked for."""
    wiring = step.wiring
    if lost := rights.lost_by_responsible(wiring):
        return settling.failed(step, lost, "Have somebody try again who may.", code="not-permitted")
    permission = plan_of(wiring).permission
    policy = Policy.objects.filter(function=wiring.function, qualifier=wiring.qualifier)
    found = policy.select_related("function__account", "current").first()
    if permission is None or found is None:
        return settling.failed(step, "The function has no such policy any more.", "Sync the function.", code="gone")
    by = rights.responsible(wiring)
    over = Grant.objects.filter(form_token__startswith=f"{_prefix(step)}-", state__in=OVER).count()
    token = _token(step, over)
    try:
        with transaction.atomic():
            plan = plan_permission(
                permission, policy=found, ends_at=None, by=by, grant_id=uuid.uuid5(step.pk, token), form_token=token
            )
            made = plan.equal is None or plan.equal.form_token == token
            if made and restored.asked_before(step.started_at):
                return settling.failed(step, restored.SENTENCE, restored.NEXT, code=restored.CODE)
            why = f"Wiring: {named(wiring)}. {wiring.reason}".strip()[:500]
            grant = granting.grant(plan, reason=why, by=by, form_token=token, anyway=True) if made else plan.equal
            if not settling.move(step, StepState.TOLD, grant=grant, made=made, told_at=timezone.now()):
                transaction.set_rollback(True)
                step.grant = None
    except Refusal as refusal:
        step.grant = None
        return settling.failed(step, refusal.message, refusal.next, code=refusal.code)
    return None


def _change(step: WiringStep) -> Outcome | None:
    """Ask for the mapping. None: it was asked for."""
    wiring = step.wiring
    options = mapping_options(wiring.options)
    plan = mappings.plan(wiring.function, source=wiring.source_arn, options=options, qualifier=wiring.qualifier)
    tried = MappingChange.objects.filter(form_token__startswith=f"{_prefix(step)}-")
    over = tried.exclude(state__in=OPEN_CHANGES).count()  # one that was done, too: what it made is gone
    try:
        with transaction.atomic():
            change = mappings.create(plan, by=rights.responsible(wiring), form_token=_token(step, over))
            if not settling.move(step, StepState.TOLD, mapping_change=change, told_at=timezone.now()):
                transaction.set_rollback(True)
                step.mapping_change = None
    except Refusal as refusal:
        step.mapping_change = None
        return settling.failed(step, refusal.message, refusal.next, code=refusal.code)
    return None


def _mapped(step: WiringStep, mapping: Mapping | None, evidence: str) -> Outcome:
    """The mapping is there: so the execution role may read the source, which AWS tries before it creates one."""
    made = _made(step, mapping)
    with transaction.atomic():
        outcome = settling.seen(step, evidence, made=made)
        role = step.wiring.steps.select_related("wiring__function__account").filter(key="execution-role").first()
        if made and role is not None and role.state in (StepState.SAID, StepState.ASKED):
            settling.seen(role, "AWS created the mapping, which it refuses where the role may not read.")
    return outcome


def _mapping(step: WiringStep) -> Mapping | None:
    wiring = step.wiring
    there = Mapping.objects.present().filter(function=wiring.function, qualifier=wiring.qualifier)
    return there.filter(source_arn=wiring.source_arn).first()


def _made(step: WiringStep, mapping: Mapping | None) -> bool:
    """Whether a try of this step made this very mapping: found there without an unanswered one, somebody else had."""
    answered = ~Q(request_id="") | Q(tries__gt=0)
    tried = MappingChange.objects.filter(answered, kind=MappingChangeKind.CREATE, form_token__startswith=f"{_prefix(step)}-")
    return mapping is not None and tried.filter(mapping=mapping).exists()


def _prefix(step: WiringStep) -> str:
    return f"wire-{step.pk.hex}"


def _token(step: WiringStep, earlier: int, mark: str = "") -> str:
    """The same try, the same row; the next try after a failed one, another."""
    return f"{_prefix(step)}{mark}-{earlier}"


def _with(outcome: Outcome, *, grant: Grant | None = None, change: MappingChange | None = None) -> Outcome:
    return Outcome(outcome.step, outcome.again_in, outcome.ready, grant, change)
