"""One's own profile and sessions."""

import re

import pytest
from allauth.usersessions.models import UserSession
from django.test import Client

from sharing.models import Role
from tests import factories

pytestmark = pytest.mark.django_db


def signed_in(email: str) -> Client:
    client = Client()
    assert client.post("/login/", {"login": email, "password": factories.PASSWORD}).status_code == 302
    return client


@pytest.mark.parametrize("role", Role.values)
def test_everybody_changes_their_own_profile(role: str) -> None:
    person = factories.person(role, email="me@example.com")
    client = signed_in("me@example.com")
    assert 'data-bs-theme="auto"' in client.get("/settings/profile/").content.decode()
    response = client.post("/settings/profile/", {"name": "Me", "time_zone": "Asia/Tokyo", "theme": "dark"})
    assert response.status_code == 302
    person.refresh_from_db()
    assert (person.name, person.time_zone, person.theme) == ("Me", "Asia/Tokyo", "dark")
    assert 'data-bs-theme="dark"' in client.get("/settings/profile/").content.decode()
    client.post("/logout/")
    assert 'data-bs-theme="dark"' in client.get("/login/").content.decode(), "the device remembers its look"


def test_reminders_are_switched_off_and_on() -> None:
    person = factories.person(Role.CONSUMER, email="me@example.com")
    client = signed_in("me@example.com")
    form = {"name": "Me", "time_zone": "UTC", "theme": "auto"}
    for asked, shown in (({}, False), ({"reminders": "on"}, True)):
        assert client.post("/settings/profile/", {**form, **asked}).status_code == 302
        person.refresh_from_db()
        assert person.reminders is shown
        box = re.search(r'<input[^>]*name="reminders"[^>]*>', client.get("/settings/profile/").content.decode())
        assert box is not None
        assert (" checked" in box.group()) is shown


def test_times_are_shown_in_the_persons_zone() -> None:
    person = factories.person(Role.ADMIN, email="me@example.com", time_zone="Asia/Tokyo")
    page = signed_in("me@example.com").get(f"/settings/people/{person.pk}/").content.decode()
    assert "JST" in page


@pytest.mark.parametrize("change", [{"time_zone": "Mars/Base"}, {"theme": "pink"}, {"name": "x" * 101}])
def test_a_bad_profile_comes_back_as_422(change: dict[str, str]) -> None:
    factories.person(Role.OWNER, email="me@example.com")
    form = {"name": "Me", "time_zone": "UTC", "theme": "auto", **change}
    response = signed_in("me@example.com").post("/settings/profile/", form)
    assert response.status_code == 422
    assert "Nothing was changed" in response.content.decode()


def test_a_session_is_ended_from_another_one() -> None:
    person = factories.person(Role.OWNER, email="me@example.com")
    here, there = signed_in("me@example.com"), signed_in("me@example.com")
    assert here.get("/settings/profile/").content.decode().count("End the session") == 1
    other = UserSession.objects.filter(user=person).exclude(session_key=here.session.session_key).get()
    here.post(f"/settings/profile/sessions/{other.pk}/end/")
    assert there.get("/").status_code == 302
    assert here.get("/").status_code == 200


def test_all_other_sessions_are_ended_at_once() -> None:
    factories.person(Role.OWNER, email="me@example.com")
    here, *others = (signed_in("me@example.com") for _ in range(3))
    assert "2 other sessions ended" in here.post("/settings/profile/sessions/end-others/", follow=True).content.decode()
    assert [client.get("/").status_code for client in others] == [302, 302]


def test_nobody_ends_the_session_of_somebody_else() -> None:
    factories.person(Role.OWNER, email="me@example.com")
    factories.person(Role.OWNER, email="you@example.com")
    me, you = signed_in("me@example.com"), signed_in("you@example.com")
    theirs = UserSession.objects.get(session_key=you.session.session_key)
    assert me.post(f"/settings/profile/sessions/{theirs.pk}/end/").status_code == 404
    assert you.get("/").status_code == 200
