"""Wirings as the source's own people see them: what is theirs to do, and nothing of the owner's."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from sharing.models import Account, Event, Function, Role, Wiring
from tests import factories
from tests.services.kept import ACME, GLOBEX, allow, kept
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

CANARY = "canary-9Xw2"


@pytest.fixture
def acme() -> Account:
    return factories.account("Acme Retail", ACME)


@pytest.fixture
def consumer(client: Client, acme: Account) -> Client:
    client.force_login(factories.acting("jo@example.com", acme))
    return client


@pytest.fixture
def function() -> Function:
    return factories.shareable()


def text(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return str(response.content.decode())


def address(one: Wiring, name: str = "shared-wiring") -> str:
    return reverse(name, args=[one.pk])


def test_they_see_what_is_theirs_to_do_with_the_pack(consumer: Client, function: Function) -> None:
    one = factories.wiring(function)
    listed = text(consumer.get(reverse("shared-wirings")))
    assert "acme-uploads" in listed
    assert "Something is for you to do" in listed
    page = text(consumer.get(address(one)))
    for words in ("For you to do", "Mark as done", "Ready", "s3:PutBucketNotificationConfiguration", function.arn, "Platform"):
        assert words in page, words
    pack = text(consumer.get(address(one), {"pack": "1"}))
    assert "acme-uploads" in pack
    assert "AddPermission" not in pack
    assert consumer.get(address(one), {"file": "x\x00"}).status_code == 404


@pytest.mark.parametrize(
    ("source", "kind", "steps", "words"),
    [
        (f"arn:aws:events:us-east-1:{ACME}:rule/a", "eventbridge", ("role", "target"), "--path /service/"),
        (f"arn:aws:scheduler:us-east-1:{ACME}:schedule/g/a", "scheduler", ("role", "source"), '"RoleArn": "{role}"'),
    ],
    ids=["eventbridge", "scheduler"],
)
def test_the_role_they_are_to_make_is_the_one_that_is_let_in(
    consumer: Client, function: Function, source: str, kind: str, steps: tuple[str, str], words: str
) -> None:
    role = f"arn:aws:iam::{ACME}:role/service/calls"
    first, last = steps
    rows = ((first, "source", False, "asked"), ("permission", "owner", True, "blocked"), (last, "source", False, "blocked"))
    one = factories.wiring(function, source, kind=kind, steps=rows, options={"caller_role": role})
    pack = text(consumer.get(address(one), {"pack": "1"}))
    assert words.format(role=role) in pack
    assert "<ROLE ARN>" not in pack


def test_their_word_is_noted_and_taken_back(consumer: Client, function: Function) -> None:
    one = factories.wiring(function)
    done = address(one, "shared-wiring-done")
    for data, state in (({}, "said"), ({}, "said"), ({"undo": "1"}, "asked")):
        assert consumer.post(done, {"step": "notification", **data}).status_code == 302
        assert one.steps.get(key="notification").state == state
    for step in ("permission", "nothing", "", "\x00", "x" * 4000):
        assert consumer.post(done, {"step": step}).status_code == 404


def test_a_page_polls_and_is_answered_only_when_something_changed(consumer: Client, function: Function) -> None:
    one = factories.wiring(function)
    mark = text(consumer.get(address(one))).split("?seen=", 1)[1].split('"', 1)[0]
    htmx = {"HX-Request": "true"}
    assert consumer.get(address(one), {"seen": mark}, headers=htmx).status_code == 204
    one.steps.update(state="seen")
    assert "Seen in place" in text(consumer.get(address(one), {"seen": mark}, headers=htmx))
    Wiring.objects.update(state="in-place")
    assert "hx-trigger" not in text(consumer.get(address(one)))


def test_the_owners_side_is_told_in_one_word(consumer: Client, function: Function) -> None:
    one = factories.wiring(function)
    for state, words in (("queued", "Being set up"), ("failed", "Not ready yet"), ("seen", "Ready")):
        one.steps.filter(key="permission").update(state=state, failure=CANARY, failure_next=CANARY, evidence=CANARY)
        page = text(consumer.get(address(one)))
        assert words in page
        assert CANARY not in page


def test_nothing_of_the_owner_or_of_another_consumer_is_on_any_page(consumer: Client, function: Function) -> None:
    factories.account(f"{CANARY} other consumer", GLOBEX)
    kept(function, {"Sid": CANARY, **allow(GLOBEX)})
    person = factories.person(Role.OWNER, email=f"{CANARY}@example.com")
    one = factories.wiring(function, reason=CANARY, requested_as=CANARY, requested_by=person, undone_as=CANARY)
    other = factories.wiring(function, "arn:aws:s3:::globex-uploads", of=GLOBEX)
    one.steps.update(failure=CANARY, failure_code=CANARY, failure_next=CANARY, request_id=CANARY)
    one.steps.filter(key="permission").update(evidence=CANARY, before={"Sid": CANARY}, after={"Sid": CANARY})
    pages = [
        consumer.get(reverse("shared-wirings")),
        consumer.get(address(one)),
        consumer.get(address(one), {"pack": "1"}),
        consumer.post(address(one, "shared-wiring-done"), {"step": "notification"}, follow=True),
    ]
    for response in pages:
        page = text(response)
        assert "acme-uploads" in page
        for words in (CANARY, "globex", GLOBEX, other.pk.hex, str(other.pk)):
            assert words not in page.replace("1 ", "1")


def test_what_is_not_theirs_is_not_there(client: Client, consumer: Client, function: Function, acme: Account) -> None:
    others = factories.wiring(function, of=GLOBEX)
    for one in (others, Wiring(pk=function.pk)):
        assert consumer.get(address(one)).status_code == 404
        assert consumer.post(address(one, "shared-wiring-done"), {"step": "notification"}).status_code == 404
    assert others.steps.get(key="notification").state == "asked"
    auditor = factories.person(Role.AUDITOR)
    factories.membership(auditor, acme)
    client.force_login(auditor)
    mine = factories.wiring(function, "arn:aws:s3:::acme-more")
    before = Event.objects.count()
    assert "Mark as done" not in text(client.get(address(mine)))
    assert client.post(address(mine, "shared-wiring-done"), {"step": "notification"}).status_code == 403
    assert Event.objects.count() == before


def test_every_empty_list_says_what_to_do(client: Client, acme: Account) -> None:
    person = factories.person(Role.CONSUMER)
    client.force_login(person)
    assert "You act for no account yet" in text(client.get(reverse("shared-wirings")))
    factories.membership(person, acme)
    assert "Nothing of yours is being wired" in text(client.get(reverse("shared-wirings")))


def test_the_pages_cost_the_same_at_any_size(consumer: Client, function: Function) -> None:
    one = factories.wiring(function)
    places = (reverse("shared-wirings"), address(one))
    few = [queries(consumer, place) for place in places]
    for number in range(20):
        factories.wiring(function, f"arn:aws:s3:::acme-{number}")
    assert [queries(consumer, place) for place in places] == few
    assert max(few) <= 15
