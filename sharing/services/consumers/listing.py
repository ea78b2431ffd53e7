"""The list of consumers: who is one, search, filters, order, all in the database; only what is shown is made whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Connection,
    Grant,
    GrantState,
    KeptConsumer,
    Membership,
    PartyTally,
    Policy,
    Purpose,
    Tally,
    Trusted,
    TrustKind,
    Verdict,
)
from sharing.policy.arn import digits_of
from sharing.services import proofs
from sharing.services.overview import SOON
from sharing.services.proofs import WORST_FIRST, Standing
from sharing.services.vendors import vendors

from .gathering import Consumer, gather, invited_in, of_accounts, others, own, sees_all, shares_of

_AT_ONCE: Final = 500
_BY_NAME: Final = ("nameless", "name", "number")


class Kind(StrEnum):
    """What the list can be narrowed to."""

    PROVED = "proved"
    NOT_PROVED = "not-proved"
    FAILED = "failed"
    ENDING = "ending"
    OUTSIDE = "outside"
    UNSAFE = "unsafe"
    DENIED = "denied"
    INVITED = "invited"


@dataclass(frozen=True)
class Asked:
    """What the list is asked for. `text`: parts of name, digits or vendor; `kind` None: every consumer."""

    text: str = ""
    kind: Kind | None = None
    order: str = "name"

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.text or self.kind)


@dataclass
class Listed:
    """The consumers that were asked for, in order. Nothing is read before they are counted, sliced or gone through."""

    by: Actor
    rows: QuerySet[KeptConsumer]
    ordered: bool = field(default=True, init=False)

    @cached_property
    def many(self) -> int:
        """How many they are."""
        return self.rows.count()

    def count(self) -> int:
        """The same, as pages ask for it."""
        return self.many

    def __getitem__(self, wanted: slice) -> list[Consumer]:
        """Some of them, made whole now."""
        return gather(list(self.rows.values_list("number", flat=True)[wanted]), by=self.by)

    def __iter__(self) -> Iterator[Consumer]:
        """All of them, some hundred at a time."""
        numbers = list(self.rows.values_list("number", flat=True))
        for place in range(0, len(numbers), _AT_ONCE):
            yield from gather(numbers[place : place + _AT_ONCE], by=self.by)


def listed(asked: Asked = Asked(), *, by: Actor) -> Listed:
    """Those in the actor's scope that are asked for, in order."""
    now = timezone.now()
    found = _consumers(by, now)
    if asked.kind is not None:
        found = _KINDS[asked.kind](found, by, now)
    if asked.text:
        found = found.filter(_holding(asked.text.casefold()))
    return Listed(by, ORDERS[asked.order](found, by, now))


@dataclass(frozen=True)
class Totals:
    """How many consumers there are in somebody's scope, and how many of them are not proved any more."""

    every: int
    failing: int


def totals(*, by: Actor) -> Totals:
    """One query; a second one where some may fail."""
    now = timezone.now()
    rows = _consumers(by, now)
    counts = rows.aggregate(every=Count("pk"), some=Count("pk", filter=proofs.may_fail()))
    return Totals(counts["every"], _failed(rows, now).count() if counts["some"] else 0)


def _consumers(by: Actor, now: datetime) -> QuerySet[KeptConsumer]:
    """Who is let in by a policy, has a share, is invited, or is connected or has people here that the actor may know of."""
    roles = Connection.objects.standing().filter(purpose=Purpose.CHECKER).order_by()
    members = Membership.objects.current().order_by()
    shares = shares_of(by)
    if sees_all(by):
        # An owner account that is let into nothing but its own is none.
        alone = own(Account.objects.filter(tallied__isnull=False)).values("principal")
        parties = PartyTally.objects.filter(kind="account").exclude(owners=1, principal__in=alone)
        let_in: QuerySet[Any] = parties.order_by()
    else:
        let_in = others(Tally.objects.visible_to(by))
        mine = Account.objects.visible_to(by)
        roles, members = roles.filter(account__in=mine), members.filter(account__in=mine)
        # The grants of a scope, found by its policies: by their state they are all that there are.
        shares = of_accounts(Grant.objects.filter(policy__in=Policy.objects.visible_to(by).order_by().values("pk")))
    pending, proved = invited_in(by, now)
    sources = (
        (let_in, "principal"),
        (shares, "principal_account"),
        (pending, "number"),
        (proved, "account__number"),
        (roles, "account__number"),
        (members, "account__number"),
    )
    found = Q()
    for rows, column in sources:
        # Of all accounts nearly every row is in the first: asked one by one, the others are hardly looked at.
        one = Exists(rows.filter(**{column: OuterRef("number")})) if sees_all(by) else Q(number__in=rows.values(column))
        found |= Q(one)
    return KeptConsumer.objects.filter(found)


Rows = QuerySet[KeptConsumer]
_Narrowed = Callable[[Rows, Actor, datetime], Rows]


def _standing(rows: Rows, now: datetime, *wanted: Standing) -> Rows:
    return rows.annotate(standing=proofs.placed(now)).filter(standing__in=[WORST_FIRST.index(one) for one in wanted])


def _failed(rows: Rows, now: datetime) -> Rows:
    return _standing(rows.filter(proofs.may_fail()), now, Standing.FAILED)


def _shared(rows: Rows, by: Actor, **wanted: Any) -> Rows:
    active = shares_of(by).filter(state=GrantState.ACTIVE, **wanted)
    return rows.filter(number__in=active.values("principal_account"))


def _outside(rows: Rows, _by: Actor, _now: datetime) -> Rows:
    trusted = Trusted.objects.filter(kind=TrustKind.ACCOUNT).order_by().values("value")
    return rows.exclude(number__in=trusted).exclude(number__in=Account.objects.owners().order_by().values("number"))


def _invited(rows: Rows, by: Actor, now: datetime) -> Rows:
    pending, proved = invited_in(by, now)
    return rows.filter(Q(number__in=pending.values("number")) | Q(number__in=proved.values("account__number")))


#: Nothing that hangs on something unknown counts as proved: an overdue proof is not one.
_KINDS: Final[dict[Kind, _Narrowed]] = {
    Kind.PROVED: lambda rows, _by, now: _standing(rows, now, Standing.PROVED),
    Kind.NOT_PROVED: lambda rows, _by, now: _standing(rows, now, *(one for one in Standing if one is not Standing.PROVED)),
    Kind.FAILED: lambda rows, _by, now: _failed(rows, now),
    Kind.ENDING: lambda rows, by, now: _shared(rows, by, ends_at__lt=now + SOON),
    Kind.OUTSIDE: _outside,
    Kind.UNSAFE: lambda rows, by, _now: rows.annotate(unsafe=_sum("not_safe", by)).filter(unsafe__gt=0),
    Kind.DENIED: lambda rows, by, _now: _shared(rows, by, verdict=Verdict.DENIED),
    Kind.INVITED: _invited,
}


def _sum(name: str, by: Actor) -> Any:
    """This column of an account's tallies, summed over the owner accounts in scope but itself."""
    number = OuterRef("number")
    if sees_all(by):
        whole = PartyTally.objects.filter(kind="account", principal=number).order_by().values(name)[:1]
        mine = Tally.objects.filter(kind="account", principal=number, account__number=number).order_by().values(name)[:1]
        return Coalesce(Subquery(whole), 0) - Coalesce(Subquery(mine), 0)
    seen = others(Tally.objects.visible_to(by)).filter(principal=number)
    return Coalesce(Subquery(seen.values("principal").annotate(sum=Sum(name)).values("sum")), 0)


def _first(by: Actor, of: Min | Max, **wanted: Any) -> Subquery:
    shares = shares_of(by).filter(principal_account=OuterRef("number"), **wanted)
    return Subquery(shares.values("principal_account").annotate(first=of).values("first"))


def _by_functions(rows: Rows, by: Actor, _now: datetime) -> Rows:
    return rows.annotate(functions=_sum("functions", by), latent=_sum("latent", by)).order_by(
        "-functions", "-latent", *_BY_NAME
    )


def _by_end(rows: Rows, by: Actor, _now: datetime) -> Rows:
    end = _first(by, Min("ends_at"), state=GrantState.ACTIVE)
    return rows.annotate(end=end).order_by(F("end").asc(nulls_last=True), *_BY_NAME)


def _by_check(rows: Rows, by: Actor, _now: datetime) -> Rows:
    return rows.annotate(last=_first(by, Max("checked_at"))).order_by(F("last").desc(nulls_last=True), *_BY_NAME)


#: How the list can be ordered; ties stay by name.
ORDERS: Final[dict[str, _Narrowed]] = {
    "name": lambda rows, _by, _now: rows.order_by(*_BY_NAME),
    "functions": _by_functions,
    "unsafe": lambda rows, by, _now: rows.annotate(worst=_sum("not_safe", by)).order_by("-worst", *_BY_NAME),
    "proof": lambda rows, _by, now: rows.annotate(proof=proofs.placed(now)).order_by("proof", *_BY_NAME),
    "ends": _by_end,
    "checked": _by_check,
}


def _holding(text: str) -> Q:
    """Whose name, digits or vendor hold every word, or whose digits hold the text, however it is spaced."""
    words = list(dict.fromkeys(text.split()))
    held = Q()
    for word in words:
        held &= Q(name__contains=word) | Q(number__contains=word)
    if digits := digits_of(text):
        held |= Q(number__contains=digits)
    return held | Q(number__in=_of_vendors(words))


def _of_vendors(words: list[str]) -> list[str]:
    """Accounts whose vendor holds one of the words, and with name and digits all of them."""
    labels = {number: one.label.casefold() for number, one in vendors().items()}
    some = [number for number, label in labels.items() if any(word in label for word in words)]
    names = KeptConsumer.objects.filter(number__in=some).order_by().values_list("number", "name") if some else ()
    return [number for number, name in names if all(word in f"{name} {number} {labels[number]}" for word in words)]
