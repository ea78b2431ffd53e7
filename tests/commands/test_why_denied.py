"""`why-denied`: the error text comes by standard input, the reason goes out for people or as JSON."""

import io
import json

import pytest
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import Function, Role
from sharing.services import syncing
from tests import factories

from .running import Ran, run

pytestmark = pytest.mark.django_db

SESSION = "arn:aws:sts::111122223333:assumed-role/deploy/s1"


@pytest.fixture
def function() -> Function:
    made = factories.function("label-uploads", factories.account("Platform", "444455556666"))
    statement = {
        "Sid": "globex",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::222233334444:root"},
        "Action": "lambda:InvokeFunction",
        "Resource": made.arn,
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    syncing.store_policy(made.policies.get(), StoredPolicy(text, "r"), read_at=timezone.now())
    return made


def pasted(monkeypatch: pytest.MonkeyPatch, text: str, *arguments: str) -> Ran:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    return run("why-denied", *arguments)


def refusal(arn: str) -> str:
    return f"User: {SESSION} is not authorized to perform: lambda:InvokeFunction on resource: {arn}"


def test_json_names_the_cause_the_repair_and_what_was_not_looked_at(
    monkeypatch: pytest.MonkeyPatch, function: Function
) -> None:
    ran = pasted(monkeypatch, refusal(function.arn), "--json")
    assert ran.code == 0
    (item,) = ran.items
    assert (item["principal"], item["resource"], item["verdict"]) == (SESSION, function.arn, "no")
    (cause,) = item["causes"]
    assert (cause["code"], cause["side"], cause["told"]) == ("not-shared", "owner", False)
    assert cause["repair"]["who"] == "arn:aws:iam::111122223333:role/deploy"
    assert any("service control" in line for line in item["not_looked_at"])


def test_people_read_sentences(monkeypatch: pytest.MonkeyPatch, function: Function) -> None:
    ran = pasted(monkeypatch, f"{refusal(function.arn)} with an explicit deny in a service control policy")
    assert "A service control policy of their organisation denies it (the caller's side, by AWS's words" in ran.out
    assert "No: nothing in the policy lets session deploy/s1" in ran.out
    assert "Ask on the page" in pasted(monkeypatch, "AccessDenied").out


@pytest.mark.parametrize("text", ["", "  \n"])
def test_no_text_is_a_mistake_in_how_it_was_called(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    ran = pasted(monkeypatch, text, "--json")
    assert (ran.code, ran.error["code"]) == (2, "usage")


def test_a_huge_text_is_cut(monkeypatch: pytest.MonkeyPatch, function: Function) -> None:
    assert pasted(monkeypatch, refusal(function.arn) + "x" * 10_000_000, "--json").code == 0


def test_by_narrows_to_the_scope_of_that_person(monkeypatch: pytest.MonkeyPatch, function: Function) -> None:
    factories.person(Role.OWNER, email="elsewhere@example.com", accounts=[factories.account()])
    ran = pasted(monkeypatch, refusal(function.arn), "--json", "--by", "elsewhere@example.com")
    assert [cause["code"] for cause in ran.items[0]["causes"]] == ["unknown-function"]
