"""Writing down a verdict: on the check, on its grant and in the history, in one transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, DateTimeField, Value, When
from django.utils import timezone

from sharing.models import Actor, Check, CheckState, Grant, GrantState, Occasion, Verdict
from sharing.services.history import record

WEEK = timedelta(days=7)

_SAID = {
    Verdict.ALLOWED: "may invoke it",
    Verdict.DENIED: "may not invoke it",
    Verdict.NOT_TRIED: "not tried",
    Verdict.ERROR: "could not be tried",
}


def finish(
    check: Check,
    verdict: Verdict,
    *,
    detail: str,
    principal: str = "",
    answer: str = "",
    request_id: str = "",
    ever: bool = True,
) -> bool:
    """End the check if it still is open; False when something newer replaced it. `ever`: whether to ask again weekly."""
    now = timezone.now()
    with transaction.atomic():
        # The grant before its check, as whoever settles it does: the other way round each would wait for the other.
        if check.grant_id is not None:
            Grant.objects.select_for_update(no_key=True).get(pk=check.grant_id)
        done = (
            Check.objects.filter(pk=check.pk)
            .exclude(state=CheckState.DONE)
            .update(
                state=CheckState.DONE,
                verdict=verdict,
                principal=principal[:600],
                answer=answer,
                detail=detail,
                request_id=request_id,
                lease_until=None,
                next_try_at=None,
                done_at=now,
            )
        )
        if not done:
            return False
        _keep_on_grant(check, verdict, principal, detail, ever, now)
        _tell(check, verdict, principal, detail, answer, request_id)
    return True


def keep_untried(check: Check, *, detail: str, ever: bool) -> None:
    """Keep a new check that nobody can make: it is done from the beginning. `detail`, `ever`: as in `finish`."""
    now = timezone.now()
    check.state, check.verdict, check.detail, check.done_at = CheckState.DONE, Verdict.NOT_TRIED, detail, now
    with transaction.atomic(savepoint=False):
        check.save(force_insert=True)
        _keep_on_grant(check, Verdict.NOT_TRIED, "", detail, ever, now)
        _tell(check, Verdict.NOT_TRIED, "", detail, "", "")


def _keep_on_grant(check: Check, verdict: Verdict, principal: str, detail: str, ever: bool, now: datetime) -> None:
    """The verdict beside the state; an active grant is tried again weekly, if it ever can be."""
    if check.grant_id is None:
        return
    again = Case(When(state=GrantState.ACTIVE, then=Value(now + WEEK)), default=Value(None), output_field=DateTimeField())
    Grant.objects.filter(pk=check.grant_id).update(
        verdict=verdict,
        verdict_principal=principal[:600],
        verdict_detail=detail,
        checked_at=now,
        check_due_at=again if ever else None,
    )


def _tell(check: Check, verdict: Verdict, principal: str, detail: str, answer: str, request_id: str) -> None:
    who = principal or check.asked_as or "nobody"
    asked = check.requested_by is not None and check.occasion == Occasion.CLICK
    record(
        "check.finished",
        f"Checked {check.get_occasion_display()}: {who} {_SAID[verdict]}. {detail}".strip(),
        by=Actor.of(check.requested_by) if asked and check.requested_by else Actor.system(),
        function=check.policy.function,
        qualifier=check.policy.qualifier,
        grant=check.grant,
        request_id=request_id,
        detail={"verdict": verdict.value, "answer": answer, "check": str(check.pk), "arn": check.policy.arn},
    )
