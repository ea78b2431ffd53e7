"""The list of functions: search, filters, order, and what each row says about who is let in.

Nothing here decides access: the widest exposure of every policy and its exposures were stored when the policy was read
(services.syncing), and what they come to with the function (services.widths); this only asks for them, in the same number of
queries whatever the number of functions. Functions whose policies changed since are asked policy by policy.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When

from sharing.models import (
    Account,
    Actor,
    Exposure,
    Function,
    Grant,
    GrantState,
    Policy,
    Qualifier,
    QualifierKind,
    Reading,
    Sync,
    SyncKind,
)
from sharing.services import waking
from sharing.services.widths import NOT_SAFE as NOT_SAFE  # asked for by lists of other things, too


class Exposed(StrEnum):
    """What a function's policies let in, as the filter of the list names it."""

    PUBLIC = "public"
    OPEN_SERVICE = "open-service"
    EXTERNAL = "external"
    UNREAD = "unread"
    NOBODY = "nobody"


class Order(StrEnum):
    """Orders of the list; ties go by name, region and id."""

    NAME = "name"
    ACCOUNT = "account"
    REGION = "region"
    EXPOSURE = "exposure"


@dataclass(frozen=True)
class Summary:
    """What one row of the list says beside the function itself.

    `public`, `open_service`, `external`: "yes", "depends" (not safe) or "no", the widest over all its policies as last
    read. `lets_in` counts distinct principals by kind, `lacking` those whose way in still lacks something (half of a
    function URL's pair, a role that was deleted). `unread`: policies whose last read failed or never happened.
    `versions_read_at` is None while the policies of published versions were never looked at. `read_at` is the older
    bound of the last complete read, None if there was none. `waiting` and `unsettled` count grants.
    """

    function: Function
    aliases: tuple[str, ...] = ()
    public: str = "no"
    open_service: str = "no"
    external: str = "no"
    unread: int = 0
    unread_reason: str = ""
    lets_in: dict[str, int] = field(default_factory=dict)
    lacking: dict[str, int] = field(default_factory=dict)
    read_at: datetime | None = None
    versions_read_at: datetime | None = None
    waiting: int = 0
    unsettled: int = 0

    @property
    def nobody_outside(self) -> bool:
        """Whether everything that was looked at lets nobody outside in; say it together with what was not looked at."""
        return not self.unread and self.public == self.open_service == self.external == "no"


def functions(
    *,
    by: Actor,
    text: str = "",
    accounts: QuerySet[Account] | None = None,
    region: str = "",
    exposed: Exposed | None = None,
    vanished: bool = False,
    order: Order = Order.NAME,
    descending: bool = False,
) -> QuerySet[Function]:
    """The functions in the actor's scope that match. `text` is looked for in name, ARN and description.

    A pasted ARN may carry an alias or version. `accounts`: only of these.
    `vanished` lists those AWS no longer has instead of those it has.
    """
    found: QuerySet[Function] = Function.objects.visible_to(by).filter(vanished_at__isnull=not vanished)
    if accounts is not None:
        found = found.filter(account__in=list(accounts.order_by().values_list("pk", flat=True)))
    if region:
        found = found.filter(region=region)
    for word in text.split():
        found = found.filter(_matching(word))
    if exposed is not None:
        found = found.filter(_exposed(exposed) if vanished else _kept(exposed, by))
    sign = "-" if descending else ""
    keys = {
        Order.NAME: (f"{sign}name", "region", "id"),
        Order.ACCOUNT: (f"{sign}account__name", "name", "region", "id"),
        Order.REGION: (f"{sign}region", "name", "id"),
        # Widest first is what one looks for, so that is the ascending order.
        Order.EXPOSURE: (f"{'' if descending else '-'}wide", "name", "region", "id"),
    }
    if order is Order.EXPOSURE:
        found = found.annotate(wide=_width() if vanished else _kept_width(by))
    return found.select_related("account").order_by(*keys[order])


def _matching(word: str) -> Q:
    wanted = Q(arn__icontains=word) | Q(description__icontains=word)  # an ARN ends with the name
    if word.startswith("arn:") and word.count(":") == 7:
        wanted |= Q(arn__iexact=word.rpartition(":")[0])
    return wanted


def _policies() -> QuerySet[Policy]:
    return Policy.objects.filter(function=OuterRef("pk"), vanished_at=None)


_UNREAD = Q(reading=Reading.UNREAD) | Q(unread_since__isnull=False)
_WIDE = Q(public__in=NOT_SAFE) | Q(open_service__in=NOT_SAFE) | Q(external__in=NOT_SAFE)


def _exposed(kind: Exposed) -> Q:
    if kind is Exposed.UNREAD:
        return Q(Exists(_policies().filter(_UNREAD)))
    if kind is Exposed.NOBODY:
        return Q(Exists(_policies())) & ~Q(Exists(_policies().filter(_UNREAD | _WIDE)))
    column = {Exposed.PUBLIC: "public", Exposed.OPEN_SERVICE: "open_service", Exposed.EXTERNAL: "external"}[kind]
    return Q(Exists(_policies().filter(**{f"{column}__in": NOT_SAFE})))


_COLUMNS = {
    Exposed.PUBLIC: "lets_public",
    Exposed.OPEN_SERVICE: "lets_open_service",
    Exposed.EXTERNAL: "lets_external",
    Exposed.UNREAD: "is_unread",
    Exposed.NOBODY: "lets_nobody",
}


def _kept(kind: Exposed, by: Actor) -> Q:
    """The same by what is kept with each function; those of which it is not as it is now are asked. Two queries."""
    apart = waking.unkept(by)
    if len(apart) > waking.FEW:
        return _exposed(kind)
    wanted = Q(**{_COLUMNS[kind]: True})
    return wanted & ~Q(pk__in=apart) | Q(pk__in=apart) & _exposed(kind) if apart else wanted


def _kept_width(by: Actor) -> Case | F:
    apart = waking.unkept(by)
    if len(apart) > waking.FEW:
        return _width()
    return Case(When(pk__in=apart, then=_width()), default=F("width"), output_field=IntegerField()) if apart else F("width")


def _width() -> Case:
    steps = (
        Q(public="yes"),
        Q(public="depends"),
        Q(open_service="yes"),
        Q(open_service="depends"),
        _UNREAD,
        Q(external__in=NOT_SAFE),
    )
    return Case(
        *(When(Exists(_policies().filter(step)), then=Value(len(steps) - place)) for place, step in enumerate(steps)),
        default=Value(0),
        output_field=IntegerField(),
    )


class _Told(NamedTuple):
    """What a row says of one policy."""

    public: str
    open_service: str
    external: str
    reading: str
    unread_since: datetime | None
    unread_reason: str


def summaries(rows: Sequence[Function]) -> list[Summary]:
    """What the list says about these functions (one page of them), in the same order. Five queries."""
    keys = [function.pk for function in rows]
    policies: dict[uuid.UUID, list[_Told]] = {}
    for owner, *told in Policy.objects.filter(function__in=keys, vanished_at=None).values_list("function_id", *_Told._fields):
        policies.setdefault(owner, []).append(_Told(*told))
    aliases: dict[uuid.UUID, list[str]] = {}
    for owner, name in Qualifier.objects.filter(function__in=keys, kind=QualifierKind.ALIAS, vanished_at=None).values_list(
        "function_id", "name"
    ):
        aliases.setdefault(owner, []).append(name)
    lets_in: dict[uuid.UUID, dict[str, int]] = {}
    lacking: dict[uuid.UUID, dict[str, int]] = {}
    for owner, kind, latent, count in (
        Exposure.objects.filter(policy__function__in=keys, policy__vanished_at=None)
        .values_list("policy__function_id", "kind", "latent")
        .annotate(count=Count("principal", distinct=True))
        .order_by("policy__function_id", "kind", "latent")
    ):
        (lacking if latent else lets_in).setdefault(owner, {})[kind] = count
    swept = dict(Function.objects.filter(pk__in=keys).annotate(swept_at=Subquery(_sweeps())).values_list("pk", "swept_at"))
    grants: dict[uuid.UUID, dict[str, int]] = {}
    for owner, state, count in (
        Grant.objects.filter(policy__function__in=keys)
        .filter(Q(state=GrantState.REQUESTED) | Q(pk__in=Grant.objects.unsettled().values("pk")))
        .values_list("policy__function_id", "state")
        .annotate(count=Count("pk"))
        .order_by("policy__function_id", "state")
    ):
        grants.setdefault(owner, {})[state] = count
    return [
        _summary(
            function,
            policies=policies.get(function.pk, []),
            aliases=aliases.get(function.pk, []),
            lets_in=lets_in.get(function.pk, {}),
            lacking=lacking.get(function.pk, {}),
            swept_at=swept.get(function.pk),
            grants=grants.get(function.pk, {}),
        )
        for function in rows
    ]


def _sweeps() -> QuerySet[Sync, datetime | None]:
    return (
        Sync.objects.complete()
        .filter(account=OuterRef("account"), region=OuterRef("region"), kind=SyncKind.SWEEP)
        .order_by("-finished_at")
        .values_list("started_at", flat=True)[:1]
    )


def _summary(
    function: Function,
    *,
    policies: list[_Told],
    aliases: list[str],
    lets_in: dict[str, int],
    lacking: dict[str, int],
    swept_at: datetime | None,
    grants: dict[str, int],
) -> Summary:
    unread = [policy for policy in policies if policy.reading == Reading.UNREAD or policy.unread_since]
    waiting = grants.get(GrantState.REQUESTED, 0)
    return Summary(
        function=function,
        aliases=tuple(aliases),
        public=widest(policy.public for policy in policies),
        open_service=widest(policy.open_service for policy in policies),
        external=widest(policy.external for policy in policies),
        unread=len(unread) or (0 if policies else 1),
        unread_reason=next((policy.unread_reason for policy in unread if policy.unread_reason), ""),
        lets_in=lets_in,
        lacking=lacking,
        read_at=max((at for at in (function.read_at, swept_at) if at), default=None),
        versions_read_at=function.details_read_at,
        waiting=waiting,
        unsettled=sum(grants.values()) - waiting,
    )


def widest(answers: Iterable[str]) -> str:
    """The least safe of several answers: "yes" before "depends" before "no"."""
    found = set(answers)
    return next((answer for answer in NOT_SAFE if answer in found), "no")


def read_at(function: Function) -> datetime | None:
    """When this function and its policies were last read: by itself, or by the last complete read of its region."""
    swept_at = Function.objects.filter(pk=function.pk).annotate(swept_at=Subquery(_sweeps())).values_list("swept_at", flat=True)
    return max((at for at in (function.read_at, *swept_at) if at), default=None)


@dataclass(frozen=True)
class Places:
    """What the list can be filtered by, in the actor's scope."""

    accounts: tuple[Account, ...]
    regions: tuple[str, ...]


def places(*, by: Actor) -> Places:
    """Accounts that have (or had) functions, and their regions."""
    seen = Function.objects.visible_to(by)
    return Places(
        accounts=tuple(Account.objects.visible_to(by).filter(Exists(Function.objects.filter(account=OuterRef("pk"))))),
        regions=tuple(seen.order_by("region").values_list("region", flat=True).distinct()),
    )
