"""Making AWS agree with one step of a wiring: one convergent run, safe to kill anywhere and to run twice."""

from __future__ import annotations

import uuid

import structlog
from django.utils import timezone

from sharing.aws.errors import Refused, Throttled, Unavailable
from sharing.aws.wired import NotASource
from sharing.models import WiringSource, WiringStep
from sharing.services.granting.door import NoWayIn
from sharing.services.granting.lease import Lease, LeaseLost, held

from . import carrying, settling, undoing
from .applying import apply, under_way
from .door import SourceDoor, source_row
from .parts import part_of
from .planning import NotPlanned, plan_of
from .shapes import Outcome

log = structlog.get_logger(__name__)

#: Another worker has the step or the source: come back this soon, in seconds.
_BUSY = 2.0
_CARRIED = {"permission": (carrying.permit, carrying.withdraw), "mapping": (carrying.map_source, carrying.unmap)}


def reconcile(pk: uuid.UUID | str) -> Outcome | None:
    """Make AWS agree with what the step wants, or say why not. None: there is no such step.

    Never raises for what AWS does: refusals end on the row, everything else stays open with `next_try_at`.
    """
    step = again(pk)
    if step is None or not step.is_open:
        return Outcome(step) if step is not None else None
    now = timezone.now()
    if step.next_try_at and step.next_try_at > now:
        return Outcome(step, again_in=(step.next_try_at - now).total_seconds())
    with held(step.pk, WiringStep) as lease:
        fresh = again(pk)
        if lease is None or fresh is None or not fresh.is_open:
            return Outcome(fresh or step, again_in=_BUSY if lease is None else None)
        try:
            return _reconciled(fresh, lease)
        except LeaseLost:
            return Outcome(fresh, again_in=_BUSY)
        except (Refused, Unavailable) as error:
            return _unanswered(fresh, error)
        except NoWayIn as closed:
            return _shut_out(fresh, closed)
        except (NotPlanned, NotASource) as problem:
            # The planner, or what is known of sources, is another than when it was asked for.
            return settling.failed(fresh, str(problem), "Take the wiring back, and plan it anew.", code="not-planned")


def _reconciled(step: WiringStep, lease: Lease) -> Outcome:
    back = step.wiring.abandoned_at is not None
    if back and not undoing.turn(step):
        return settling.waits(step, "It waits until the steps after it are taken back.", most=60.0)
    if step.key in _CARRIED:
        return _CARRIED[step.key][back](step)
    source = source_row(step.wiring.source_arn)
    with held(source.pk, WiringSource) as source_lease:
        if source_lease is None:
            return Outcome(step, again_in=_BUSY)
        return _on_source(step, SourceDoor(step, lease, source_lease), back=back)


def again(pk: uuid.UUID | str) -> WiringStep | None:
    """The row as it is now, with what it hangs on."""
    related = (
        "wiring__function__account", "wiring__requested_by", "wiring__undone_by", "grant__policy__function__account",
        "mapping_change__mapping__function__account", "mapping_change__function__account",
    )  # fmt: skip
    return WiringStep.objects.select_related(*related).filter(pk=pk).first()


def _on_source(step: WiringStep, door: SourceDoor, *, back: bool) -> Outcome:
    planned = next((one for one in plan_of(step.wiring).steps if one.key == step.key), None)
    part = part_of(step, planned) if planned else None
    if part is None:
        if back:
            return settling.undone(step, "fnshare made nothing here.", kept=True)
        return settling.failed(step, "fnshare does not know how to do this step.", "Have it done by hand.", code="not-ours")
    return undoing.take_out(step, part, door) if back else apply(step, part, door)


def _unanswered(step: WiringStep, error: Refused | Unavailable) -> Outcome:
    """AWS did not answer, or did not even let us look."""
    log.warning("wiring_unsettled", step=str(step.pk), code=error.code, operation=error.operation, request_id=error.request_id)
    if error.code == "Cancelled":
        return Outcome(step, again_in=_BUSY)  # a lease ran out while the call waited for its turn: it was not made
    if isinstance(error, Refused):
        following = error.next or "Correct what AWS names, then try again."
        sentence = error.sentence
        if under_way(step) and step.told_at is not None:
            sentence = f"AWS took the change, and whether it is so cannot be seen: {sentence}"
        return settling.failed(step, sentence, following, code=error.code, request_id=error.request_id)
    at_least = error.retry_after if isinstance(error, Throttled) else 0.0
    following = error.next or "It is tried again by itself."
    return settling.later(step, error.sentence, following, code=error.code, at_least=at_least)


def _shut_out(step: WiringStep, closed: NoWayIn) -> Outcome:
    """There is no source role to enter by."""
    refusal = closed.refusal
    if not closed.for_now:
        return settling.failed(step, refusal.message, refusal.next, code="not-connected")
    return settling.later(step, refusal.message, refusal.next, code="not-connected")
