"""Asking for syncs: rows that a worker takes up. Asking for one that runs joins it."""

import difflib
from collections.abc import Callable
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Account, Actor, Connection, Function, Purpose, Sync, SyncKind
from sharing.services.connecting import manager_of
from sharing.services.errors import NotFound, NotPermitted, Refusal

from .running import end_pause

#: A function's page that is opened again within this time shows what the last visit read.
FRESH = timedelta(minutes=15)


def request(*, account: Account | None = None, region: str = "", by: Actor, pace_share: float | None = None) -> list[Sync]:
    """Ask for the functions and policies of one account, or of all in scope, to be read. One row per region.

    A row that is queued or running is joined: it is returned, goes on at once if it paused after an outage, and
    `pace_share` (above 0, at most 1; None leaves it) counts for it at once. Raises Refusal when nothing can be read, and
    says why.
    """
    if not by.may_change():
        raise NotPermitted("Your role does not allow starting a sync.")
    if pace_share is not None and not 0 < pace_share <= 1:
        raise Refusal(
            f"A pace share is a number above 0 and at most 1, not {pace_share:g}.", next="Use 0.33, for example.", code="usage"
        )
    if account is not None and not by.sees(account.pk):
        raise NotFound(f"Account {account.number}")
    connections = [manager_of(account)] if account is not None else _all(by)
    places = [(one, name) for one in connections for name in one.regions if region in ("", name)]
    if not places:
        raise _nowhere(connections, region)
    return [_open(one.account, name, by, pace_share) for one, name in places]


def request_function(function: Function, *, by: Actor) -> Sync:
    """Ask for everything about one function to be read: aliases, versions, policies, tags, URLs. Joins an open one."""
    if not by.sees(function.account_id):
        raise NotFound(function.name)
    connection = manager_of(function.account)
    open_already = Sync.objects.open().filter(function=function).first()
    if open_already is not None:
        return open_already
    return _create(
        Sync(
            account=connection.account,
            region=function.region,
            kind=SyncKind.FUNCTION,
            function=function,
            requested_by=by.person,
            requested_as=by.label[:300],
        ),
        lambda: Sync.objects.open().filter(function=function).first(),
    )


def request_if_stale(function: Function, *, by: Actor) -> Sync | None:
    """What opening a function's page asks for: everything, unless it was read a short while ago or cannot be read."""
    if function.vanished_at is not None:
        return None
    if function.details_read_at is not None and function.details_read_at > timezone.now() - FRESH:
        return None
    try:
        return request_function(function, by=by)
    except Refusal:
        return None


def _all(by: Actor) -> list[Connection]:
    usable = Connection.objects.usable().filter(purpose=Purpose.MANAGER, account__in=Account.objects.visible_to(by))
    found = list(usable.select_related("account"))
    if not found:
        raise Refusal(
            "No account is connected, so there is nothing to read.",
            next="Connect an account first (manage.py connect, or Settings, Accounts).",
            code="not-connected",
        )
    return found


def _nowhere(connections: list[Connection], region: str) -> Refusal:
    read = sorted({name for one in connections for name in one.regions})
    if not region:
        return Refusal("No region is read there.", next="Add regions to the account.", code="not-connected")
    near = difflib.get_close_matches(region, read, n=1, cutoff=0.8)
    meant = f" Did you mean {near[0]}?" if near else f" These are: {', '.join(read) or 'none'}."
    return Refusal(
        f"Region {region[:40]} is not among those that are read.{meant}",
        next="Add the region to the account, or name one that is read.",
        code="usage",
    )


def _open(account: Account, region: str, by: Actor, pace_share: float | None) -> Sync:
    def joined() -> Sync | None:
        found = Sync.objects.open().filter(account=account, region=region, kind=SyncKind.SWEEP).first()
        if found is not None:
            end_pause(found)
        if found is not None and pace_share is not None:
            Sync.objects.filter(pk=found.pk).update(pace_share=pace_share)
            found.pace_share = pace_share
        if found is not None and by.person is not None and found.requested_by_id is None:
            # A person joined what the schedule began: history tells them how it ended.
            Sync.objects.filter(pk=found.pk).update(requested_by=by.person, requested_as=by.label[:300])
        return found

    return joined() or _create(
        Sync(
            account=account,
            region=region,
            pace_share=pace_share,
            requested_by=by.person,
            requested_as=by.label[:300],
        ),
        joined,
    )


def _create(sync: Sync, existing: Callable[[], Sync | None]) -> Sync:
    """Insert, or find the one that somebody else inserted at the same moment (the unique index is the lock)."""
    for _ in range(3):
        try:
            with transaction.atomic():
                sync.save(force_insert=True)
            return sync
        except IntegrityError:
            found = existing()
            if found is not None:
                return found
    raise Refusal("The sync could not be started.", next="Try again.", code="conflict")
