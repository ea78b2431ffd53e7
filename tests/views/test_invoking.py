"""The pages of a test invoke: one form is one call, the asker alone sees it, and it is off until somebody switches it on."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.models import (
    Connection,
    ConnectionState,
    Event,
    Function,
    Invocation,
    InvocationState,
    Policy,
    Purpose,
    Qualifier,
    Role,
    User,
)
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

CANARY = "canary-page-9Xw3Lk7TqB2m"


class Place:
    """An owner's function with an alias, the owner, and the account's invoker role."""

    def __init__(self) -> None:
        self.function = factories.function("label-uploads")
        self.account = self.function.account
        self.policy = self.function.policies.get()
        Qualifier.objects.create(function=self.function, name="live", kind="alias", points_to="3")
        self.live = Policy.objects.create(function=self.function, qualifier="live")
        self.owner = factories.person(Role.OWNER, accounts=[self.account])
        self.door = factories.connection(self.account, Purpose.INVOKER)
        self.new = f"/functions/{self.function.pk}/invoke/"

    def filled(self, page: str, **change: str) -> dict[str, str]:
        token = re.search(r'name="form_token" value="([0-9a-f]{32})"', page)
        assert token, page
        return {"form_token": token[1], "qualifier": "", "kind": "RequestResponse", "payload": "{}", "sure": "on", **change}


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.fixture
def owner(client: Client, place: Place) -> Client:
    client.force_login(place.owner)
    return client


class Shared(Place):
    """The same function shared with an account that has an invoker role, and somebody who acts for it."""

    def __init__(self) -> None:
        super().__init__()
        self.consumer = factories.person(Role.CONSUMER)
        self.consumer_account = factories.account("Acme")
        factories.membership(self.consumer, self.consumer_account)
        self.their_door = factories.connection(self.consumer_account, Purpose.INVOKER)
        self.grant = factories.grant(self.function, self.consumer_account.number)
        self.ask = f"/shared/{self.policy.pk}/invoke/"


@pytest.fixture
def shared() -> Shared:
    return Shared()


def test_a_click_is_a_row_and_leads_to_its_page(owner: Client, place: Place) -> None:
    page = owner.get(place.new, follow=True).content.decode()
    assert "This really runs the function" in page
    assert "Alias live → version 3" in page
    response = owner.post(place.new, place.filled(page, qualifier="live", payload='{"n": 1}'))
    one = Invocation.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/functions/invocations/{one.pk}/")
    assert (one.policy, one.connection, one.person, one.payload) == (place.live, place.door, place.owner, '{"n": 1}')
    assert one.state == InvocationState.QUEUED
    page = owner.get(response["Location"]).content.decode()
    assert "Waiting for a worker" in page
    assert 'hx-trigger="every 1s"' in page
    assert "<noscript><a" in page


def test_a_double_click_and_a_resent_form_are_one_call(owner: Client, place: Place) -> None:
    form = place.filled(owner.get(place.new, follow=True).content.decode())
    first, second = owner.post(place.new, form), owner.post(place.new, form)
    assert first["Location"] == second["Location"]
    Invocation.objects.update(state=InvocationState.DONE)
    assert owner.post(place.new, form)["Location"] == first["Location"]
    assert Invocation.objects.count() == 1


def test_going_back_to_the_form_is_the_same_form(owner: Client, place: Place) -> None:
    asked = owner.get(f"{place.new}?on=live")
    assert asked.status_code == 302
    form = place.filled(owner.get(asked["Location"]).content.decode(), qualifier="live")
    first = owner.post(asked["Location"], form)
    assert place.filled(owner.get(asked["Location"]).content.decode(), qualifier="live") == form
    assert owner.post(asked["Location"], form)["Location"] == first["Location"]
    assert Invocation.objects.count() == 1
    for odd in ("x", "A" * 32, "0" * 33, "%00"):
        assert owner.get(f"{place.new}?form={odd}").status_code == 302


def test_a_changed_form_that_was_sent_before_is_shown_again_with_a_token_of_its_own(owner: Client, place: Place) -> None:
    form = place.filled(owner.get(place.new, follow=True).content.decode())
    owner.post(place.new, form)
    response = owner.post(place.new, {**form, "payload": "[1]"})
    assert response.status_code == 422
    page = response.content.decode()
    assert "was sent already" in page
    again = place.filled(page, payload="[1]")
    assert again["form_token"] != form["form_token"]
    assert "checked" not in page[page.index('name="sure"') :][:200], "a second call is confirmed anew"
    assert owner.post(place.new, again).status_code == 302
    assert Invocation.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"payload": '{"a": 1,\n b}'}, "Line 2, column 2"),
        ({"payload": "x" * (256 * 1024 + 1)}, "262,145 bytes"),
        ({"payload": '"\x00"'}, "Null characters are not allowed"),
        ({"sure": ""}, "Confirm that the function may really run"),
        ({"kind": "DryRun"}, "Select a valid choice"),
        ({"qualifier": "nope"}, "no such alias or version any more"),
        ({"form_token": ""}, "required"),
        ({"form_token": "x" * 65}, "at most 64"),
    ],
)
def test_bad_input_comes_back_as_422_and_calls_nothing(owner: Client, place: Place, change: dict[str, str], words: str) -> None:
    response = owner.post(place.new, place.filled(owner.get(place.new, follow=True).content.decode(), **change))
    assert response.status_code == 422
    assert words in response.content.decode()
    assert "Nothing was called" in response.content.decode()
    assert "no-store" in response["Cache-Control"]
    assert not Invocation.objects.exists()


def test_everything_that_is_wrong_is_said_at_once(owner: Client, place: Place) -> None:
    form = place.filled(owner.get(place.new, follow=True).content.decode(), sure="", payload="{'a'}")
    page = owner.post(place.new, form).content.decode()
    assert "Confirm that" in page
    assert "Line 1, column 2" in page


def test_hostile_text_is_shown_as_text(owner: Client, place: Place) -> None:
    evil = '"</textarea><script>alert(1)</script>{{ me }}"'
    form = place.filled(owner.get(place.new, follow=True).content.decode(), payload=evil)
    one = Invocation.objects.get(pk=owner.post(place.new, form)["Location"].split("/")[-2])
    Invocation.objects.update(
        state=InvocationState.DONE, answer=evil, log_tail=evil, function_error="<b>", executed_version="<i>", status_code=200
    )
    page = owner.get(f"/functions/invocations/{one.pk}/").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert "<b>" not in page
    assert "<i>" not in page


@pytest.mark.parametrize(
    ("change", "words", "polls"),
    [
        ({"state": "running", "started_at": timezone.now()}, "Running", True),
        ({"state": "done", "status_code": 200, "answer": '"Hello"', "duration_ms": 1234}, "1,234 ms", False),
        ({"state": "done", "status_code": 200, "function_error": "Unhandled", "answer": "{}"}, "own code failed", False),
        ({"state": "done", "status_code": 202, "kind": "Event"}, "never learns how that ends", False),
        ({"state": "done", "status_code": 200, "answer": "x", "answer_cut": True, "answer_size": 70000}, "70,000 bytes", False),
        ({"state": "done", "status_code": 200, "answer": "x", "log_absent": "Why not"}, "Why not", False),
        ({"state": "refused", "failure": "No.", "failure_next": "Do this.", "failure_code": "X"}, "No. Do this.", False),
        ({"state": "unknown", "failure": "Lost."}, "Unknown: it may have run", False),
    ],
)
def test_each_end_of_a_call_is_told(owner: Client, place: Place, change: dict[str, object], words: str, polls: bool) -> None:
    one = _row(place.policy, place.door, place.owner)
    Invocation.objects.filter(pk=one.pk).update(**change)
    for headers in ({}, {"HX-Request": "true"}):
        response = owner.get(f"/functions/invocations/{one.pk}/", headers=headers)
        page = response.content.decode()
        assert words in page
        assert ("hx-trigger" in page[page.index('id="answer"') :]) is polls
        assert "no-store" in response["Cache-Control"]
    assert "<html" not in page, "htmx gets the answer alone"


def _row(policy: Policy, door: Connection, person: User, **fields: object) -> Invocation:
    fields.setdefault("payload", f'"{CANARY}"')
    fields.setdefault("wipe_at", timezone.now() + timedelta(minutes=15))
    return Invocation.objects.create(policy=policy, connection=door, person=person, **fields)


def test_after_its_time_nothing_of_it_is_shown_swept_or_not(owner: Client, place: Place) -> None:
    one = _row(place.policy, place.door, place.owner, answer=CANARY, log_tail=CANARY, state="done", answer_size=20)
    assert CANARY in owner.get(f"/functions/invocations/{one.pk}/").content.decode()
    assert CANARY in owner.get(f"{place.new}?again={one.pk}", follow=True).content.decode()
    Invocation.objects.update(wipe_at=timezone.now() - timedelta(seconds=1))
    page = owner.get(f"/functions/invocations/{one.pk}/").content.decode()
    assert CANARY not in page
    assert "and is gone" in page
    assert CANARY not in owner.get(f"{place.new}?again={one.pk}", follow=True).content.decode()


def test_nobody_else_finds_it_admins_included(client: Client, shared: Shared) -> None:
    mine = _row(shared.policy, shared.door, shared.owner, answer=CANARY, state="done")
    theirs = _row(shared.policy, shared.their_door, shared.consumer, answer=CANARY, state="done")
    others = [
        factories.person(Role.ADMIN),
        factories.person(Role.OWNER, accounts=[shared.account]),
        factories.person(Role.AUDITOR, accounts=[shared.account]),
        factories.person(Role.CONSUMER),
    ]
    factories.membership(others[-1], shared.consumer_account)
    for person in others:
        client.force_login(person)
        for one in (mine, theirs):
            for path in (f"/functions/invocations/{one.pk}/", f"/shared/invocations/{one.pk}/"):
                assert client.get(path).status_code == 404
            for path in (f"{shared.new}?again={one.pk}", f"{shared.ask}?again={one.pk}"):
                assert CANARY not in client.get(path, follow=True).content.decode()
    client.force_login(shared.consumer)
    assert client.get(f"/functions/invocations/{theirs.pk}/").status_code == 404
    assert client.get(f"/shared/invocations/{mine.pk}/").status_code == 404
    assert client.get(f"/shared/invocations/{theirs.pk}/").status_code == 200
    client.force_login(shared.owner)
    assert client.get(f"/functions/invocations/{mine.pk}/").status_code == 200
    shared.owner.accounts.clear()
    assert client.get(f"/functions/invocations/{mine.pk}/").status_code == 404


def test_it_is_nowhere_in_activity_search_and_exports(client: Client, place: Place) -> None:
    client.force_login(place.owner)
    client.post(place.new, place.filled(client.get(place.new, follow=True).content.decode(), payload=f'"{CANARY}"'))
    client.force_login(factories.person(Role.ADMIN))
    for path in (
        "/activity/",
        f"/search/?q={CANARY}",
        f"/functions/{place.function.pk}/history/",
        "/access/export/?format=json",
    ):
        page = client.get(path).content.decode().replace(f'value="{CANARY}"', "")
        assert f"&quot;{CANARY}" not in page
        assert f'"{CANARY}' not in page
    assert Event.objects.filter(verb="invocation.asked").count() == 1


# Off by default


def test_the_function_page_offers_it_only_with_an_invoker_role(client: Client, place: Place) -> None:
    page = f"/functions/{place.function.pk}/"
    link = f'href="{place.new}"'
    off = "Test invoke is off in"
    client.force_login(place.owner)
    assert link in client.get(page).content.decode()
    client.force_login(factories.person(Role.AUDITOR, accounts=[place.account]))
    assert link not in client.get(page).content.decode()
    Connection.objects.update(state=ConnectionState.PAUSED)
    for role, says in ((Role.ADMIN, True), (Role.OWNER, False), (Role.AUDITOR, False)):
        client.force_login(factories.person(role, accounts=[place.account] if role != Role.ADMIN else None))
        shown = client.get(page).content.decode()
        assert link not in shown
        assert (off in shown) is says
        assert ("purpose=invoker" in shown) is says


def test_without_an_invoker_role_the_page_says_how_to_switch_it_on(client: Client, place: Place) -> None:
    place.door.delete()
    client.force_login(place.owner)
    page = client.get(place.new, follow=True).content.decode()
    assert "Test invoke is off here" in page
    assert "An admin of fnshare can connect one" in page
    assert client.post(place.new, {"payload": "{}"}).status_code == 409
    client.force_login(factories.person(Role.ADMIN))
    assert "purpose=invoker" in client.get(place.new, follow=True).content.decode()
    assert not Invocation.objects.exists()


def test_out_of_scope_is_not_there(client: Client, place: Place) -> None:
    client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
    assert client.get(place.new).status_code == 404
    assert client.post(place.new, {}).status_code == 404


# The consumers' side


def test_a_consumer_calls_what_is_shared_with_their_account(client: Client, shared: Shared) -> None:
    client.force_login(shared.consumer)
    page = client.get(shared.ask, follow=True).content.decode()
    assert shared.their_door.role_arn in page
    assert "callers of the function's own account only" in page
    form = shared.filled(page, payload='{"n": 2}')
    response = client.post(shared.ask, form)
    one = Invocation.objects.get()
    assert response["Location"] == f"/shared/invocations/{one.pk}/"
    assert (one.connection, one.policy, one.person) == (shared.their_door, shared.policy, shared.consumer)
    assert client.post(shared.ask, form)["Location"] == response["Location"]
    page = client.get(response["Location"]).content.decode()
    assert "Waiting for a worker" in page
    assert f'href="/functions/{shared.function.pk}' not in page


def test_what_is_not_shared_and_what_does_not_exist_answer_alike(client: Client, shared: Shared) -> None:
    client.force_login(shared.consumer)
    paths = (f"/shared/{shared.live.pk}/invoke/", f"/shared/{uuid.uuid4()}/invoke/")
    for ask in (client.get, client.post):
        with CaptureQueriesContext(connection) as for_first:
            first = ask(paths[0])
        with CaptureQueriesContext(connection) as for_second:
            second = ask(paths[1])
        assert first.status_code == second.status_code == 404
        assert len(for_first) == len(for_second)
        assert _plain(first.content) == _plain(second.content)


def _plain(page: bytes) -> str:
    return re.sub(r'"X-CSRFToken": "\w+"|name="csrfmiddlewaretoken" value="\w+"', "", page.decode())


def test_a_consumer_without_an_invoker_role_is_told_how_to_get_one(client: Client, shared: Shared) -> None:
    shared.their_door.delete()
    client.force_login(shared.consumer)
    assert "Test invoke is off for your account" in client.get(shared.ask, follow=True).content.decode()
    assert client.post(shared.ask, {"payload": "{}"}).status_code == 409
    assert not Invocation.objects.exists()


def test_the_page_of_what_is_shared_offers_it_only_where_it_works(client: Client, shared: Shared) -> None:
    client.force_login(shared.consumer)
    page = f"/shared/{shared.policy.pk}/"
    assert f'href="{shared.ask}"' in client.get(page).content.decode()
    shared.their_door.delete()
    response = client.get(page)
    assert response.status_code == 200
    assert shared.ask not in response.content.decode()


def test_who_acts_for_several_accounts_chooses_as_which(client: Client, shared: Shared) -> None:
    other = factories.account("Globex")
    factories.membership(shared.consumer, other)
    door = factories.connection(other, Purpose.INVOKER)
    factories.grant(shared.function, other.number)
    stranger = factories.connection(factories.account("Stranger"), Purpose.INVOKER)
    client.force_login(shared.consumer)
    page = client.get(shared.ask, follow=True).content.decode()
    assert "Globex" in page
    assert "Stranger" not in page
    assert client.post(shared.ask, shared.filled(page, through=str(stranger.pk))).status_code == 422
    client.post(shared.ask, shared.filled(page, through=str(door.pk)))
    assert Invocation.objects.get().connection == door


def test_the_pages_ask_the_database_as_often_for_few_as_for_many(client: Client, shared: Shared) -> None:
    client.force_login(shared.owner)
    form = client.get(shared.new)["Location"]
    few = queries(client, form)
    for number in range(40):
        Policy.objects.create(function=shared.function, qualifier=str(number + 1))
        _row(shared.policy, shared.door, shared.owner)
    assert Function.objects.count() == 1
    assert queries(client, form) == few
