"""What people decide about many shares: preview, confirm, pause, resume, cancel, try again, take back. Rows only."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from sharing.models import Actor, Bulk, BulkItem, BulkItemState, BulkPlace, BulkState, Group, Wanted
from sharing.models.bulk import WRITTEN
from sharing.models.grant import LIVE
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.granting.deciding import checked_reason
from sharing.services.history import record

from . import grouping
from .judging import Verdict, judged, line_of
from .lines import Line
from .telling import again

#: A preview that is older is made anew before it can be confirmed.
FRESH = timedelta(minutes=30)
#: A preview that nobody confirmed or made anew is forgotten after this long.
FORGOTTEN = timedelta(days=1)
_MANY = 500


def draft(
    lines: Sequence[Line],
    *,
    title: str,
    reason: str,
    by: Actor,
    form_token: str | None = None,
    group: Group | None = None,
    joins: Sequence[str] = (),
) -> Bulk:
    """Keep the lines with their verdicts; nothing is shared before `confirm`. The same form sent twice: the same draft.

    A form that was changed after "back" is another wish: a draft of its own. `group`, `joins`: whose member these accounts
    are once it is confirmed.
    """
    if not by.may_change():
        raise NotPermitted("Auditors look, they do not change anything.", next="Ask an owner or an admin of fnshare.")
    token = _as_sent(form_token, [*lines, *joins], reason, by) if form_token else None
    if token and (sent := Bulk.objects.filter(form_token=token).first()):
        return sent
    bulk = Bulk(
        title=title[:200],
        reason=reason[:500],
        requested_by=by.person,
        requested_as=by.label[:300],
        operator=by.operator[:100],
        form_token=token,
        judged_at=timezone.now(),
        group=group,
        joins=list(joins),
    )
    lines = grouping.expanded(lines)
    items = [BulkItem(bulk=bulk, number=line.number, group_id=line.group, share_id=line.share) for line in lines]
    verdicts = judged(lines, [item.form_token for item in items], by=by)
    try:
        with transaction.atomic():
            bulk.save(force_insert=True)
            for item, line in zip(items, lines, strict=True):
                item.function, item.action, item.ends_at = line.function[:400], line.action[:100], line.ends_at
                item.who, item.reason = line.who[:2048], line.reason[:500]
            _keep(bulk, items, verdicts)
            BulkItem.objects.bulk_create(items, batch_size=_MANY)
    except IntegrityError:
        if token and (sent := Bulk.objects.filter(form_token=token).first()):
            return sent
        raise
    return bulk


def judge_again(bulk: Bulk, *, by: Actor) -> Bulk:
    """Make the verdicts of a draft anew: what is shared and how full policies are has changed since."""
    require(bulk, by)
    if bulk.wanted == Wanted.ABSENT:
        with transaction.atomic():
            _judge_now(bulk)
            grouping.look_again(bulk)
        bulk.refresh_from_db()
        return bulk
    items = list(bulk.items.all())
    verdicts = judged([line_of(item) for item in items], [item.form_token for item in items], by=by)
    with transaction.atomic():
        _judge_now(bulk)
        bulk.items.update(place=None)
        bulk.places.all().delete()
        _keep(bulk, items, verdicts)
        changed = ["place", "who", "who_label", "unreadable", "verdict", "says", "next", "state", "grant"]
        BulkItem.objects.bulk_update(items, changed, batch_size=200)
    bulk.refresh_from_db()
    return bulk


def confirm(bulk: Bulk, *, by: Actor, judged_at: datetime | None) -> Bulk:
    """Everything that the preview said will be shared, is: a worker makes a grant of each. Twice is once.

    `judged_at`: of the verdicts that were seen. Raises Refusal (`stale`) when others have been made since, or when they are
    old: they are made anew then, to be looked at.
    """
    require(bulk, by)
    now = timezone.now()
    if bulk.state != BulkState.DRAFT:
        return bulk
    if bulk.judged_at is None or bulk.judged_at < now - FRESH:
        judge_again(bulk, by=by)
        raise Refusal("The preview was old and has been made anew.", next="Look at it and confirm again.", code="stale")
    if bulk.judged_at != judged_at:
        raise _made_anew()
    written = bulk.items.filter(verdict__in=WRITTEN).count()
    if not written and bulk.group is None:
        raise Refusal("No line of it can be shared.", next="Look at what is said beside each line, and start again.")
    words = "shared" if bulk.wanted == Wanted.PRESENT else "taken back"
    with transaction.atomic():
        as_seen = Bulk.objects.filter(pk=bulk.pk, state=BulkState.DRAFT, judged_at=judged_at)
        if as_seen.update(state=BulkState.RUNNING, confirmed_at=now):
            grouping.confirmed(bulk, by=by)
            _tell(bulk, "bulk.confirmed", f"To be {words}, {written:,} at once: {bulk.title}.", by=by, reason=bulk.reason)
    bulk.refresh_from_db()
    if bulk.state == BulkState.DRAFT:
        raise _made_anew()
    return bulk


def pause(bulk: Bulk, *, by: Actor) -> Bulk:
    """Nothing more is begun until somebody resumes it. What a worker has begun is finished."""
    return _turn(bulk, BulkState.RUNNING, BulkState.PAUSED, "bulk.paused", "Paused", by)


def resume(bulk: Bulk, *, by: Actor) -> Bulk:
    """Go on where it was."""
    return _turn(bulk, BulkState.PAUSED, BulkState.RUNNING, "bulk.resumed", "Resumed", by)


def cancel(bulk: Bulk, *, by: Actor) -> Bulk:
    """What has not been begun is not done any more; what was shared (or taken back) stays so."""
    require(bulk, by)
    with transaction.atomic():
        open_now = Bulk.objects.select_for_update().filter(pk=bulk.pk, state__in=(BulkState.RUNNING, BulkState.PAUSED))
        if not open_now.exists():
            raise Refusal("Nothing of it is left to cancel.", next="Reload the page.", code="stale")
        waiting = bulk.items.filter(state=BulkItemState.WAITING)
        if bulk.wanted == Wanted.ABSENT:  # they are shared as before
            count = waiting.update(state=BulkItemState.MADE)
        else:
            count = waiting.filter(grant=None).update(state=BulkItemState.CANCELLED)
        Bulk.objects.filter(pk=bulk.pk).update(state=BulkState.RUNNING)  # a worker finds nothing left and ends it
        _close_empty(bulk)
        _tell(bulk, "bulk.cancelled", f"What is left was cancelled, {count:,}: {bulk.title}.", by=by)
    bulk.refresh_from_db()
    return bulk


def retry(bulk: Bulk, *, by: Actor) -> Bulk:
    """Try what failed again: each gets a new grant (or another revoke) and passes every gate anew. What is paused stays so."""
    require(bulk, by)
    with transaction.atomic():
        _require_not_draft(bulk)
        items = list(again(bulk))
        if not items:
            raise Refusal("Nothing failed that could be tried again.", next="Reload the page.", code="stale")
        for item in items:
            item.attempt += bulk.wanted == Wanted.PRESENT
            item.state, item.failure, item.failure_next = BulkItemState.WAITING, "", ""
            if bulk.wanted == Wanted.PRESENT:
                item.grant = None
        BulkItem.objects.bulk_update(items, ["attempt", "state", "failure", "failure_next", "grant"], batch_size=_MANY)
        _open_again(bulk)
        Bulk.objects.filter(pk=bulk.pk).exclude(state=BulkState.PAUSED).update(state=BulkState.RUNNING, finished_at=None)
        _tell(bulk, "bulk.retried", f"Tried again, {len(items):,} that failed: {bulk.title}.", by=by)
    bulk.refresh_from_db()
    return bulk


def take_back(bulk: Bulk, *, by: Actor, reason: str) -> Bulk:
    """Take back every grant that this bulk made and that is not over; what has not been begun is cancelled."""
    require(bulk, by)
    reason = checked_reason(reason)
    with transaction.atomic():
        _require_not_draft(bulk)
        if bulk.wanted == Wanted.ABSENT:
            return bulk
        if bulk.group is not None:
            raise Refusal("It made members of a group.", next="Remove them from the group to take it back.", code="stale")
        grouping.ended(bulk)
        bulk.items.filter(state=BulkItemState.WAITING, grant=None).update(state=BulkItemState.CANCELLED)
        ours = Q(state__in=(BulkItemState.MADE, BulkItemState.WAITING), grant__state__in=LIVE)
        count = BulkItem.objects.filter(pk__in=bulk.items.filter(ours).values("pk")).update(
            state=BulkItemState.WAITING, failure="", failure_next="", attempt=F("attempt") + 1
        )
        _close_empty(bulk)
        changes: dict[str, Any] = {"revoked_by": by.person, "revoked_operator": by.operator[:100], "revoke_reason": reason}
        changes |= {"wanted": Wanted.ABSENT, "state": BulkState.RUNNING, "finished_at": None}
        Bulk.objects.filter(pk=bulk.pk).update(**changes)
        _open_again(bulk)
        _tell(bulk, "bulk.taken-back", f"To be taken back, {count:,} at once: {bulk.title}.", by=by, reason=reason)
    bulk.refresh_from_db()
    return bulk


def forget(now: datetime) -> None:
    """Previews that nobody confirmed, or looked at again, go away. For the sweep.

    By then they are too old to be confirmed as they are (FRESH), so none is confirmed at the same moment.
    """
    for bulk in Bulk.objects.filter(state=BulkState.DRAFT, judged_at__lt=now - FORGOTTEN)[:20]:
        bulk.delete()


def require(bulk: Bulk, by: Actor) -> None:
    """Refuse whoever may not change it. Raises NotFound (out of scope) and NotPermitted."""
    if not Bulk.objects.visible_to(by).filter(pk=bulk.pk).exists():
        raise NotFound("That bulk")
    if not by.may_change():
        raise NotPermitted("Auditors look, they do not change anything.", next="Ask an owner or an admin of fnshare.")


def _as_sent(form_token: str, wish: Sequence[object], reason: str, by: Actor) -> str:
    """The form's token with what was sent by it: 64 hex digits. Some ends are counted from now, so seconds do not count."""
    said = [replace(one, ends_at=_to_the_minute(one.ends_at)) if isinstance(one, Line) else one for one in wish]
    return hashlib.sha256(repr((form_token, by.label, reason, said)).encode()).hexdigest()


def _to_the_minute(moment: datetime | None) -> datetime | None:
    return moment.astimezone(UTC).replace(second=0, microsecond=0) if moment else None


def _judge_now(bulk: Bulk) -> None:
    if not Bulk.objects.filter(pk=bulk.pk, state=BulkState.DRAFT).update(judged_at=timezone.now()):
        raise Refusal("It was confirmed in the meantime.", next="Reload the page.", code="stale")


def _made_anew() -> Refusal:
    return Refusal("The preview has been made anew since.", next="Look at it and confirm again.", code="stale")


def _keep(bulk: Bulk, items: Sequence[BulkItem], verdicts: Sequence[Verdict]) -> None:
    """Put the verdicts on the items, and make a row for each policy that is written to."""
    places: dict[object, BulkPlace] = {}
    for item, verdict in zip(items, verdicts, strict=True):
        policy = verdict.policy
        if policy is not None and policy.pk not in places:
            places[policy.pk] = BulkPlace(bulk=bulk, policy=policy, number=len(places) + 1, open=False)
        item.place = places[policy.pk] if policy is not None else None
        item.who, item.who_label = (verdict.who or item.who)[:2048], verdict.who_label[:2200]
        item.unreadable = verdict.unreadable
        item.verdict, item.says, item.next, item.grant = verdict.judgement, verdict.says, verdict.next, verdict.grant
        written = verdict.judgement in WRITTEN
        item.state = BulkItemState.WAITING if written else BulkItemState.SKIPPED
        if written and item.place is not None:
            item.place.open = True
    BulkPlace.objects.bulk_create(places.values(), batch_size=_MANY)


def _turn(bulk: Bulk, seen: BulkState, to: BulkState, verb: str, words: str, by: Actor) -> Bulk:
    require(bulk, by)
    with transaction.atomic():
        if Bulk.objects.filter(pk=bulk.pk, state=seen).update(state=to):
            _tell(bulk, verb, f"{words}: {bulk.title}.", by=by)
    bulk.refresh_from_db()
    return bulk


def _require_not_draft(bulk: Bulk) -> None:
    if Bulk.objects.select_for_update().get(pk=bulk.pk).state == BulkState.DRAFT:
        raise Refusal("It was not confirmed yet.", next="Confirm it, or leave it.", code="stale")


def _close_empty(bulk: Bulk) -> None:
    BulkPlace.objects.filter(bulk=bulk, open=True).exclude(items__state=BulkItemState.WAITING).update(open=False)


def _open_again(bulk: Bulk) -> None:
    waiting = bulk.items.filter(state=BulkItemState.WAITING).values("place")
    BulkPlace.objects.filter(pk__in=waiting).update(open=True, next_try_at=None)


def _tell(bulk: Bulk, verb: str, text: str, *, by: Actor, reason: str = "") -> None:
    """One event for all; about the account, where it is one."""
    of_one = list(bulk.places.order_by().values_list("policy__function__account", flat=True).distinct()[:2])
    account = bulk.places.select_related("policy__function__account").first() if len(of_one) == 1 else None
    record(
        verb,
        text,
        by=by,
        account=account.policy.function.account if account else None,
        reason=reason,
        detail={"bulk": str(bulk.pk)},
    )
