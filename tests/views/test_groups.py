"""Groups of consumers, by their pages."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sharing.models import Account, Actor, Bulk, Group, Organization, Role, User
from sharing.services import groups
from tests import factories
from tests.services.kept import ACME, GLOBEX, owner
from tests.views.counting import queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def platform() -> Account:
    return owner()


@pytest.fixture
def ann() -> User:
    return factories.person(Role.OWNER, email="ann@example.com")


@pytest.fixture
def signed_in(client: Client, ann: User) -> Client:
    client.force_login(ann)
    return client


def joined(client: Client, group: Group, who: str) -> Bulk:
    sent = client.post(f"/consumers/groups/{group.pk}/join/", {"who": who, "form_token": uuid.uuid4().hex})
    return Bulk.objects.get(pk=sent.headers["Location"].split("/")[-2])


def confirm(client: Client, bulk: Bulk) -> None:
    assert bulk.judged_at is not None
    client.post(f"/functions/bulk/{bulk.pk}/confirm/", {"judged": bulk.judged_at.isoformat()})


def test_made_filled_shared_with_and_left(signed_in: Client, platform: Account) -> None:
    function = factories.function("hello", platform)
    signed_in.post("/consumers/groups/new/", {"name": "Team Blue", "note": "<script>alert(1)</script>"})
    group = Group.objects.get()
    address = f"/consumers/groups/{group.pk}/"
    bulk = joined(signed_in, group, f"{ACME}\n{GLOBEX}")
    page = signed_in.get(f"/functions/bulk/{bulk.pk}/").content.decode()
    assert "Nothing is shared with the group yet" in page
    assert "2 accounts become members" in page
    confirm(signed_in, bulk)
    assert group.members.count() == 2
    note = signed_in.post(f"/functions/{function.pk}/share/preview/", {"who": "team blue"}).content.decode()
    assert f"/functions/bulk/new/?function={function.pk}" in note
    page = signed_in.get(f"/functions/bulk/new/?function={function.pk}&who=Team Blue").content.decode()
    assert "Team Blue</textarea>" in page
    form = {"form_token": "f", "action": "lambda:InvokeFunction", "until": "never", "reason": "x", "step": "preview"}
    sent = signed_in.post("/functions/bulk/new/", {**form, "functions": "hello", "who": "Team Blue"})
    bulk = Bulk.objects.get(pk=sent.headers["Location"].split("/")[-2])
    confirm(signed_in, bulk)
    for item in bulk.items.all():
        bulk.items.filter(pk=item.pk).update(state="made", grant=factories.grant(to=item.who))
    page = signed_in.get(address).content.decode()
    assert "2 of 2" in page
    assert "<script>alert" not in page
    sent = signed_in.post(f"{address}leave/", {"number": ACME})
    page = signed_in.get(sent.headers["Location"]).content.decode()
    assert "Will be taken back" in page
    assert "1 account leaves the group" in page
    assert "What becomes of them?" in signed_in.get(f"{address}delete/").content.decode()
    assert signed_in.post(f"{address}delete/", {"shares": "x"}).status_code == 422
    sent = signed_in.post(f"{address}delete/", {"shares": "take-back"})
    assert "Delete the group, take 2 back" in signed_in.get(sent.headers["Location"]).content.decode()
    assert signed_in.post(f"{address}delete/", {"shares": "leave"}).status_code == 302
    assert signed_in.get(address).status_code == 404


@pytest.mark.parametrize("who", ["", "\x00", "nobody at all", "arn:aws:iam::111122223333:role/x", "o-a1b2c3d4e5"])
def test_what_is_no_account_joins_nothing(signed_in: Client, ann: User, who: str) -> None:
    group = groups.make("Team Blue", by=Actor.of(ann))
    sent = signed_in.post(f"/consumers/groups/{group.pk}/join/", {"who": who, "form_token": "f"})
    assert sent.status_code == 422
    assert not Bulk.objects.exists()


@pytest.fixture
def organization() -> Organization:
    """Acme is in one unit, and Globex in another beneath it."""
    made = factories.organization()
    shops = factories.unit(made, "ou-ab12-11111111", ACME, name="<i>Shops</i>")
    factories.unit(made, "ou-ab12-22222222", GLOBEX, name="Online", under=shops)
    return made


def test_a_group_of_a_unit_is_made_looked_at_confirmed_and_followed(signed_in: Client, organization: Organization) -> None:
    unit = organization.units.get(unit_id="ou-ab12-11111111")
    page = signed_in.get(f"/consumers/groups/new/?unit={unit.pk}").content.decode()
    assert f'value="{unit.pk}" selected' in page
    assert "<i>Shops" not in page
    made = signed_in.post("/consumers/groups/new/", {"name": "Shops", "unit": unit.pk, "nested": "on"})
    group = Group.objects.get()
    assert (made.headers["Location"], group.unit, group.nested) == (f"/consumers/groups/{group.pk}/", unit, True)
    page = signed_in.get(f"/consumers/groups/{group.pk}/").content.decode()
    assert "2 accounts are in the unit and not in the group" in page
    assert "/join/" not in page
    assert "2 joined" in signed_in.get("/consumers/groups/").content.decode()
    waits = f'the unit that this group follows: <a href="/consumers/groups/{group.pk}/">Shops</a>'
    assert waits in signed_in.get("/").content.decode()
    sent = signed_in.post(f"/consumers/groups/{group.pk}/follow/", {"who": "joined"})
    confirm(signed_in, Bulk.objects.get(pk=sent.headers["Location"].split("/")[-2]))
    assert waits not in signed_in.get("/").content.decode()
    assert "Its accounts are in the group." in signed_in.get(f"/consumers/groups/{group.pk}/").content.decode()
    organization.members.filter(number=ACME).update(left_at=timezone.now())
    page = signed_in.get(f"/consumers/groups/{group.pk}/").content.decode()
    assert "1 account is in the group and not in the unit any more" in page
    assert "1 left" in signed_in.get("/consumers/groups/").content.decode()
    sent = signed_in.post(f"/consumers/groups/{group.pk}/follow/", {"who": "left"})
    assert "1 account leaves the group" in signed_in.get(sent.headers["Location"]).content.decode()
    Organization.objects.update(units_failure="AWS did not answer in time.")
    page = signed_in.get(f"/consumers/groups/{group.pk}/").content.decode()
    assert "Who is in it is not known now. AWS did not answer in time." in page
    assert "/follow/" not in page
    assert "Unit not known now" in signed_in.get("/consumers/groups/").content.decode()
    page = signed_in.get(reverse("bulk-new")).content.decode()
    assert "Who is in the organisational unit that Shops follows is not known now" in page
    assert signed_in.post(f"/consumers/groups/{group.pk}/follow/", {"who": "left"}).status_code == 409
    assert signed_in.post(f"/consumers/groups/{group.pk}/unfollow/").status_code == 302
    assert "/join/" in signed_in.get(f"/consumers/groups/{group.pk}/").content.decode()


def test_units_are_shown_and_named_to_nobody_who_does_not_see_every_account(
    client: Client, ann: User, organization: Organization, platform: Account
) -> None:
    unit = organization.units.get(unit_id="ou-ab12-11111111")
    group = groups.make("Some", by=Actor.of(ann), unit=unit)
    client.force_login(factories.person(Role.OWNER, accounts=[platform]))
    new, one, all_ = (client.get(f"/consumers/groups/{page}").content.decode() for page in ("new/", f"{group.pk}/", ""))
    assert "organisational unit" not in new
    assert "follows a unit of an organisation" in one
    for page in (one, all_):
        assert "Shops" not in page
        assert "joined" not in page
    client.post("/consumers/groups/new/", {"name": "Mine", "unit": unit.pk})
    assert Group.objects.get(name="Mine").unit is None
    assert client.post(f"/consumers/groups/{group.pk}/follow/", {"who": "joined"}).status_code == 403
    assert client.post(f"/consumers/groups/{group.pk}/unfollow/").status_code == 403


@pytest.mark.parametrize("unit", ["x", "\x00", "9" * 400, str(uuid.UUID(int=7))])
def test_a_unit_that_is_none_is_a_mistake_in_the_form(signed_in: Client, organization: Organization, unit: str) -> None:
    assert signed_in.get("/consumers/groups/new/", {"unit": unit}).status_code == 200
    sent = signed_in.post("/consumers/groups/new/", {"name": "Shops", "unit": unit})
    assert sent.status_code == 422
    assert not Group.objects.exists()


def test_the_list_costs_the_same_however_many_follow_a_unit(signed_in: Client, ann: User, organization: Organization) -> None:
    unit, counts = organization.units.get(unit_id="ou-ab12-11111111"), []
    for size in (1, 12):
        for number in range(size):
            groups.make(f"Group {size} {number}", by=Actor.of(ann), unit=unit)
        counts.append(queries(signed_in, "/consumers/groups/"))
    assert counts[0] == counts[1]


def test_an_auditor_looks_at_groups(client: Client, ann: User) -> None:
    group = groups.make("Team Blue", by=Actor.of(ann))
    client.force_login(factories.person(Role.AUDITOR))
    page = client.get(f"/consumers/groups/{group.pk}/").content.decode()
    assert "/join/" not in page
    assert "Team Blue" in client.get("/consumers/groups/").content.decode()


def test_pages_cost_the_same_whatever_is_in_them(signed_in: Client, ann: User) -> None:
    by = Actor.of(ann)
    few, many = groups.make("Few", by=by), groups.make("Many", by=by)
    counts = []
    for group, size in ((few, 2), (many, 30)):
        bulk = groups.join(group, [f"{100_000_000_000 + n}" for n in range(size)], by=by)
        confirm(signed_in, bulk)
        counts.append(queries(signed_in, f"/consumers/groups/{group.pk}/"))
    assert counts[0] == counts[1]
