"""After a backup was restored: AWS is the truth, the rows are as old as the backup.

Nothing here talks to AWS. Every policy is unread until it was read again; what waited to be granted when the backup was made
is looked for in AWS and never written by itself (restored.asked_before); what waited to be taken back still is, since its own
statement is all that is touched; test invokes that waited are not made. What would become new grants by itself does not: bulks
are paused, what an undo of an offboarding or an accepted invitation had still to give is left, and what was suspended until a
day is resumed by hand only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Bulk,
    Grant,
    GrantState,
    Installation,
    InvitationItem,
    InvitationState,
    Invocation,
    InvocationState,
    LayerGrant,
    LayerVersion,
    MappingChange,
    Offboarding,
    OffboardingItem,
    Policy,
    Pulse,
    Reading,
    Sync,
    SyncKind,
    SyncState,
    Wanted,
)
from sharing.models.grant import UNSETTLED
from sharing.models.invocation import UNSETTLED as UNANSWERED
from sharing.models.offboarding import OffboardingState
from sharing.models.sync import OPEN
from sharing.services import bulk, places, tallying, waking
from sharing.services.errors import NotPermitted
from sharing.services.history import record

from . import restored

UNREAD_REASON = "A backup was restored, and it has not been read again since."


@dataclass(frozen=True)
class Found:
    """What the backup brought back. leases: active grants whose end date has passed, which workers take back at once.

    bulks: paused ones. not_given: things that an undo of an offboarding or an accepted invitation had still to give.
    not_resumed: suspended shares that had a day to come back on.
    """

    policies: int
    wanted: int
    unwanted: int
    mapping_changes: int
    invocations: int
    bulks: int
    not_given: int
    not_resumed: int
    leases: tuple[Grant, ...]


def after_restore(*, by: Actor, hold_leases: timedelta = timedelta(0), now: datetime | None = None) -> Found:
    """Make a restored database safe to start workers on, in one transaction. Safe to run twice.

    hold_leases: for so long leases that are past their end are not taken back, for whoever extended one since the backup.
    Raises NotPermitted.
    """
    if not by.is_admin():
        raise NotPermitted("Only admins may do that.")
    now = now or timezone.now()
    with transaction.atomic():
        Installation.objects.update_or_create(pk=1, defaults={"restored_at": now, "swept_at": None})
        Pulse.objects.all().delete()
        found = Found(
            policies=_unread(now),
            wanted=_waiting(Wanted.PRESENT),
            unwanted=_waiting(Wanted.ABSENT),
            mapping_changes=MappingChange.objects.open().count(),
            invocations=_not_made(now),
            bulks=_paused(by),
            not_given=_not_given(),
            not_resumed=_not_resumed(),
            leases=tuple(Grant.objects.overdue(now).select_related("policy__function__account").order_by("ends_at")),
        )
        _free(now)
        if hold_leases:
            Grant.objects.overdue(now).update(next_try_at=now + hold_leases)
            LayerGrant.objects.filter(state=GrantState.ACTIVE, ends_at__lte=now).update(next_try_at=now + hold_leases)
        record(
            "installation.restored",
            f"A backup was restored: {found.policies} policies count as unread until they are read again, {found.wanted} "
            f"grants that waited are looked for in AWS and not written by themselves.",
            by=by,
            detail={
                "policies": found.policies,
                "wanted": found.wanted,
                "unwanted": found.unwanted,
                "mapping_changes": found.mapping_changes,
                "invocations": found.invocations,
                "bulks": found.bulks,
                "not_given": found.not_given,
                "not_resumed": found.not_resumed,
                "leases": len(found.leases),
            },
        )
    return found


def _unread(now: datetime) -> int:
    """What was read before the backup says nothing about now; the last content stays, marked stale."""
    stale = {
        "reading": Reading.UNREAD,
        "unread_since": Coalesce(F("unread_since"), Value(now)),
        "unread_reason": UNREAD_REASON,
        "lease_holder": "",
        "lease_until": None,
    }
    marked = Policy.objects.present().update(**stale)
    marked += LayerVersion.objects.filter(vanished_at=None).update(**stale)
    for account in Account.objects.values_list("pk", flat=True):
        tallying.note(account)
    waking.note_all()
    return marked


def _waiting(wanted: Wanted) -> int:
    return sum(model.objects.filter(state__in=UNSETTLED, wanted=wanted).count() for model in (Grant, LayerGrant))


def _not_made(now: datetime) -> int:
    """A real call is made once, when it was asked for, or not at all."""
    return Invocation.objects.filter(state__in=UNANSWERED).update(
        state=InvocationState.UNKNOWN,
        done_at=now,
        failure="A backup was restored while it waited. It may have run.",
        failure_next="Look in the function's logs before you ask again.",
        failure_code="restored",
    )


def _paused(by: Actor) -> int:
    """Each item of theirs would be a new wish. What bulks take back goes on."""
    running = list(Bulk.objects.running().filter(wanted=Wanted.PRESENT))
    for one in running:
        bulk.pause(one, by=by)
    return len(running)


def _not_given() -> int:
    why = {"failure": restored.WAITED, "failure_next": restored.NEXT}
    undone = OffboardingItem.objects.filter(state=OffboardingState.ASKED, offboarding__undo_wanted_at__isnull=False)
    offered = InvitationItem.objects.filter(
        grant=None, failure="", invitation__state=InvitationState.ACCEPTED, invitation__confirmed_at__isnull=False
    )
    return undone.update(state=OffboardingState.LOST, **why) + offered.update(**why)


def _not_resumed() -> int:
    """Whether it still is to come back on that day nobody knows: it may have been put off, or never to come back."""
    why = {"failure": restored.WAITED, "failure_code": restored.CODE, "failure_next": "If it is still wanted, resume it."}
    Offboarding.objects.filter(suspends=True, undo_wanted_at=None).update(until=None)
    dated = Grant.objects.filter(suspended_at__isnull=False, resume_at__isnull=False)
    asleep = dated.filter(state=GrantState.SUSPENDED).update(resume_at=None, **why)
    return asleep + dated.update(resume_at=None)


def _free(now: datetime) -> None:
    """Reads that were under way when the backup was made are over: the schedule begins them anew."""
    swept = Sync.objects.filter(state__in=OPEN, kind=SyncKind.SWEEP)
    over = list(swept.order_by("account", "region").values_list("account_id", "region"))
    Sync.objects.filter(state__in=OPEN).update(
        state=SyncState.FAILED,
        finished_at=now - timedelta(days=1),  # so that the pause after a failure has passed
        lease_until=None,
        failure="A backup was restored.",
        failure_next="It is read again by itself.",
        failure_code="restored",
    )
    for account_id, region in over:
        places.swept(account_id, region)
