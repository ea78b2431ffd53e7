"""The pages of one statement's history, a function's timeline and an account's."""

import html
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import Actor, Function, Policy, Reading, Role
from sharing.services import history, syncing
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

PLATFORM, ACME, GLOBEX = "444455556666", "111122223333", "222233334444"
T0 = timezone.now() - timedelta(days=10)
HOSTILE = '<script>alert("x")</script>'


@pytest.fixture
def function() -> Function:
    made = factories.function("label-uploads", factories.account("Platform", PLATFORM))
    made.policies.update(read_at=None, reading=Reading.UNREAD)
    return made


@pytest.fixture
def auditor(client: Client) -> Client:
    client.force_login(factories.person(Role.AUDITOR))
    return client


def statement(function: Function, sid: str | None, number: str = ACME, **more: Any) -> dict[str, Any]:
    principal = {"AWS": f"arn:aws:iam::{number}:root"}
    made = {"Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction", "Resource": function.arn, **more}
    return {"Sid": sid, **made} if sid is not None else made


def read(function: Function, day: float, *statements: dict[str, Any]) -> Policy:
    policy = function.policies.get(qualifier="")
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    syncing.store_policy(policy, StoredPolicy(text, "r"), read_at=T0 + timedelta(days=day))
    return policy


def text_of(response: Any) -> str:
    return html.unescape(str(response.content.decode()))


def test_a_statements_page_shows_each_change_between_its_reads(auditor: Client, function: Function) -> None:
    read(function, 0, statement(function, "others", GLOBEX))
    read(function, 1, statement(function, "others", GLOBEX), statement(function, "theirs"))
    policy = read(function, 2, statement(function, "theirs", Action="lambda:GetFunction"))
    page = text_of(auditor.get(reverse("statement-history", args=[policy.pk, "theirs"])))
    assert "In the policy" in page
    assert "Appeared" in page
    assert '<ins>+   "Action": "lambda:GetFunction",</ins>' in page
    assert "Between two reads:" in page
    assert "Outside fnshare" in page
    gone = text_of(auditor.get(reverse("statement-history", args=[policy.pk, "others"])))
    assert "Not in the policy" in gone
    assert "Already there" in gone
    assert "When it came nobody here knows" in gone


def test_the_function_page_and_the_policy_tab_link_each_statement_to_its_history(auditor: Client, function: Function) -> None:
    policy = read(function, 0, statement(function, "theirs"), statement(function, None, GLOBEX), statement(function, "a b/c"))
    for name in ("function-detail", "function-policy"):
        page = auditor.get(reverse(name, args=[function.pk])).content.decode()
        found = [part.split('"')[0] for part in page.split('href="') if f"/policies/{policy.pk}/statements/" in part[:120]]
        assert len(found) == 3
        assert reverse("statement-history", args=[policy.pk, "theirs"]) in found
        for address in found:
            assert auditor.get(address).status_code == 200, address


def test_the_functions_history_tells_reads_and_events_together(auditor: Client, function: Function) -> None:
    read(function, 0, statement(function, "others", GLOBEX))
    policy = read(function, 1, statement(function, "theirs"))
    history.record("check.done", "Tried as Acme.", by=Actor.system(), function=function, reason="why not")
    page = text_of(auditor.get(reverse("function-history", args=[function.pk])))
    assert page.index("Tried as Acme.") < page.index("The policy changed") < page.index("First read")
    assert reverse("statement-history", args=[policy.pk, "theirs"]) in page
    assert "was changed outside fnshare" not in page, "the read tells it"


def test_an_accounts_page_tells_its_timeline_and_filters_by_day(auditor: Client, function: Function) -> None:
    factories.account("Acme Retail", ACME)
    read(function, 0)
    read(function, 1, statement(function, "theirs"))
    read(function, 4)
    address = reverse("account-story", args=[ACME])
    page = text_of(auditor.get(address))
    assert "Acme Retail" in page
    assert page.index("Gone") < page.index("Appeared")
    day = (T0 + timedelta(days=1)).date().isoformat()
    page = text_of(auditor.get(address, {"since": day, "until": day}))
    assert "Appeared" in page
    assert "Gone" not in page
    assert "Nothing in these days" in text_of(auditor.get(address, {"until": "2001-01-01"}))


def test_a_stranger_is_a_page_and_what_is_no_account_is_not(auditor: Client, function: Function) -> None:
    page = text_of(auditor.get(reverse("account-story", args=["999900001111"])))
    assert "Unknown account" in page
    assert "Nothing is known about this account" in page
    for number in ("12", "1" * 13, "abcdefghijkl", "١٢٣٤٥٦٧٨٩٠١٢"):
        assert auditor.get(reverse("account-story", args=[number])).status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"since": "yesterday"}, 422),
        ({"since": "2026-02-02", "until": "2026-02-01"}, 422),
        ({"since": "0001-01-01"}, 422),
        ({"until": "9999-12-31"}, 422),
        ({"since": "\x00"}, 200),  # NUL is left out of every query, and nothing else is asked
        ({"since": "\x00x"}, 422),
        ({"before": "\x00"}, 200),
        ({"before": "9" * 400}, 200),
        ({"before": "2026-01-01T00:00:00"}, 200),
        ({"before": "2026-13-41T00:00:00Z"}, 200),
        ({"before": "0001-01-01T00:00:00+23:59"}, 200),
        ({"page": "99999999999999999999"}, 200),
    ],
)
def test_bad_dates_never_break_the_page(auditor: Client, function: Function, query: dict[str, str], status: int) -> None:
    assert auditor.get(reverse("account-story", args=[ACME]), query).status_code == status


@pytest.mark.parametrize(
    "key", ["no-such", "~0", "~" * 300, "a" * 2000, "x\x00y", "\ud800".encode("utf-8", "surrogatepass").hex()]
)
def test_an_unknown_statement_is_a_404(auditor: Client, function: Function, key: str) -> None:
    policy = read(function, 0, statement(function, "theirs"))
    assert auditor.get(reverse("statement-history", args=[policy.pk, key])).status_code == 404


def test_what_is_out_of_scope_is_a_404_and_leaves_no_trace(client: Client, function: Function) -> None:
    policy = read(function, 0, statement(function, "theirs"))
    client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
    assert client.get(reverse("statement-history", args=[policy.pk, "theirs"])).status_code == 404
    assert client.get(reverse("function-history", args=[function.pk])).status_code == 404
    page = text_of(client.get(reverse("account-story", args=[ACME])))
    assert "label-uploads" not in page
    assert "theirs" not in page


def test_hostile_text_stays_text(auditor: Client, function: Function) -> None:
    factories.account(HOSTILE, ACME)
    read(function, 0)
    hostile = statement(function, HOSTILE, Condition={"StringEquals": {HOSTILE: HOSTILE}})
    policy = read(function, 1, hostile)
    read(function, 2, {**hostile, "Action": HOSTILE})
    addresses = [
        reverse("account-story", args=[ACME]),
        reverse("function-history", args=[function.pk]),
        reverse("function-policy", args=[function.pk]),
    ]
    page = auditor.get(addresses[2]).content.decode()
    addresses += [part.split('"')[0] for part in page.split('href="') if f"/policies/{policy.pk}/statements/" in part[:120]]
    assert len(addresses) == 4
    for address in addresses:
        assert HOSTILE not in auditor.get(address).content.decode()


def test_the_pages_cost_the_same_however_much_there_is(auditor: Client, function: Function) -> None:
    read(function, 0, statement(function, "theirs"))
    policy = read(function, 0.5, statement(function, "theirs", Action="lambda:GetFunction"))
    history.record("check.done", "Tried.", by=Actor.system(), function=function)
    addresses = [
        reverse("statement-history", args=[policy.pk, "theirs"]),
        reverse("function-history", args=[function.pk]),
        reverse("account-story", args=[ACME]),
    ]
    before = [queries(auditor, address) for address in addresses]
    for number in range(1, 60):
        read(function, number, statement(function, "theirs", Action=f"lambda:x{number}"), statement(function, f"s{number}"))
        history.record("check.done", "Tried.", by=Actor.system(), function=function)
    assert [queries(auditor, address) for address in addresses] == before
    assert "Older" in text_of(auditor.get(addresses[2]))
    assert "1–50 of" in text_of(auditor.get(addresses[0]))
