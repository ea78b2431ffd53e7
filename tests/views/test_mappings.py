"""The pages of one mapping: what they show, who may change it, and that a click is one row."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sharing.models import Account, Connection, Function, Mapping, MappingChange, Qualifier, Role
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

ACME = "111122223333"
QUEUE = f"arn:aws:sqs:us-east-1:{ACME}:orders"
STREAM = f"arn:aws:kinesis:us-east-1:{ACME}:stream/clicks"
HOSTILE = "<script>alert(1)</script>"
ASKS = ("mapping-pause", "mapping-resume", "mapping-delete", "mapping-change")


def signed_in(client: Client, role: str = Role.OWNER, accounts: list[Account] | None = None) -> Client:
    client.force_login(factories.person(role, accounts=accounts))
    return client


def function() -> Function:
    of = factories.account("Platform")
    factories.connection(of)
    made = factories.function("label-uploads", of=of)
    Qualifier.objects.create(function=made, kind="alias", name="live", points_to="3")
    made.policies.create(qualifier="live", reading="none", read_at=timezone.now())
    return made


def mapping(**fields: Any) -> Mapping:
    fields.setdefault("source_arn", QUEUE)
    fields.setdefault("source_account", ACME)
    fields.setdefault("state", "Enabled")
    fields.setdefault("read_at", timezone.now())
    fields.setdefault("options", {"BatchSize": 10})
    return Mapping.objects.create(function=fields.pop("function", None) or function(), **fields)


def get(client: Client, name: str, *args: Any) -> str:
    response = client.get(reverse(name, args=args))
    assert response.status_code == 200
    return response.content.decode()


# One mapping


def test_it_says_from_where_to_where_its_state_and_its_last_result_with_their_age(client: Client) -> None:
    one = mapping(last_result="PROBLEM: Function call failed", state_reason="User action", options={"BatchSize": 7})
    page = get(signed_in(client), "mapping-detail", one.pk)
    for words in (
        "SQS queue orders",
        "label-uploads",
        "another account",
        "Enabled",
        "Failing",
        "at most 7 records",
        "Platform",
    ):
        assert words in page
    assert "polls the source" in page


def test_what_was_not_read_yet_is_said_and_no_none(client: Client) -> None:
    one = mapping(state="", options={}, read_at=None)
    page = get(signed_in(client), "mapping-detail", one.pk)
    assert "Not read yet" in page
    assert "not read yet" in page
    assert reverse("mapping-opened", args=[one.pk]) in page


def test_hidden_filters_are_not_shown_as_none(client: Client) -> None:
    page = get(signed_in(client), "mapping-detail", mapping(options={"BatchSize": 1, "FiltersHidden": True}).pk)
    assert "encrypted with a key of the account" in page


@pytest.mark.parametrize("arn", ["arn:aws:kafka:us-east-1:444455556666:cluster/a/1", "arn:aws:mq:us-east-1:1:broker:b:1", ""])
def test_sources_that_are_only_shown_have_no_buttons(client: Client, arn: str) -> None:
    one = mapping(source_arn=arn, source_account="")
    page = get(signed_in(client), "mapping-detail", one.pk)
    assert "does not change them" in page
    for name in ASKS:
        assert reverse(name, args=[one.pk]) not in page
        assert "does not change them" in get(client, name, one.pk)
        assert client.post(reverse(name, args=[one.pk]), {"form_token": "x"}).status_code == 422
    assert not MappingChange.objects.exists()


def test_a_page_polls_while_something_is_under_way_and_no_longer(client: Client) -> None:
    one = mapping()
    assert "every " not in get(signed_in(client), "mapping-detail", one.pk)
    client.post(reverse("mapping-pause", args=[one.pk]), {"form_token": "x"})
    page = get(client, "mapping-detail", one.pk)
    assert 'hx-trigger="every ' in page
    assert reverse("mapping-delete", args=[one.pk]) not in page
    assert "under way" in get(client, "mapping-delete", one.pk)


def test_hostile_words_of_aws_stay_words(client: Client) -> None:
    filters = {"Filters": [{"Pattern": json.dumps({"body": [HOSTILE]})}]}
    one = mapping(source_arn=f"{QUEUE}{HOSTILE}", last_result=HOSTILE, state=HOSTILE[:40], options={"FilterCriteria": filters})
    for name in ("mapping-detail", "mapping-change"):
        assert HOSTILE not in get(signed_in(client), name, one.pk)


def test_the_number_of_queries_does_not_grow_with_changes(client: Client) -> None:
    one = mapping()
    signed_in(client)
    address = reverse("mapping-detail", args=[one.pk])
    queries(client, address)
    few = queries(client, address)
    common = {"function": one.function, "mapping": one, "source_arn": QUEUE, "requested_as": "x", "state": "done"}
    MappingChange.objects.bulk_create([MappingChange(kind="pause", **common) for _ in range(40)])
    assert queries(client, address) <= few + 1


# Changing


@pytest.mark.parametrize(("name", "kind"), [("pause", "pause"), ("resume", "resume"), ("delete", "delete")])
def test_a_question_says_what_follows_and_its_form_sent_twice_is_one_row(client: Client, name: str, kind: str) -> None:
    one = mapping()
    address = reverse(f"mapping-{name}", args=[one.pk])
    assert "form_token" in signed_in(client).get(address).content.decode()
    for _ in range(2):
        assert client.post(address, {"form_token": "same"}).status_code == 302
    change = MappingChange.objects.get()
    assert (change.kind, change.state, change.mapping_id) == (kind, "queued", one.pk)
    assert client.post(address, {"form_token": "other"}).status_code == 422
    assert client.post(address, {}).status_code == 422


def test_only_what_was_changed_is_asked_for(client: Client) -> None:
    one = mapping(options={"BatchSize": 10, "FilterCriteria": {"Filters": [{"Pattern": '{"body":[1]}'}]}})
    address = reverse("mapping-change", args=[one.pk])
    given = {"form_token": "a", "batch_size": "10", "filters": '{"body": [1]}'}
    assert "Nothing was changed" in signed_in(client).post(address, given).content.decode()
    assert client.post(address, {**given, "window": "5", "filters": ""}).status_code == 302
    assert MappingChange.objects.get().options == {
        "MaximumBatchingWindowInSeconds": 5,
        "FilterCriteria": {"Filters": []},
    }


@pytest.mark.parametrize(
    "given",
    [
        {"batch_size": "0"},
        {"batch_size": "11"},
        {"batch_size": "9" * 400},
        {"batch_size": "ten"},
        {"filters": "["},
        {"filters": "[" * 15_000},
        {"filters": '{"a":' * 40 + "[1]" + "}" * 40},
        {"filters": "\x00"},
        {"filters": '{"a": 1}'},
        {"window": "301"},
        {"maximum_concurrency": "1"},
        {"form_token": "x" * 65},
        {"form_token": "\x00"},
    ],
)
def test_bad_options_are_answered_with_the_form(client: Client, given: dict[str, str]) -> None:
    one = mapping()
    response = signed_in(client).post(reverse("mapping-change", args=[one.pk]), {"form_token": "a", **given})
    assert response.status_code == 422
    assert not MappingChange.objects.exists()


# Creating


def test_the_address_of_a_new_mapping_leads_to_the_wizard(client: Client) -> None:
    address = reverse("mapping-new")
    signed_in(client)
    assert client.get(address).headers["Location"] == reverse("wiring-new")
    asked = {"function": str(uuid.UUID(int=7)), "source": QUEUE}
    assert client.get(address, {**asked, "more": "x"}).headers["Location"] == reverse("wiring-new", query=asked)


def test_a_role_without_the_stage_is_said_before_somebody_fills_in_a_form(client: Client) -> None:
    one = mapping()
    Connection.objects.update(verbs={"read": True, "map": False})
    signed_in(client)
    for name in ("mapping-detail", *ASKS):
        assert "mappings stage" in get(client, name, one.pk)
    asked = {"function": str(one.function_id), "source": QUEUE}
    assert "mappings stage" in client.get(reverse("wiring-new", query=asked)).content.decode()


def test_what_aws_refused_for_want_of_a_right_shows_both_statements_and_can_be_tried_again(client: Client) -> None:
    of = function()
    failed = MappingChange.objects.create(
        kind="create",
        function=of,
        source_arn=QUEUE,
        options={"Enabled": True},
        requested_as="x",
        state="failed",
        failure="The function's execution role may not read the source.",
        failure_code="role-may-not-read",
        settled_at=timezone.now(),
    )
    page = get(signed_in(client), "mapping-wish", failed.pk)
    assert page.count("sqs:ReceiveMessage") >= 2
    assert "put-role-policy" in page
    for _ in range(2):
        assert client.post(reverse("mapping-again", args=[failed.pk])).status_code == 302
    assert MappingChange.objects.open().count() == 1


# Rights


def test_an_auditor_sees_everything_and_no_button_and_others_scopes_do_not_exist(client: Client) -> None:
    one = mapping(read_at=timezone.now() - timedelta(hours=1))
    change = MappingChange.objects.create(
        kind="pause", function=one.function, mapping=one, source_arn=QUEUE, requested_as="x", state="failed"
    )
    page = get(signed_in(client, Role.AUDITOR), "mapping-detail", one.pk)
    for name in ("mapping-opened", *ASKS):
        assert reverse(name, args=[one.pk]) not in page
    assert "Try again" not in get(client, "mapping-wish", change.pk)
    signed_in(client, accounts=[factories.account()])
    for name in ("mapping-detail", *ASKS):
        assert client.get(reverse(name, args=[one.pk])).status_code == 404
    assert client.get(reverse("mapping-wish", args=[change.pk])).status_code == 404
    for address in (reverse(name, args=[one.pk]) for name in ("mapping-opened", *ASKS)):
        assert client.post(address, {"form_token": "x"}).status_code == 404
    assert client.post(reverse("mapping-again", args=[change.pk])).status_code == 404
    assert MappingChange.objects.count() == 1


def test_opening_asks_for_a_read_once(client: Client) -> None:
    one = mapping(read_at=timezone.now() - timedelta(hours=1))
    signed_in(client)
    for _ in range(2):
        assert client.post(reverse("mapping-opened", args=[one.pk])).status_code == 302
    one.refresh_from_db()
    assert one.read_wanted_at is not None
    assert "Reading" in get(client, "mapping-detail", one.pk)


def test_whoever_asks_for_a_read_gets_one_however_fresh_it_is(client: Client) -> None:
    one = mapping()
    signed_in(client).post(reverse("mapping-opened", args=[one.pk]))
    assert not Mapping.objects.exclude(read_wanted_at=None).exists()
    client.post(reverse("mapping-opened", args=[one.pk]), {"again": "1"})
    assert Mapping.objects.exclude(read_wanted_at=None).exists()


def test_a_look_that_failed_is_said_and_not_repeated_by_itself(client: Client) -> None:
    one = mapping(read_at=timezone.now() - timedelta(hours=1), read_failure="AWS is not there.")
    page = get(signed_in(client), "mapping-detail", one.pk)
    assert "AWS is not there." in page
    assert 'hx-trigger="load"' not in page


def test_a_mapping_that_exists_otherwise_is_linked_and_not_tried_again(client: Client) -> None:
    one = mapping()
    failed = MappingChange.objects.create(
        kind="create",
        function=one.function,
        source_arn=QUEUE,
        requested_as="x",
        state="failed",
        failure="It exists already.",
        failure_code="exists",
    )
    page = get(signed_in(client), "mapping-wish", failed.pk)
    assert reverse("mapping-detail", args=[one.pk]) in page
    assert "Try again" not in page
