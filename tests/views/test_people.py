"""The People pages: admins only."""

import uuid

import pytest
from django.test import Client

from sharing.models import Role, User
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> User:
    return factories.person(Role.ADMIN, email="ada@example.com")


@pytest.fixture
def pages(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


@pytest.mark.parametrize("role", [Role.OWNER, Role.AUDITOR])
def test_others_see_no_people_pages(client: Client, admin: User, role: str) -> None:
    client.force_login(factories.person(role))
    for address in ("", "add/", f"{admin.pk}/", f"{admin.pk}/deactivate/"):
        assert client.get(f"/settings/people/{address}").status_code == 403
    assert "/settings/people/" not in client.get("/settings/profile/").content.decode()


def test_the_list_names_everybody_with_role_scope_and_state(pages: Client) -> None:
    account = factories.account("Platform")
    factories.person(Role.AUDITOR, email="otto@example.com", name="Otto", accounts=[account])
    factories.person(Role.OWNER, email="gone@example.com", is_active=False)
    page = pages.get("/settings/people/").content.decode()
    for words in ("ada@example.com", "Otto", "otto@example.com", "Platform", "Deactivated", "Auditor"):
        assert words in page


def test_the_list_costs_the_same_at_any_size(pages: Client) -> None:
    account = factories.account()
    counts = []
    for size in (3, 40):
        for _ in range(size):
            factories.person(Role.AUDITOR, accounts=[account])
        counts.append(queries(pages, "/settings/people/"))
    assert counts[0] == counts[1]


def test_adding_somebody_with_chosen_accounts(pages: Client) -> None:
    account = factories.account("Platform")
    form = {"email": "new@example.com", "name": "New", "role": "owner", "scope": "chosen", "accounts": [str(account.pk)]}
    response = pages.post("/settings/people/add/", form)
    person = User.objects.get(email="new@example.com")
    assert response.headers["Location"] == f"/settings/people/{person.pk}/"
    assert list(person.accounts.all()) == [account]
    assert not person.every_account


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"email": ""}, "required"),
        ({"email": "nonsense"}, "valid email"),
        ({"email": "ada@example.com"}, "known already"),
        ({"role": "king"}, "valid choice"),
        ({"scope": "chosen"}, "would see nothing"),
    ],
)
def test_a_bad_form_comes_back_as_422_with_what_is_wrong(pages: Client, change: dict[str, str], words: str) -> None:
    form = {"email": "new@example.com", "role": "owner", "scope": "every", **change}
    response = pages.post("/settings/people/add/", form)
    assert response.status_code == 422
    page = response.content.decode()
    assert words in page
    assert "Nothing was changed" in page
    assert not User.objects.filter(email="new@example.com").exists()


def test_changing_a_role_and_the_last_admin(pages: Client, admin: User) -> None:
    person = factories.person(Role.OWNER)
    pages.post(f"/settings/people/{person.pk}/", {"role": "auditor", "scope": "every", "name": "N"})
    person.refresh_from_db()
    assert (person.role, person.name) == (Role.AUDITOR, "N")
    refused = pages.post(f"/settings/people/{admin.pk}/", {"role": "owner", "scope": "every"})
    assert refused.status_code == 422
    assert "last admin" in refused.content.decode()
    deactivated = pages.post(f"/settings/people/{admin.pk}/deactivate/")
    assert deactivated.status_code == 409
    assert "Make somebody else an admin first." in deactivated.content.decode()


def test_deactivating_asks_first_and_can_be_taken_back(pages: Client) -> None:
    person = factories.person(Role.OWNER)
    assert "signed out everywhere" in pages.get(f"/settings/people/{person.pk}/deactivate/").content.decode()
    person.refresh_from_db()
    assert person.is_active
    pages.post(f"/settings/people/{person.pk}/deactivate/")
    person.refresh_from_db()
    assert not person.is_active
    pages.post(f"/settings/people/{person.pk}/reactivate/")
    person.refresh_from_db()
    assert person.is_active


def test_a_first_password_link_is_shown_once_asked_and_never_cached(pages: Client) -> None:
    person = factories.person(Role.OWNER)
    assert pages.post(f"/settings/people/{person.pk}/link/").status_code == 409
    person.set_unusable_password()
    person.save()
    response = pages.post(f"/settings/people/{person.pk}/link/")
    assert "/password/reset/key/" in response.content.decode()
    assert response.headers["Cache-Control"] == "no-store"


def test_somebody_who_does_not_exist_is_a_404(pages: Client) -> None:
    assert pages.get(f"/settings/people/{uuid.uuid4()}/").status_code == 404
