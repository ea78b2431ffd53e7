"""Already granted, still let in, denied: what other statements of the same policy mean for a permission."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharing.policy import FunctionArn, Permission, covering, decide, denying, parse, parse_who, still_lets_in

from .documents import ACME, GLOBEX, INVOKE, ORG, F, Json, allow, deny, policy, role, root, service

BARE = FunctionArn.parse(F)


def wants(who: str = ACME, **limits: Any) -> Permission:
    return replace(Permission(BARE, "new", INVOKE, parse_who(who)), **limits)


def covers(statement: Json, permission: Permission) -> bool:
    return bool(covering(parse(policy(statement)), permission))


@pytest.mark.parametrize(
    ("statement", "permission", "expected"),
    [
        (allow(), wants(), True),
        (allow({"AWS": ACME}), wants(), True),
        (allow({"AWS": [GLOBEX, ACME]}), wants(), True),
        (allow("*"), wants(), True),
        (allow(), wants(role()), True),
        (allow({"AWS": role()}), wants(role()), True),
        (allow({"AWS": role()}), wants(f"arn:aws:sts::{ACME}:assumed-role/deploy/s"), True),
        (allow({"AWS": role("p/deploy")}), wants(f"arn:aws:sts::{ACME}:assumed-role/deploy/s"), False),
        (allow({"AWS": role()}), wants(), False),
        (allow(root(GLOBEX)), wants(), False),
        (allow(Action="lambda:*"), wants(), True),
        (allow(Action="lambda:GetFunction"), wants(), False),
        (allow(Resource=f"{F}*"), wants(), True),
        (allow(Resource=f"{F}:live"), wants(), False),
        (allow(), wants(function=BARE.with_qualifier("live")), False),
        (allow(Resource=f"{F}:*"), wants(function=BARE.with_qualifier("live")), True),
        (allow("*", {"StringEquals": {"aws:PrincipalOrgID": ORG}}), wants(), False),
        (allow("*", {"StringEquals": {"aws:PrincipalOrgID": ORG}}), wants(ORG), True),
        (allow("*", {"StringEquals": {"aws:PrincipalOrgID": [ORG, "o-zzzzzz9999"]}}), wants(ORG), True),
        (allow("*", {"StringEquals": {"aws:PrincipalAccount": [ACME, GLOBEX]}}), wants(), True),
        (allow("*", {"StringEquals": {"aws:PrincipalAccount": GLOBEX}}), wants(), False),
        (allow("*", {"ArnLike": {"aws:PrincipalArn": role("dep*")}}), wants(role()), True),
        (allow("*", {"Bool": {"aws:SecureTransport": "true"}}), wants(), True),
        (allow("*", {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), wants(), False),
        (allow("*", {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}), wants(), False),
        (allow("*", {"StringFuzzy": {"aws:x": "1"}}), wants(), False),
        (allow(), wants("*"), False),
        (allow(service()), wants("s3", source_account=ACME), True),
        (allow(service(), {"StringEquals": {"AWS:SourceAccount": ACME}}), wants("s3", source_account=ACME), True),
        (
            allow(service(), {"StringEquals": {"AWS:SourceAccount": ACME}}),
            wants("s3", source_account=ACME, source_arn="arn:aws:s3:::b"),
            True,
        ),
        (allow(service(), {"StringEquals": {"AWS:SourceAccount": ACME}}), wants("s3", source_arn="arn:aws:s3:::b"), False),
        (
            allow(service(), {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b*"}}),
            wants("s3", source_arn="arn:aws:s3:::bucket"),
            True,
        ),
        (allow(service(), {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b?"}}), wants("s3", source_arn="arn:aws:s3:::b*"), False),
        (allow(service(), {"StringEquals": {"AWS:SourceAccount": GLOBEX}}), wants("s3", source_account=ACME), False),
        (allow(service("sns")), wants("s3", source_account=ACME), False),
        (allow(Principal=None, NotPrincipal=root(GLOBEX)), wants(), True),
        (allow(Principal=None, NotPrincipal=root()), wants(role()), False),
        (allow(Whatever=1), wants(), False),
        (deny(root()), wants(), False),
    ],
)
def test_what_already_grants_it(statement: Json, permission: Permission, expected: bool) -> None:
    assert covers(statement, permission) is expected


@pytest.mark.parametrize(
    ("statement", "permission", "extent"),
    [
        (allow("*"), wants(), "all"),
        (allow({"AWS": role()}), wants(), "some"),
        (allow(root(GLOBEX)), wants(), None),
        (allow("*", {"StringEquals": {"aws:PrincipalOrgID": ORG}}), wants(), "depends"),
        (allow("*", {"StringEquals": {"aws:PrincipalAccount": GLOBEX}}), wants(), None),
        (allow("*", {"StringEquals": {"aws:PrincipalAccount": ACME}}), wants(), "all"),
        (allow(), wants(ORG), "some"),
        (allow({"AWS": role("p/deploy")}), wants(f"arn:aws:sts::{ACME}:assumed-role/deploy/s"), "depends"),
        (allow({"AWS": "nonsense"}), wants(), "depends"),
        (allow(Action="lambda:GetFunction"), wants(), None),
        (allow(service(), {"StringEquals": {"AWS:SourceAccount": GLOBEX}}), wants("s3", source_account=ACME), None),
        (allow(service(), {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}}), wants("s3", source_account=ACME), "depends"),
        (allow({"AWS": "AROAEXAMPLEEXAMPLE12"}), wants(), None),
        (deny(root()), wants(), None),
    ],
)
def test_what_still_lets_them_in(statement: Json, permission: Permission, extent: str | None) -> None:
    found = still_lets_in(parse(policy(statement)), permission)
    assert [one.extent for one in found] == ([] if extent is None else [extent])
    assert all(one.sentence.endswith(".") for one in found)


def test_the_sentence_names_who_is_still_in() -> None:
    found = still_lets_in(parse(policy(allow({"AWS": [role(), f"arn:aws:iam::{GLOBEX}:root"]}, Sid="mixed"))), wants())
    assert found[0].sentence == f"mixed still lets {role()} in."


@pytest.mark.parametrize(
    ("statement", "permission", "expected"),
    [
        (deny(), wants(), True),
        (deny(root()), wants(role()), True),
        (deny({"AWS": role()}), wants(), True),
        (deny(root(GLOBEX)), wants(), False),
        (deny(Action="lambda:GetFunction"), wants(), False),
        (deny(Resource=f"{F}:live"), wants(), False),
        (deny(condition={"StringNotEquals": {"aws:PrincipalOrgID": ORG}}), wants(), True),
        (deny(condition={"StringNotEquals": {"aws:PrincipalOrgID": ORG}}), wants(ORG), False),
        (deny(condition={"StringNotEquals": {"aws:PrincipalOrgID": ORG}}), wants("s3", source_account=ACME), True),
        (deny(condition={"StringNotEquals": {"aws:PrincipalAccount": ACME}}), wants(), False),
        (deny(condition={"Bool": {"aws:SecureTransport": "false"}}), wants(), False),
        (deny(Principal=None, NotPrincipal=root(GLOBEX)), wants(), True),
        (deny(Whatever=1), wants(), True),
        (allow(), wants(), False),
    ],
)
def test_which_deny_stands_in_the_way(statement: Json, permission: Permission, expected: bool) -> None:
    assert bool(denying(parse(policy(statement)), permission)) is expected


conditions = st.sampled_from(
    [
        None,
        {"StringEquals": {"aws:PrincipalAccount": [ACME, GLOBEX]}},
        {"StringNotEquals": {"aws:PrincipalAccount": GLOBEX}},
        {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACME}:role/*"}},
        {"StringEquals": {"aws:PrincipalOrgID": ORG}},
        {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORG}},
        {"Bool": {"aws:PrincipalIsAWSService": "false"}},
        {"StringEquals": {"aws:UserAgent": "x"}},
    ]
)


@settings(deadline=None)
@given(st.sampled_from(["*", root(), root(GLOBEX), {"AWS": role()}]), conditions, st.sampled_from([ACME, role()]))
def test_what_covers_a_permission_decides_for_it(stored: Any, condition: Json | None, who: str) -> None:
    permission = wants(who)
    alone = parse(policy(allow(stored, condition)))
    if covering(alone, permission):
        for context in ({}, {"aws:PrincipalOrgID": "o-zzzzzz9999"}, {"aws:UserAgent": "other"}):
            assert decide(alone, function_arn=F, principal=role(), context=context).outcome == "allowed"
        assert [one.extent for one in still_lets_in(alone, permission)] == ["all"]
