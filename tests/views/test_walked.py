"""Every address, as everybody, with what hostile people send: nobody gets further than their role, and nothing breaks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.test import Client

from sharing.models import Role, User
from tests import factories
from tests.views.walked import HOSTILE, Story, addresses, names

pytestmark = pytest.mark.django_db

NAMES = names()
FORM = "application/x-www-form-urlencoded"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def story() -> Story:
    return Story()


@contextmanager
def undone() -> Iterator[None]:
    """What a request wrote is taken back, so that the next one finds the same rows and sessions."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


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


@pytest.mark.parametrize("real", [True, False], ids=["rows that exist", "nonsense"])
def test_nothing_that_anybody_sends_breaks_a_page(story: Story, real: bool) -> None:
    client = as_(factories.person(Role.ADMIN))
    broken = []
    for place, (name, address) in enumerate(addresses(story if real else None)):
        headers = HTMX if place % 2 else {}
        with undone():
            asked = told(client.get(f"{address}?{wire(sent(story, place))}", headers=headers))
        with undone():
            posted = told(client.post(address, wire(sent(story, place + 1)), FORM, headers=headers))
        broken += [f"{name}: {one.exc_info!r}"[:300] for one in (asked, posted) if one.status_code >= 500]
    assert broken == []
