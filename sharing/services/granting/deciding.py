"""A person decides to share. A row only: a worker makes AWS agree with it (`reconciling`)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Actor, Grant, GrantState, Policy, Wanted
from sharing.services import waking
from sharing.services.errors import Refusal
from sharing.services.history import record

from . import rights
from .alerting import ask_second_person
from .digests import approval_of
from .ends import next_reminder
from .keeping import fields_of
from .pausing import RESUME_IT, SUSPENDED, require_open, take_turn
from .shapes import Plan
from .wording import named, until

#: One form sent twice may differ by this much in an end date that was counted from "now".
_SAME_MOMENT = timedelta(minutes=10)


def grant(plan: Plan, *, reason: str, by: Actor, form_token: str | None = None, anyway: bool = False) -> Grant:
    """Keep the decision: one row, `pending` or, where a second person is needed, `requested`.

    The same `form_token` twice (double click, resent form) gives the same grant. An equal grant with the same end date
    is given back instead of a second one; with another end date it is refused (code `equal`) unless `anyway`, which makes
    a second lease that ends alone. Raises Refusal with the plan's first problem, NotPermitted, NotFound.
    """
    rights.require_change(by, plan.policy)
    token = form_token or plan.form_token
    if token and (sent := Grant.objects.filter(form_token=token).first()):
        return _as_sent_before(sent, plan)
    if plan.problems or plan.permission is None:
        problem = plan.problems[0]
        raise Refusal(problem.message, next=problem.next, code=problem.code, field=problem.field)
    reason = checked_reason(reason)
    row = _row_of(plan, reason, token, by)
    try:
        with transaction.atomic():
            take_turn(row.principal_account)
            Policy.objects.select_for_update().get(pk=plan.policy.pk)
            if equal := _equal_to(plan, token, anyway=anyway):
                return equal
            require_open(row.principal_account, plan.policy.function.account_id, field="who")
            row.full_clean(validate_unique=False, validate_constraints=False)
            row.validate_constraints()
            row.save(force_insert=True)
            if row.undo_of_id:
                waking.note(row.policy.function_id)
            _tell_decision(row, by)
    except (IntegrityError, ValidationError) as problem:
        if token and (sent := Grant.objects.filter(form_token=token).first()):
            return _as_sent_before(sent, plan)
        raise _as_refusal(problem, row) from problem
    return row


def checked_reason(reason: str) -> str:
    """The reason, trimmed. Raises Refusal when it is missing or too long."""
    reason = " ".join(reason.split())
    if not reason:
        raise Refusal("A reason is missing.", next="Say in a few words why they need it.", field="reason")
    if len(reason) > 500:
        raise Refusal(f"The reason has {len(reason)} characters; 500 are kept.", next="Shorten it.", field="reason")
    return reason


def check_end(ends_at: datetime | None, *, everyone: bool, now: datetime) -> None:
    """Refuse an end date that has passed, or none at all for everyone."""
    if ends_at is None:
        if everyone:
            raise Refusal("Sharing with everyone needs an end date.", next="Choose one; 90 days is usual.", field="ends_at")
    elif ends_at <= now:
        raise Refusal("The end date is in the past.", next="Choose a later one.", field="ends_at")


def _equal_to(plan: Plan, token: str | None, *, anyway: bool) -> Grant | None:
    """The live grant that makes this one needless. Asked inside the transaction: two people may share at once, or one twice."""
    alike = list(Grant.objects.live().filter(policy=plan.policy, equality=plan.equality))
    if token and (sent := next((one for one in alike if one.form_token == token), None)):
        return _as_sent_before(sent, plan)
    equals = [one for one in alike if one.wanted == Wanted.PRESENT]
    if any(one.suspended_at is not None and one.wanted == Wanted.ABSENT for one in alike):
        raise Refusal(SUSPENDED, next=RESUME_IT, code="suspended", field="who")
    for equal in equals:
        if equal.ends_at == plan.ends_at:
            return equal
    if equals and not anyway:
        raise Refusal(
            f"They already have exactly this, {until(equals[0].ends_at)}.",
            next="Change that grant's end date, or make a second lease that ends alone.",
            code="equal",
        )
    return None


def _row_of(plan: Plan, reason: str, token: str | None, by: Actor) -> Grant:
    permission = plan.permission
    if permission is None:
        raise AssertionError("A plan without problems has a permission.")
    now = timezone.now()
    return Grant(
        id=plan.grant_id,
        policy=plan.policy,
        state=GrantState.REQUESTED if plan.second_person else GrantState.PENDING,
        sid=permission.sid,
        action=permission.action,
        principal_kind=permission.principal.kind.value,
        principal=permission.principal.value,
        principal_account=permission.principal.account or "",
        permission=fields_of(permission),
        statement=plan.statement,
        event_source_token=plan.event_source_token,
        token_fingerprint=plan.token_fingerprint,
        equality=plan.equality,
        ends_at=plan.ends_at,
        remind_at=next_reminder(plan.ends_at, after=now),
        reason=reason,
        requested_by=by.person,
        requested_as=by.label[:300],
        form_token=token,
        second_person=plan.second_person,
        created_at=now,
        unsettled_since=None if plan.second_person else now,
        undo_of=plan.undo_of,
    )


def _tell_decision(row: Grant, by: Actor) -> None:
    if row.second_person:
        verb, text = "grant.requested", f"Asked for a second person's approval: {named(row)}, {until(row.ends_at)}."
    elif row.undo_of_id:
        verb, text = "grant.undone", f"To be written again: {named(row)}, {until(row.ends_at)}."
    else:
        verb, text = "grant.decided", f"To be shared: {named(row)}, {until(row.ends_at)}."
    record(verb, text, by=by, grant=row, reason=row.reason)
    if row.second_person:
        ask_second_person(row, digest=approval_of(row, ends_at=row.ends_at), by=by)


def _as_sent_before(sent: Grant, plan: Plan) -> Grant:
    """The grant made by the same form, if it was the same wish; a form filled in anew after "back" is another."""
    if sent.ends_at and plan.ends_at:
        same_end = abs(sent.ends_at - plan.ends_at) < _SAME_MOMENT
    else:
        same_end = sent.ends_at == plan.ends_at
    if sent.policy_id != plan.policy.pk or sent.equality != plan.equality or not same_end:
        raise Refusal(
            "This form was already sent, with other contents.", next="Reload the page to share something else.", code="stale"
        )
    return sent


def _as_refusal(problem: IntegrityError | ValidationError, row: Grant) -> Refusal:
    taken = Grant.objects.live().filter(policy=row.policy, sid=row.sid).exclude(pk=row.pk).exists()
    if taken or Grant.objects.filter(pk=row.pk).exists():
        return Refusal(
            f"The statement id {row.sid} is taken by another grant on this policy.",
            next="Choose another, or leave the one that is offered.",
            code="conflict",
            field="sid",
        )
    if isinstance(problem, ValidationError):
        return Refusal(" ".join(problem.messages), next="Correct it and try again.")
    return Refusal("Somebody changed this at the same moment.", next="Reload the page and try again.", code="conflict")
