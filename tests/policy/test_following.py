"""One statement through the contents of a policy: its name, its changes, whom it is about."""

from __future__ import annotations

from typing import Any

import pytest

from sharing.policy import parse
from sharing.policy.following import by_key, changed, difference, is_sid, names_account, same, statement_key

from .documents import ACME, GLOBEX, allow, policy, role, root, service


def first(*statements: Any) -> Any:
    return parse(policy(*statements)).statements


@pytest.mark.parametrize("sid", ["xacct", "fnshare-0a", "A.b_c-1", "x" * 100])
def test_an_ordinary_sid_is_the_key(sid: str) -> None:
    assert statement_key(first(allow(Sid=sid))[0]) == sid
    assert is_sid(sid)


@pytest.mark.parametrize("sid", [None, "", "a b", "a/b", "~x", "x" * 101, "ü", 7, ["x"]])
def test_any_other_gets_a_digest_of_its_content(sid: Any) -> None:
    one = first(allow(Sid=sid))[0]
    key = statement_key(one)
    assert key.startswith("~")
    assert not is_sid(key)
    document = parse(policy(allow(Sid=sid), allow({"AWS": GLOBEX}, Sid=sid)))
    assert [found.index for found in by_key(document, key)] == [0]


def test_a_doubled_sid_is_followed_as_both() -> None:
    document = parse(policy(allow(), allow({"AWS": GLOBEX})))
    assert len(by_key(document, "allow")) == 2
    assert by_key(document, "other") == ()


def test_spelling_is_no_change_and_meaning_is() -> None:
    assert same(first(allow({"AWS": ACME})), first(allow(root())))
    assert not same(first(allow(root())), first(allow(root(GLOBEX))))
    assert not same(first(allow()), ())


def test_the_difference_shows_what_went_and_what_came() -> None:
    lines = difference(first(allow(root())), first(allow(root(GLOBEX))))
    assert [(one.sign, ACME in one.text, GLOBEX in one.text) for one in lines if one.sign != " "] == [
        ("-", True, False),
        ("+", False, True),
    ]
    assert {one.sign for one in difference((), first(allow()))} == {"+"}
    assert {one.sign for one in difference(first(allow()), ())} == {"-"}
    assert difference(first(allow()), first(allow())) == ()


@pytest.mark.parametrize(
    ("statement", "about"),
    [
        (allow(root()), True),
        (allow({"AWS": role()}), True),
        (allow(root(GLOBEX)), False),
        (allow(service(), {"StringEquals": {"AWS:SourceAccount": ACME}}), True),
        (allow(service(), {"ArnLike": {"AWS:SourceArn": f"arn:aws:sns:us-east-1:{ACME}:t"}}), True),
        (allow(service(), {"ArnLike": {"AWS:SourceArn": f"arn:aws:s3:::b{ACME}0"}}), False),
        (allow(None, Principal=None, NotPrincipal=root()), True),
        (allow("*", Resource=f"arn:aws:lambda:us-east-1:{ACME}:function:f"), False),
        ("nonsense", False),
    ],
)
def test_a_statement_is_about_an_account_by_principal_or_condition(statement: Any, about: bool) -> None:
    assert names_account(first(statement)[0], ACME) is about
    assert not names_account(first(statement)[0], "١١١١٢٢٢٢٣٣٣٣")


def test_any_json_is_compared_line_by_line() -> None:
    before, after = {"Queues": [{"Id": "a"}], "Topics": []}, {"Queues": [{"Id": "b"}], "Topics": []}
    assert [(line.sign, line.text.strip()) for line in changed(before, after) if line.sign != " "] == [
        ("-", '"Id": "a"'),
        ("+", '"Id": "b"'),
    ]
    assert changed(before, before) == ()
    assert [line.sign for line in changed(None, {})] == ["-", "+"]
