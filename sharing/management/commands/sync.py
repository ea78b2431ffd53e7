"""Read functions and policies now."""

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.db.models import Q

from sharing.models import Account, Actor, Sync, SyncState
from sharing.services import syncing
from sharing.services.errors import NotFound, Refusal
from sharing.tasks.reading import begin

from ._output import Outcome, Problem, ShareCommand, account_id, timed_out


class Command(ShareCommand):
    """`manage.py sync`."""

    help = (
        "Read the functions of connected accounts, with their aliases and policies. One sync per account and region; asking "
        "while one runs joins it, and --pace-share counts at once. What could not be read stays as it was, is marked unread "
        "and counted (state partial, exit 0). Items have: id, account, name, region, state, functions, done, unread, "
        "changed, calls, pace_share, requested_as, started_at, finished_at, failure, next."
    )
    waits = True

    def arguments(self, parser: ArgumentParser) -> None:
        """Which account and region, and how fast."""
        parser.add_argument("--account", type=_account_or_name, metavar="N", help="one account, by id or name (default: all)")
        parser.add_argument("--region", default="", metavar="R", help="one region (default: all that are read)")
        parser.add_argument(
            "--pace-share", type=_share, metavar="F", help="part of AWS's rate to use for this run, above 0 and at most 1"
        )

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Open or join the syncs, queue them, and wait for them if asked."""
        account = _account(actor, options["account"]) if options["account"] else None
        syncs = syncing.request(account=account, region=options["region"], by=actor, pace_share=options["pace_share"])
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


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text[:40]}” is not a number. Use one above 0 and at most 1, such as 0.33.") from None
    if not 0 < share <= 1:
        raise ArgumentTypeError(f"{text[:40]} is not above 0 and at most 1. Use 0.33, for example.")
    return share


def _account_or_name(text: str) -> str:
    """Digits are an id and have to be 12; anything with a letter is a name."""
    return text.strip() if any(letter.isalpha() for letter in text) else account_id(text)


def _account(actor: Actor, wanted: str) -> Account:
    found = list(Account.objects.visible_to(actor).filter(Q(number=wanted) | Q(name__iexact=wanted)).order_by("number"))
    if not found:
        raise NotFound(f"Account {wanted[:80]}", next="Check its id or name, or connect it first: manage.py connect.")
    if len(found) > 1:
        numbers = ", ".join(account.number for account in found)
        raise Refusal(
            f"{len(found)} accounts are called {wanted[:80]}.", next=f"Give the id of one: {numbers}.", code="ambiguous"
        )
    return found[0]


def _problem(syncs: list[Sync]) -> Problem | None:
    failed = [sync for sync in syncs if sync.state == SyncState.FAILED]
    if not failed:
        return None
    first = failed[0]
    where = f"{first.account.name}, {first.region}: "
    more = f" ({len(failed) - 1} more failed.)" if len(failed) > 1 else ""
    return Problem(first.failure_code or "failed", f"{where}{first.failure}{more}", first.failure_next)


def _item(sync: Sync) -> dict[str, Any]:
    return {
        "id": sync.pk,
        "account": sync.account.number,
        "name": sync.account.name,
        "region": sync.region,
        "state": sync.state,
        "functions": sync.total,
        "done": sync.done,
        "unread": sync.unread,
        "changed": sync.changed,
        "calls": sync.calls,
        "pace_share": sync.pace_share,
        "requested_as": sync.requested_as,
        "started_at": sync.started_at,
        "finished_at": sync.finished_at,
        "failure": sync.failure,
        "next": sync.failure_next,
    }


def _line(sync: Sync) -> str:
    place = f"{sync.account.name} ({sync.account.number}) {sync.region}"
    if sync.state in (SyncState.DONE, SyncState.PARTIAL):
        unread = f", {sync.unread} unread" if sync.unread else ""
        return f"{place}: {sync.done} functions read, {sync.changed} changed{unread}"
    if sync.state == SyncState.FAILED:
        return f"{place}: failed. {sync.failure}"
    of = f" of {sync.total}" if sync.total is not None else ""
    waiting = f". {sync.failure}" if sync.failure else ""
    return f"{place}: {sync.get_state_display().lower()}, {sync.done}{of} functions read{waiting}"
