"""The People pages: admins only."""

import uuid

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from sharing.models import Event, Role, User
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


def test_somebody_of_hundreds_is_found_by_name_address_or_account(pages: Client) -> None:
    assert "Search the list" not in pages.get("/settings/people/").content.decode()
    factories.person(Role.OWNER, email="olga@example.com", name="Olga", accounts=[factories.account("Retail", "444455556666")])
    factories.acting("cleo@acme.test", factories.account("Acme"))
    for query, found in (("OLG", "olga"), ("retail", "olga"), ("4444 5555", "olga"), ("acme", "cleo"), ("acme.test", "cleo")):
        page = pages.get("/settings/people/", {"q": query}).content.decode()
        assert [name for name in ("olga", "cleo", "ada") if f"{name}@" in page.split("<tbody>")[1]] == [found], query
    assert "Nobody matches" in pages.get("/settings/people/?q=nobody").content.decode()


def test_a_scope_begins_with_what_is_chosen_and_with_accounts_that_are_read(pages: Client) -> None:
    for name in ("A consumer", "Platform", "Retail", "Z chosen"):
        made = factories.account(name)
        if name in ("Platform", "Retail"):
            factories.connection(made)
    person = factories.person(Role.OWNER, accounts=[made])
    page = pages.get(f"/settings/people/{person.pk}/").content.decode()
    places = [page.index(f"{name} (") for name in ("Z chosen", "Platform", "Retail", "A consumer")]
    assert places == sorted(places)


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


def signed_in(person: User) -> Client:
    client = Client()
    assert client.post("/login/", {"login": person.email, "password": factories.PASSWORD}).status_code == 302
    return client


def test_an_admin_ends_one_session_or_all_of_somebody(pages: Client, admin: User) -> None:
    person = factories.person(Role.OWNER)
    here, there, third = (signed_in(person) for _ in range(3))
    page = pages.get(f"/settings/people/{person.pk}/").content.decode()
    assert page.count("End the session at") == 3
    assert "Password" in page
    one = UserSession.objects.get(session_key=here.session.session_key)
    pages.post(f"/settings/people/{person.pk}/sessions/{one.pk}/end/")
    assert [client.get("/").status_code for client in (here, there, third)] == [302, 200, 200]
    pages.post(f"/settings/people/{person.pk}/sessions/end/")
    assert [client.get("/").status_code for client in (there, third)] == [302, 302]
    texts = [event.text for event in Event.objects.filter(verb="person.sessions-ended", person=admin).order_by("sequence")]
    assert texts == [f"A session of {person.email} was ended.", f"2 sessions of {person.email} ended."]


def test_the_session_of_somebody_else_is_not_ended_under_a_wrong_name(pages: Client) -> None:
    person, other = factories.person(Role.OWNER), factories.person(Role.OWNER)
    signed_in(other)
    theirs = UserSession.objects.get(user=other)
    assert pages.post(f"/settings/people/{person.pk}/sessions/{theirs.pk}/end/").status_code == 404
    assert UserSession.objects.filter(pk=theirs.pk).exists()


def test_a_consumers_page_says_for_whom_they_act_and_an_admin_ends_it(pages: Client) -> None:
    person = factories.person(Role.CONSUMER, email="carl@example.com")
    assert "they see nothing" in pages.get(f"/settings/people/{person.pk}/").content.decode()
    membership = factories.membership(person, factories.account("Partner"))
    assert "Partner" in pages.get("/settings/people/").content.decode()
    assert "Partner" in pages.get(f"/settings/people/{person.pk}/").content.decode()
    end = f"/settings/people/{person.pk}/memberships/{membership.pk}/end/"
    assert pages.post(f"/settings/people/{factories.person().pk}/memberships/{membership.pk}/end/").status_code == 404
    assert pages.post(end).status_code == 302
    assert pages.post(end).status_code == 404
    membership.refresh_from_db()
    assert membership.ended_at is not None


def test_a_consumer_becomes_an_owner_and_an_owner_a_consumer_without_a_scope(pages: Client) -> None:
    account = factories.account("Platform")
    person = factories.person(Role.CONSUMER)
    address = f"/settings/people/{person.pk}/"
    pages.post(address, {"role": "owner", "scope": "chosen", "accounts": [str(account.pk)]})
    person.refresh_from_db()
    assert (person.role, list(person.accounts.all())) == (Role.OWNER, [account])
    answer = pages.post(address, {"role": "consumer", "scope": "every", "accounts": [str(account.pk)]})
    assert answer.status_code == 302
    person.refresh_from_db()
    assert (person.role, person.every_account, list(person.accounts.all())) == (Role.CONSUMER, False, [])


def test_consumers_are_not_added_by_hand(pages: Client) -> None:
    assert "Consumers are not added here" in pages.get("/settings/people/add/").content.decode()
    form = {"email": "new@example.com", "role": "consumer", "scope": "every"}
    assert pages.post("/settings/people/add/", form).status_code == 422
