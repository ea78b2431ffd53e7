"""Event source mappings in answers about access: counted beside policies, and said when nobody looked."""

import json
import uuid
from typing import Any

import pytest
from django.utils import timezone

from sharing.models import Account, Actor, Function, Mapping
from sharing.services import access
from sharing.services.access.exporting import answer_csv, answer_json
from tests import factories
from tests.commands.running import run

pytestmark = pytest.mark.django_db

QUEUE = "arn:aws:sqs:us-east-1:222233334444:uploads"


@pytest.fixture
def function() -> Function:
    found = factories.function("label-uploads", factories.account("Platform", "444455556666"))
    Function.objects.filter(pk=found.pk).update(mappings_read_at=timezone.now(), details_read_at=timezone.now(), urls={})
    found.refresh_from_db()
    return found


@pytest.fixture
def globex() -> Account:
    return factories.account("Globex", "222233334444")


def mapping(function: Function, **fields: Any) -> Mapping:
    facts = {"source_arn": QUEUE, "source_account": "222233334444", "state": "Enabled", **fields}
    return Mapping.objects.create(pk=uuid.uuid4(), function=function, **facts)


def asked(text: str) -> access.Answer:
    return access.ask(text, by=Actor.of(factories.person("auditor")))


def test_a_function_is_said_to_run_by_what_it_polls(function: Function, globex: Account) -> None:
    mapping(function)
    mapping(
        function,
        source_arn="arn:aws:kinesis:us-east-1:999900001111:stream/clicks",
        source_account="999900001111",
        state="Disabled",
    )
    mapping(function, source_arn="arn:aws:sqs:us-east-1:222233334444:gone", vanished_at=timezone.now())
    answer = asked(function.arn)
    (said,) = [sentence for sentence in answer.sentences if "source" in sentence]
    assert said == (
        "What arrives in 2 sources makes it run without any statement: Kinesis stream/clicks of 999900001111 (disabled) and "
        "SQS queue uploads of Globex."
    )
    assert not any("mappings" in line and "not read yet" in line for line in answer.not_looked_at)


def test_an_account_is_said_to_have_sources_that_functions_poll(function: Function, globex: Account) -> None:
    mapping(function)
    said = " ".join(asked("Globex").sentences)
    assert "What arrives in a source of its own runs functions by 1 event source mapping: label-uploads." in said
    assert [one.mapping.source_arn for one in asked("Globex").polled] == [QUEUE]
    assert asked("444455556666").polled == ()


def test_mappings_nobody_looked_at_are_said(function: Function, globex: Account) -> None:
    Function.objects.update(mappings_read_at=None)
    for text in (function.arn, "Globex"):
        lines = asked(text).not_looked_at
        assert any("event source mappings" in line and "1 function were not read yet" in line for line in lines), text


def test_of_the_past_they_are_not_known(function: Function) -> None:
    mapping(function)
    answer = access.ask(function.arn, by=Actor.of(factories.person("auditor")), at=timezone.now())
    assert answer.polled == ()
    assert any("only as they are now" in line for line in answer.not_looked_at)


def test_out_of_scope_they_are_not_told(function: Function, globex: Account) -> None:
    mapping(function)
    stranger = Actor.of(factories.person("auditor", accounts=[globex]))
    assert access.ask("Globex", by=stranger).polled == ()


def test_exports_and_the_command_hold_them(function: Function, globex: Account) -> None:
    held = mapping(function, qualifier="live")
    answer = asked(function.arn)
    assert f"Polls, by no statement: {function.arn}:live: SQS queue uploads of Globex ({QUEUE})" in "".join(answer_csv(answer))
    told = json.loads("".join(answer_json(answer)))["polled"]
    facts = {"source_arn": QUEUE, "source_account": "222233334444", "state": "Enabled"}
    assert told == [{"function_arn": f"{function.arn}:live", **facts}]
    (item,) = run("who-can-invoke", function.arn, "--json").items
    assert item["polled"] == [{"qualifier": "live", **facts}]
    assert f"polls {QUEUE} (enabled)" in run("who-can-invoke", function.arn).out
    assert held.runs
