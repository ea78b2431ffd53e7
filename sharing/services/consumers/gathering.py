"""What a row of the list says of some consumers in somebody's scope, in a number of queries that does not grow with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, F, Max, Min, OuterRef, Q, QuerySet, Sum, Value
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Grant,
    GrantState,
    Invitation,
    Membership,
    PartyTally,
    Tally,
    Trusted,
    TrustKind,
    Verdict,
)
from sharing.models.consumer import NAMELESS
from sharing.models.grant import LIVE
from sharing.services import proofs
from sharing.services.overview import SOON
from sharing.services.proofs import NOT_PROVED, Proof
from sharing.services.vendors import Vendor, vendor

#: Grants that speak for an account: to it, or to its roles and users. A service's source account is no consumer.
OF_ACCOUNTS = ("account", "role", "user", "session")
#: What is counted of each account beside what reaches it.
_INVITED, _TO_CONFIRM, _PEOPLE, _TRUSTED = "invited", "to confirm", "people", "trusted"
_TALLIED = ("functions", "not_safe", "depends", "latent", "stale")


@dataclass(frozen=True)
class Reach:
    """How many functions statements that name the account or its roles let it into, as they were counted.

    `not_safe`: those with a way that is public, open or hangs on something; `depends`: those that hang. `latent`: only ways
    that cannot be used now. `stale`: as last read, the policy is not readable any more.
    """

    functions: int = 0
    not_safe: int = 0
    depends: int = 0
    latent: int = 0
    stale: int = 0


@dataclass(frozen=True)
class Shares:
    """The grants made here that are not over. `verdicts`: of the active ones, what the last check found, by Verdict.

    `ends_at`: the next end date of an active one; `ending`: how many end within two weeks.
    """

    live: int = 0
    ending: int = 0
    ends_at: datetime | None = None
    verdicts: dict[str, int] = field(default_factory=dict)
    checked_at: datetime | None = None


@dataclass(frozen=True)
class Consumer:
    """One account. `account` None: nobody named it. `zone`: owner, trusted or outside; it colours only.

    `people`: who act for it. `invited`: invitations nobody answered yet; `to_confirm`: accepted, and the owner has to say
    that it is the account they meant. `vendor`: a name from a public list, a hint.
    """

    number: str
    account: Account | None = None
    reach: Reach = Reach()
    shares: Shares = Shares()
    proof: Proof = NOT_PROVED
    people: int = 0
    invited: int = 0
    to_confirm: int = 0
    zone: str = "outside"
    vendor: Vendor | None = None

    @property
    def label(self) -> str:
        """The name people gave it, or that it has none."""
        return self.account.name if self.account else NAMELESS

    @property
    def spaced(self) -> str:
        """The digits in fours."""
        return " ".join((self.number[:4], self.number[4:8], self.number[8:]))

    @property
    def not_safe_words(self) -> str:
        """How many of its functions are not safe to count as its own, and how many of these hang on something."""
        depends = f", {self.reach.depends:,} depend{'s' if self.reach.depends == 1 else ''}" if self.reach.depends else ""
        return f"{self.reach.not_safe:,} not safe{depends}"

    @property
    def ending_words(self) -> str:
        """How many shares end within two weeks."""
        return f"{self.shares.ending:,} end{'s' if self.shares.ending == 1 else ''} soon"

    @property
    def invited_words(self) -> str:
        """How many invitations nobody answered yet."""
        return f"{self.invited:,} invited"


def gather(numbers: Collection[str], *, by: Actor) -> list[Consumer]:
    """These accounts, which are consumers in the actor's scope, in this order."""
    now = timezone.now()
    return _whole(numbers, _reach(by, numbers), _shares(by, numbers, now), _counts(by, numbers, now))


def find(number: str, *, by: Actor) -> Consumer | None:
    """One that is a consumer in the actor's scope. An account that only had shares is found too; None: nothing in scope is
    about these digits."""
    numbers, now = [number], timezone.now()
    reach, shares, counts = _reach(by, numbers), _shares(by, numbers, now), _counts(by, numbers, now)
    known = bool(reach or shares or counts[_INVITED] or counts[_TO_CONFIRM])
    # Who connects or joins is no secret of the account's, but only of those who share with it.
    if known or sees_all(by) or Account.objects.visible_to(by).filter(number=number).exists():
        found = _whole(numbers, reach, shares, counts)[0]
        if known or found.people or found.proof.connection is not None:
            return found
    over = Grant.objects.visible_to(by).filter(principal_account=number, principal_kind__in=OF_ACCOUNTS)
    return replace(_whole(numbers, {}, {}, counts)[0], people=0) if over.exists() else None


def sees_all(by: Actor) -> bool:
    """Whether what is kept of all owner accounts together is for them."""
    return by.active and by.sees_every_account


def _reach(by: Actor, numbers: Collection[str]) -> dict[str, Reach]:
    if sees_all(by):
        return _reach_of_all(numbers)
    seen = others(Tally.objects.visible_to(by)).filter(principal__in=numbers).values("principal")
    rows: Iterable[Any] = seen.annotate(**{f"sum_{name}": Sum(name) for name in _TALLIED})
    return {row["principal"]: Reach(**{name: row[f"sum_{name}"] for name in _TALLIED}) for row in rows}


def others(tallies: QuerySet[Tally]) -> QuerySet[Tally]:
    """Those of accounts, but for what an owner account has of its own functions."""
    return tallies.filter(kind="account").exclude(principal=F("account__number")).order_by()


def own(tallied: QuerySet[Account]) -> QuerySet[Tally]:
    """What these owner accounts have of their own functions."""
    return Tally.objects.filter(account__in=tallied, kind="account", principal=F("account__number")).order_by()


def _reach_of_all(numbers: Collection[str]) -> dict[str, Reach]:
    """From the sums that are kept; what an owner account has of its own functions is taken off again.

    In one query: of two, the second could take off what the first had not seen yet.
    """
    sums = PartyTally.objects.filter(kind="account", principal__in=numbers).annotate(sign=Value(1))
    mine = own(Account.objects.filter(number__in=numbers)).annotate(sign=Value(-1), owners=Value(1))
    columns = ("principal", "sign", "owners", *_TALLIED)
    rows: Iterable[Any] = sums.order_by().values_list(*columns).union(mine.values_list(*columns), all=True)
    found: dict[str, list[int]] = {}
    for principal, sign, *counts in rows:
        before = found.get(principal, [0] * len(counts))
        found[principal] = [one + sign * more for one, more in zip(before, counts, strict=True)]
    return {principal: Reach(*counts) for principal, (owners, *counts) in found.items() if owners > 0}


def shares_of(by: Actor) -> QuerySet[Grant]:
    """The grants in the actor's scope that speak for an account and are not over."""
    return of_accounts(Grant.objects.visible_to(by))


def of_accounts(grants: QuerySet[Grant]) -> QuerySet[Grant]:
    """Those of them that speak for an account and are not over."""
    return grants.filter(state__in=LIVE, principal_kind__in=OF_ACCOUNTS).exclude(principal_account="").order_by()


def _shares(by: Actor, numbers: Collection[str], now: datetime) -> dict[str, Shares]:
    active = Q(state=GrantState.ACTIVE)
    sums: Iterable[Any] = (
        shares_of(by)
        .filter(principal_account__in=numbers)
        .values("principal_account")
        .annotate(
            live=Count("pk"),
            soon=Count("pk", filter=active & Q(ends_at__lt=now + SOON)),
            next=Min("ends_at", filter=active),
            last=Max("checked_at"),
            **{f"verdict_{place}": Count("pk", filter=active & Q(verdict=value)) for place, value in enumerate(Verdict.values)},
        )
    )
    return {row["principal_account"]: _of_row(row) for row in sums}


def _of_row(row: dict[str, Any]) -> Shares:
    verdicts = {value: row[f"verdict_{place}"] for place, value in enumerate(Verdict.values) if row[f"verdict_{place}"]}
    return Shares(row["live"], row["soon"], row["next"], verdicts, row["last"])


def invited_in(by: Actor, now: datetime) -> tuple[QuerySet[Invitation], QuerySet[Invitation]]:
    """Invitations nobody answered yet that are for an account, and accepted ones that wait for the owner."""
    rows = Invitation.objects.visible_to(by).order_by()
    return rows.open(now).exclude(number=""), rows.to_confirm()


def _counts(by: Actor, numbers: Collection[str], now: datetime) -> dict[str, dict[str, int]]:
    """Invitations, people and whether it is on the trust list, each by account id. One query.

    Pending invitations by the account they are for, and accepted ones that wait for the owner by the proved account.
    """
    pending, proved = invited_in(by, now)
    trusted = Trusted.objects.filter(kind=TrustKind.ACCOUNT).order_by()
    sources: tuple[tuple[str, QuerySet[Any], str], ...] = (
        (_INVITED, pending, "number"),
        (_TO_CONFIRM, proved, "account__number"),
        (_PEOPLE, Membership.objects.current().order_by(), "account__number"),
        (_TRUSTED, trusted, "value"),
    )
    first, *rest = (
        rows.filter(**{f"{column}__in": numbers})
        .annotate(whose=F(column), what=Value(what))
        .values_list("whose", "what")
        .annotate(many=Count("pk"))
        for what, rows, column in sources
    )
    found: dict[str, dict[str, int]] = {what: {} for what, _, _ in sources}
    for whose, what, many in first.union(*rest, all=True):
        found[what][whose] = many
    return found


def _whole(
    numbers: Collection[str], reach: dict[str, Reach], shares: dict[str, Shares], counts: dict[str, dict[str, int]]
) -> list[Consumer]:
    owns = Exists(Account.objects.owners().filter(pk=OuterRef("pk")))
    known: Iterable[Any] = Account.objects.filter(number__in=numbers).annotate(owns=owns)
    accounts = {one.number: one for one in known}
    standing = proofs.of_numbers(numbers)
    zones = dict.fromkeys(counts[_TRUSTED], "trusted")
    zones |= {number: "owner" for number, one in accounts.items() if one.owns}
    return [
        Consumer(
            number,
            accounts.get(number),
            reach.get(number, Reach()),
            shares.get(number, Shares()),
            standing.get(number, NOT_PROVED),
            counts[_PEOPLE].get(number, 0),
            counts[_INVITED].get(number, 0),
            counts[_TO_CONFIRM].get(number, 0),
            zones.get(number, "outside"),
            vendor(number),
        )
        for number in numbers
    ]
