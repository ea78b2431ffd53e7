"""Read layers and their policies now."""

from argparse import ArgumentParser
from typing import Any

from sharing.models import Account, Actor, LayerVersion, Sync
from sharing.models.sync import OPEN, SyncState
from sharing.services import layers
from sharing.services.errors import NotFound
from sharing.services.inventory import NOT_SAFE
from sharing.tasks.reading import begin

from ._output import Outcome, Problem, ShareCommand, account_id, timed_out


class Command(ShareCommand):
    """`manage.py sync-layers`."""

    help = (
        "Read the layers of connected accounts: their versions, and whom each version's policy lets in. One read per account "
        "and region; asking while one runs joins it. What could not be read stays as it was, is marked unread and counted "
        "(state partial, exit 0). Items have: id, account, name, region, state, versions, done, unread, changed, calls, "
        "public, requested_as, started_at, finished_at, failure, next. `public` counts versions that let in everyone, or "
        "perhaps: what hangs on something unknown is not safe."
    )
    waits = True

    def arguments(self, parser: ArgumentParser) -> None:
        """Which account and region."""
        parser.add_argument("--account", type=account_id, metavar="N", help="one account, by id (default: all)")
        parser.add_argument("--region", default="", metavar="R", help="one region (default: all that are read)")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Open or join the reads, queue them, and wait for them if asked."""
        account = _account(actor, options["account"]) if options["account"] else None
        syncs = layers.request(account=account, region=options["region"], by=actor)
        begin(syncs)
        pks = [sync.pk for sync in syncs]
        settled = True
        if options["wait"]:
            settled = self.wait_until(lambda: not Sync.objects.open().filter(pk__in=pks).exists(), options["timeout"])
        rows = list(
            Sync.objects.filter(pk__in=pks).select_related("account").order_by("account__name", "account__number", "region")
        )
        problem = _problem(rows) if settled else timed_out(options["timeout"])
        return Outcome([_item(sync) for sync in rows], [_line(sync) for sync in rows], problem)


def _account(actor: Actor, number: str) -> Account:
    found = Account.objects.visible_to(actor).filter(number=number).first()
    if found is None:
        raise NotFound(f"Account {number}", next="Check its id, or connect it first: manage.py connect.")
    return found


def _problem(syncs: list[Sync]) -> Problem | None:
    failed = [sync for sync in syncs if sync.state == SyncState.FAILED]
    if not failed:
        return None
    first = failed[0]
    more = f" ({len(failed) - 1} more failed.)" if len(failed) > 1 else ""
    where = f"{first.account.name}, {first.region}: "
    return Problem(first.failure_code or "failed", f"{where}{first.failure}{more}", first.failure_next)


def _public(sync: Sync) -> int:
    shown = LayerVersion.objects.present().filter(account=sync.account_id, region=sync.region)
    return shown.filter(public__in=NOT_SAFE).count()


def _item(sync: Sync) -> dict[str, Any]:
    return {
        "id": sync.pk,
        "account": sync.account.number,
        "name": sync.account.name,
        "region": sync.region,
        "state": sync.state,
        "versions": sync.total,
        "done": sync.done,
        "unread": sync.unread,
        "changed": sync.changed,
        "calls": sync.calls,
        "public": _public(sync),
        "requested_as": sync.requested_as,
        "started_at": sync.started_at,
        "finished_at": sync.finished_at,
        "failure": sync.failure,
        "next": sync.failure_next,
    }


def _line(sync: Sync) -> str:
    place = f"{sync.account.name} ({sync.account.number}) {sync.region}"
    if sync.state == SyncState.FAILED:
        return f"{place}: failed. {sync.failure}"
    if sync.state in OPEN:
        waiting = f". {sync.failure}" if sync.failure else ""
        return f"{place}: {sync.get_state_display().lower()}, {sync.done} layer versions read{waiting}"
    unread = f", {sync.unread} unread" if sync.unread else ""
    public = _public(sync)
    return f"{place}: {sync.done} layer versions read, {sync.changed} changed{unread}" + (
        f", {public} public" if public else ""
    )
