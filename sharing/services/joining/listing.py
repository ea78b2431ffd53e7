"""How far the accounts of an organisation are, as pages show it; and one account, with access both ways."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min, QuerySet
from django.utils import timezone

from sharing.models import Account, Actor, Connection, Grant, Joiner, JoinerState, Joining, LayerGrant
from sharing.models.grant import LIVE
from sharing.models.joining import TRIED


@dataclass(frozen=True)
class Counts:
    """How many accounts are where. `next_at`: when a worker looks again; `tried_at`: when it last did."""

    by_state: dict[str, int]
    next_at: datetime | None
    tried_at: datetime | None

    @property
    def total(self) -> int:
        """Every account that may join: those that are gone or left out not counted."""
        return sum(many for state, many in self.by_state.items() if state not in (JoinerState.GONE, JoinerState.LEFT_OUT))

    @property
    def connected(self) -> int:
        """Those that are there."""
        return self.by_state.get(JoinerState.CONNECTED, 0)

    @property
    def is_working(self) -> bool:
        """Whether a worker has something to do now: pages poll while this is true."""
        due = self.next_at is not None and self.next_at <= timezone.now()
        return due or bool(self.by_state.get(JoinerState.TESTING))


def counts_of(joining: Joining) -> Counts:
    """Three queries."""
    by_state = dict(joining.joiners.order_by().values_list("state").annotate(many=Count("pk")))
    times = joining.joiners.aggregate(tried=Max("tried_at"))
    upcoming = joining.joiners.filter(state__in=TRIED, member__left_at=None).aggregate(at=Min("next_try_at"))
    return Counts(by_state, upcoming["at"], times["tried"])


def joiners_of(joining: Joining, numbers: Collection[str]) -> dict[str, Joiner]:
    """By account id. One query."""
    return {one.number: one for one in joining.joiners.filter(number__in=numbers)}


@dataclass(frozen=True)
class Access:
    """One account of an organisation: what was decided here about it, in somebody's scope. QuerySets are to be paged.

    into, layers_into: shares that let it in; of_its, layers_of_its: shares of its own functions and layers.
    """

    account: Account | None
    connections: list[Connection]
    into: QuerySet[Grant]
    of_its: QuerySet[Grant]
    layers_into: QuerySet[LayerGrant]
    layers_of_its: QuerySet[LayerGrant]


def access_of(number: str, *, by: Actor) -> Access:
    """Everything that is live, both ways."""
    grants = Grant.objects.visible_to(by).filter(state__in=LIVE).select_related("policy__function__account")
    layers = LayerGrant.objects.visible_to(by).filter(state__in=LIVE).select_related("layer__account")
    grants, layers = grants.order_by("policy__function__name", "created_at"), layers.order_by("layer__name", "created_at")
    connections = Connection.objects.visible_to(by).standing().filter(account__number=number).select_related("account")
    return Access(
        Account.objects.visible_to(by).filter(number=number).first(),
        list(connections.order_by("purpose")),
        grants.filter(principal_account=number),
        grants.filter(policy__function__account__number=number),
        layers.filter(principal_account=number),
        layers.filter(layer__account__number=number),
    )
