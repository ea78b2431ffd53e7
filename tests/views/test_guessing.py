"""Ten thousand attempts to sign in: nothing gets in, nothing is told, nothing grows."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from sharing.models import Event, Role, SignInFailure
from sharing.services.signing import failing
from sharing.views.signing.adapters import InvitedOnlyAdapter
from tests import factories

pytestmark = pytest.mark.django_db

_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"|value="[^"@]*@[^"]*"')


def said(client: Client, email: str, password: str, ip: str) -> tuple[int, str]:
    answer = client.post("/login/", {"login": email, "password": password}, REMOTE_ADDR=ip)
    return answer.status_code, _TOKEN.sub("", answer.content.decode())


def test_many_attempts_from_many_addresses_open_nothing_and_tell_nothing() -> None:
    factories.person(Role.ADMIN, email="ada@example.com")
    client = Client()
    answers: dict[str, list[tuple[int, str]]] = {"ada@example.com": [], "nobody@example.com": []}
    for number in range(40):
        for email, heard in answers.items():
            heard.append(said(client, email, f"guess {number}", f"203.0.{number}.{1 if email.startswith('ada') else 2}"))
    assert answers["ada@example.com"] == answers["nobody@example.com"], "the same answers, in the same order"
    assert {status for status, _ in answers["ada@example.com"]} == {200}
    right = said(client, "ada@example.com", factories.PASSWORD, "203.0.113.9")
    assert right == answers["ada@example.com"][-1], "while it is guessed at, not even the right one is told from the others"
    assert client.get("/").status_code == 302


def test_one_address_is_slowed_down_whoever_it_tries() -> None:
    client = Client()
    statuses = [said(client, f"someone{number}@example.com", "guess", "198.51.100.7")[0] for number in range(40)]
    assert statuses[:10] == [200] * 10
    assert statuses[-1] == 429


def test_the_attempts_are_one_line_of_history_for_known_people_and_none_for_others() -> None:
    person = factories.person(Role.ADMIN, email="ada@example.com")
    begun = timezone.now()
    for number in range(300):
        failing.failed("Ada@example.com ", ip="203.0.113.5", now=begun + timedelta(seconds=number))
        failing.failed(f"nobody{number}@example.com", ip="203.0.113.6", now=begun + timedelta(seconds=number))
    assert SignInFailure.objects.count() == 2
    failing.tell_due(begun + timedelta(minutes=14))
    assert not Event.objects.exists(), "the quarter of an hour is not over"
    for _ in range(2):
        failing.tell_due(begun + timedelta(minutes=15))
    event = Event.objects.get()
    assert event.verb == "person.sign-in-failed"
    assert "300 attempts to sign in as ada@example.com failed" in event.text
    assert event.text.endswith("the last from 203.0.113.5.")
    assert event.detail == {"count": 300, "person": str(person.pk)}
    assert not SignInFailure.objects.exists()


def test_a_failure_after_a_quarter_of_an_hour_begins_a_new_line() -> None:
    factories.person(Role.ADMIN, email="ada@example.com")
    begun = timezone.now()
    failing.failed("ada@example.com", now=begun)
    failing.failed("ada@example.com", now=begun + timedelta(minutes=16))
    assert Event.objects.count() == 1
    assert SignInFailure.objects.get().count == 1


def test_who_comes_in_after_failures_finds_them_told_first() -> None:
    factories.person(Role.ADMIN, email="ada@example.com")
    client = Client()
    said(client, "ada@example.com", "wrong", "203.0.113.5")
    client.post("/login/", {"login": "ada@example.com", "password": factories.PASSWORD})
    assert [event.verb for event in Event.objects.order_by("sequence")] == ["person.sign-in-failed", "person.signed-in"]


def test_the_cache_of_attempts_does_not_grow_without_bound(settings: Any) -> None:
    standard = settings.CACHES["default"]
    assert standard["OPTIONS"]["MAX_ENTRIES"] >= 10_000, "or a flood of addresses would push out the counts"
    settings.CACHES = {"default": {**standard, "OPTIONS": {"MAX_ENTRIES": 60}}}
    client = Client()
    for number in range(50):
        said(client, f"someone{number}@example.com", "guess", f"203.0.{number}.1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM cache")
        assert cursor.fetchone()[0] <= 61


@pytest.mark.parametrize(
    ("proxies", "header", "expected"),
    [
        (0, "203.0.113.5", "127.0.0.1"),
        (1, "203.0.113.5", "203.0.113.5"),
        (1, "6.6.6.6, 203.0.113.5", "203.0.113.5"),
        (2, "6.6.6.6, 203.0.113.5, 10.0.0.1", "203.0.113.5"),
        (2, "203.0.113.5", "127.0.0.1"),
        (1, "nonsense", "127.0.0.1"),
        (1, None, "127.0.0.1"),
    ],
)
def test_a_callers_address_is_believed_only_from_our_own_proxies(
    settings: Any, proxies: int, header: str | None, expected: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    headers = {"x-forwarded-for": header} if header else {}
    request = RequestFactory().get("/", headers=headers)
    assert InvitedOnlyAdapter(request).get_client_ip(request) == expected
