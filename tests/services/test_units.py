"""Units of an organisation: read whole or not at all, and who is in which is known only while it is fresh."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from sharing.aws import organizations as aws
from sharing.models import Event, Organization, OrganizationMember, OrganizationUnit
from sharing.sandbox.story.demo import (
    ACME,
    CENTRAL,
    CLOSING,
    GLOBEX,
    INITECH,
    LOGISTICS,
    MANAGEMENT,
    ORGANISATION,
    PLATFORM,
    RETAIL,
    RETIRED,
    WORKLOADS,
)
from sharing.services import organizations
from tests import factories

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

ROOT = "r-k3s8"


@pytest.fixture
def organization(sandbox: "Sandbox") -> Organization:
    """The story's organisation, read with its units."""
    platform = sandbox.account("Platform")
    connection = factories.connection(
        of=factories.account("Platform", PLATFORM),
        purpose="organization",
        role_arn=platform.organization_role_arn,
        external_id=platform.organization_external_id,
    )
    made = factories.organization(organization_id=ORGANISATION, connection=connection, read_at=None, read_due_at=timezone.now())
    organizations.read(made.pk)
    assert organizations.units_due(timezone.now()) == [made.pk]
    read = organizations.read_units(made.pk)
    assert read is not None
    assert not read.units_failure
    return read


def again(organization: Organization, *, members: bool = True) -> Organization:
    """Read once more."""
    due = timezone.now()
    Organization.objects.filter(pk=organization.pk).update(read_due_at=due, units_due_at=due)
    if members:
        organizations.read(organization.pk)
    read = organizations.read_units(organization.pk)
    assert read is not None
    return read


def units() -> dict[str, OrganizationUnit]:
    return {one.unit_id: one for one in OrganizationUnit.objects.select_related("organization__connection")}


def placed() -> dict[str, str]:
    rows = OrganizationMember.objects.present().exclude(unit=None)
    return dict(rows.values_list("number", "unit__unit_id"))


def test_the_tree_is_kept_with_paths_as_conditions_compare_them(organization: Organization) -> None:
    told = units()
    assert {one.unit_id: str(one) for one in told.values()} == {
        ROOT: "Root",
        CENTRAL: "Central platform",
        WORKLOADS: "Workloads",
        RETAIL: "Workloads / Retail",
        LOGISTICS: "Workloads / Logistics",
        RETIRED: "Retired",
    }
    assert told[RETAIL].path == f"{ORGANISATION}/{ROOT}/{WORKLOADS}/{RETAIL}/"
    assert placed() == {PLATFORM: CENTRAL, ACME: RETAIL, GLOBEX: LOGISTICS, CLOSING: RETIRED, MANAGEMENT: ROOT}
    assert organizations.known().paths[ACME] == told[RETAIL].path
    assert (organization.units_due_at, organizations.units_due(timezone.now())) == (None, [])
    text = f"The units of organisation {ORGANISATION} were read: 5 beneath the root"
    assert Event.objects.get(verb="organization.units-read").text == text


def test_more_than_a_page_holds_is_all_read(sandbox: "Sandbox", organization: Organization) -> None:
    for number in range(45):
        sandbox.add_to_organisation(f"{900000000000 + number}", ORGANISATION)
        sandbox.place(f"{900000000000 + number}", RETAIL)
        sandbox.add_unit(ORGANISATION, f"ou-k3s8-many{number:04d}", "", under=LOGISTICS)
    again(organization)
    assert (len(units()), OrganizationMember.objects.filter(unit__unit_id=RETAIL).count()) == (51, 46)


def test_who_moves_is_told_once_and_a_unit_that_is_gone_stays_as_a_row(sandbox: "Sandbox", organization: Organization) -> None:
    sandbox.place(ACME, LOGISTICS)
    del sandbox.directory.units[RETAIL]
    again(organization)
    assert placed()[ACME] == LOGISTICS
    moved = Event.objects.get(verb="organization.moved")
    assert moved.text.startswith(f"Acme Retail ({ACME}) moved from unit Workloads / Retail to unit Workloads / Logistics")
    assert units()[RETAIL].gone_at is not None
    again(organization)
    assert Event.objects.filter(verb="organization.moved").count() == 1
    sandbox.add_unit(ORGANISATION, RETAIL, "Shops", under=WORKLOADS)
    again(organization)
    assert (units()[RETAIL].gone_at, str(units()[RETAIL])) == (None, "Workloads / Shops")


def test_a_walk_that_breaks_off_changes_nothing_and_who_is_where_is_not_known_then(
    sandbox: "Sandbox", organization: Organization
) -> None:
    sandbox.place(ACME, LOGISTICS)
    for _ in range(2):
        sandbox.faults.add("ListAccountsForParent", code="AccessDeniedException", status=403, message="No.")
        failed = again(organization)
        assert "organizations:ListAccountsForParent" in failed.units_failure_next
    assert placed()[ACME] == RETAIL
    assert failed.units_read_at == organization.units_read_at
    assert Event.objects.filter(verb="organization.units-unread").count() == 1
    known = organizations.known()
    assert (known.homes[ACME], dict(known.paths)) == (ORGANISATION, {})
    assert again(organization).units_failure == ""
    assert placed()[ACME] == LOGISTICS


def test_an_account_seen_twice_was_moved_meanwhile_so_nothing_is_kept(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = aws.AccountPage([aws.ListedAccount(ACME, "Acme", "ACTIVE")], "")
    monkeypatch.setattr(aws.Organizations, "accounts_in", lambda self, parent, token="": page)
    failed = again(organization)
    assert "changed while they were read" in failed.units_failure
    assert placed()[GLOBEX] == LOGISTICS
    assert organizations.units_due(timezone.now() + timedelta(minutes=11)) == [organization.pk]


def test_a_unit_that_vanished_under_the_walk_has_it_tried_again(sandbox: "Sandbox", organization: Organization) -> None:
    sandbox.faults.add("ListOrganizationalUnitsForParent", code="ParentNotFoundException", status=400, message="Gone.")
    assert again(organization).units_failure
    assert organizations.units_due(timezone.now() + timedelta(minutes=11)) == [organization.pk]


@pytest.mark.parametrize(
    "pages",
    [[aws.UnitPage([], "")], [aws.UnitPage([], "a"), aws.UnitPage([], "a")]],
    ids=["no root", "going round in circles"],
)
def test_a_tree_that_cannot_be_whole_is_none(
    organization: Organization, monkeypatch: pytest.MonkeyPatch, pages: list[aws.UnitPage]
) -> None:
    rest = iter(pages)
    monkeypatch.setattr(aws.Organizations, "roots", lambda self, token="": next(rest))
    assert "could not be understood" in again(organization).units_failure
    assert placed()[ACME] == RETAIL


def test_too_many_units_are_said_to_be_too_many(organization: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.services.organizations.placing.MOST_UNITS", 3)
    assert "more than 3 units" in again(organization).units_failure


def test_a_walk_is_made_once_and_a_worker_that_died_is_followed_by_another(
    sandbox: "Sandbox", organization: Organization
) -> None:
    sandbox.journal.clear()
    assert organizations.read_units(organization.pk) is None
    assert not sandbox.journal.calls
    Organization.objects.update(units_due_at=timezone.now() + timedelta(minutes=20))
    assert organizations.units_due(timezone.now() + timedelta(minutes=21)) == [organization.pk]


def test_an_account_is_inside_elsewhere_or_not_known(sandbox: "Sandbox", organization: Organization) -> None:
    sandbox.add_to_organisation(INITECH, ORGANISATION)
    sandbox.place(CLOSING, RETAIL)
    again(organization)
    sandbox.add_to_organisation("900000000001", ORGANISATION)
    Organization.objects.filter(pk=organization.pk).update(read_due_at=timezone.now())
    organizations.read(organization.pk)  # who is new is not in any unit yet, which says nothing
    told = units()
    asked = [ACME, GLOBEX, CLOSING, "900000000001", "900000000002"]
    found = organizations.placed([Organization.objects.get()], units=told.values(), besides=asked)[organization.pk]
    assert found.inside(told[RETAIL], nested=False) == {ACME, CLOSING}
    assert CLOSING not in found.able
    assert found.inside(told[WORKLOADS], nested=False) == set()
    assert found.inside(told[WORKLOADS], nested=True) == {ACME, GLOBEX, CLOSING}
    assert found.inside(told[ROOT], nested=True) == {PLATFORM, ACME, GLOBEX, MANAGEMENT, INITECH, CLOSING}
    assert found.elsewhere(told[RETAIL], asked, nested=True) == {GLOBEX, "900000000002"}
    some = organizations.placed([Organization.objects.get()], units=[told[RETAIL]], besides=asked)[organization.pk]
    assert set(some.where) == {ACME, GLOBEX, CLOSING, "900000000001"}
    for nested in (False, True):
        assert some.inside(told[RETAIL], nested=nested) == found.inside(told[RETAIL], nested=nested)
        assert some.elsewhere(told[RETAIL], asked, nested=nested) == found.elsewhere(told[RETAIL], asked, nested=nested)


STALE: dict[str, dict[str, Any]] = {
    "old": {"units_read_at": timedelta(hours=49)},
    "never read": {"units_read_at": None},
    "failing": {"units_failure": "AWS did not answer in time."},
    "its members failing": {"failure": "AWS did not answer in time."},
    "its members old": {"read_at": timedelta(hours=49)},
}


@pytest.mark.parametrize("why", STALE)
def test_unread_is_not_empty_and_nobody_is_elsewhere(why: str) -> None:
    made = factories.organization()
    unit = factories.unit(made, "ou-ab12-11111111", ACME)
    now = timezone.now()
    changes = {name: now - value if isinstance(value, timedelta) else value for name, value in STALE[why].items()}
    Organization.objects.update(**changes)
    every = Organization.objects.select_related("connection")
    found = organizations.placed(every, units=[unit], besides=[GLOBEX])[made.pk]
    assert found.why_not
    assert found.inside(unit, nested=True) == set()
    assert found.elsewhere(unit, [GLOBEX], nested=True) == set()
    assert not organizations.known().paths
