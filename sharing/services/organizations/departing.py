"""Accounts that left an organisation, or are suspended or closed, and what access there still is, both ways."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet

from sharing.models import (
    Connection,
    Exposure,
    Grant,
    LayerExposure,
    LayerGrant,
    OrganizationMember,
    Purpose,
)
from sharing.models.grant import MAY_HOLD_ACCESS

_ENDED = ("SUSPENDED", "PENDING_CLOSURE", "CLOSED")
_CHUNK = 500


@dataclass(frozen=True)
class Departed:
    """One account. `since`: when it was found to have left; None: it is still a member, and not active.

    shares, ways: shares decided here that let it in, and policies that do, however made. given, open: the same of its own
    functions and layers, which let in others. roles: purposes of its connections that stand.
    """

    member: OrganizationMember
    since: datetime | None
    shares: int
    ways: int
    given: int
    open: int
    roles: tuple[str, ...]

    @property
    def matters(self) -> bool:
        """Whether anything is left to be looked at."""
        return bool(self.shares or self.ways or self.given or self.open or self.roles)


def departed() -> Iterator[Departed]:
    """Those about which something is left. Whoever is active in any known organisation has not departed."""
    members = list(_departed().select_related("organization").order_by("-left_at", "number"))
    latest = {one.number: one for one in reversed(members)}
    for start in range(0, len(latest), _CHUNK):
        numbers = list(latest)[start : start + _CHUNK]
        for found in _counted(numbers, latest):
            if found.matters:
                yield found


def _departed() -> QuerySet[OrganizationMember]:
    active = OrganizationMember.objects.present().exclude(status__in=_ENDED)
    ended = Q(left_at__isnull=False) | Q(status__in=_ENDED)
    return OrganizationMember.objects.filter(ended).exclude(number__in=active.values("number"))


def _counted(numbers: Collection[str], members: dict[str, OrganizationMember]) -> Iterator[Departed]:
    live = Grant.objects.filter(state__in=MAY_HOLD_ACCESS)
    layers = LayerGrant.objects.filter(state__in=MAY_HOLD_ACCESS)
    ways = Exposure.objects.filter(policy__vanished_at=None, policy__function__vanished_at=None, latent=False)
    uses = LayerExposure.objects.filter(layer__vanished_at=None, latent=False)
    shares = _by(live, "principal_account", numbers) + _by(layers, "principal_account", numbers)
    others, lent = Q(policy__function__account__number=F("account")), Q(layer__account__number=F("account"))
    inwards = _by(ways.exclude(others), "account", numbers, "policy") + _by(uses.exclude(lent), "account", numbers, "layer")
    given = _by(live, "policy__function__account__number", numbers) + _by(layers, "layer__account__number", numbers)
    wide = Q(external="no", public="no", open_service="no")
    outwards = _by(ways.exclude(wide), "policy__function__account__number", numbers, "policy")
    outwards += _by(uses.exclude(external="no", public="no"), "layer__account__number", numbers, "layer")
    standing = Connection.objects.standing().filter(account__number__in=numbers).exclude(role_arn="")
    roles: dict[str, list[str]] = {}
    for number, purpose in standing.exclude(purpose=Purpose.ORGANIZATION).values_list("account__number", "purpose"):
        roles.setdefault(number, []).append(purpose)
    for number in numbers:
        one = members[number]
        counts = (shares[number], inwards[number], given[number], outwards[number])
        yield Departed(one, one.left_at, *counts, tuple(sorted(roles.get(number, ()))))


def _by(rows: QuerySet[Any], name: str, numbers: Iterable[str], what: str = "pk") -> Counter[str]:
    found = rows.filter(**{f"{name}__in": numbers}).order_by().values_list(name).annotate(many=Count(what, distinct=True))
    return Counter(dict(found))
