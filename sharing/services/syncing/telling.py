"""What history has of a sync that is over."""

from sharing.models import Actor, Sync, SyncKind, SyncState
from sharing.models.sync import OPEN
from sharing.services.history import record


def tell(sync: Sync) -> None:
    """History has syncs that found something, failed, or were asked for by a person: quiet ones only fill pages."""
    asked = sync.requested_by_id is not None or sync.requested_as != Actor.system().label
    failed = sync.state == SyncState.FAILED
    if not (asked or sync.changed or failed) or sync.kind == SyncKind.DETAILS:
        return
    if failed and not asked and _failed_before(sync):
        return
    where = sync.function.name if sync.function else f"{sync.account.name}, {sync.region}"
    if sync.kind == SyncKind.LAYERS:
        where = f"the layers of {where}"
    if failed:
        text = f"Reading {where} failed: {sync.failure}"
    else:
        text = f"Read {where}: {sync.changed} changed" + (f", {sync.unread} unread" if sync.unread else "")
    record(
        "sync.failed" if failed else "sync.finished",
        text,
        by=Actor.system(),
        account=sync.account,
        function=sync.function,
        error_code=sync.failure_code if failed else "",
        detail={"sync": str(sync.pk), "region": sync.region, "asked_by": sync.requested_as, "calls": sync.calls},
    )


def _failed_before(sync: Sync) -> bool:
    """Whether the sync before this one failed for the same reason: told once."""
    before = (
        Sync.objects.filter(account=sync.account_id, region=sync.region, kind=sync.kind, function=sync.function_id)
        .exclude(pk=sync.pk)
        .exclude(state__in=OPEN)
        .order_by("-finished_at")
        .first()
    )
    return before is not None and before.state == SyncState.FAILED and before.failure == sync.failure
