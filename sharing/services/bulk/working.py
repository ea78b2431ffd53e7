"""What workers do about many shares: policy by policy, several at once; killed at any moment they go on where they were."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from sharing.models import Actor, Bulk, BulkItem, BulkItemState, BulkPlace, BulkState, Grant, GrantState, Policy, Wanted
from sharing.models.grant import UNSETTLED
from sharing.policy import WhoError, parse_who
from sharing.services import granting
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.granting import Outcome
from sharing.services.granting.door import Door
from sharing.services.granting.ground import ground_of
from sharing.services.granting.lease import Lease, LeaseLost, held
from sharing.services.granting.reconciling import reconcile_in_turn
from sharing.services.granting.transitions import look_again
from sharing.services.history import record

from .judging import planned
from .telling import counts

log = structlog.get_logger(__name__)

#: So many policies of one bulk are written to at a time: enough for Lambda's rate, few enough to leave workers for others.
HANDS = 6
#: A worker gives its place back after so many seconds, so that others get their turn.
SLICE = 15.0
#: A grant that a worker is about to settle is left alone by the sweep for so long.
_OURS = timedelta(seconds=60)
_BUSY = timedelta(seconds=2)


@dataclass
class Slice:
    """What one turn did. `more`: come again. `checks`: those that became due and wait for a worker."""

    more: bool = False
    checks: list[uuid.UUID] = field(default_factory=list)


def due(now: datetime) -> list[tuple[uuid.UUID, int]]:
    """Running bulks and how many more workers each could use."""
    found = []
    for bulk in Bulk.objects.running():
        places = BulkPlace.objects.due(now).filter(bulk=bulk)[:HANDS].count()
        idle = HANDS - _busy(bulk, now)
        if not bulk.places.filter(open=True).exists():
            found.append((bulk.pk, 1))  # somebody has to end it
        elif min(places, idle) > 0:
            found.append((bulk.pk, min(places, idle)))
    return found


def work(pk: uuid.UUID | str, *, make_way: Callable[[], bool] = lambda: False) -> Slice:
    """One turn: take a policy that nobody writes to, and do its items one after another. Safe to run many times at once."""
    bulk = Bulk.objects.select_related("requested_by", "revoked_by").filter(pk=pk, state=BulkState.RUNNING).first()
    if bulk is None:
        return Slice()
    now = timezone.now()
    if _busy(bulk, now) >= HANDS:
        return Slice()
    place, holder = _taken(bulk, now)
    if place is None:
        _end_if_done(bulk)
        return Slice()
    done = Slice()
    try:
        _do(bulk, place, holder, done, make_way)
    finally:
        BulkPlace.objects.filter(pk=place.pk, held_by=holder).update(held_by="", held_until=None)
    _end_if_done(bulk)
    done.more = BulkPlace.objects.due(timezone.now()).filter(bulk=bulk).exists()
    return done


def _do(bulk: Bulk, place: BulkPlace, holder: str, done: Slice, make_way: Callable[[], bool]) -> None:
    ends = time.monotonic() + SLICE
    with held(place.policy_id, patience=0.5) as lease:
        if lease is None:
            return _put_off(place, holder, timezone.now() + _BUSY)
        door = Door(place.policy, lease, session_name=f"fnshare-{bulk.pk.hex}", purpose="background")
        try:
            while (item := _next(place)) is not None:
                if not _goes_on(bulk, place, holder):
                    return None
                outcome = (
                    _share(bulk, item, lease, door) if bulk.wanted == Wanted.PRESENT else _unshare(bulk, item, lease, door)
                )
                if outcome is not None and outcome.check is not None:
                    done.checks.append(outcome.check.pk)
                if outcome is not None and outcome.again_in is not None:
                    return _put_off(place, holder, timezone.now() + timedelta(seconds=outcome.again_in))
                if time.monotonic() >= ends or make_way():
                    return None
        except LeaseLost:
            return _put_off(place, holder, timezone.now() + _BUSY)
    _close_if_done(bulk, place)
    return None


def _share(bulk: Bulk, item: BulkItem, lease: Lease, door: Door) -> Outcome | None:
    """Make the item's grant, once, and have AWS hold it. None: there is nothing to do in AWS."""
    grant = _grant_of(bulk, item)
    if grant is None:
        return None
    if grant.state not in UNSETTLED:
        _mark(item, grant)
        return None
    outcome = reconcile_in_turn(grant, lease, door)
    if outcome.again_in is None:
        _mark(item, outcome.grant)
    return outcome


def _grant_of(bulk: Bulk, item: BulkItem) -> Grant | None:
    """The item's only grant, made now or by a worker that died since; None when it cannot be made, or was cancelled."""
    made = Grant.objects.filter(form_token=item.form_token).first()
    if made is not None:
        BulkItem.objects.filter(pk=item.pk, state=BulkItemState.WAITING).update(grant=made)
        return look_again(made)
    by = actor_of(bulk)
    try:
        policy = Policy.objects.select_related("function__account", "current").get(pk=_policy_of(item))
        ground = ground_of([policy], by=by)
        who = parse_who(item.who, partition=policy.function.account.partition)
        plan = planned(policy, who, item.action, item.ends_at, item.form_token, ground=ground, by=by)
        with transaction.atomic():
            still = BulkItem.objects.filter(pk=item.pk, state=BulkItemState.WAITING, attempt=item.attempt)
            if not still.update(attempt=item.attempt):
                return None  # cancelled a moment ago
            grant = granting.grant(plan, reason=item.reason, by=by)
            ours = grant.form_token == item.form_token
            if not ours:  # somebody else shared exactly this meanwhile: theirs, and not ours to take back
                BulkItem.objects.filter(pk=item.pk).update(
                    state=BulkItemState.SKIPPED, grant=grant, says="They already had exactly this when its turn came."
                )
                return None
            BulkItem.objects.filter(pk=item.pk).update(grant=grant)
            if grant.state in UNSETTLED:
                Grant.objects.filter(pk=grant.pk).update(next_try_at=timezone.now() + _OURS)
    except (NotFound, NotPermitted):
        _fail(item, f"{by.label} may not share this function any more.", "Whoever may share it now can share it.")
    except Refusal as refusal:
        _fail(item, refusal.message, refusal.next)
    except WhoError as problem:
        _fail(item, str(problem), "")
    else:
        return look_again(grant)
    return None


def _policy_of(item: BulkItem) -> uuid.UUID:
    if item.place is None:
        raise AssertionError("What waits has a place.")
    return item.place.policy_id


def _unshare(bulk: Bulk, item: BulkItem, lease: Lease, door: Door) -> Outcome | None:
    """Take the item's grant back."""
    if item.grant is None:
        BulkItem.objects.filter(pk=item.pk).update(state=BulkItemState.CANCELLED)
        return None
    by = revoker_of(bulk)
    try:
        grant = granting.revoke(look_again(item.grant), by=by, reason=bulk.revoke_reason)
    except Refusal as refusal:
        BulkItem.objects.filter(pk=item.pk).update(state=BulkItemState.MADE, failure=refusal.message, failure_next=refusal.next)
        return None
    if grant.state not in UNSETTLED:
        _mark(item, grant)
        return None
    Grant.objects.filter(pk=grant.pk, state__in=UNSETTLED).update(next_try_at=timezone.now() + _OURS)
    outcome = reconcile_in_turn(look_again(grant), lease, door)
    if outcome.again_in is None:
        _mark(item, outcome.grant)
    return outcome


def _mark(item: BulkItem, grant: Grant) -> None:
    """The grant is settled, or waits for a person: the item is done. A revoke that was refused says why."""
    refused = grant.state == GrantState.ACTIVE and grant.failure
    # Taking all back counts as another attempt: whoever was still sharing it then must not say that it is done.
    BulkItem.objects.filter(pk=item.pk, state=BulkItemState.WAITING, attempt=item.attempt).update(
        state=BulkItemState.MADE,
        grant=grant,
        failure=grant.failure if refused else "",
        failure_next=grant.failure_next if refused else "",
    )


def _fail(item: BulkItem, why: str, following: str) -> None:
    BulkItem.objects.filter(pk=item.pk, state=BulkItemState.WAITING, attempt=item.attempt).update(
        state=BulkItemState.FAILED, failure=why, failure_next=following
    )


def _next(place: BulkPlace) -> BulkItem | None:
    waiting = BulkItem.objects.filter(place=place, state=BulkItemState.WAITING)
    item = waiting.select_related("grant").order_by("number").first()
    if item is not None:
        item.place = place
    return item


def _taken(bulk: Bulk, now: datetime) -> tuple[BulkPlace | None, str]:
    """A policy of the bulk that nobody writes to, taken by compare-and-set."""
    holder = uuid.uuid4().hex
    due_now = BulkPlace.objects.due(now).filter(bulk=bulk)
    free = list(due_now.order_by(F("next_try_at").asc(nulls_first=True), "number").values_list("pk", flat=True)[: HANDS * 3])
    random.shuffle(free)  # workers that begin together do not all reach for the same one
    for pk in free:
        if BulkPlace.objects.due(now).filter(pk=pk).update(held_by=holder, held_until=_until()):
            place = BulkPlace.objects.select_related("policy__function__account", "policy__current").get(pk=pk)
            return place, holder
    return None, holder


def _goes_on(bulk: Bulk, place: BulkPlace, holder: str) -> bool:
    """Whether this worker still has the place and nobody decided otherwise; holds the place a while longer."""
    mine = BulkPlace.objects.filter(pk=place.pk, held_by=holder).update(held_until=_until())
    return bool(mine) and Bulk.objects.filter(pk=bulk.pk, state=BulkState.RUNNING, wanted=bulk.wanted).exists()


def _put_off(place: BulkPlace, holder: str, until: datetime) -> None:
    BulkPlace.objects.filter(pk=place.pk, held_by=holder).update(next_try_at=until)


def _until() -> datetime:
    """As long as a policy's lease: a worker that was killed keeps neither longer."""
    return timezone.now() + timedelta(seconds=settings.LEASE_SECONDS)


def _busy(bulk: Bulk, now: datetime) -> int:
    return BulkPlace.objects.filter(bulk=bulk, held_until__gt=now).count()


def _close_if_done(bulk: Bulk, place: BulkPlace) -> None:
    with transaction.atomic():
        _locked(bulk)
        BulkPlace.objects.filter(pk=place.pk).exclude(items__state=BulkItemState.WAITING).update(open=False)


def _end_if_done(bulk: Bulk) -> None:
    """The last one out says so."""
    if BulkPlace.objects.filter(bulk=bulk, open=True).exists():
        return
    with transaction.atomic():
        _locked(bulk)
        running = Bulk.objects.filter(pk=bulk.pk, state=BulkState.RUNNING).exclude(places__open=True)
        if running.update(state=BulkState.DONE, finished_at=timezone.now()):
            told = counts(bulk)
            said = ", ".join(f"{count:,} {words.lower()}" for words, count in told.items())
            record(
                "bulk.finished",
                f"Nothing is left to do: {bulk.title}: {said}.",
                by=Actor.system(),
                reason=bulk.reason,
                detail={"bulk": str(bulk.pk), "counts": told},
            )


def _locked(bulk: Bulk) -> None:
    """Let a decision that is being written end first: what comes after sees the items and policies that it opened again."""
    Bulk.objects.select_for_update().get(pk=bulk.pk)


def actor_of(bulk: Bulk) -> Actor:
    """Who shares: with their rights of now."""
    if bulk.operator:
        return Actor.at_shell(bulk.operator, claimed=bulk.requested_by)
    return Actor.of(bulk.requested_by) if bulk.requested_by else Actor.system()


def revoker_of(bulk: Bulk) -> Actor:
    """Who takes it back."""
    if bulk.revoked_operator:
        return Actor.at_shell(bulk.revoked_operator, claimed=bulk.revoked_by)
    return Actor.of(bulk.revoked_by) if bulk.revoked_by else Actor.system()
