"""The first level of the matrix: parties by owner accounts, with counts of functions. Reads what `tallying` counted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Sum, Value, When

from sharing.models import Account, Actor, Function, PartyTally, Tallied, Tally
from sharing.models.account import AccountQuerySet
from sharing.services import tallying
from sharing.services.trusting import Trust

from .parties import RANKS, UNKNOWN_RANK, Party, party
from .principals import Names

_RANK = Case(
    *[When(kind=name, then=Value(place)) for name, place in RANKS.items()],
    default=Value(UNKNOWN_RANK),
    output_field=IntegerField(),
)
_WIDEST = ("-wide", "-many", "principal")
_COUNTS = ("functions", "reached", "invokable", "public", "open_service", "depends", "stale", "unread", "unlooked")


@dataclass(frozen=True)
class Facts:
    """What is counted of the owner accounts in scope, for the sentence above the matrix.

    `accounts`: how many accounts beside the owner can invoke something, as themselves (not as everyone, not as members
    of an organisation). `behind`: since when changes wait to be counted. `uncounted`: owner accounts not counted yet.
    """

    accounts: int = 0
    organizations: int = 0
    functions: int = 0
    reached: int = 0
    invokable: int = 0
    public: int = 0
    open_service: int = 0
    depends: int = 0
    stale: int = 0
    unread: int = 0
    unlooked: int = 0
    owners: int = 0
    uncounted: int = 0
    behind: datetime | None = None


@dataclass(frozen=True)
class PartyRow:
    """One party and its counts by owner account; None where it is let into nothing. `everyone`: what the owner's
    functions let in as everyone, for an account that is shown what it gets that way as well."""

    party: Party
    tallies: tuple[tuple[Account, Tally | None], ...]


def owners(*, by: Actor) -> AccountQuerySet:
    """The accounts in scope that have (or had) functions."""
    return Account.objects.visible_to(by).filter(Exists(Function.objects.filter(account=OuterRef("pk"))))


def facts(of: Sequence[Account]) -> Facts:
    """Sums over these owner accounts. Four queries."""
    keys = [one.pk for one in of]
    tallied = Tallied.objects.filter(account__in=keys, counted_at__isnull=False)
    sums = tallied.aggregate(counted=Count("pk"), **{name: Sum(name, default=0) for name in _COUNTS})
    kinds = ("account", "organization")
    if are_all(of):
        many = dict(_by_kind(PartyTally.objects.filter(kind__in=kinds, invoking__gt=0), Count("pk")))
    else:
        invoking = Tally.objects.filter(account__in=keys, kind__in=kinds, invokes=True)
        many = dict(_by_kind(invoking, Count("principal", distinct=True)))
    return Facts(
        owners=len(of),
        uncounted=len(of) - sums.pop("counted"),
        **sums,
        accounts=many.get("account", 0),
        organizations=many.get("organization", 0),
        behind=tallying.behind(of),
    )


def are_all(of: Sequence[Account]) -> bool:
    """Whether nothing is counted of any other account: sums over all of them are theirs. One query.

    An account without functions has no part in them: a restore has every account counted, consumers' as well.
    """
    others = Tallied.objects.exclude(account__in=[one.pk for one in of])
    return not others.exclude(counted_at__isnull=False, functions=0).exists()


def many_parties(of: Sequence[Account]) -> dict[str, int]:
    """How many parties of each kind reach any of these accounts. Two queries."""
    if are_all(of):
        return dict(_by_kind(PartyTally.objects.all(), Count("pk")))
    found = Tally.objects.filter(account__in=[one.pk for one in of])
    return dict(_by_kind(found, Count("principal", distinct=True)))


def _by_kind(found: QuerySet[Any], many: Count) -> Iterable[tuple[str, int]]:
    counts: Iterable[tuple[str, int]] = found.order_by().values_list("kind").annotate(many=many)
    return counts


def widest(of: Sequence[Account], many: int) -> list[dict[str, Any]]:
    """The first of `parties`. Two queries."""
    if not are_all(of):
        return list(parties(of)[:many])
    found = PartyTally.objects.annotate(rank=_RANK, wide=F("not_safe"), many=F("functions"), lacking=F("latent"))
    rows: Iterable[Any] = found.order_by("rank", *_WIDEST).values("rank", "kind", "principal", "wide", "many", "lacking")[:many]
    return list(rows)


def parties(of: Sequence[Account], *, kind: str = "", text: str = "", unsafe: bool = False) -> QuerySet[Tally, Any]:
    """The parties that reach any of these owner accounts, widest kinds first, then what is not safe, then by count.

    `text`: part of a name or of what AWS reads. Rows hold kind and principal; `rows` makes them whole.
    """
    found = Tally.objects.filter(account__in=[one.pk for one in of])
    if kind:
        found = found.filter(kind=kind)
    if unsafe:
        found = found.filter(not_safe__gt=0)
    for word in text.split():
        named = Account.objects.filter(name__icontains=word).values("number")
        found = found.filter(Q(principal__icontains=word) | Q(kind="account", principal__in=named))
    return (
        found.order_by()
        .annotate(rank=_RANK)
        .values("rank", "kind", "principal")
        .annotate(wide=Sum("not_safe"), many=Sum("functions"), lacking=Sum("latent"))
        .order_by("rank", *_WIDEST)
    )


def rows(page: Iterable[dict[str, Any]], of: Sequence[Account], *, trust: Trust) -> list[PartyRow]:
    """The rows of one page of `parties`, named, with a count for each of these owner accounts. Two queries."""
    keys = [(str(one["kind"]), str(one["principal"])) for one in page]
    by_key: dict[tuple[str, str, uuid.UUID], Tally] = {
        (one.kind, one.principal, one.account_id): one
        for one in Tally.objects.filter(account__in=[one.pk for one in of], principal__in={name for _, name in keys})
    }
    numbers = [name for kind, name in keys if kind == "account"]
    names = Names.of(numbers)
    own = [one.number for one in of]
    return [
        PartyRow(
            party(kind, name, name if kind == "account" else "", names=names, trust=trust, owners=own),
            tuple((owner, by_key.get((kind, name, owner.pk))) for owner in of),
        )
        for kind, name in keys
    ]


def of_everyone(of: Sequence[Account]) -> dict[uuid.UUID, Tally]:
    """What each of these owner accounts lets everyone into: what any account gets beside its own. One query."""
    kind, principal = tallying.EVERYONE
    found = Tally.objects.filter(account__in=[one.pk for one in of], kind=kind, principal=principal)
    return {one.account_id: one for one in found}
