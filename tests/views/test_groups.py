"""Groups of consumers, by their pages."""

import uuid

import pytest
from django.test import Client

from sharing.models import Account, Actor, Bulk, Group, Role, User
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
