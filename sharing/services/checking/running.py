"""Answering a check: only 204 proves, only 403 disproves, and while a change is on its way neither is shown too early."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from sharing.aws.checking import Answer, DryRun, dry_run
from sharing.models import Check, CheckState, Connection, Occasion, Verdict
from sharing.services.connecting.entering import role
from sharing.services.errors import Refusal

from .answering import finish
from .trials import Trial, lets_in, trial_of

log = structlog.get_logger(__name__)

_PAUSES = (1.0, 2.0, 3.0, 5.0, 8.0, 10.0)


@dataclass(frozen=True)
class Outcome:
    """How one run ended. `again_in`: seconds after which to try again; None: answered."""

    check: Check
    again_in: float | None = None


@dataclass(frozen=True)
class _Tried:
    connection: Connection
    said: DryRun

    @property
    def who(self) -> str:
        return f"{self.said.principal} of {self.connection.account}"


def run(pk: uuid.UUID | str) -> Outcome | None:
    """Try as the principal the check is about, and end it or say when to come back. None: there is no such check."""
    check = (
        Check.objects.select_related(
            "policy__function__account", "policy__current", "grant__policy__function__account", "requested_by"
        )
        .filter(pk=pk)
        .first()
    )
    if check is None:
        return None
    now = timezone.now()
    if check.state == CheckState.DONE:
        return Outcome(check)
    if check.next_try_at and check.next_try_at > now:
        return Outcome(check, again_in=(check.next_try_at - now).total_seconds())
    if not _take(check):
        return Outcome(check, again_in=_PAUSES[1])
    try:
        trial = trial_of(check)
    except Refusal as refusal:
        trial = Trial(reason=refusal.message)
    if not trial.connections:
        finish(check, Verdict.NOT_TRIED, detail=trial.reason, ever=trial.ever)
        return _now(check)
    tried = _try(check, trial)
    if _may_change(check, trial, tried) and check.give_up_at and timezone.now() < check.give_up_at:
        return _again(check)
    _conclude(check, trial, tried)
    return _now(check)


def _take(check: Check) -> bool:
    now = timezone.now()
    return bool(
        Check.objects.open()
        .filter(Q(lease_until=None) | Q(lease_until__lte=now), pk=check.pk)
        .update(state=CheckState.RUNNING, lease_until=_lease(now), tries=F("tries") + 1)
    )


def _lease(now: datetime) -> datetime:
    """One worker at a time answers a check; two would do no harm, they would only ask twice."""
    return now + timedelta(seconds=settings.LEASE_SECONDS)


def _try(check: Check, trial: Trial) -> list[_Tried]:
    """One DryRun per candidate until one is allowed."""
    tried: list[_Tried] = []
    for connection in trial.connections:
        Check.objects.open().filter(pk=check.pk).update(lease_until=_lease(timezone.now()))
        said = dry_run(role(connection), check.policy.arn, session_name=f"fnshare-check-{check.pk.hex}")
        tried.append(_Tried(connection, said))
        if said.answer is Answer.ALLOWED:
            break
    return tried


def _deciding(tried: list[_Tried]) -> _Tried:
    """The answer that counts: an allowed one, else a denied one, else whatever came."""
    for wanted in (lambda one: one.said.answer is Answer.ALLOWED, lambda one: one.said.answer.is_denied):
        for one in tried:
            if wanted(one):
                return one
    return tried[-1]


def _may_change(check: Check, trial: Trial, tried: list[_Tried]) -> bool:
    """Whether a later answer may be another: trouble on the way, or a change that has not arrived everywhere."""
    one = _deciding(tried)
    if one.said.answer is Answer.ALLOWED:
        return check.expected == Verdict.DENIED and not lets_in(check.policy, one.said.principal)
    if one.said.answer.is_denied:
        return check.expected == Verdict.ALLOWED
    return one.said.answer in (Answer.THROTTLED, Answer.UNKNOWN, Answer.NOT_FOUND)


def _again(check: Check) -> Outcome:
    pause = _PAUSES[min(check.tries, len(_PAUSES) - 1)]
    if check.give_up_at:
        left = (check.give_up_at - timezone.now()).total_seconds()
        pause = max(0.5, min(pause, left + 0.5))
    Check.objects.open().filter(pk=check.pk).update(lease_until=None, next_try_at=timezone.now() + timedelta(seconds=pause))
    return Outcome(check, again_in=pause)


def _now(check: Check) -> Outcome:
    check.refresh_from_db()
    return Outcome(check)


def _conclude(check: Check, trial: Trial, tried: list[_Tried]) -> None:
    one = _deciding(tried)
    answer, said = one.said.answer, one.said
    if answer is Answer.ALLOWED:
        verdict, detail = Verdict.ALLOWED, _allowed(check, one)
    elif answer.is_denied and trial.any_member and check.occasion != Occasion.REVOKE:
        verdict = Verdict.NOT_TRIED
        names = ", ".join(entry.who for entry in tried)
        detail = (
            f"Tried as {names}: denied. Whether they belong to {check.asked_as} is not known here, so nothing is disproved."
        )
    elif answer.is_denied:
        verdict, detail = Verdict.DENIED, _denied(check, one, tried)
    else:
        verdict, detail = Verdict.ERROR, _error(one)
    log.info("check_answered", check=str(check.pk), verdict=verdict, answer=answer, request_id=said.request_id)
    finish(check, verdict, detail=detail, principal=said.principal, answer=answer, request_id=said.request_id)


def _allowed(check: Check, one: _Tried) -> str:
    proved = f"Proved for {one.who}."
    through = lets_in(check.policy, one.said.principal)
    if check.expected == Verdict.DENIED:
        if through:
            return f"Still allowed through {_named(through)}. {proved}"
        return f"Still allowed although no statement of the policy, as last read, lets it in; AWS may need longer. {proved}"
    others = [name for name in through if check.grant is None or name != check.grant.sid]
    also = f" It is let in by {_named(tuple(others))} as well." if check.grant is not None and others else ""
    return proved + also


def _denied(check: Check, one: _Tried, tried: list[_Tried]) -> str:
    names = ", ".join(entry.who for entry in tried if entry.said.answer.is_denied)
    why = {
        Answer.DENIED_IDENTITY: "Its own account refuses: that role's IAM policy lacks lambda:InvokeFunction on this ARN.",
        Answer.DENIED_RESOURCE: "The function's policy does not let it in.",
        Answer.DENIED_EXPLICIT: "An explicit Deny forbids it, in the function's policy or on the consumer's side.",
    }.get(one.said.answer, "AWS does not say which side refused.")
    if check.occasion == Occasion.REVOKE:
        return f"Denied for {names}."
    return f"Denied for {names}. {why}"


def _error(one: _Tried) -> str:
    if one.said.answer is Answer.NOT_FOUND:
        return f"AWS knows no such function, alias or version (any more). Tried as {one.who}."
    said = f" AWS says: {one.said.message}" if one.said.message else ""
    return f"The question was not answered.{said} Tried as {one.who}."


def _named(statements: tuple[str, ...]) -> str:
    return f"statement {statements[0]}" if len(statements) == 1 else f"statements {', '.join(statements)}"
