"""Making AWS agree with a grant of a layer version: one convergent run, safe to kill anywhere and to run twice."""

from __future__ import annotations

import random
import time
import uuid
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.aws.errors import Refused, Throttled, Unavailable
from sharing.models import Actor, GrantState, LayerGrant, LayerVersion, Wanted
from sharing.models.grant import UNSETTLED
from sharing.services.granting.door import NoWayIn
from sharing.services.granting.lease import Lease, LeaseLost, held
from sharing.services.granting.removing import UNSEEN
from sharing.services.granting.transitions import STUCK_AFTER, is_overdue, move, wants_absent
from sharing.services.limits.freezing import FROZEN

from . import settling
from .applying import apply, remove
from .deciding import look_again
from .door import LayerDoor
from .settling import Outcome
from .wording import named

log = structlog.get_logger(__name__)

#: So often a run looks again before it leaves the rest to the next one.
_ROUNDS = 8
#: Another worker has the policy: come back this soon, in seconds.
_BUSY = 2.0


def reconcile(pk: uuid.UUID | str) -> Outcome | None:
    """Make AWS agree with what the grant wants, or say why not. None: there is no such grant.

    Never raises for what AWS does: refusals end on the row, everything else stays unsettled with `next_try_at`.
    """
    grant = LayerGrant.objects.filter(pk=pk).first()
    if grant is None:
        return None
    grant = look_again(grant)
    now = timezone.now()
    if grant.state == GrantState.ACTIVE and is_overdue(grant, now):
        grant = _expire(grant, now)
    if grant.state == GrantState.REQUESTED and is_overdue(grant, now):
        sentence = "Its end date came before anybody approved it."
        settling.failed(grant, sentence, "Ask again with a later end date.", code="ended")
        grant = look_again(grant)
    if grant.state not in UNSETTLED:
        return Outcome(grant)
    if grant.next_try_at and grant.next_try_at > now:
        return Outcome(grant, again_in=(grant.next_try_at - now).total_seconds())
    with held(grant.layer_id, LayerVersion) as lease:
        if lease is None:
            return Outcome(look_again(grant), again_in=_BUSY)
        try:
            return _rounds(grant, lease)
        except LeaseLost:
            return Outcome(look_again(grant), again_in=_BUSY)


def due_grants(now: datetime) -> QuerySet[LayerGrant]:
    """Grants that wait for a worker: unsettled ones whose time has come, active and requested ones past their end date.

    Marks as stuck what has been unsettled for too long, so that it is said even when no worker gets to it.
    """
    old = LayerGrant.objects.filter(state__in=UNSETTLED, unsettled_since__lte=now - STUCK_AFTER)
    for grant in old.exclude(state=GrantState.STUCK).exclude(failure_code=FROZEN).select_related("layer__account"):
        with transaction.atomic():
            if move(grant, GrantState.STUCK):
                settling.tell_stuck(grant)
    its_time = Q(next_try_at=None) | Q(next_try_at__lte=now)
    ended = Q(state__in=(GrantState.ACTIVE, GrantState.REQUESTED), ends_at__lte=now)
    return LayerGrant.objects.filter(its_time & (Q(state__in=UNSETTLED) | ended)).order_by("next_try_at", "created_at")


def _expire(grant: LayerGrant, now: datetime) -> LayerGrant:
    """The end date has come: wanted absent, by nobody but the date."""
    with transaction.atomic():
        if (grant.next_try_at is None or grant.next_try_at <= now) and move(
            grant,
            GrantState.REVOKING,
            wanted=Wanted.ABSENT,
            revoked_by=None,
            revoked_as=Actor.system().label,
            revoke_reason="Its end date has come.",
        ):
            settling.tell("ended", f"Its end date has come: {named(grant)}.", grant)
    return look_again(grant)


def _rounds(grant: LayerGrant, lease: Lease) -> Outcome:
    """Look, act, look again, until it is settled or has to wait."""
    for round_ in range(_ROUNDS):
        grant = look_again(grant)
        if grant.state not in UNSETTLED:
            return Outcome(grant)
        taking = wants_absent(grant)
        door = LayerDoor(grant.layer, lease, session_name=f"fnshare-{grant.pk.hex}", taking=taking)
        try:
            outcome = remove(grant, door) if taking else apply(grant, door)
        except (Refused, Unavailable) as error:
            outcome = _unanswered(grant, error)
        except NoWayIn as closed:
            outcome = _shut_out(grant, closed)
        if outcome is not None:
            return outcome
        time.sleep(random.uniform(0.02, 0.1) * round_)  # noqa: S311  # jitter, not a secret
    sentence = "The policy keeps being changed by somebody else."
    waits = settling.later(look_again(grant), sentence, "It is tried again by itself.", code="contention")
    return waits or Outcome(look_again(grant), again_in=_BUSY)


def _unanswered(grant: LayerGrant, error: Refused | Unavailable) -> Outcome | None:
    """AWS did not answer, or did not even let us look."""
    facts = {"code": error.code, "operation": error.operation, "request_id": error.request_id}
    log.warning("layer_grant_unsettled", grant=str(grant.pk), **facts)
    if error.code == "Cancelled":
        raise LeaseLost  # the lease ran out while the call waited for its turn: it was not made
    unseen = wants_absent(grant) and grant.failure_code == UNSEEN
    if isinstance(error, Refused) and not unseen:
        if grant.state == GrantState.PENDING:
            return settling.failed(grant, error.sentence, error.next, code=error.code, request_id=error.request_id)
        if wants_absent(grant) and (grant.adopted or grant.active_at):
            return settling.still_there(grant, error.sentence, error.next, code=error.code, request_id=error.request_id)
    at_least = error.retry_after if isinstance(error, Throttled) else 0.0
    following = error.next or "It is tried again by itself."
    code = UNSEEN if unseen else error.code
    return settling.later(grant, error.sentence, following, code=code, at_least=at_least)


def _shut_out(grant: LayerGrant, closed: NoWayIn) -> Outcome | None:
    """There is no connection to enter by."""
    refusal = closed.refusal
    if not closed.for_now and grant.state == GrantState.PENDING:
        return settling.failed(grant, refusal.message, refusal.next, code="not-connected")
    return settling.later(grant, refusal.message, refusal.next, code="not-connected")
