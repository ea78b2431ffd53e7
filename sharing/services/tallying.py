"""Counting who reaches how much of each owner account, so that a page over thousands of functions need not.

Whoever changes what counts leaves a mark (`note`) in the same transaction; a worker counts marked accounts anew
(`count_due`). A mark is a row of its own, so writers never wait for one another, and it goes only with a count that saw
the change: the marks are read before the rows are. Until then pages say since when counts are behind (`behind`).
What each party has in all accounts together is added up again with its tallies, for pages of those who see every account.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Count, Exists, Min, OuterRef, Q, Sum
from django.utils import timezone

from sharing.models import (
    Account,
    Exposure,
    Function,
    Installation,
    PartyTally,
    Policy,
    Reading,
    Tallied,
    Tally,
    TallyDue,
)

#: Counted up whenever unchanged exposures are counted in another way: every account is counted anew then.
VERSION: Final = 1
#: Parties whose members are counted together.
EVERYONE, GHOSTS = ("everyone", "*"), ("ghost", "*")
CLASSES = ("invoke", "invoke-url", "read", "manage")  # the widest last
_SUMS = {
    **{f"sum_{name}": Sum(name) for name in ("functions", "not_safe", "depends", "latent", "stale")},
    "sum_owners": Count("pk"),
    "sum_invoking": Count("pk", filter=Q(invokes=True)),
}
_COMPARED = tuple(field.attname for field in Tally._meta.concrete_fields if field.attname != "id")


def note(account_id: uuid.UUID) -> None:
    """What this account's policies let in, or whether that can be read, has changed. Call it in the same transaction."""
    TallyDue.objects.create(account_id=account_id)


def party_of(kind: str, principal: str, account: str) -> tuple[str, str]:
    """Under whom an exposure is counted: roles and users with their account, ghosts together."""
    match kind:
        case "everyone":
            return EVERYONE
        case "ghost":
            return GHOSTS
        case "account" | "identity" if account:
            return "account", account
    return kind, principal


def count_due() -> int:
    """Count every account that has a mark, or functions and no count. How many were counted."""
    marked = Q(pk__in=TallyDue.objects.values("account"))
    never = Q(tallied=None) & Q(Exists(Function.objects.filter(account=OuterRef("pk"))))
    due = list(Account.objects.filter(marked | never))
    for account in due:
        count(account)
    return len(due)


def behind(accounts: Iterable[Account]) -> datetime | None:
    """Since when something in these accounts waits to be counted; None when the counts are up to date."""
    found: datetime | None = TallyDue.objects.filter(account__in=list(accounts)).aggregate(since=Min("at"))["since"]
    return found


def count(account: Account) -> None:
    """Count one account anew and drop the marks that this count has seen. Of two at the same time, one is kept."""
    tallied, _ = Tallied.objects.get_or_create(account=account)
    seen = list(TallyDue.objects.filter(account=account).values_list("pk", flat=True))
    now = timezone.now()
    whole = Whole()
    for row in _rows(account):
        whole.add(*row)
    facts = {**_functions(account), **whole.facts(account.number), "kinds": whole.kinds()}
    with transaction.atomic():
        mine = Tallied.objects.filter(pk=tallied.pk, turn=tallied.turn)
        if not mine.update(turn=tallied.turn + 1, counted_at=now, **facts):
            return  # somebody counted meanwhile; what is still marked is counted next time
        _store(account, {key: _tally(account, key, one) for key, one in whole.parties.items()})
        for place in range(0, len(seen), 500):
            TallyDue.objects.filter(pk__in=seen[place : place + 500]).delete()


def _store(account: Account, found: dict[Key, Tally]) -> None:
    """Write the tallies that are not as they were, and add up those parties. Call it in a transaction."""
    known = {(one.kind, one.principal): one for one in Tally.objects.filter(account=account)}
    gone = [one.pk for key, one in known.items() if key not in found or not _alike(one, found[key])]
    new = [one for key, one in found.items() if key not in known or not _alike(known[key], one)]
    for place in range(0, len(gone), 500):
        Tally.objects.filter(pk__in=gone[place : place + 500]).delete()
    Tally.objects.bulk_create(new, batch_size=500)
    changed = {key for key in known if key not in found} | {(one.kind, one.principal) for one in new}
    if changed:
        add_up({principal for _, principal in changed})


def _alike(one: Tally, other: Tally) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in _COMPARED)


def add_up(principals: Collection[str]) -> None:
    """Sum the tallies of these parties anew. Call it in the transaction that wrote some of them.

    One at a time: of two that add up the same party at once, neither would see what the other has just written.
    """
    Installation.objects.get_or_create(pk=1)
    Installation.objects.select_for_update().get(pk=1)
    wanted = sorted(principals)
    for place in range(0, len(wanted), 500):
        some = wanted[place : place + 500]
        sums = Tally.objects.filter(principal__in=some).order_by().values("kind", "principal").annotate(**_SUMS)
        PartyTally.objects.filter(principal__in=some).delete()
        PartyTally.objects.bulk_create(
            [PartyTally(**{name.removeprefix("sum_"): value for name, value in row.items()}) for row in sums], batch_size=500
        )


def add_up_all() -> None:
    """The same of every party."""
    parties = (model.objects.order_by().values_list("principal", flat=True).distinct() for model in (Tally, PartyTally))
    add_up({one for found in parties for one in found})


def _tally(account: Account, key: tuple[str, str], party: Counted) -> Tally:
    counts = party.counts()
    invokes = bool(counts["invoke"] or counts["invoke_url"]) and key != ("account", account.number)
    return Tally(account=account, kind=key[0], principal=key[1], invokes=invokes, **counts)


def _rows(account: Account) -> Iterator[tuple[Any, ...]]:
    return (
        Exposure.objects.filter(
            policy__function__account=account, policy__function__vanished_at=None, policy__vanished_at=None
        )
        .values_list(
            "policy__function_id", "kind", "principal", "account", "action_class", "public", "external", "open_service",
            "latent", "policy__unread_since",
        )
        .order_by()
        .iterator(chunk_size=2000)
    )  # fmt: skip


def _functions(account: Account) -> dict[str, int]:
    """What is counted of functions whoever they let in. An unread policy is not an empty one."""
    present = Function.objects.filter(account=account, vanished_at=None)
    policies = Policy.objects.filter(function=OuterRef("pk"), vanished_at=None)
    return {
        "functions": present.count(),
        "unread": present.filter(Exists(policies.filter(reading=Reading.UNREAD, current=None))).count(),
        "stale": present.filter(Exists(policies.filter(unread_since__isnull=False, current__isnull=False))).count(),
        "unlooked": present.filter(details_read_at=None).count(),
    }


Functions = set[uuid.UUID]
Key = tuple[str, str]


@dataclass
class Counted:
    """The distinct functions that one party is let into, by what is counted (the columns of Tally)."""

    by: dict[str, Functions] = field(default_factory=dict)

    def add(self, name: str, function: uuid.UUID) -> None:
        self.by.setdefault(name, set()).add(function)

    def of(self, name: str) -> Functions:
        return self.by.get(name, set())

    def counts(self) -> dict[str, int]:
        names = ("functions", "public", "open_service", "depends", "not_safe", "stale")
        found = {name: len(self.of(name)) for name in names}
        found |= {name.replace("-", "_"): len(self.of(name)) for name in CLASSES}
        return {**found, "latent": len(self.of("latent") - self.of("functions"))}


@dataclass
class Whole:
    """What some functions let in, by party. `add` takes one exposure."""

    parties: dict[tuple[str, str], Counted] = field(default_factory=dict)

    def add(
        self, function: uuid.UUID, kind: str, principal: str, account: str, action_class: str,
        public: str, external: str, open_service: str, latent: bool, unread_since: datetime | None,
    ) -> None:  # fmt: skip
        party = self.parties.setdefault(party_of(kind, principal, account), Counted())
        if latent:
            party.add("latent", function)
        else:
            party.add("functions", function)
            party.add(action_class, function)
        for name, answers in (("public", (public,)), ("open_service", (open_service,))):
            if "yes" in answers:
                party.add(name, function)
        if "depends" in (public, external, open_service):
            party.add("depends", function)
        if public != "no" or open_service != "no" or external == "depends":
            party.add("not_safe", function)
        if unread_since is not None:
            party.add("stale", function)

    def kinds(self) -> dict[str, list[int]]:
        """By kind: how many parties, and the sum of what is not safe."""
        found: dict[str, list[int]] = {}
        for (kind, _), party in self.parties.items():
            many, unsafe = found.get(kind, (0, 0))
            found[kind] = [many + 1, unsafe + len(party.of("not_safe"))]
        return found

    def facts(self, number: str) -> dict[str, int]:
        """Of the whole account, the account itself left out."""
        others = [party for key, party in self.parties.items() if key != ("account", number)]

        def union(*names: str) -> int:
            return len(set().union(*(party.of(name) for party in others for name in names)))

        return {
            "reached": union("functions"),
            "invokable": union("invoke", "invoke-url"),
            "public": union("public"),
            "open_service": union("open_service"),
            "depends": union("depends"),
        }
