"""The units of an organisation, as last read: for whoever sees every account."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sharing.models import ConnectionState, Group, Organization, OrganizationMember, OrganizationUnit

from .paging import page_of
from .permitting import actor


@dataclass(frozen=True)
class Row:
    """One unit: how deep it is beneath the root, how many accounts are in it, and with the units beneath it."""

    unit: OrganizationUnit
    depth: int
    own: int
    whole: int
    groups: tuple[Group, ...]


@require_safe
def unit_list(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every unit, those beneath another one after it."""
    organization = get_object_or_404(
        Organization.objects.visible_to(actor(request)).select_related("connection__account"), pk=pk
    )
    page = page_of(_as_tree(list(organization.units.present())), request)
    members = OrganizationMember.objects.present().filter(organization=organization)
    counted = Counter(members.exclude(unit=None).order_by().values_list("unit__path", flat=True))
    groups: dict[uuid.UUID, list[Group]] = {}
    for one in Group.objects.filter(unit__in=[one.pk for one in page.object_list], deleted_at=None):
        if one.unit_id is not None:
            groups.setdefault(one.unit_id, []).append(one)
    context = {
        "organization": organization,
        "stale": organization.units_stale(timezone.now()),
        "reading": is_reading(organization),
        "page": page,
        "rows": [
            Row(
                unit,
                unit.path.count("/") - 2,
                counted[unit.path],
                sum(many for path, many in counted.items() if path.startswith(unit.path)),
                tuple(groups.get(unit.pk, ())),
            )
            for unit in page.object_list
        ],
        "unplaced": members.filter(unit=None).count(),
    }
    return render(request, "organisations/units.html", context)


def _as_tree(units: Sequence[OrganizationUnit]) -> list[OrganizationUnit]:
    """By names, each directly after the one above it: no order of the written trails is that, in whatever database."""
    names = {one.path: one.name.casefold() for one in units}

    def place(unit: OrganizationUnit) -> list[tuple[str, str]]:
        steps = unit.path.rstrip("/").split("/")
        above = ["/".join(steps[:end]) + "/" for end in range(2, len(steps) + 1)]
        return [(names.get(path, ""), path) for path in above]

    return sorted(units, key=place)


def is_reading(organization: Organization) -> bool:
    """Whether a worker reads its units now, or is about to. The connection should be loaded."""
    connected = organization.connection is not None and organization.connection.state == ConnectionState.CONNECTED
    return connected and organization.units_due_at is not None and not organization.units_failure
