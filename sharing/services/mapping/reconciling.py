"""Making AWS agree with a change of a mapping: one convergent run, safe to kill anywhere and to run twice."""

from __future__ import annotations

import uuid
from datetime import datetime

import structlog
from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.aws.errors import Refused, Throttled, Unavailable
from sharing.models import MappingChange, MappingChangeState
from sharing.services.granting.door import NoWayIn
from sharing.services.granting.lease import LeaseLost, held
from sharing.services.limits.freezing import FROZEN

from . import settling
from .applying import advance
from .door import MappingDoor
from .settling import STUCK_AFTER, Outcome
from .staging import STAGE

log = structlog.get_logger(__name__)

#: Another worker has the change: come back this soon, in seconds.
_BUSY = 2.0


def reconcile(pk: uuid.UUID | str) -> Outcome | None:
    """Make AWS agree with what the change wants, or say why not. None: there is no such change.

    Never raises for what AWS does: refusals end on the row, everything else stays open with `next_try_at`.
    """
    change = _again(pk)
    if change is None or not change.is_open:
        return Outcome(change) if change is not None else None
    now = timezone.now()
    if change.next_try_at and change.next_try_at > now:
        return Outcome(change, again_in=(change.next_try_at - now).total_seconds())
    with held(change.pk, MappingChange) as lease:
        fresh = _again(pk)
        if lease is None or fresh is None or not fresh.is_open:
            return Outcome(fresh or change, again_in=_BUSY if lease is None else None)
        try:
            return advance(fresh, MappingDoor(fresh, lease))
        except LeaseLost:
            return Outcome(fresh, again_in=_BUSY)
        except (Refused, Unavailable) as error:
            return _unanswered(fresh, error)
        except NoWayIn as closed:
            return _shut_out(fresh, closed)


def due(now: datetime) -> QuerySet[MappingChange]:
    """Changes that wait for a worker and whose time has come. Marks as stuck what has been open for too long."""
    old = MappingChange.objects.open().filter(created_at__lte=now - STUCK_AFTER).exclude(state=MappingChangeState.STUCK)
    for change in old.exclude(failure_code=FROZEN).select_related("function__account"):
        settling.mark_stuck(change)
    its_time = Q(next_try_at=None) | Q(next_try_at__lte=now)
    return MappingChange.objects.open().filter(its_time).order_by("next_try_at", "created_at")


def _again(pk: uuid.UUID | str) -> MappingChange | None:
    related = ("function__account", "mapping", "requested_by")
    return MappingChange.objects.select_related(*related).filter(pk=pk).first()


def _unanswered(change: MappingChange, error: Refused | Unavailable) -> Outcome:
    """AWS did not answer, or did not even let us look."""
    facts = {"code": error.code, "operation": error.operation, "request_id": error.request_id}
    log.warning("mapping_unsettled", change=str(change.pk), **facts)
    if error.code == "Cancelled":
        return Outcome(change, again_in=_BUSY)  # the lease ran out while the call waited for its turn: it was not made
    # Once AWS took it, a look that is denied says nothing about it: it is neither done nor failed.
    if isinstance(error, Refused) and not (error.is_access_denied and change.told_at is not None):
        following = STAGE if error.is_access_denied else error.next
        return settling.failed(change, error.sentence, following, code=error.code, request_id=error.request_id)
    at_least = error.retry_after if isinstance(error, Throttled) else 0.0
    following = error.next or "It is tried again by itself."
    return settling.later(change, error.sentence, following, code=error.code, at_least=at_least)


def _shut_out(change: MappingChange, closed: NoWayIn) -> Outcome:
    """There is no connection to enter by."""
    refusal = closed.refusal
    if not closed.for_now and change.told_at is None:
        return settling.failed(change, refusal.message, refusal.next, code="not-connected")
    return settling.later(change, refusal.message, refusal.next, code="not-connected")
