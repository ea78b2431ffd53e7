"""People: added, changed, kept out; one admin always remains."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client

from sharing.models import Actor, Event, Role, User
from sharing.services import people
from sharing.services.errors import NotFound, NotPermitted, Refusal
from tests import factories

pytestmark = pytest.mark.django_db

OPERATOR = Actor.at_shell("root")


def test_the_operator_adds_the_first_admin_without_anybody_being_there() -> None:
    person = people.add_person("Ada@Example.com", role=Role.ADMIN, by=OPERATOR, name="Ada")
    assert (person.email, person.role, person.every_account) == ("ada@example.com", Role.ADMIN, True)
    assert not person.has_usable_password()
    event = Event.objects.get(verb="person.added")
    assert event.actor == "operator root"
    assert "admin of every account" in event.text


@pytest.mark.parametrize("role", [Role.OWNER, Role.AUDITOR])
def test_only_admins_add_change_deactivate_reactivate_and_make_links(role: str) -> None:
    me = Actor.of(factories.person(role))
    other = factories.person(Role.OWNER)
    with pytest.raises(NotPermitted):
        people.add_person("new@example.com", role=Role.AUDITOR, by=me)
    with pytest.raises(NotPermitted):
        people.change_person(other, role=Role.AUDITOR, every_account=True, by=me)
    with pytest.raises(NotPermitted):
        people.deactivate(other, by=me)
    with pytest.raises(NotPermitted):
        people.reactivate(other, by=me)
    with pytest.raises(NotPermitted):
        people.first_password_link(other, by=me)
    assert not Event.objects.exists()


def test_an_auditor_claimed_at_a_shell_has_an_auditors_rights() -> None:
    claimed = Actor.at_shell("root", claimed=factories.person(Role.AUDITOR))
    with pytest.raises(NotPermitted):
        people.add_person("new@example.com", role=Role.OWNER, by=claimed)


@pytest.mark.parametrize(
    ("email", "role", "password", "words"),
    [
        ("no address", Role.OWNER, None, "valid email"),
        ("new@example.com", "king", None, "role does not exist"),
        ("new@example.com", Role.OWNER, "short", "at least 10"),
        ("new@example.com", Role.OWNER, "1234567890", "numeric"),
        ("TAKEN@example.com", Role.OWNER, None, "known already"),
    ],
)
def test_a_refused_person_is_refused_in_a_sentence_and_nothing_is_written(
    email: str, role: str, password: str | None, words: str
) -> None:
    factories.person(Role.OWNER, email="taken@example.com")
    before = User.objects.count()
    with pytest.raises(Refusal) as refused:
        people.add_person(email, role=role, password=password, by=OPERATOR)
    assert words in refused.value.message
    assert User.objects.count() == before
    assert not Event.objects.exists()


def test_a_scope_is_every_account_or_at_least_one() -> None:
    account = factories.account("Platform")
    with pytest.raises(Refusal, match="see nothing"):
        people.add_person("new@example.com", role=Role.OWNER, every_account=False, by=OPERATOR)
    person = people.add_person("new@example.com", role=Role.OWNER, every_account=False, accounts=[account], by=OPERATOR)
    assert list(person.accounts.all()) == [account]
    with pytest.raises(Refusal, match="An admin sees every account"):
        people.add_person("ada@example.com", role=Role.ADMIN, every_account=False, accounts=[account], by=OPERATOR)


def test_a_change_of_role_and_scope_is_one_event_with_before_and_after() -> None:
    account = factories.account(number="111122223333")
    person = factories.person(Role.OWNER, email="olga@example.com")
    people.change_person(person, role=Role.AUDITOR, every_account=False, accounts=[account], by=OPERATOR)
    event = Event.objects.get()
    assert event.text == "olga@example.com is now auditor of 111122223333; was owner of every account."
    people.change_person(person, role=Role.AUDITOR, every_account=False, accounts=[account], by=OPERATOR)
    assert Event.objects.count() == 1


def test_the_last_active_admin_is_neither_demoted_nor_deactivated() -> None:
    ada = factories.person(Role.ADMIN)
    gone = factories.person(Role.ADMIN, is_active=False)
    with pytest.raises(Refusal, match="last admin"):
        people.change_person(ada, role=Role.OWNER, every_account=True, by=OPERATOR)
    with pytest.raises(Refusal, match="last admin"):
        people.deactivate(ada, by=OPERATOR)
    people.reactivate(gone, by=OPERATOR)
    people.deactivate(ada, by=OPERATOR)
    ada.refresh_from_db()
    assert not ada.is_active
    with pytest.raises(Refusal, match="last admin"):
        people.deactivate(gone, by=OPERATOR)


@pytest.mark.django_db(transaction=True)
def test_two_admins_cannot_shut_each_other_out_at_the_same_moment() -> None:
    ada, ben = factories.person(Role.ADMIN), factories.person(Role.ADMIN)
    start = Barrier(2)

    def shut_out(person: User, by: User) -> bool:
        try:
            start.wait(10)
            people.deactivate(person, by=Actor.of(by))
        except Refusal:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        done = [each.result() for each in (pool.submit(shut_out, ada, ben), pool.submit(shut_out, ben, ada))]
    assert sorted(done) == [False, True]
    assert User.objects.filter(role=Role.ADMIN, is_active=True).count() == 1


def test_deactivating_ends_every_session_at_once(client: Client) -> None:
    factories.person(Role.ADMIN)
    person = factories.person(Role.OWNER, email="olga@example.com")
    client.post("/login/", {"login": "olga@example.com", "password": factories.PASSWORD})
    assert client.get("/settings/profile/").status_code == 200
    people.deactivate(person, by=OPERATOR)
    assert client.get("/settings/profile/").status_code == 302
    assert not UserSession.objects.filter(user=person).exists()
    assert Event.objects.get(verb="person.deactivated").text == "olga@example.com was deactivated; 1 session ended."
    client.post("/login/", {"login": "olga@example.com", "password": factories.PASSWORD})
    assert client.get("/settings/profile/").status_code == 302


def test_a_link_for_a_first_password_is_made_only_until_there_is_one() -> None:
    person = people.add_person("new@example.com", role=Role.OWNER, by=OPERATOR)
    link = people.first_password_link(person, by=OPERATOR)
    assert link.startswith("http://localhost:8000/password/reset/key/")
    assert Event.objects.filter(verb="person.link-made").exists()
    people.set_password(person, "a long enough one")
    with pytest.raises(Refusal, match="has a password already"):
        people.first_password_link(person, by=OPERATOR)


def test_accounts_that_are_not_known_are_named() -> None:
    known = factories.account(number="111122223333")
    assert people.find_accounts(["111122223333"], by=OPERATOR) == [known]
    with pytest.raises(NotFound, match="444455556666"):
        people.find_accounts(["111122223333", "444455556666"], by=OPERATOR)


def test_a_profile_is_changed_by_the_person_alone() -> None:
    person, other = factories.person(Role.AUDITOR), factories.person(Role.ADMIN)
    changed = people.change_profile(person, name="Otto", time_zone="Europe/Berlin", theme="dark", by=Actor.of(person))
    assert (changed.name, changed.time_zone, changed.theme) == ("Otto", "Europe/Berlin", "dark")
    with pytest.raises(NotPermitted):
        people.change_profile(person, name="X", time_zone="UTC", theme="dark", by=Actor.of(other))
    for bad in ({"time_zone": "Mars/Base"}, {"theme": "pink"}):
        fields: dict[str, Any] = {"name": "Otto", "time_zone": "UTC", "theme": "dark", **bad}
        with pytest.raises(Refusal):
            people.change_profile(person, **fields, by=Actor.of(person))
