"""Writing down a verdict: on the check, on its grant and in the history, in one transaction."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
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
        grant = check.grant
        if grant is not None:
            active = Grant.objects.filter(pk=grant.pk, state=GrantState.ACTIVE).exists()
            Grant.objects.filter(pk=grant.pk).update(
                verdict=verdict,
                verdict_principal=principal[:600],
                verdict_detail=detail,
                checked_at=now,
                check_due_at=now + WEEK if ever and active else None,
            )
        _tell(check, verdict, principal, detail, answer, request_id)
    return True


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
