"""People decide about layer versions: share, approve, decline. Rows only: a worker makes AWS agree with them."""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Actor, GrantState, LayerGrant, LayerVersion, Wanted
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.granting.deciding import checked_reason
from sharing.services.granting.pausing import require_open, take_turn
from sharing.services.granting.transitions import move
from sharing.services.granting.wording import until
from sharing.services.history import record

from . import rights
from .planning import LayerPlan, digest_of, equal_grants
from .wording import named

#: One form sent twice may differ by this much in an end date that was counted from "now".
_SAME_MOMENT = timedelta(minutes=10)


def look_again(grant: LayerGrant) -> LayerGrant:
    """The row as it is now, with what it hangs on."""
    related = ("layer__account", "layer__current", "requested_by", "approved_by", "revoked_by")
    return LayerGrant.objects.select_related(*related).get(pk=grant.pk)


def share(plan: LayerPlan, *, reason: str, by: Actor, anyway: bool = False) -> LayerGrant:
    """Keep the decision: one row, `pending` or, where a second person is needed, `requested`.

    The same form twice (double click, resent form) gives the same grant. An equal grant with the same end date is given
    back instead of a second one; with another end date it is refused (code `equal`) unless `anyway`, which makes a second
    lease that ends alone. Raises Refusal with the plan's first problem, NotPermitted, NotFound.
    """
    rights.require_change(by, plan.layer)
    if sent := LayerGrant.objects.filter(form_token=plan.form_token).first():
        return _as_sent_before(sent, plan)
    if plan.problems or plan.share is None:
        problem = plan.problems[0]
        raise Refusal(problem.message, next=problem.next, code=problem.code, field=problem.field)
    row = _row_of(plan, checked_reason(reason), by)
    try:
        with transaction.atomic():
            take_turn(row.principal_account)
            LayerVersion.objects.select_for_update().get(pk=plan.layer.pk)
            if equal := _equal_to(plan, anyway=anyway):
                return equal
            require_open(row.principal_account, plan.layer.account_id, field="who")
            row.full_clean(validate_unique=False, validate_constraints=False)
            row.validate_constraints()
            row.save(force_insert=True)
            verb, told = ("requested", "Asked for approval") if row.second_person else ("decided", "To be shared")
            text = f"{told}: {named(row)}, {until(row.ends_at)}."
            record(f"layer.share-{verb}", text, by=by, layer=row.layer, sid=row.sid, reason=row.reason)
    except (IntegrityError, ValidationError) as problem:
        if sent := LayerGrant.objects.filter(form_token=plan.form_token).first():
            return _as_sent_before(sent, plan)
        raise Refusal(
            "Somebody changed this at the same moment.", next="Reload the page and try again.", code="conflict"
        ) from problem
    return row


def approve(grant: LayerGrant, *, digest: str, by: Actor) -> LayerGrant:
    """A second person says yes to exactly what `digest` stands for: the statement and its end date.

    Raises Refusal (`stale`) when the request is not what was shown, NotPermitted for the person who asked, for operators
    of a shell, claimed or not, and for those without the right or scope.
    """
    rights.require_change(by, grant.layer, "That grant")
    person = by.person
    if by.kind != "person" or person is None:
        raise NotPermitted(
            "Only a person who signed in may approve; a name given on a shell is a claim.",
            next="Sign in to fnshare and approve there.",
        )
    grant = look_again(grant)
    if grant.state != GrantState.REQUESTED:
        raise Refusal("Nothing waits for approval here any more.", next="Reload the page.", code="stale")
    if grant.requested_by_id == person.pk:
        raise NotPermitted("Nobody approves their own request.", next="Ask another owner or admin.")
    if approval_digest(grant) != digest:
        raise Refusal("The request is not the one that was shown.", next="Reload the page and read it again.", code="stale")
    now = timezone.now()
    if grant.ends_at is not None and grant.ends_at <= now:
        raise Refusal("Its end date has passed in the meantime.", next="Decline it and ask for a later end date.", code="stale")
    with transaction.atomic():
        take_turn(grant.principal_account)
        require_open(grant.principal_account, grant.layer.account_id)
        if not move(grant, GrantState.PENDING, approved_by=person, approved_at=now, approval_digest=digest):
            raise Refusal("Somebody was faster.", next="Reload the page.", code="stale")
        text = f"Approved: {named(grant)}, {until(grant.ends_at)}."
        record("layer.share-approved", text, by=by, layer=grant.layer, sid=grant.sid, detail={"digest": digest})
    return grant


def decline(grant: LayerGrant, *, reason: str, by: Actor) -> LayerGrant:
    """A second person says no; the request is over."""
    rights.require_change(by, grant.layer, "That grant")
    reason = checked_reason(reason)
    grant = look_again(grant)
    with transaction.atomic():
        moved = grant.state == GrantState.REQUESTED and move(
            grant,
            GrantState.FAILED,
            wanted=Wanted.ABSENT,
            failure=f"Declined by {by.label}: {reason}",
            failure_code="declined",
            failure_next="Talk to them, or ask again for fewer.",
        )
        if not moved:
            raise Refusal("Nothing waits for approval here any more.", next="Reload the page.", code="stale")
        record("layer.share-declined", f"Declined: {named(grant)}.", by=by, layer=grant.layer, sid=grant.sid, reason=reason)
    return grant


def approval_digest(grant: LayerGrant) -> str:
    """What an approving page shows and sends back."""
    return digest_of(grant.layer, grant.statement, grant.ends_at)


def _equal_to(plan: LayerPlan, *, anyway: bool) -> LayerGrant | None:
    """The live grant that makes this one needless. Asked inside the transaction: two people may share at once."""
    if plan.share is None:
        return None
    equals = equal_grants(plan.layer, plan.share.principal.kind.value, plan.share.principal.value)
    for equal in equals:
        if equal.ends_at == plan.ends_at:
            return equal
    if equals and not anyway:
        raise Refusal(
            f"They already have exactly this, {until(equals[0].ends_at)}.",
            next="Make a second lease that ends alone, or leave it.",
            code="equal",
        )
    return None


def _row_of(plan: LayerPlan, reason: str, by: Actor) -> LayerGrant:
    if plan.share is None:
        raise AssertionError("A plan without problems has a share.")
    principal = plan.share.principal
    now = timezone.now()
    return LayerGrant(
        id=plan.grant_id,
        layer=plan.layer,
        state=GrantState.REQUESTED if plan.second_person else GrantState.PENDING,
        sid=plan.share.sid,
        principal_kind=principal.kind.value,
        principal=principal.value,
        principal_account=principal.account or "",
        statement=plan.statement,
        ends_at=plan.ends_at,
        reason=reason,
        requested_by=by.person,
        requested_as=by.label[:300],
        form_token=plan.form_token,
        second_person=plan.second_person,
        created_at=now,
        unsettled_since=None if plan.second_person else now,
    )


def _as_sent_before(sent: LayerGrant, plan: LayerPlan) -> LayerGrant:
    """The grant made by the same form, if it was the same wish; a form filled in anew after "back" is another."""
    if sent.ends_at and plan.ends_at:
        same_end = abs(sent.ends_at - plan.ends_at) < _SAME_MOMENT
    else:
        same_end = sent.ends_at == plan.ends_at
    principal = (plan.share.principal.kind.value, plan.share.principal.value) if plan.share else ("", "")
    if sent.layer_id != plan.layer.pk or (sent.principal_kind, sent.principal) != principal or not same_end:
        raise Refusal(
            "This form was already sent, with other contents.", next="Reload the page to share something else.", code="stale"
        )
    return sent
