"""Whole documents: read without failing, nothing dropped, written back, measured, compared."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.policy import (
    LIMIT,
    Document,
    FunctionArn,
    Permission,
    compare,
    decide,
    exposures,
    parse,
    parse_who,
    render,
    size_after,
)

from .documents import ACME, OWNER, F, Json, allow, deny, policy

NOT_JSON = ["", "{", "null", "[]", '"text"', "1", "NaN", '{"Statement":', "\x00", "[" * 100_000, '{"a":' * 50_000]
ODD: list[Any] = [
    {},
    {"Statement": None},
    {"Statement": "x"},
    {"Statement": []},
    {"Statement": allow()},
    {"Statement": [None, 1, "text", [], {}, allow()]},
    {"Statement": [allow(Effect="allow")]},
    {"Statement": [allow(Effect=["Allow"])]},
    {"Statement": [allow(Principal=[ACME])]},
    {"Statement": [allow({"AWS": {"x": 1}})]},
    {"Statement": [allow({"AWS": [1, None, ACME]})]},
    {"Statement": [allow({"AWS": []})]},
    {"Statement": [allow({})]},
    {"Statement": [allow(Action=[])]},
    {"Statement": [allow(Action={"a": 1})]},
    {"Statement": [allow(Resource=7)]},
    {"Statement": [allow(Condition=[])]},
    {"Statement": [allow(Condition={"StringEquals": "x"})]},
    {"Statement": [allow(Condition={"StringEquals": {"aws:x": {"y": 1}}})]},
    {"Statement": [allow(Condition={"StringEquals": {"aws:x": [["deep"]]}})]},
    {"Statement": [allow(Sid=7)]},
    {"Statement": [allow(NotPrincipal="*")]},
    {"Statement": [allow(Whatever=1)]},
    {"Version": "2020-01-01", "Statement": [allow()]},
    {"Version": 7, "Statement": [allow()]},
    {"Statement": [allow(Sid="\ud800")]},
    {"Statement": [allow(Sid="ünï" * 50)]},
]


@pytest.mark.parametrize("text", NOT_JSON)
def test_text_that_is_no_policy_is_kept_and_never_taken_for_empty(text: str) -> None:
    found = parse(text)
    assert found.problem
    assert found.exists
    assert render(found) == text
    assert found.digest
    assert found.size >= 0
    assert decide(found, function_arn=F, principal=ACME).certainty == "depends"
    assert {exposure.public for exposure in exposures(found, function_arn=F, owner_account=OWNER)} == {"depends"}


@pytest.mark.parametrize("document", ODD, ids=range(len(ODD)))
def test_odd_documents_are_read_without_dropping_a_statement(document: Json) -> None:
    for given_ in (document, json.dumps(document), json.dumps(document).encode()):
        found = parse(given_)
        entries = document.get("Statement", [])
        assert len(found.statements) == (len(entries) if isinstance(entries, list) else 1)
        assert render(found)
        assert parse(render(found)).digest == found.digest
        assert exposures(found, function_arn=F, owner_account=OWNER) is not None
        assert decide(found, function_arn=F, principal=ACME)
        assert compare(found, found) == compare(Document(), Document())


def test_bytes_that_are_no_utf8_are_a_problem() -> None:
    assert parse(b"\xff\xfe{").problem
    assert parse(b"\xef\xbb\xbf" + json.dumps(policy(allow())).encode()).problem is None


def test_no_policy_is_not_an_unreadable_one() -> None:
    found = parse(None)
    assert (found.exists, found.problem, found.size, render(found)) == (False, None, 0, "")
    assert exposures(None, function_arn=F, owner_account=OWNER) == []
    assert decide(None, function_arn=F, principal=ACME).certainty == "yes"


def test_after_the_last_statement_an_empty_list_lets_nobody_in() -> None:
    assert exposures(policy(), function_arn=F, owner_account=OWNER) == []


def test_a_key_written_twice_makes_the_statement_uncertain() -> None:
    text = json.dumps(policy(allow())).replace('"Principal":', '"Principal":"*","Principal":')
    found = parse(text)
    assert found.statements[0].problem
    assert render(found) == text
    assert {one.external for one in exposures(found, function_arn=F, owner_account=OWNER)} == {"depends"}
    assert found.digest != parse(text.replace('"Principal":"*",', "")).digest


def test_statements_under_a_doubled_key_are_all_kept() -> None:
    text = '{"Statement":[' + json.dumps(allow()) + '],"Statement":[' + json.dumps(allow("*")) + "]}"
    found = parse(text)
    assert [one.principals[0].kind for one in found.statements] == ["account", "everyone"]
    assert found.problem


def test_a_condition_written_twice_is_not_judged() -> None:
    condition = '{"StringEquals":{"aws:PrincipalOrgID":"o-abcdef1234"},"StringEquals":{"aws:PrincipalOrgID":"o-zzzzzz9999"}}'
    text = json.dumps(policy(allow("*", {"x": {}}))).replace('{"x": {}}', condition)
    assert {one.external for one in exposures(text, function_arn=F, owner_account=OWNER)} == {"depends"}


def test_ten_thousand_statements_are_read_in_time() -> None:
    many = policy(*(allow({"AWS": f"{number:012d}"}, Sid=f"s{number}") for number in range(10_000)))
    assert len(exposures(many, function_arn=F, owner_account=OWNER)) == 10_000


def test_a_principal_list_of_thousands_is_read() -> None:
    found = exposures(policy(allow({"AWS": [f"{n:012d}" for n in range(3_000)]})), function_arn=F, owner_account=OWNER)
    assert len(found) == 3_000


def test_a_python_object_that_contains_itself_does_no_harm() -> None:
    loop: Json = {"Statement": []}
    loop["Statement"].append(loop)
    found = parse(loop)
    assert found.statements[0].problem
    assert found.digest


def test_size_is_that_of_the_compact_json() -> None:
    document = policy(allow())
    assert parse(json.dumps(document, indent=2)).size == len(json.dumps(document, separators=(",", ":")))
    assert parse(policy(allow(Sid="ü"))).size == parse(policy(allow(Sid="uu"))).size


@pytest.mark.parametrize("before", [None, policy(), policy(allow()), policy(allow(), deny())])
def test_size_after_is_the_size_of_what_aws_will_hold(before: Json | None) -> None:
    statement = Permission(
        FunctionArn.parse(F), "new", "lambda:InvokeFunction", parse_who("s3"), source_account=ACME
    ).statement()
    after = (
        {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
        if before is None
        else {**before, "Statement": [*before["Statement"], statement]}
    )
    assert size_after(before, statement) == parse(after).size
    assert size_after(json.dumps(before) if before else None, statement) == parse(after).size
    assert parse(before).plus(statement).digest == parse(after).digest
    assert LIMIT == 20_480


def test_digest_ignores_spacing_and_key_order_but_not_the_order_of_statements() -> None:
    one, two = allow(Sid="a"), allow(Sid="b")
    text = json.dumps(policy(one, two))
    assert (
        parse(text).digest
        == parse(json.dumps(json.loads(text), indent=4, sort_keys=True)).digest
        == parse(policy(one, two)).digest
    )
    assert parse(policy(one, two)).digest != parse(policy(two, one)).digest


def test_statements_are_found_and_left_out_by_sid() -> None:
    document = parse(policy(allow(Sid="a"), allow(Sid="a"), allow(Sid="b")))
    assert len(document.by_sid("a")) == 2
    assert [one.sid for one in document.without("a").statements] == ["b"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([], [allow(Sid="a")], (["a"], [], [])),
        ([allow(Sid="a")], [], ([], ["a"], [])),
        ([allow(Sid="a")], [allow(Sid="a", Action="lambda:GetFunction")], ([], [], ["a"])),
        ([allow(Sid="a"), allow(Sid="b")], [allow(Sid="b"), allow(Sid="a")], ([], [], [])),
        ([allow(Sid=None)], [allow(Sid=None), allow(Sid=None)], ([None], [], [])),
        ([allow(Sid="a"), allow("*", Sid="a")], [allow("*", Sid="a")], ([], ["a"], [])),
        ([allow(Sid="a"), allow("*", Sid="a")], [allow({"AWS": OWNER}, Sid="a")], (["a"], ["a", "a"], [])),
        ([allow({"AWS": ACME}, Sid="a")], [allow({"AWS": f"arn:aws:iam::{ACME}:root"}, Sid="a")], ([], [], [])),
        ([allow(Sid=None)], [allow("*", Sid=None)], ([None], [None], [])),
        ([1], [2], ([None], [None], [])),
    ],
)
def test_documents_are_compared_statement_by_statement(before: list[Any], after: list[Any], expected: tuple[Any, ...]) -> None:
    found = compare(parse(policy(*before)), parse(policy(*after)))
    assert ([s.sid for s in found.added], [s.sid for s in found.removed], [old.sid for old, _ in found.changed]) == expected
    assert bool(found) == any(expected)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
elements = st.fixed_dictionaries(
    {},
    optional={
        "Sid": st.text(max_size=10) | json_values,
        "Effect": st.sampled_from(["Allow", "Deny", "allow"]) | json_values,
        "Principal": st.sampled_from(["*", {"AWS": ACME}, {"Service": "s3.amazonaws.com"}]) | json_values,
        "NotPrincipal": json_values,
        "Action": st.sampled_from(["*", "lambda:InvokeFunction"]) | json_values,
        "NotAction": json_values,
        "Resource": st.sampled_from([F, "*"]) | json_values,
        "NotResource": json_values,
        "Condition": json_values | st.dictionaries(st.text(max_size=5), st.dictionaries(st.text(max_size=5), json_values)),
    },
)


@given(st.lists(elements | json_values, max_size=4))
def test_nothing_anybody_stores_raises_or_is_lost(entries: list[Any]) -> None:
    document = {"Version": "2012-10-17", "Statement": entries}
    found = parse(json.dumps(document))
    assert len(found.statements) == len(entries)
    assert [one.raw for one in found.statements] == json.loads(json.dumps(entries))
    again = parse(render(found))
    assert again.digest == found.digest
    assert again.statements == found.statements
    for principal in (ACME, "s3.amazonaws.com", "anonymous", f"arn:aws:iam::{ACME}:role/x"):
        decide(found, function_arn=F, principal=principal)
    exposures(found, function_arn=F, owner_account=OWNER)


@given(json_values | st.text())
def test_any_json_and_any_text_is_read(value: Any) -> None:
    for text in (value, json.dumps(value)):
        if isinstance(text, str | dict):
            found = parse(text)
            assert found.digest
            exposures(found, function_arn=F, owner_account=OWNER)
