"""Condition operators: every one for a matching, another and a missing value (IAM User Guide, condition operators)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.policy import Condition, decide
from sharing.policy.addresses import Breadth, breadth, spares_enough
from sharing.policy.conditions import OPERATORS, atom_of, truth
from sharing.policy.variables import Known

from .documents import ACME, OWNER, F, allow, deny, policy, role

MATCHING: dict[str, tuple[str, str, str]] = {
    # operator: value of the policy, a value that matches, one that does not
    "StringEquals": ("abc", "abc", "ABC"),
    "StringEqualsIgnoreCase": ("abc", "ABC", "abd"),
    "StringLike": ("a*c?", "abbcd", "abbc"),
    "NumericEquals": ("10", "10.0", "11"),
    "NumericLessThan": ("10", "9", "10"),
    "NumericLessThanEquals": ("10", "10", "11"),
    "NumericGreaterThan": ("10", "11", "10"),
    "NumericGreaterThanEquals": ("10", "10", "9"),
    "DateEquals": ("2027-01-01T00:00:00Z", "2027-01-01T01:00:00+01:00", "2027-01-02T00:00:00Z"),
    "DateLessThan": ("2027-01-01T00:00:00Z", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"),
    "DateLessThanEquals": ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:01Z"),
    "DateGreaterThan": ("2027-01-01T00:00:00Z", "2027-01-01T00:00:01Z", "2027-01-01T00:00:00Z"),
    "DateGreaterThanEquals": ("1798761600", "2027-01-01T00:00:00Z", "2026-12-31T23:59:59Z"),
    "Bool": ("true", "True", "false"),
    "BinaryEquals": ("QmluYXJ5", "QmluYXJ5", "Qmlu"),
    "IpAddress": ("203.0.113.0/24", "203.0.113.9", "203.0.114.1"),
    "ArnEquals": ("arn:aws:sns:*:111122223333:t*", "arn:aws:sns:us-east-1:111122223333:topic", "arn:aws:sns:us-east-1:1:t"),
    "ArnLike": ("arn:aws:s3:::b?", "arn:aws:s3:::b1", "arn:aws:s3:::b"),
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}


def held(operator: str, values: list[str], given: list[str] | None) -> bool | None:
    context = {} if given is None else {"aws:x": Known(tuple(given))}
    return truth(atom_of(Condition(operator, "aws:X", tuple(values))), context)


def test_every_documented_operator_is_in_the_table() -> None:
    assert {name.lower() for name in (*MATCHING, *NEGATED, "Null")} == set(OPERATORS)


@pytest.mark.parametrize("operator", MATCHING)
def test_positive_operators(operator: str) -> None:
    value, match, other = MATCHING[operator]
    assert held(operator, [value], [match]) is True
    assert held(operator, [value], [other]) is False
    assert held(operator, [value, other], [other]) in (True, False)
    assert held(operator, [value], None) is False
    assert held(f"{operator}IfExists", [value], None) is True
    assert held(f"{operator}IfExists", [value], [other]) is False


@pytest.mark.parametrize("operator", NEGATED)
def test_negated_operators(operator: str) -> None:
    value, match, other = MATCHING[NEGATED[operator]]
    assert held(operator, [value], [match]) is False
    assert held(operator, [value], [other]) is True
    assert held(operator, [value, match], [match]) is False
    assert held(operator, [value], None) is True
    assert held(f"{operator}IfExists", [value], None) is True


@pytest.mark.parametrize(
    ("operator", "given", "expected"),
    [
        ("ForAllValues:StringEquals", None, True),
        ("ForAllValues:StringEquals", [], True),
        ("ForAllValues:StringEquals", ["a"], True),
        ("ForAllValues:StringEquals", ["a", "b"], True),
        ("ForAllValues:StringEquals", ["a", "c"], False),
        ("ForAnyValue:StringEquals", None, False),
        ("ForAnyValue:StringEquals", ["c", "a"], True),
        ("ForAnyValue:StringEquals", ["c"], False),
        ("ForAnyValue:StringNotEquals", None, False),
        ("ForAnyValue:StringNotEquals", ["a"], False),
        ("ForAnyValue:StringNotEquals", ["a", "c"], True),
        ("ForAllValues:StringNotEquals", ["c", "d"], True),
        ("ForAllValues:StringNotEquals", ["c", "a"], False),
        ("ForAllValues:StringNotEquals", None, True),
        ("StringNotEquals", ["c", "a"], False),
        ("StringEquals", ["c", "a"], True),
        ("foranyvalue:stringequals", ["a"], True),
    ],
)
def test_multivalued_keys(operator: str, given: list[str] | None, expected: bool) -> None:
    assert held(operator, ["a", "b"], given) is expected


@pytest.mark.parametrize(
    ("value", "given", "expected"),
    [("true", None, True), ("true", ["x"], False), ("false", None, False), ("false", ["x"], True)],
)
def test_null_looks_at_presence_only(value: str, given: list[str] | None, expected: bool) -> None:
    assert held("Null", [value], given) is expected


@pytest.mark.parametrize(
    ("operator", "values"),
    [
        ("StringFuzzy", ["a"]),
        ("Some:StringEquals", ["a"]),
        ("StringEquals", []),
        ("Null", ["maybe"]),
        ("Null", ["true", "false"]),
        ("NullIfExists", ["true"]),
        ("ForAllValues:Null", ["true"]),
        ("Bool", ["perhaps"]),
        ("NumericEquals", ["many"]),
        ("DateEquals", ["soon"]),
        ("IpAddress", ["here"]),
        ("ArnLike", ["arn:aws:*"]),
    ],
)
def test_what_cannot_be_judged_is_neither_true_nor_false(operator: str, values: list[str]) -> None:
    assert held(operator, values, ["arn:aws:s3:::b"]) is None


@given(
    st.sampled_from(sorted(MATCHING) + sorted(NEGATED)),
    st.sampled_from(["", "ForAllValues:", "ForAnyValue:"]),
    st.booleans(),
    st.none() | st.lists(st.sampled_from(["a", "b", "10", "true", "203.0.113.9", "2027-01-01T00:00:00Z"]), max_size=3),
)
def test_the_negation_of_a_condition_is_its_opposite(
    operator: str, prefix: str, exists: bool, given_: list[str] | None
) -> None:
    value = MATCHING[NEGATED.get(operator, operator)][0]
    atom = atom_of(Condition(f"{prefix}{operator}{'IfExists' if exists else ''}", "aws:x", (value,)))
    context = {} if given_ is None else {"aws:x": Known(tuple(given_))}
    judged, opposite = truth(atom, context), truth(atom.negated(), context)
    assert (judged is None) == (opposite is None)
    assert judged is None or judged is not opposite
    assert atom.negated().negated() == atom


def allowed(condition: dict[str, Any], version: str | None = "2012-10-17", **context: Any) -> tuple[str, str]:
    document = policy(allow("*", condition), version=version)
    found = decide(document, function_arn=F, principal=role(), context={key.replace("_", ":"): v for key, v in context.items()})
    return found.outcome, found.certainty


@pytest.mark.parametrize(
    ("value", "version", "context", "expected"),
    [
        ("${aws:PrincipalAccount}", "2012-10-17", {"aws_x": ACME}, ("allowed", "yes")),
        ("${aws:PrincipalAccount}", "2012-10-17", {"aws_x": "other"}, ("none", "yes")),
        ("${aws:PrincipalAccount}", "2008-10-17", {"aws_x": ACME}, ("none", "yes")),
        ("${aws:PrincipalAccount}", None, {"aws_x": "${aws:PrincipalAccount}"}, ("allowed", "yes")),
        ("${aws:missing}", "2012-10-17", {"aws_x": "a"}, ("none", "yes")),
        ("a*${aws:missing}", "2012-10-17", {"aws_x": "a"}, ("none", "yes")),
        ("${aws:missing,'a'}", "2012-10-17", {"aws_x": "a"}, ("allowed", "yes")),
        ("${aws:missing, ''}", "2012-10-17", {"aws_x": ""}, ("allowed", "yes")),
        ("${}", "2012-10-17", {"aws_x": "a"}, ("none", "depends")),
        ("${aws:list}", "2012-10-17", {"aws_x": "a", "aws_list": ["a", "b"]}, ("none", "depends")),
        ("${aws:list}${aws:missing}", "2012-10-17", {"aws_x": "a", "aws_list": ["a", "b"]}, ("none", "yes")),
        ("${aws:missing, 'a'}", "2012-10-17", {"aws_x": "a"}, ("allowed", "yes")),
        ("${*}", "2012-10-17", {"aws_x": "*"}, ("allowed", "yes")),
        ("${*}", "2012-10-17", {"aws_x": "anything"}, ("none", "yes")),
        ("a${$}b", "2012-10-17", {"aws_x": "a$b"}, ("allowed", "yes")),
        ("${unclosed", "2012-10-17", {"aws_x": "a"}, ("none", "depends")),
    ],
)
def test_policy_variables_by_version(
    value: str, version: str | None, context: dict[str, str], expected: tuple[str, str]
) -> None:
    assert allowed({"StringLike": {"aws:x": value}}, version, **context) == expected


@pytest.mark.parametrize("operator", ["StringNotEquals", "StringNotLike", "ArnNotEquals", "StringNotEqualsIgnoreCase"])
def test_nothing_is_equal_to_or_like_a_variable_without_a_value(operator: str) -> None:
    """IAM: inverted operators do match against a null value, so a Deny with one hits whoever lacks the tag."""
    assert allowed({operator: {"aws:x": "${aws:PrincipalTag/team}"}}, aws_x="blue") == ("allowed", "yes")
    assert allowed({operator: {"aws:x": ["${aws:PrincipalTag/team}", "blue"]}}, aws_x="blue") == ("none", "yes")
    denied = deny(condition={operator: {"aws:x": "${aws:PrincipalTag/team}"}})
    assert decide(policy(allow(), denied), function_arn=F, principal=ACME, context={"aws:x": "blue"}).outcome == "denied"


@pytest.mark.parametrize(
    ("resource", "element", "expected"),
    [
        (f"{F}${{aws:PrincipalTag/team}}", "Resource", ("none", "yes")),
        (f"{F}${{aws:PrincipalTag/team}}", "NotResource", ("allowed", "yes")),
        (f"{F}${{aws:PrincipalTag/team, ''}}", "Resource", ("allowed", "yes")),
        (F.replace(OWNER, "${aws:ResourceAccount}"), "Resource", ("none", "depends")),
        (F.replace(OWNER, "${aws:SourceAccount}"), "Resource", ("none", "yes")),
        (F.replace(OWNER, "${aws:PrincipalAccount}"), "Resource", ("none", "yes")),
    ],
)
def test_variables_in_a_resource_count_after_the_fifth_colon(resource: str, element: str, expected: tuple[str, str]) -> None:
    """IAM: one without a value matches no resource; before the fifth colon variables are not to be used."""
    document = policy(allow(Resource=None) | {element: resource})
    found = decide(document, function_arn=F, principal=ACME, context={"aws:ResourceAccount": OWNER})
    assert (found.outcome, found.certainty) == expected


def test_a_missing_key_under_any_value_if_exists_is_not_judged() -> None:
    """IAM says of ForAnyValue that a missing key makes it false, and of IfExists that it makes it true."""
    condition = {"ForAnyValue:StringEqualsIfExists": {"aws:x": "a"}}
    assert allowed(condition) == ("none", "depends")
    assert allowed(condition, aws_x="a") == ("allowed", "yes")
    assert allowed(condition, aws_x="b") == ("none", "yes")
    assert allowed({"ForAllValues:StringEqualsIfExists": {"aws:x": "a"}}) == ("allowed", "yes")


def test_a_substituted_wildcard_is_no_wildcard() -> None:
    assert allowed({"StringLike": {"aws:x": "${aws:y}"}}, aws_x="anything", aws_y="*") == ("none", "yes")


def test_all_operators_and_all_keys_must_hold() -> None:
    condition = {"StringEquals": {"aws:x": "1", "aws:y": "2"}, "StringLike": {"aws:z": "3*"}}
    assert allowed(condition, aws_x="1", aws_y="2", aws_z="34") == ("allowed", "yes")
    assert allowed(condition, aws_x="1", aws_y="2") == ("none", "yes")
    assert allowed(condition, aws_x="1", aws_y="3", aws_z="34") == ("none", "yes")


def test_an_ip_condition_knows_ipv6() -> None:
    assert held("IpAddress", ["2001:db8::/32"], ["2001:db8::1"]) is True
    assert held("IpAddress", ["2001:db8::/32"], ["203.0.113.1"]) is False


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        (["0.0.0.0/0"], Breadth.WIDE),
        (["0.0.0.0/1", "128.0.0.0/1"], Breadth.WIDE),
        (["::/0"], Breadth.WIDE),
        (["8.0.0.0/7"], Breadth.WIDE),
        (["11.0.0.0/8"], Breadth.SMALL),
        (["11.0.0.0/8", "12.0.0.0/8"], Breadth.WIDE),
        (["2001:db8::/32"], Breadth.SMALL),
        (["2001::/16"], Breadth.WIDE),
        (["203.0.113.7"], Breadth.SMALL),
        (["10.0.0.0/8", "192.168.1.1"], Breadth.PRIVATE),
        (["fd00::/8"], Breadth.PRIVATE),
        (["10.0.0.0/8", "203.0.113.0/24"], Breadth.SMALL),
        (["*"], Breadth.UNREADABLE),
        (["nonsense", "0.0.0.0/0"], Breadth.WIDE),
    ],
)
def test_addresses_are_judged_by_the_union_of_their_ranges(ranges: list[str], expected: Breadth) -> None:
    assert breadth(tuple(ranges)) is expected


def test_shutting_out_all_but_a_few_addresses_is_noticed() -> None:
    assert spares_enough(("203.0.113.0/24",))
    assert not spares_enough(("0.0.0.0/0", "::/0"))
