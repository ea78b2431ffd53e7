"""Which accounts a unit holds, as last read. Not read lately is not empty, and not seen anywhere is not elsewhere."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.models import Organization, OrganizationMember, OrganizationUnit

from .knowing import PROVES


@dataclass(frozen=True)
class Placed:
    """Who of one organisation is where, as far as it was asked for. where: account id → the path of its unit, "" where that is
    not known.

    able: those that are active: an account in any other state can do nothing, or soon. why_not: why nothing of it is known
    now, in a sentence, and `following` what to do about that; nobody is said to be inside or elsewhere then.
    """

    where: Mapping[str, str] = field(default_factory=dict)
    able: frozenset[str] = frozenset()
    why_not: str = ""
    following: str = ""

    def inside(self, unit: OrganizationUnit, *, nested: bool) -> set[str]:
        """Those known to be in the unit; nested: or in one beneath it."""
        return {number for number, path in self.where.items() if _is_in(path, unit, nested)}

    def elsewhere(self, unit: OrganizationUnit, numbers: Collection[str], *, nested: bool) -> set[str]:
        """Those of the accounts that are known not to be in it: in another unit, or in the organisation no more."""
        if self.why_not:
            return set()
        found = {number: self.where.get(number) for number in numbers}
        return {number for number, path in found.items() if path is None or (path and not _is_in(path, unit, nested))}


def placed(
    organizations: Iterable[Organization], *, units: Iterable[OrganizationUnit], besides: QuerySet[Any, Any] | Iterable[str]
) -> dict[uuid.UUID, Placed]:
    """Of each of them by its pk, in one query: who is in these units or beneath them, and where these accounts are besides.

    Their connections should be loaded.
    """
    now = timezone.now()
    stale = {one.pk: (one.units_stale(now), one.units_failure_next or one.failure_next) for one in organizations}
    fresh = [pk for pk, (why, _) in stale.items() if not why]
    where: dict[uuid.UUID, dict[str, str]] = {pk: {} for pk in fresh}
    able: dict[uuid.UUID, set[str]] = {pk: set() for pk in fresh}
    wanted = Q(number__in=besides)
    for path in {unit.path for unit in units}:
        wanted |= Q(unit__in=OrganizationUnit.objects.filter(path__startswith=path).order_by().values("pk"))
    rows = OrganizationMember.objects.present().filter(wanted, organization__in=fresh).order_by()
    for pk, number, status, path in rows.values_list("organization_id", "number", "status", "unit__path"):
        where[pk][number] = path or ""
        if status in PROVES:
            able[pk].add(number)
    known = {pk: Placed(where[pk], frozenset(able[pk])) for pk in fresh}
    return known | {pk: Placed(why_not=why, following=following) for pk, (why, following) in stale.items() if why}


def _is_in(path: str, unit: OrganizationUnit, nested: bool) -> bool:
    return path.startswith(unit.path) if nested else path == unit.path
