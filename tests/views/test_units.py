"""The page of an organisation's units."""

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import Actor, Organization, OrganizationMember, Role
from sharing.services import groups
from tests import factories
from tests.services.kept import ACME, GLOBEX, INITECH
from tests.views.counting import queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client: Client) -> Client:
    client.force_login(factories.person(Role.OWNER))
    return client


def test_units_with_their_accounts_and_the_groups_that_follow_them(signed_in: Client) -> None:
    made = factories.organization(INITECH)
    shops = factories.unit(made, "ou-ab12-11111111", ACME, name="<script>x</script>")
    factories.unit(made, "ou-ab12-22222222", GLOBEX, name="Online", under=shops)
    groups.make("Every shop", by=Actor.of(factories.person(Role.OWNER)), unit=shops)
    page = signed_in.get(f"/settings/organisations/{made.pk}/units/").content.decode()
    assert "<script>x" not in page
    for words in ("ou-ab12-22222222", "Every shop", f"/consumers/groups/new/?unit={shops.pk}", "Of 1 account"):
        assert words in page
    rows = [row.split("</tr>")[0] for row in page.split("<tr>")[2:]]
    counts = [[cell.split("<")[0] for cell in row.split('beneath">')[1:]] for row in rows]
    assert counts == [["2"], ["2"], ["1"]]
    page = signed_in.get(f"/settings/organisations/{made.pk}/").content.decode()
    assert f'/settings/organisations/{made.pk}/units/">2 beneath the root</a>' in page


def test_each_unit_stands_after_the_one_above_it_whatever_they_are_called(signed_in: Client) -> None:
    made = factories.organization()
    prod = factories.unit(made, "ou-ab12-11111111", name="Prod")
    factories.unit(made, "ou-ab12-22222222", name="Prod - old")
    factories.unit(made, "ou-ab12-33333333", name="web", under=prod)
    page = signed_in.get(f"/settings/organisations/{made.pk}/units/").content.decode()
    names = [cell.split("<span>")[1].split("<")[0] for cell in page.split("unit-name unit-depth-")[1:]]
    assert names == ["Root", "Prod", "web", "Prod - old"]


def test_unread_units_are_not_none(signed_in: Client) -> None:
    made = factories.organization(
        ACME, units_failure="The role may not do organizations:ListRoots.", units_failure_next="Let it."
    )
    page = signed_in.get(f"/settings/organisations/{made.pk}/units/").content.decode()
    assert "The role may not do organizations:ListRoots. Let it." in page
    assert "Unread is not empty" in page
    assert "Not known now" in signed_in.get(f"/settings/organisations/{made.pk}/").content.decode()
    Organization.objects.update(units_failure="", units_due_at=timezone.now())
    assert "A worker reads them" in signed_in.get(f"/settings/organisations/{made.pk}/units/").content.decode()
    headers = {"HX-Request": "true", "HX-Target": "units-told"}
    polled = signed_in.get(f"/settings/organisations/{made.pk}/", headers=headers).content.decode()
    assert "every 2s" in polled
    Organization.objects.update(units_due_at=None)
    assert "every" not in signed_in.get(f"/settings/organisations/{made.pk}/", headers=headers).content.decode()


def test_who_does_not_see_every_account_sees_no_units(client: Client) -> None:
    made = factories.organization(ACME)
    client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
    assert client.get(f"/settings/organisations/{made.pk}/units/").status_code == 404
    client.force_login(factories.person(Role.AUDITOR))
    page = client.get(f"/settings/organisations/{made.pk}/units/")
    assert page.status_code == 200
    assert "/consumers/groups/new/" not in page.content.decode()


def test_it_costs_the_same_whatever_is_in_it(signed_in: Client) -> None:
    made = factories.organization()
    counts = []
    for begin, size in ((0, 2), (100, 30)):
        for number in range(begin, begin + size):
            unit = factories.unit(made, f"ou-ab12-{number:08d}")
            OrganizationMember.objects.create(organization=made, number=f"{number:012d}", unit=unit, status="ACTIVE")
        counts.append(queries(signed_in, f"/settings/organisations/{made.pk}/units/"))
    assert counts[0] == counts[1]
