"""One test event: sent once, never repeated by itself, and then looked for among the runs that AWS counts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from sharing.aws.errors import AwsError, Refused, Throttled, Unavailable
from sharing.aws.wired import Sources
from sharing.models import TestState, Wiring
from sharing.policy.arn import FunctionArn
from sharing.services.connecting import entering
from sharing.services.granting.door import NoWayIn, way_into

from . import rights, settling
from .roles import way_to
from .words import named

log = structlog.get_logger(__name__)

#: So long runs are looked for: CloudWatch counts them minutes late.
LOOKS_FOR = timedelta(minutes=3)
_PAUSE = 15.0
WHOSE = "AWS does not say who called: another event of the same minutes counts as well."


@dataclass(frozen=True)
class Tried:
    """How one run ended. `again_in`: seconds after which to look again, None when it is over."""

    wiring: Wiring
    again_in: float | None = None


def send_test(pk: uuid.UUID | str) -> Tried | None:
    """Send the test event that is wanted, or look whether the function ran since. None: there is no such wiring."""
    related = ("function__account", "requested_by", "undone_by")
    wiring = Wiring.objects.select_related(*related).filter(pk=pk).first()
    if wiring is None or wiring.test_state not in (TestState.QUEUED, TestState.SENT):
        return Tried(wiring) if wiring else None
    if wiring.test_state == TestState.QUEUED:
        return _send(wiring)
    return _look(wiring)


def _send(wiring: Wiring) -> Tried:
    if wiring.abandoned_at is not None:
        return _over(wiring, TestState.FAILED, failure="The wiring was taken back before it was sent.")
    if lost := rights.lost_by_responsible(wiring):
        return _over(wiring, TestState.FAILED, failure=lost)
    now = timezone.now()  # runs are counted from this minute on, before and after
    try:
        sources = _sources(wiring)
        before = _runs(wiring, since=now)
    except NoWayIn as closed:
        return _over(wiring, TestState.FAILED, failure=f"{closed.refusal.message} {closed.refusal.next}".strip())
    except AwsError as error:
        return _over(wiring, TestState.FAILED, failure=f"{error.sentence} {error.next}".strip())
    # The row says "sent" before it is: whoever comes after a dead worker looks, and does not send again.
    claimed = {"test_sent_at": now, "test_before": before or 0}
    if not _move(wiring, TestState.SENT, **claimed):
        return Tried(wiring)
    try:
        options = wiring.options
        sources.send_test(marker=_marker(wiring), prefix=options.get("prefix", ""), suffix=options.get("suffix", ""))
    except (Refused, Throttled) as error:
        return _over(wiring, TestState.FAILED, failure=f"{error.sentence} {error.next}".strip())
    except Unavailable as error:
        if not error.maybe_done:
            return _over(wiring, TestState.FAILED, failure=f"{error.sentence} Ask for another test.")
        _move(wiring, TestState.SENT, test_failure="The source gave no answer: whether the event was taken is not known.")
    return Tried(wiring, again_in=_PAUSE)


def _look(wiring: Wiring) -> Tried:
    """Whether AWS counted a run since the sending."""
    sent = wiring.test_sent_at or timezone.now()
    late = timezone.now() - sent >= LOOKS_FOR
    try:
        runs = _runs(wiring, since=sent)
    except NoWayIn as closed:
        return _unseen(wiring, f"Runs could not be counted: {closed.refusal.message}") if late else Tried(wiring, _PAUSE)
    except AwsError as error:
        if late or isinstance(error, Refused):
            return _unseen(wiring, f"Runs could not be counted: {error.sentence} {error.next}".strip())
        return Tried(wiring, again_in=_PAUSE)
    counted = (runs or 0) - (wiring.test_before or 0)
    if counted > 0:
        _tidy(wiring)
        return _over(wiring, TestState.ARRIVED, runs=counted)
    if late:
        minutes = int(LOOKS_FOR.total_seconds() // 60)
        return _unseen(wiring, f"AWS counted no run within {minutes} minutes. It may have run all the same: AWS counts late.")
    return Tried(wiring, again_in=_PAUSE)


def _unseen(wiring: Wiring, why: str) -> Tried:
    _tidy(wiring)
    return _over(wiring, TestState.UNSEEN, failure=f"{wiring.test_failure} {why}".strip())


def _over(wiring: Wiring, to: TestState, *, failure: str = "", runs: int | None = None) -> Tried:
    words = {
        TestState.ARRIVED: f"After the test event the function ran: {named(wiring)}. {WHOSE}",
        TestState.UNSEEN: f"After the test event no run was seen: {named(wiring)}. {failure}",
        TestState.FAILED: f"The test event was not sent: {named(wiring)}. {failure}",
    }
    with transaction.atomic():
        if _move(wiring, to, test_failure=failure, test_runs=runs):
            settling.tell(f"test-{to}", words[to], wiring)
            settling.follow(Wiring.objects.select_for_update().get(pk=wiring.pk))
    return Tried(wiring)


def _move(wiring: Wiring, to: TestState, **changes: object) -> bool:
    """Set the state of the test if the row still is as remembered."""
    moved = Wiring.objects.filter(pk=wiring.pk, test_state=wiring.test_state, test_wanted_at=wiring.test_wanted_at)
    if not moved.update(test_state=to, **changes):
        return False
    for name, value in {"test_state": to, **changes}.items():
        setattr(wiring, name, value)
    return True


def _tidy(wiring: Wiring) -> None:
    """Take the test object out of the bucket again. What fails is said in the log: it is small, and says what it is."""
    if wiring.kind != "s3":
        return
    options = wiring.options
    key = f"{options.get('prefix', '')}fnshare-test-{_marker(wiring)}{options.get('suffix', '')}"
    try:
        _sources(wiring).remove_test_object(key)
    except AwsError as error:
        log.warning("test_object_stays", wiring=str(wiring.pk), code=error.code, request_id=error.request_id)
    except NoWayIn:
        log.warning("test_object_stays", wiring=str(wiring.pk), code="not-connected")


def _marker(wiring: Wiring) -> str:
    """What the event is known by: of this wiring, and of this test."""
    wanted = wiring.test_wanted_at
    return uuid.uuid5(wiring.pk, wanted.isoformat() if wanted else "").hex[:16]


def _sources(wiring: Wiring) -> Sources:
    return entering.sources(
        way_to(wiring.source_arn, wiring.source_account),
        wiring.source_region or wiring.function.region,
        resource=wiring.source_arn,
        session_name=f"fnshare-{wiring.pk.hex}",
    )


def _runs(wiring: Wiring, *, since: datetime) -> int | None:
    function = wiring.function
    arn = FunctionArn.parse(f"{function.arn}:{wiring.qualifier}" if wiring.qualifier else function.arn)
    metrics = entering.metrics(way_into(function.account), function.region, session_name=f"fnshare-{wiring.pk.hex}")
    return metrics.invocations_since(arn, since)
