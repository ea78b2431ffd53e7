"""What a worker does: look whether the role is there, and whether it demands this person's ExternalId (aws-facts 5.4)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from sharing.aws import proving as trying
from sharing.aws.errors import AwsError, Unavailable
from sharing.aws.session import RoleRef
from sharing.models import Actor, InvitationState, Proving, ProvingState, Seen
from sharing.services.history import record
from sharing.services.naming import spoken

log = structlog.get_logger(__name__)

#: Seconds between two tries: a person who just ran the commands waits for seconds, one who went to lunch for half a minute.
_PAUSES = (1.0, 1.5, 2.0, 2.0, 3.0, 3.0, 5.0, 5.0, 8.0, 10.0, 15.0, 20.0, 30.0)


@dataclass(frozen=True)
class Outcome:
    """How one try ended. again_in: seconds after which to look again; None: over, or somebody else looks.

    Only who really tried says when to come back: however many messages there are, one chain of them goes on.
    """

    proving: Proving
    again_in: float | None = None


def due(now: datetime) -> list[Proving]:
    """What a worker should look at: its message was lost, or the worker that had it."""
    return list(Proving.objects.due(now).order_by("next_try_at")[:100])


def look(pk: uuid.UUID | str) -> Outcome | None:
    """Try the role once. None: there is no such row. Safe to run twice and at the same time: whoever has the lease tries.

    AWS being away is nobody's fault here: the row says so and is tried again.
    """
    row = Proving.objects.select_related("invitation", "person").filter(pk=pk).first()
    if row is None:
        return None
    now = timezone.now()
    if row.state != ProvingState.WAITING:
        return Outcome(row)
    if row.next_try_at and row.next_try_at > now:
        return Outcome(row)
    if _is_over(row, now):
        Proving.objects.waiting().filter(pk=row.pk, wanted_at=row.wanted_at).update(state=ProvingState.OVER, lease_until=None)
        row.refresh_from_db()
        return Outcome(row)
    lease = now + timedelta(seconds=settings.LEASE_SECONDS)
    if not Proving.objects.due(now).filter(pk=row.pk).update(lease_until=lease, tries=F("tries") + 1):
        return Outcome(row)
    row.refresh_from_db(fields=["tries", "role_arn", "wanted_at"])
    seen = _see(row)
    if seen is None:
        return Outcome(_prove(row))
    return _again(row, seen)


def _is_over(row: Proving, now: datetime) -> bool:
    invitation = row.invitation
    return row.give_up_at <= now or invitation.state != InvitationState.PENDING or invitation.expires_at <= now


def _see(row: Proving) -> Seen | None:
    """What is wrong with the role; None: nothing, the account is proved."""
    role = RoleRef(row.partition, row.number, row.role_arn, row.external_id)
    try:
        if not trying.accepts(role, row.external_id):
            return Seen.CLOSED
        proof = trying.prove_trust(role)
    except Unavailable as problem:
        log.warning("account_not_tried", proving=str(row.pk), code=problem.code)
        return Seen.NO_ANSWER
    except AwsError as problem:  # the role was let in and then not: it is being changed at this moment
        log.warning("account_not_tried", proving=str(row.pk), code=problem.code)
        return Seen.CLOSED
    if not proof.enforced:
        return Seen.UNSAFE
    if not proof.accepts_right:
        return Seen.CLOSED
    if proof.identity is None or proof.identity.account != row.number:
        return Seen.ELSEWHERE
    return None


def _prove(row: Proving) -> Proving:
    now = timezone.now()
    with transaction.atomic():
        mine = Proving.objects.waiting().filter(pk=row.pk, role_arn=row.role_arn, wanted_at=row.wanted_at)
        values = {"state": ProvingState.PROVED, "seen": "", "tried_at": now, "proved_at": now, "lease_until": None}
        if mine.update(**values):
            text = f"{row.person.email}: {spoken(row.number)} let fnshare in, and only with the right ExternalId."
            record("proof.seen", text, by=Actor.system(), detail={"number": row.number, "role_arn": row.role_arn})
    row.refresh_from_db()
    return row


def _again(row: Proving, seen: Seen) -> Outcome:
    now = timezone.now()
    pause = _PAUSES[min(row.tries, len(_PAUSES)) - 1]
    mine = Proving.objects.waiting().filter(pk=row.pk, role_arn=row.role_arn, wanted_at=row.wanted_at)
    if row.seen != seen and seen in (Seen.UNSAFE, Seen.ELSEWHERE):
        with transaction.atomic():
            text = f"{row.role_arn} proves nothing for {row.person.email}: {seen.label.lower()}."
            record("proof.refused", text, by=Actor.system(), detail={"number": row.number, "seen": str(seen)})
    mine.update(seen=seen, tried_at=now, next_try_at=now + timedelta(seconds=pause), lease_until=None)
    row.refresh_from_db()
    if row.state != ProvingState.WAITING:
        return Outcome(row)
    return Outcome(row, again_in=pause)
