"""Every address, as everybody, with what hostile people send: nobody gets further than their role, and nothing breaks."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import NoReverseMatch, reverse

from sharing.models import Role, User
from tests import factories
from tests.views.walked import HOSTILE, Story, addresses, names, undone

pytestmark = pytest.mark.django_db

NAMES = names()
HEADERS = {
    "Content-Security-Policy": ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self'"),
    "X-Frame-Options": ("DENY",),
    "X-Content-Type-Options": ("nosniff",),
    "Referrer-Policy": ("-origin",),
    "Cross-Origin-Opener-Policy": ("same-origin",),
    "Cross-Origin-Resource-Policy": ("same-origin",),
    "Permissions-Policy": ("camera=()", "publickey-credentials-get=(self)"),
    "Cache-Control": ("no-store",),
}
FORM = "application/x-www-form-urlencoded"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def story() -> Story:
    return Story()


def as_(person: User | None) -> Client:
    client = Client(raise_request_exception=False)
    if person is not None:
        client.force_login(person)
    return client


def told(response: Any) -> Any:
    """The whole answer: a download that breaks while it is written breaks here."""
    if response.streaming:
        b"".join(response.streaming_content)
    return response


def sent(story: Story, place: int) -> dict[str, str]:
    """Every parameter that any page knows: every other one hostile, the others as a person would fill them in."""
    right = {
        "function": str(story.function.pk),
        "account": story.acme.number,
        "number": story.acme.number,
        "typed": story.acme.number,
        "who": story.acme.number,
        "action": "lambda:InvokeFunction",
        "asked_for": story.function.arn,
        "reason": "because",
        "until": "30d",
        "email": "dev@acme.example",
        "source": f"arn:aws:sqs:us-east-1:{story.acme.number}:orders",
        "principal": story.acme.number,
        "form_token": "0" * 32,
        "step": "2",
        "q": "label",
        "answer": "approve",
        "as_of": "2026-01-01",
    }
    given = {}
    for number, name in enumerate(NAMES):
        hostile = HOSTILE[(number * 3 + place * 5) % len(HOSTILE)]
        given[name] = right[name] if name in right and (number + place) % 2 else hostile
    return given


def wire(given: dict[str, str]) -> str:
    """As browsers and programs send it; half a surrogate is a byte that is no UTF-8."""
    return urlencode({name: value.encode("utf-8", "surrogateescape") for name, value in given.items()})


def test_nothing_that_anybody_sends_breaks_a_page_or_comes_back_without_its_headers(story: Story) -> None:
    client = as_(factories.person(Role.ADMIN))
    broken, bare = [], []
    for place, (name, address) in enumerate(addresses(story)):
        headers = HTMX if place % 2 else {}
        with undone():
            asked = told(client.get(f"{address}?{wire(sent(story, place))}", headers=headers))
        with undone():
            posted = told(client.post(address, wire(sent(story, place + 1)), FORM, headers=headers))
        broken += [f"{name}: {one.exc_info!r}"[:300] for one in (asked, posted) if one.status_code >= 500]
        bare += [f"{name}: {one.status_code}: {missing}" for one in (asked, posted) if (missing := lacking(one))]
    assert broken == []
    assert bare == []


def test_ids_that_are_none_break_nothing() -> None:
    client = as_(factories.person(Role.ADMIN))
    owned = [(name, address) for name, address in addresses(None) if address != reverse_plain(name)]
    assert len(owned) > 90
    broken = []
    for name, address in owned:
        with undone():
            answer = told(client.get(address))
        if answer.status_code >= 500:
            broken.append(f"{name}: {answer.exc_info!r}"[:300])
    assert broken == []


def lacking(response: Any) -> list[str]:
    """What of the headers that every answer carries is not there, or says something else.

    What a form answered may be kept for the back button, by this browser alone.
    """
    wanted = dict(HEADERS)
    if response.wsgi_request.method == "POST" and "no-store" not in response.get("Cache-Control", ""):
        wanted["Cache-Control"] = ("private", "no-cache")
    return [name for name, words in wanted.items() if not all(word in response.get(name, "") for word in words)]


def reverse_plain(name: str) -> str:
    """The address of a route that takes nothing; "" of others."""
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""


def test_what_no_database_takes_is_left_out_of_every_query(story: Story) -> None:
    answer = as_(factories.person(Role.ADMIN)).get("/functions/?region=us-%00east-1&q=la\x00bel%2500")
    asked = answer.wsgi_request.GET
    assert (answer.status_code, asked["region"], asked["q"]) == (200, "us-east-1", "label%00")
