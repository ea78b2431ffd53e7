"""Making AWS agree with a grant: one convergent run, safe to kill anywhere and to run twice."""

from __future__ import annotations

import random
import time
import uuid
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.aws.errors import Refused, Throttled, Unavailable
from sharing.models import Actor, Grant, GrantState, Wanted
from sharing.models.grant import UNSETTLED
from sharing.services.history import record
from sharing.services.limits.freezing import FROZEN

from . import settling
from .applying import apply
from .door import Door, NoWayIn
from .lease import Lease, LeaseLost, held
from .removing import UNSEEN, remove, was_active
from .settling import Outcome
from .statements import stands
from .transitions import STUCK_AFTER, is_overdue, look_again, looked_at, move, wants_absent
from .wording import named

log = structlog.get_logger(__name__)

#: So often a run looks again before it leaves the rest to the next one.
_ROUNDS = 8
#: Another worker has the policy: come back this soon, in seconds.
_BUSY = 2.0
#: As many grants that are about to end are queued ahead; the sweep finds the others.
_AHEAD = 200


def reconcile(pk: uuid.UUID | str) -> Outcome | None:
    """Make AWS agree with what the grant wants, or say why not. None: there is no such grant.

    Never raises for what AWS does: refusals end on the row, everything else stays unsettled with `next_try_at`.
    """
    grant = looked_at(pk)
    if grant is None:
        return None
    now = timezone.now()
    if grant.state == GrantState.SUSPENDED and is_overdue(grant, now) and not stands(grant):
        settling.ended_suspended(grant)
        grant = look_again(grant)
    if grant.state in (GrantState.ACTIVE, GrantState.SUSPENDED) and is_overdue(grant, now):
        grant = expire(grant, now)
    if grant.state == GrantState.REQUESTED and is_overdue(grant, now):
        settling.failed(
            grant, "Its end date came before anybody approved it.", "Ask again with a later end date.", code="ended"
        )
        grant = look_again(grant)
    if grant.state not in UNSETTLED:
        return Outcome(grant)
    if grant.next_try_at and grant.next_try_at > now:
        return Outcome(grant, again_in=(grant.next_try_at - now).total_seconds())
    with held(grant.policy_id) as lease:
        if lease is None:
            return Outcome(look_again(grant), again_in=_BUSY)
        try:
            return _rounds(grant, lease, known=not lease.waited)
        except LeaseLost:
            return Outcome(look_again(grant), again_in=_BUSY)


def reconcile_in_turn(grant: Grant, lease: Lease, door: Door) -> Outcome:
    """One of several grants on one policy, whose lease the caller keeps: `door` carries the last read to the next one.

    grant: read while the lease was kept.
    So M grants cost M + 1 reads. Never raises for what AWS does, as `reconcile`. Raises LeaseLost.
    """
    door.carry_on()
    return _rounds(grant, lease, door, known=True)


def due(now: datetime) -> QuerySet[Grant]:
    """Grants that wait for a worker: unsettled ones whose time has come, active, suspended and requested ones past theirs.

    Whatever was missed while nothing ran is due as soon as something runs again. Marks as stuck what has been unsettled
    for too long, so that it is said even when no worker gets to it.
    """
    _mark_stuck(now)
    its_time = Q(next_try_at=None) | Q(next_try_at__lte=now)
    ended = Q(state__in=(GrantState.ACTIVE, GrantState.REQUESTED, GrantState.SUSPENDED), ends_at__lte=now)
    waiting = Q(state__in=UNSETTLED) | ended
    return Grant.objects.filter(its_time & waiting).order_by("next_try_at", "created_at")


def ending(now: datetime, within: float) -> QuerySet[Grant]:
    """Active grants whose end date comes within so many seconds, soonest first: a worker is told for that very moment."""
    soon = Q(ends_at__gt=now, ends_at__lte=now + timedelta(seconds=within))
    return Grant.objects.filter(soon, state=GrantState.ACTIVE).order_by("ends_at")[:_AHEAD]


def expire(grant: Grant, now: datetime) -> Grant:
    """The end date has come: wanted absent, by nobody but the date."""
    with transaction.atomic():
        if (grant.next_try_at is None or grant.next_try_at <= now) and move(
            grant,
            GrantState.REVOKING,
            only_if={"ends_at": grant.ends_at},  # an extension at the last second wins
            wanted=Wanted.ABSENT,
            revoked_by=None,
            revoked_as=Actor.system().label,
            revoke_reason="Its end date has come.",
            extension=None,
            suspended_at=None,
            resume_at=None,
        ):
            record("grant.ended", f"Its end date has come: {named(grant)}.", by=Actor.system(), grant=grant)
    return look_again(grant)


def _rounds(grant: Grant, lease: Lease, shared: Door | None = None, *, known: bool) -> Outcome:
    """Look, act, look again, until it is settled or has to wait. known: the grant was read a moment ago."""
    for round_ in range(_ROUNDS):
        # What is pending has to be moved, as seen, before anything is written: that is a look as well.
        if round_ or not known or grant.state != GrantState.PENDING:
            grant = look_again(grant)
        if grant.state not in UNSETTLED:
            return Outcome(grant)
        taking = wants_absent(grant)
        door = shared or Door(grant.policy, lease, session_name=f"fnshare-{grant.pk.hex}")
        door.only_takes(taking)
        try:
            outcome = remove(grant, door) if taking else apply(grant, door)
        except (Refused, Unavailable) as error:
            outcome = _unanswered(grant, error)
        except NoWayIn as closed:
            outcome = _shut_out(grant, closed)
        if outcome is not None:
            return outcome
        time.sleep(random.uniform(0.02, 0.1) * round_)  # noqa: S311  # jitter, not a secret
    return settling.later(
        look_again(grant),
        "The policy keeps being changed by somebody else.",
        "It is tried again by itself.",
        code="contention",
    ) or Outcome(look_again(grant), again_in=_BUSY)


def _unanswered(grant: Grant, error: Refused | Unavailable) -> Outcome | None:
    """AWS did not answer, or did not even let us look."""
    log.warning("grant_unsettled", grant=str(grant.pk), code=error.code, operation=error.operation, request_id=error.request_id)
    if error.code == "Cancelled":
        raise LeaseLost  # the lease ran out while the call waited for its turn: it was not made
    unseen = wants_absent(grant) and grant.failure_code == UNSEEN
    if isinstance(error, Refused) and not unseen:
        if grant.state == GrantState.PENDING:
            return settling.failed(grant, error.sentence, error.next, code=error.code, request_id=error.request_id)
        if wants_absent(grant) and was_active(grant):
            return settling.still_there(grant, error.sentence, error.next, code=error.code, request_id=error.request_id)
    at_least = error.retry_after if isinstance(error, Throttled) else 0.0
    code = UNSEEN if unseen else error.code
    return settling.later(grant, error.sentence, error.next or "It is tried again by itself.", code=code, at_least=at_least)


def _shut_out(grant: Grant, closed: NoWayIn) -> Outcome | None:
    """There is no connection to enter by."""
    refusal = closed.refusal
    if not closed.for_now and grant.state == GrantState.PENDING:
        return settling.failed(grant, refusal.message, refusal.next, code="not-connected")
    return settling.later(grant, refusal.message, refusal.next, code="not-connected")


def _mark_stuck(now: datetime) -> None:
    old = Grant.objects.filter(state__in=UNSETTLED, unsettled_since__lte=now - STUCK_AFTER).exclude(state=GrantState.STUCK)
    for grant in old.exclude(failure_code=FROZEN).select_related("policy__function__account"):
        with transaction.atomic():
            if move(grant, GrantState.STUCK):
                settling.tell_stuck(grant)
