"""The one call. Before it the row says running, so that nobody, whatever dies, makes it a second time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from sharing.aws.errors import AwsError
from sharing.aws.invoking import Answer, Invoker, Kind, MayHaveRun, NotRun
from sharing.models import Actor, Invocation, InvocationState, InvocationType
from sharing.services import connecting
from sharing.services.errors import Refusal
from sharing.services.history import record

from .doors import is_door, may_ask

log = structlog.get_logger(__name__)

#: A click that no worker took for so long is not called any more: nobody expects it to run by then.
TAKEN_WITHIN = timedelta(minutes=5)
#: So many calls are made at the same time: each may keep a worker for a minute, and grants wait for the same workers.
AT_ONCE = 2
_AGAIN_IN = 2.0
_S = InvocationState

#: What a worker may end, by what it knows: before it took the row nothing was called, and another may have taken it since.
NOT_CALLED = (_S.QUEUED,)
#: After: also when the sweep gave it up meanwhile; an answer that comes late is still the answer.
CALLED = (_S.RUNNING, _S.UNKNOWN)


@dataclass(frozen=True)
class Outcome:
    """How one run ended. `again_in`: seconds after which to come back, because enough others are running."""

    invocation: Invocation
    again_in: float | None = None


def run(pk: uuid.UUID | str) -> Outcome | None:
    """Call the function if the row still waits for it. None: nothing was to be done, or another worker does it.

    Safe to be told twice: only the worker that moves the row from queued to running calls, and it does so once.
    """
    one = (
        Invocation.objects.select_related("policy__function__account", "connection__account", "person")
        .filter(pk=pk, state=_S.QUEUED)
        .first()
    )
    if one is None:
        return None
    if refusal := _not_any_more(one):
        return Outcome(end(one, NOT_CALLED, _S.REFUSED, refusal.message, refusal.next, code=refusal.code))
    if Invocation.objects.filter(state=_S.RUNNING).count() >= AT_ONCE:
        return Outcome(one, again_in=_AGAIN_IN)
    return _call(one)


def _call(one: Invocation) -> Outcome | None:
    kind: Kind = "Event" if one.kind == InvocationType.EVENT else "RequestResponse"
    home = one.connection.account_id == one.policy.function.account_id
    try:
        invoker = Invoker(connecting.invoker_role(one.connection), one.policy.arn, session_name=f"fnshare-invoke-{one.pk.hex}")
    except NotRun as error:
        return Outcome(_ended(one, NOT_CALLED, _S.REFUSED, error))
    if not _take(one):
        return None
    if _others_were_quicker(one):
        return Outcome(one, again_in=_AGAIN_IN)
    try:
        said = invoker.invoke(kind, one.payload.encode(), log_tail=home and kind == "RequestResponse")
    except NotRun as error:
        return Outcome(_ended(one, CALLED, _S.REFUSED, error))
    except MayHaveRun as error:
        return Outcome(_ended(one, CALLED, _S.UNKNOWN, error))
    return Outcome(_answered(one, said, home=home))


def _not_any_more(one: Invocation) -> Refusal | None:
    """What changed since the click: roles, grants and connections may be gone, and so may the time for it."""
    by = Actor.of(one.person)
    if one.created_at < timezone.now() - TAKEN_WITHIN or one.wipe_at is None:
        minutes = round(TAKEN_WITHIN.total_seconds() / 60)
        return Refusal(f"No worker took it within {minutes} minutes. Nothing was called.", next="Call again.", code="not-taken")
    try:
        may_ask(by)
        if is_door(one.connection, one.policy, by=by) and connecting.reaches(one.connection, one.policy.arn):
            return None
    except Refusal as refusal:
        return refusal
    return Refusal(
        "It may not be called this way any more: the share, the invoker role or your rights ended meanwhile. "
        "Nothing was called.",
        next="Reload the page you came from.",
        code="not-permitted",
    )


def _take(one: Invocation) -> bool:
    one.started_at = timezone.now()
    return bool(Invocation.objects.filter(pk=one.pk, state=_S.QUEUED).update(state=_S.RUNNING, started_at=one.started_at))


def _others_were_quicker(one: Invocation) -> bool:
    """Whether enough others took their rows while this worker entered the account; the row is given back then, not called."""
    running = Invocation.objects.filter(state=_S.RUNNING)
    if running.filter(started_at__lte=one.started_at).exclude(pk=one.pk).count() < AT_ONCE:
        return False
    running.filter(pk=one.pk).update(state=_S.QUEUED, started_at=None)
    return True


def _answered(one: Invocation, said: Answer, *, home: bool) -> Invocation:
    facts: dict[str, Any] = {
        "status_code": said.status,
        "function_error": said.function_error,
        "answer_size": said.size,
        "answer_cut": said.cut,
        "log_absent": "" if said.log_tail is not None else _why_no_log(one, home=home),
        "executed_version": said.executed_version,
        "duration_ms": said.milliseconds,
        "request_id": said.request_id,
        "failure": "",
        "failure_next": "",
        "failure_code": "",
    }
    outcome = f"the function failed ({said.function_error})" if said.function_error else "answered"
    if one.kind == InvocationType.EVENT:
        outcome = "AWS took the event"
    content = {"answer": said.payload, "log_tail": said.log_tail or ""}
    return _finish(one, CALLED, _S.DONE, facts, content, outcome=outcome)


def _why_no_log(one: Invocation, *, home: bool) -> str:
    if one.kind == InvocationType.EVENT:
        return "An event is run later: there is no log of it yet."
    if not home:
        return "AWS gives the log to callers of the function's own account only. Its owner finds it in CloudWatch."
    return "AWS sent none with this answer."


def _ended(one: Invocation, was: tuple[InvocationState, ...], state: InvocationState, error: AwsError) -> Invocation:
    return end(one, was, state, error.sentence, error.next, code=error.code, request_id=error.request_id)


def end(
    one: Invocation,
    was: tuple[InvocationState, ...],
    state: InvocationState,
    failure: str,
    following: str,
    *,
    code: str,
    request_id: str = "",
) -> Invocation:
    """It was not called (refused), or nobody knows (unknown). Does nothing unless it still is in one of these states."""
    facts = {"failure": failure, "failure_next": following, "failure_code": code[:100], "request_id": request_id}
    outcome = "not run" if state == _S.REFUSED else "may have run, no answer came"
    return _finish(one, was, state, facts, {}, outcome=outcome)


def _finish(
    one: Invocation,
    was: tuple[InvocationState, ...],
    state: InvocationState,
    facts: dict[str, Any],
    content: dict[str, str],
    *,
    outcome: str,
) -> Invocation:
    """Compare-and-set, and the event with it. What is over its time is not written at all."""
    now = timezone.now()
    with transaction.atomic():
        mine = Invocation.objects.filter(pk=one.pk, state__in=was).exclude(state=state)
        if mine.update(state=state, done_at=now, **facts):
            _keep(one, content, now)
            _tell(one, state, facts, outcome)
    log.info("invocation_ended", invocation=str(one.pk), state=str(state), code=facts.get("failure_code", ""))
    one.refresh_from_db()
    return one


def _keep(one: Invocation, content: dict[str, str], now: datetime) -> None:
    if content:
        Invocation.objects.filter(pk=one.pk, wipe_at__gt=now).update(**content)


def _tell(one: Invocation, state: InvocationState, facts: dict[str, Any], outcome: str) -> None:
    detail = {
        "state": str(state),
        "kind": one.kind,
        "bytes": one.payload_size,
        "answer_bytes": facts.get("answer_size"),
        "function_error": facts.get("function_error", ""),
        "executed_version": facts.get("executed_version", ""),
        "invocation": str(one.pk),
    }
    record(
        "invocation.ended",
        f"Test invoke of {one.policy.arn} by {one.person.email}: {outcome}.",
        by=Actor.of(one.person),
        function=one.policy.function,
        qualifier=one.policy.qualifier,
        request_id=facts.get("request_id", ""),
        error_code=facts.get("failure_code", ""),
        detail=detail,
    )
