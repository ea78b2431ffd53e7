"""What a worker does: make the rows agree with the members, then try those whose time has come, a batch at a time."""

import time
import uuid
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from sharing.aws.errors import Unavailable
from sharing.models import Joiner, JoinerState, Joining, OrganizationMember
from sharing.models.joining import ENDED

from .trying import attempt

log = structlog.get_logger(__name__)

#: A worker tries for so many seconds, then lets others at the queue.
_SLICE = 15.0
_BATCH = 25
_LEASE = timedelta(minutes=10)
#: Between two accounts, in seconds: signing in to a thousand accounts is nothing anybody waits for.
_APART = 0.1
#: Accounts without an answer, after which a batch is given up: AWS is away, not they.
_GIVE_UP = 2
#: After AWS gave no answer.
_SILENCE = timedelta(minutes=5)
_CHUNK = 500


def due(now: datetime) -> list[uuid.UUID]:
    """Those with something to do: the members were read since, or an account's time has come, and no worker is at it."""
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    found = Joining.objects.going().filter(free).select_related("organization")
    return [one.pk for one in found if _behind(one) or one.joiners.due(now).exists()]


def run(pk: uuid.UUID | str, *, seconds: float = _SLICE, apart: float = _APART) -> bool:
    """One batch. True: more accounts are due, so call it again. Safe to run twice, at the same time as well.

    AWS being away is on the row, and tried again after some minutes.
    """
    now = timezone.now()
    lease = now + _LEASE
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    if not Joining.objects.going().filter(free, pk=pk).update(lease_until=lease):
        return False
    until, failure = None, ""
    try:
        joining = Joining.objects.select_related("organization").get(pk=pk)
        if _behind(joining):
            _follow(joining, now)
        _batch(joining, time.monotonic() + seconds, apart)
    except Unavailable as problem:
        log.warning("accounts_not_tried", joining=str(pk), code=problem.code)
        until, failure = timezone.now() + _SILENCE, f"{problem.sentence} {problem.next}".strip()
    finally:
        Joining.objects.filter(pk=pk, lease_until=lease).update(lease_until=until, failure=failure)
    return until is None and Joiner.objects.due(timezone.now()).filter(joining__pk=pk, joining__paused_at=None).exists()


def _behind(joining: Joining) -> bool:
    read_at = joining.organization.read_at
    return read_at is not None and joining.followed_at != read_at


def _batch(joining: Joining, ends: float, apart: float) -> None:
    rows = joining.joiners.due(timezone.now()).select_related("member").order_by("next_try_at", "number")[:_BATCH]
    silent = 0
    for row in rows:
        if time.monotonic() > ends or not Joining.objects.going().filter(pk=joining.pk).exists():
            return
        try:
            attempt(joining, row)
        except Unavailable:
            silent += 1
            Joiner.objects.filter(pk=row.pk, tries=row.tries).update(next_try_at=timezone.now() + _SILENCE)  # behind the others
            if silent > _GIVE_UP:
                raise
        time.sleep(apart)


def _follow(joining: Joining, now: datetime) -> None:
    """A row for each member as last read; who left or is suspended is tried no more, who came back is tried again."""
    with transaction.atomic():
        read_at = Joining.objects.select_for_update(of=("self",)).select_related("organization").get(pk=joining.pk)
        members = OrganizationMember.objects.present().filter(organization=joining.organization_id).order_by()
        present = {one.number: one for one in members}
        rows = {one.number: one for one in joining.joiners.select_related("member")}
        changed = [row for number, row in rows.items() if _agree(row, present.get(number), now)]
        Joiner.objects.bulk_update(changed, ["member", "state", "failure", "failure_next", "tries", "next_try_at"], _CHUNK)
        fresh = [_row(joining, one, now) for number, one in present.items() if number not in rows]
        Joiner.objects.bulk_create(fresh, batch_size=_CHUNK)
        joining.followed_at = read_at.organization.read_at
        Joining.objects.filter(pk=joining.pk).update(followed_at=joining.followed_at)


def _row(joining: Joining, member: OrganizationMember, now: datetime) -> Joiner:
    row = Joiner(joining=joining, member=member, number=member.number, next_try_at=now)
    if member.status in ENDED:
        row.state = JoinerState.GONE
    return row


def _agree(row: Joiner, member: OrganizationMember | None, now: datetime) -> bool:
    """Whether something had to be changed."""
    before = (row.member_id, row.state)
    if member is not None:
        row.member = member
    gone = member is None or member.status in ENDED
    if gone and row.state != JoinerState.LEFT_OUT:
        row.state, row.failure, row.failure_next = JoinerState.GONE, "", ""
    elif not gone and row.state == JoinerState.GONE:
        row.state, row.next_try_at, row.tries = JoinerState.WAITING, now, 0
    return before != (row.member_id, row.state)
