"""What costs much is asked so often by one person, and the page says when to go on."""

import pytest
from django.core.cache import caches
from django.test import Client

from sharing.models import Role
from sharing.views import limiting
from tests import factories
from tests.views.walked import addresses

pytestmark = pytest.mark.django_db

LIMITED = {name: address for name, address in addresses(None) if limiting.kind_of(name)}


@pytest.fixture(autouse=True)
def _once(monkeypatch: pytest.MonkeyPatch) -> None:
    caches["default"].clear()
    caches["memory"].clear()
    monkeypatch.setattr(limiting, "RATES", {"export": "1/m/user", "question": "1/h/user"})


def signed_in(role: str = Role.OWNER) -> Client:
    client = Client()
    client.force_login(factories.person(role))
    return client


def test_every_export_and_every_question_over_everything_is_counted() -> None:
    assert len([name for name in LIMITED if name.endswith("-export")]) >= 7
    assert {name for name in LIMITED if not name.endswith("-export")} == limiting.QUESTIONS


@pytest.mark.parametrize("name", sorted(LIMITED))
def test_once_too_often_is_said_with_when_to_try_again(name: str) -> None:
    one, other = signed_in(), signed_in()
    address = LIMITED[name]
    assert one.get(address).status_code != 429
    answer = one.get(address)
    page = answer.content.decode()
    assert answer.status_code == 429
    seconds = int(answer["Retry-After"])
    if limiting.kind_of(name) == "export":
        assert 1 <= seconds <= 60
        assert f"Try again in {seconds} second" in page
    else:
        assert 3_500 < seconds <= 3_600
        assert "Try again in 60 minutes" in page
    assert "Nothing was done" in page
    assert 'aria-label="Main"' in page, "the side bar is there"
    assert other.get(address).status_code != 429, "another person is not held up"


def test_a_consumer_is_held_up_in_their_own_frame() -> None:
    client = signed_in(Role.CONSUMER)
    assert client.get("/shared/export/").status_code == 200
    assert client.get("/shared/export/").status_code == 429


def test_guessing_at_passwords_is_told_to_wait_five_minutes() -> None:
    client = Client()
    for number in range(40):
        answer = client.post("/login/", {"login": f"someone{number}@example.com", "password": "guess"})
    assert (answer.status_code, answer["Retry-After"]) == (429, "300")
    assert "Try again in 5 minutes" in answer.content.decode()


def test_what_is_not_limited_is_not_counted() -> None:
    assert limiting.kind_of("overview") == ""
    client = signed_in()
    for _ in range(3):
        assert client.get("/activity/").status_code == 200
