"""Settings, limits: what is said of the workers' limits, the button that freezes, and the banner."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import Actor, Freeze, Installation, Role, User
from sharing.services import limits
from tests import factories

pytestmark = pytest.mark.django_db

PAGE, FREEZE, UNFREEZE = "/settings/limits/", "/settings/limits/freeze/", "/settings/limits/unfreeze/"
SYSTEM = Actor.at_shell("root")


def signed_in(person: User) -> Client:
    """Signed in just now, so that nobody is asked to prove it again."""
    client = Client()
    assert client.post("/login/", {"login": person.email, "password": factories.PASSWORD}).status_code == 302
    return client


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (None, "No worker has told yet"),
        ({"limits": []}, "No such limits"),
        ({"limits": ["Grants an hour: at most 50."], "limits_digest": "ab" * 32}, "Limits in force"),
        ({"limits": ["The file cannot be read."], "limits_digest": "unreadable"}, "Unreadable"),
    ],
    ids=["nothing told", "no file", "a file", "unreadable"],
)
def test_the_page_says_what_the_workers_told(client: Client, told: dict[str, Any] | None, words: str) -> None:
    Installation.objects.create(pk=1, limits_at=timezone.now(), **(told or {}))
    client.force_login(factories.person(Role.AUDITOR))
    page = client.get(PAGE).content.decode()
    assert words in page
    assert FREEZE not in page, "auditors change nothing"


def test_an_admin_freezes_with_a_reason_and_ends_it() -> None:
    client = signed_in(factories.person(email="ada@example.com"))
    assert FREEZE in client.get(PAGE).content.decode()
    assert client.post(FREEZE, {"reason": " "}).status_code == 422
    assert not limits.is_frozen()
    done = client.post(FREEZE, {"reason": "<script>a leak</script>"}, follow=True).content.decode()
    assert "Frozen. Nothing is shared" in done
    assert "&lt;script&gt;a leak" in done
    assert "<script>a leak" not in done
    client.post(FREEZE, {"reason": "again"})
    found = Freeze.objects.get()
    assert client.post(UNFREEZE, {"reason": "over"}).status_code == 422
    assert client.post(UNFREEZE, {"reason": "over", "which": "7"}).status_code == 422
    assert client.post(UNFREEZE, {"reason": "over", "which": found.pk}).status_code == 302
    assert not limits.is_frozen()
    again = client.post(UNFREEZE, {"reason": "over", "which": found.pk})
    assert (again.status_code, "Nothing is frozen" in again.content.decode()) == (422, True)


def test_a_session_that_is_old_proves_itself_first(client: Client) -> None:
    client.force_login(factories.person())
    for address in (FREEZE, UNFREEZE):
        assert client.get(address).headers["Location"].startswith("/login/again/")
        assert client.post(address, {"reason": "x"}).headers["Location"].startswith("/login/again/")
    assert not limits.is_frozen()


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR])
def test_every_page_says_that_it_is_frozen_by_whom_and_why(client: Client, role: str) -> None:
    client.force_login(factories.person(role))
    assert "Frozen" not in client.get("/").content.decode()
    limits.freeze(by=SYSTEM, reason="a leak")
    for address in ("/", "/settings/profile/"):
        page = client.get(address).content.decode()
        assert "by operator root" in page
        assert "a leak" in page
    limits.unfreeze(by=SYSTEM)
    assert "a leak" not in client.get("/").content.decode()


def test_consumers_read_that_nothing_new_is_shared_and_nothing_of_who_and_why(client: Client) -> None:
    client.force_login(factories.membership().person)
    limits.freeze(by=SYSTEM, reason="a leak at Globex")
    page = client.get("/shared/").content.decode()
    assert "Nothing new is shared for now" in page
    assert "Globex" not in page
    assert "root" not in page
    assert client.get(PAGE).status_code == 404
