"""Which accounts a unit holds, as last read. Not read lately is not empty, and not seen anywhere is not elsewhere."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone

from sharing.models import OrganizationMember, OrganizationUnit

from .knowing import PROVES

_CHUNK = 500


@dataclass(frozen=True)
class Inside:
    """accounts: those in the unit that are active; idle: those in it that are suspended, closed or not active yet.

    why_not: why it is not known now, in a sentence; both are empty then, which says nothing. following: the next step.
    """

    accounts: frozenset[str] = frozenset()
    idle: frozenset[str] = frozenset()
    why_not: str = ""
    following: str = ""


def inside(unit: OrganizationUnit, *, nested: bool, now: datetime | None = None) -> Inside:
    """Who is in it; nested: or in a unit beneath it. Two queries; the unit's organisation and connection should be loaded."""
    why = unit.organization.units_stale(now or timezone.now())
    if why:
        return Inside(why_not=why, following=unit.organization.units_failure_next or unit.organization.failure_next)
    told = dict(_members(unit, nested=nested).values_list("number", "status"))
    active = frozenset(number for number, status in told.items() if status in PROVES)
    return Inside(active, frozenset(told) - active)


def elsewhere(unit: OrganizationUnit, numbers: Collection[str], *, nested: bool, now: datetime | None = None) -> set[str]:
    """Those of the accounts that are known not to be in it: in another unit, or in the organisation no more.

    An account of the organisation whose unit was not read is not among them, and nobody is while the unit is not known.
    """
    if unit.organization.units_stale(now or timezone.now()):
        return set()
    listed = sorted(numbers)
    maybe: set[str] = set()
    for start in range(0, len(listed), _CHUNK):
        chunk = listed[start : start + _CHUNK]
        members = OrganizationMember.objects.present().filter(organization=unit.organization, number__in=chunk)
        maybe |= set(members.filter(unit=None).values_list("number", flat=True))
        maybe |= set(_members(unit, nested=nested).filter(number__in=chunk).values_list("number", flat=True))
    return set(listed) - maybe


def _members(unit: OrganizationUnit, *, nested: bool) -> QuerySet[OrganizationMember]:
    present = OrganizationMember.objects.present().filter(organization=unit.organization_id)
    if not nested:
        return present.filter(unit=unit)
    below = OrganizationUnit.objects.present().filter(organization=unit.organization_id, path__startswith=unit.path)
    return present.filter(unit__in=below)
