"""What every part of the gathering shares: which functions, whose they are, what accounts are called."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from sharing.models import Account, Exposure, Function, Policy

from .shapes import Place

_PLACE = ("function_id", "function__name", "function__arn", "function__region", "function__account_id")
_KEPT = ("kind", "principal", "account", "action_class", "open_service", "public", "latent", "details")


@dataclass
class Ground:
    """`functions`: those looked at. `owners`: accounts by key; `names`: what people call an account, by its digits."""

    functions: QuerySet[Function]
    owners: Mapping[uuid.UUID, Account]
    names: Mapping[str, str]
    _places: dict[uuid.UUID, Place] = field(default_factory=dict)

    def place(self, pk: uuid.UUID, name: str, arn: str, region: str, owner: uuid.UUID) -> Place:
        """One function, made once however many rows it has."""
        if pk not in self._places:
            account = self.owners[owner]
            self._places[pk] = Place(pk, name, arn, region, account.name, account.number)
        return self._places[pk]

    def place_of(self, exposure: Mapping[str, Any]) -> Place:
        """The function an exposure (as `exposures` gives it) is of."""
        return self.place(*(exposure[f"policy__{name}"] for name in _PLACE))

    def exposures(self, wanted: Q) -> Iterator[dict[str, Any]]:
        """Those of the functions' present policies, one after another: there may be tens of thousands. One query."""
        policies = Policy.objects.filter(vanished_at=None, function__in=self.functions)
        found = Exposure.objects.filter(wanted, policy__in=policies).order_by()
        columns = ("policy_id", "policy__qualifier", *(f"policy__{name}" for name in _PLACE), *_KEPT)
        rows: QuerySet[Exposure, dict[str, Any]] = found.values(*columns)
        return rows.iterator(chunk_size=2000)


def widest(answers: Iterable[str]) -> str:
    """The least safe of several answers: "yes" before "depends" before "no"."""
    found = set(answers)
    return next((answer for answer in ("yes", "depends") if answer in found), "no")
