"""After a backup was restored: AWS is the truth, the rows are as old as the backup.

Nothing here talks to AWS. Every policy is unread until it was read again; what waited to be granted when the backup was made
is looked for in AWS and never written by itself (restored.asked_before); what waited to be taken back still is, since its own
statement is all that is touched; test invokes that waited are not made.
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
    Grant,
    GrantState,
    Installation,
    Invocation,
    InvocationState,
    LayerGrant,
    LayerVersion,
    MappingChange,
    Policy,
    Pulse,
    Reading,
    Sync,
    SyncState,
    Wanted,
)
from sharing.models.grant import UNSETTLED
from sharing.models.invocation import UNSETTLED as UNANSWERED
from sharing.models.sync import OPEN
from sharing.services import tallying, waking
from sharing.services.errors import NotPermitted
from sharing.services.history import record

UNREAD_REASON = "A backup was restored, and it has not been read again since."


@dataclass(frozen=True)
class Found:
    """What the backup brought back. leases: active grants whose end date has passed, which workers take back at once."""

    policies: int
    wanted: int
    unwanted: int
    mapping_changes: int
    invocations: int
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


def _free(now: datetime) -> None:
    """Reads that were under way when the backup was made are over: the schedule begins them anew."""
    Sync.objects.filter(state__in=OPEN).update(
        state=SyncState.FAILED,
        finished_at=now - timedelta(days=1),  # so that the pause after a failure has passed
        lease_until=None,
        failure="A backup was restored.",
        failure_next="It is read again by itself.",
        failure_code="restored",
    )
