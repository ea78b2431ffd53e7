"""What a policy lets in: kind, public, external, open service, on what it hangs. The rules are IAM's, key by key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from sharing.policy import NO_URL, Document, Exposure, FunctionArn, exposures, parse
from sharing.policy import reduction as reducing

from .documents import (
    ACME,
    GLOBEX,
    INVOKE,
    INVOKE_URL,
    ORG,
    OTHER_ORG,
    OWNER,
    F,
    Json,
    allow,
    policy,
    role,
    root,
    service,
)


def reduced(*statements: Any, arn: str = F, version: str | None = "2012-10-17", **asked: Any) -> list[Exposure]:
    return exposures(policy(*statements, version=version), function_arn=arn, owner_account=OWNER, **asked)


def only(*statements: Any, **asked: Any) -> Exposure:
    found = reduced(*statements, **asked)
    assert len(found) == 1, found
    return found[0]


def answers(exposure: Exposure) -> tuple[str, str, str]:
    """public, external, open service"""
    return exposure.public, exposure.external, exposure.open_service


PUBLIC, MAYBE_PUBLIC = ("yes", "yes", "no"), ("depends", "depends", "no")
EXTERNAL, OURS = ("no", "yes", "no"), ("no", "no", "no")
OPEN, MAYBE_OPEN = ("no", "yes", "yes"), ("no", "depends", "depends")
MAYBE_EXTERNAL = ("no", "depends", "no")


@pytest.mark.parametrize(
    ("stored", "kind", "principal", "account", "expected"),
    [
        (root(), "account", ACME, ACME, EXTERNAL),
        ({"AWS": ACME}, "account", ACME, ACME, EXTERNAL),
        (root(OWNER), "account", OWNER, OWNER, OURS),
        ({"AWS": role()}, "identity", role(), ACME, EXTERNAL),
        ({"AWS": role("x", OWNER)}, "identity", role("x", OWNER), OWNER, OURS),
        ({"AWS": f"arn:aws:iam::{ACME}:user/bob"}, "identity", f"arn:aws:iam::{ACME}:user/bob", ACME, EXTERNAL),
        ({"AWS": f"arn:aws:sts::{ACME}:assumed-role/R/S"}, "identity", f"arn:aws:sts::{ACME}:assumed-role/R/S", ACME, EXTERNAL),
        ("*", "everyone", "*", None, PUBLIC),
        ({"AWS": "*"}, "everyone", "*", None, PUBLIC),
        (service(), "service", "s3.amazonaws.com", None, OPEN),
        (service("events"), "service", "events.amazonaws.com", None, OPEN),
        ({"Service": "unheard.amazonaws.com"}, "service", "unheard.amazonaws.com", None, OPEN),
        ({"Service": "*"}, "service", "*", None, OPEN),
        (service("elasticloadbalancing"), "service", "elasticloadbalancing.amazonaws.com", None, OURS),
        (service("logs"), "service", "logs.amazonaws.com", None, OURS),
        ({"AWS": "AROAEXAMPLEEXAMPLE12"}, "ghost", "AROAEXAMPLEEXAMPLE12", None, OURS),
        (
            {"Federated": f"arn:aws:iam::{ACME}:saml-provider/x"},
            "federated",
            f"arn:aws:iam::{ACME}:saml-provider/x",
            ACME,
            OURS,
        ),
        ({"AWS": "arn:aws:iam::*:root"}, "everyone", "arn:aws:iam::*:root", None, MAYBE_PUBLIC),
        ({"AWS": "nonsense"}, "identity", "nonsense", None, MAYBE_EXTERNAL),
    ],
)
def test_every_principal(stored: Any, kind: str, principal: str, account: str | None, expected: tuple[str, str, str]) -> None:
    found = only(allow(stored))
    assert (found.kind, found.principal, found.account) == (kind, principal, account)
    assert answers(found) == expected


def test_a_service_that_cannot_cross_accounts_says_so() -> None:
    assert "cannot call a function of another account" in only(allow(service("logs"))).notes[0]


def test_ghosts_and_providers_are_latent() -> None:
    assert "deleted" in (only(allow({"AWS": "AROAEXAMPLEEXAMPLE12"})).latent or "")
    assert "trust policies" in (only(allow({"Federated": "cognito-identity.amazonaws.com"})).latent or "")


def test_a_principal_of_another_partition_is_nobody() -> None:
    assert reduced(allow({"AWS": "arn:aws-cn:iam::111122223333:root"})) == []


def test_lists_of_principals_are_one_exposure_each() -> None:
    found = reduced(allow({"AWS": [ACME, role("x", GLOBEX), "*"], "Service": ["s3.amazonaws.com"]}))
    assert [one.kind for one in found] == ["account", "identity", "everyone", "service"]


OPEN_TO_ALL: list[Json] = [
    {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORG}},
    {"StringEqualsIfExists": {"aws:PrincipalAccount": ACME}},
    {"ForAllValues:StringEquals": {"aws:PrincipalAccount": ACME}},
    {"ForAllValues:StringLike": {"aws:PrincipalOrgPaths": f"{ORG}/*"}},
    {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
    {"StringLike": {"aws:PrincipalAccount": "*"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy"}},
    {"StringLike": {"aws:PrincipalArn": "arn:*:111122223333:role/deploy"}},
    {"StringLike": {"aws:userid": "*:deploy"}},
    {"StringEquals": {"aws:PrincipalAccount": "${aws:SourceAccount}"}},
    {"StringEquals": {"aws:PrincipalArn": "${aws:PrincipalArn}"}},
    {"StringNotEquals": {"aws:PrincipalAccount": ACME}},
    {"StringNotEquals": {"aws:PrincipalOrgID": ORG}},
    {"StringNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACME}:*"}},
    {"StringEquals": {"aws:PrincipalTag/team": "blue"}},
    {"StringEquals": {"aws:SourceIdentity": "me"}},
    {"StringEquals": {"aws:username": "me"}},
    {"StringEquals": {"aws:PrincipalType": "User"}},
    {"StringEquals": {"aws:FederatedProvider": "x"}},
    {"StringEquals": {"aws:UserAgent": "secret"}},
    {"StringLike": {"aws:Referer": "https://example.com/*"}},
    {"StringEquals": {"aws:RequestedRegion": "us-east-1"}},
    {"Bool": {"aws:SecureTransport": "true"}},
    {"Bool": {"aws:ViaAWSService": "false"}},
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"StringEquals": {"aws:ResourceOrgID": ORG}},
    {"StringEquals": {"aws:ResourceAccount": OWNER}},
    {"StringEquals": {"aws:ResourceTag/stage": "prod"}},
    {"StringEquals": {"saml:sub": "me"}},
    {"StringEquals": {"token.actions.githubusercontent.com:sub": "repo:me/mine"}},
    {"StringEquals": {"ec2:RoleDelivery": "2.0"}},
    {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
    {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}},
    {"IpAddress": {"aws:SourceIp": ["8.0.0.0/7"]}},
    {"IpAddressIfExists": {"aws:SourceIp": "203.0.113.0/24"}},
    {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
    {"StringEqualsIfExists": {"aws:SourceAccount": ACME}},
    {"ArnLikeIfExists": {"aws:SourceArn": "arn:aws:s3:::b"}},
    {"Null": {"aws:PrincipalOrgID": "false"}},
    {"Null": {"aws:SourceAccount": "true"}},
    {"StringNotEquals": {"kms:CallerAccount": ACME}},
    {"Bool": {"aws:PrincipalIsAWSService": "false"}},
]


@pytest.mark.parametrize("condition", OPEN_TO_ALL, ids=str)
def test_what_does_not_narrow_leaves_it_public(condition: Json) -> None:
    found = only(allow("*", condition))
    assert (found.kind, found.public, found.external) == ("everyone", "yes", "yes")
    assert found.conditions.narrowing == () or "IsAWSService" in found.conditions.narrowing[0]
    assert found.audience == "any_aws_account"


NARROWED: list[tuple[Json, str, str, str | None, tuple[str, str, str]]] = [
    ({"StringEquals": {"aws:PrincipalAccount": ACME}}, "account", ACME, ACME, EXTERNAL),
    ({"StringEquals": {"AWS:PRINCIPALACCOUNT": [OWNER]}}, "account", OWNER, OWNER, OURS),
    ({"StringLike": {"aws:PrincipalAccount": ACME}}, "account", ACME, ACME, EXTERNAL),
    ({"StringEquals": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}, "account", OWNER, OWNER, OURS),
    ({"ArnEquals": {"aws:PrincipalArn": role()}}, "identity", role(), ACME, EXTERNAL),
    ({"ArnLike": {"aws:PrincipalArn": role("*")}}, "identity", role("*"), ACME, EXTERNAL),
    ({"StringEquals": {"aws:PrincipalArn": role("x", OWNER)}}, "identity", role("x", OWNER), OWNER, OURS),
    ({"StringLike": {"aws:userid": "AROAEXAMPLEEXAMPLE12:*"}}, "identity", "AROAEXAMPLEEXAMPLE12:*", None, MAYBE_EXTERNAL),
    ({"StringEquals": {"aws:PrincipalOrgID": ORG}}, "organization", ORG, None, EXTERNAL),
    ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{ORG}/*"}}, "organization", ORG, None, EXTERNAL),
    ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{ORG}/r-ab12/*"}}, "organization", ORG, None, EXTERNAL),
    (
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{ORG}/r-ab12/ou-1/*"}},
        "organization",
        f"{ORG}/r-ab12/ou-1/*",
        None,
        MAYBE_EXTERNAL,
    ),
    ({"StringEquals": {"aws:SourceAccount": ACME}}, "service", "*", ACME, EXTERNAL),
    ({"StringEquals": {"aws:SourceAccount": OWNER}}, "service", "*", OWNER, OURS),
    ({"StringEquals": {"aws:SourceOwner": OWNER}}, "service", "*", OWNER, OURS),
    ({"ArnLike": {"aws:SourceArn": f"arn:aws:sns:us-east-1:{OWNER}:t"}}, "service", "*", OWNER, OURS),
    ({"StringEquals": {"aws:SourceOrgID": ORG}}, "service", "*", None, EXTERNAL),
    ({"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}, "account", OWNER, OWNER, OURS),
    ({"StringEquals": {"aws:ResourceAccount": "${aws:SourceAccount}"}}, "service", "*", OWNER, OURS),
    ({"StringEqualsIgnoreCase": {"aws:PrincipalOrgID": ORG.upper()}}, "organization", ORG, None, EXTERNAL),
    ({"StringEqualsIgnoreCase": {"aws:PrincipalArn": role().upper()}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"StringEquals": {"aws:PrincipalOrgID": ORG}, "StringLike": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}},
     "organization", ORG, None, EXTERNAL),
    ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{ORG}/*/ou-1/*"}}, "organization", f"{ORG}/*/ou-1/*", None,
     MAYBE_EXTERNAL),
    ({"StringEquals": {"ec2:SourceInstanceArn": f"arn:aws:ec2:us-east-1:{ACME}:instance/i-1"}}, "everyone", "*", None,
     MAYBE_PUBLIC),
    ({"ForAnyValue:StringEqualsIfExists": {"aws:PrincipalOrgID": ORG}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::b"}}, "service", "*", None, MAYBE_OPEN),
    ({"StringEquals": {"aws:SourceArn": "arn:aws:iam:::user/me"}}, "service", "*", None, ("depends", "depends", "depends")),
    ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:t"}}, "service", "*", None, ("yes", "yes", "yes")),
    ({"Bool": {"aws:PrincipalIsAWSService": "true"}}, "service", "*", None, ("yes", "yes", "yes")),
    ({"StringEquals": {"aws:PrincipalServiceName": "sns.amazonaws.com"}}, "service", "sns.amazonaws.com", None,
     ("yes", "yes", "yes")),
    ({"ArnLike": {"lambda:SourceFunctionArn": f"arn:aws:lambda:us-east-1:{ACME}:function:g"}}, "identity",
     f"arn:aws:lambda:us-east-1:{ACME}:function:g", ACME, EXTERNAL),
    ({"StringEquals": {"aws:SourceVpce": "vpce-1"}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"StringEquals": {"aws:SourceVpc": "vpc-1"}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"StringEquals": {"aws:VpceOrgID": ORG}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"NotIpAddress": {"aws:SourceIp": ["0.0.0.0/0", "::/0"]}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, "everyone", "*", None, OURS),
    ({"StringEquals": {"lambda:EventSourceToken": "secret"}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"StringFuzzy": {"aws:PrincipalAccount": ACME}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"StringEquals": {"aws:NeverHeardOf": "x"}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"StringEquals": {"lambda:Unheard": "x"}}, "everyone", "*", None, MAYBE_PUBLIC),
    ({"NumericEquals": {"aws:PrincipalAccount": ACME}}, "everyone", "*", None, MAYBE_PUBLIC),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "kind", "principal", "account", "expected"), NARROWED, ids=lambda one: str(one)[:60])
def test_who_remains_of_everyone(
    condition: Json, kind: str, principal: str, account: str | None, expected: tuple[str, str, str]
) -> None:
    found = only(allow("*", condition))
    assert (found.kind, found.principal, found.account) == (kind, principal, account)
    assert answers(found) == expected
    assert bool(found.depends_on) == ("depends" in expected)


NOBODY: list[Json] = [
    {"StringEquals": {"kms:CallerAccount": ACME}},
    {"StringEquals": {"s3:prefix": "x"}},
    {"Bool": {"aws:SecureTransport": "false"}},
    {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}},
    {"StringEquals": {"aws:ResourceAccount": ACME}},
    {"StringEquals": {"aws:PrincipalAccount": "nobody"}},
    {"StringEquals": {"aws:PrincipalOrgID": "everyone"}},
    {"StringEquals": {"aws:PrincipalAccount": ACME, "aws:PrincipalOrgID": ORG, "aws:SourceAccount": ACME}},
    {"StringEquals": {"aws:PrincipalAccount": ACME}, "StringLike": {"aws:PrincipalAccount": GLOBEX}},
    {"StringEquals": {"aws:PrincipalAccount": ACME}, "StringNotEquals": {"aws:PrincipalAccount": ACME}},
    {"StringEquals": {"aws:PrincipalAccount": GLOBEX}, "ArnLike": {"aws:PrincipalArn": role()}},
    {"StringEquals": {"aws:SourceAccount": ACME}, "ArnLike": {"aws:SourceArn": f"arn:aws:sns:us-east-1:{GLOBEX}:t"}},
    {"StringEquals": {"aws:UserAgent": "a"}, "StringNotEquals": {"aws:UserAgent": "a"}},
    {"StringEquals": {"aws:UserAgent": "a"}, "Null": {"aws:UserAgent": "true"}},
    {"Null": {"aws:PrincipalIsAWSService": "true"}},
    {"ArnLike": {"aws:PrincipalArn": f"arn:aws-cn:iam::{ACME}:role/x"}},
    {"ArnLike": {"aws:SourceArn": f"arn:aws-us-gov:sns:us-gov-west-1:{ACME}:t"}},
    {"StringEquals": {"aws:PrincipalAccount": ACME}, "ArnLike": {"aws:PrincipalArn": f"arn:aws-cn:iam::{ACME}:role/x"}},
]


@pytest.mark.parametrize("condition", NOBODY, ids=str)
def test_conditions_that_cannot_hold_let_nobody_in(condition: Json) -> None:
    assert reduced(allow("*", condition)) == []


def test_an_s3_arn_contradicts_no_account() -> None:
    found = only(allow("*", {"StringEquals": {"aws:SourceAccount": ACME}, "ArnLike": {"aws:SourceArn": "arn:aws:s3:::b"}}))
    assert (found.kind, found.account, answers(found)) == ("service", ACME, EXTERNAL)


@pytest.mark.parametrize("value", [["o-abcdef1234", "*"], "o-*", "*"])
def test_a_wildcard_taken_literally_is_never_called_safe(value: Any) -> None:
    found = only(allow("*", {"StringEquals": {"aws:PrincipalOrgID": value}}))
    assert answers(found) == MAYBE_PUBLIC
    assert "literally" in found.depends_on[0]


def test_a_bare_bucket_depends_until_it_is_seen() -> None:
    one = allow(service(), {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}})
    assert answers(only(one)) == MAYBE_OPEN
    assert "bucket b" in only(one).depends_on[0]
    assert answers(only(one, buckets={"b": OWNER})) == OURS
    assert answers(only(one, buckets={"b": ACME})) == EXTERNAL
    assert answers(only(one, buckets={"other": ACME})) == MAYBE_OPEN


@pytest.mark.parametrize(
    ("name", "condition", "expected", "account"),
    [
        ("s3", {"StringEquals": {"AWS:SourceAccount": OWNER}}, OURS, OWNER),
        ("s3", {"StringEquals": {"AWS:SourceAccount": ACME}}, EXTERNAL, ACME),
        ("s3", {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::*"}}, OPEN, None),
        ("s3", {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b*"}}, OPEN, None),
        ("s3", {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::*"}, "StringEquals": {"AWS:SourceAccount": OWNER}}, OURS, OWNER),
        ("sns", {"ArnLike": {"AWS:SourceArn": f"arn:aws:sns:*:{OWNER}:*"}}, OURS, OWNER),
        ("sns", {"ArnLike": {"AWS:SourceArn": f"arn:aws:sns:us-east-1:{ACME}:t"}}, EXTERNAL, ACME),
        ("sns", {"ArnLike": {"AWS:SourceArn": "arn:aws:sns:us-east-1:*:t"}}, OPEN, None),
        ("sns", {"ArnLikeIfExists": {"AWS:SourceArn": f"arn:aws:sns:us-east-1:{OWNER}:t"}}, OPEN, None),
        ("sns", {"StringEqualsIfExists": {"AWS:SourceAccount": OWNER}}, OPEN, None),
        ("sns", {"StringEquals": {"aws:SourceOrgID": ORG}}, EXTERNAL, None),
        ("sns", {"StringLike": {"AWS:SourceAccount": "*"}}, OPEN, None),
        ("sns", {"StringNotEquals": {"AWS:SourceAccount": ACME}}, OPEN, None),
        ("sns", {"ArnLike": {"AWS:SourceArn": "arn:aws:sns:us-east-1::t"}}, MAYBE_OPEN, None),
        ("sns", {"StringLike": {"AWS:SourceArn": f"arn:aws:sns:us-east-1:{OWNER}:*"}}, OURS, OWNER),
        ("sns", {"StringLike": {"AWS:SourceArn": f"arn:aws:sns:*:{OWNER}:*"}}, MAYBE_OPEN, None),
        ("sns", {"StringLike": {"AWS:SourceArn": f"arn:aws:sns:*:{OWNER}:*", "aws:SourceAccount": OWNER}}, OURS, OWNER),
        ("sns", {"StringLike": {"AWS:SourceArn": "arn:aws:sns:*"}}, OPEN, None),
        ("sns", {"StringEqualsIgnoreCase": {"AWS:SourceArn": f"arn:aws:sns:us-east-1:{ACME}:T"}}, MAYBE_EXTERNAL, ACME),
        ("sns", {"StringEquals": {"lambda:EventSourceToken": "t"}}, MAYBE_OPEN, None),
        ("logs", {"StringEquals": {"AWS:SourceAccount": ACME}}, OURS, ACME),
        ("sns", {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, MAYBE_OPEN, None),
        ("sns", {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, MAYBE_OPEN, None),
        ("sns", {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}, OPEN, None),
    ],
)
def test_services_by_their_source(name: str, condition: Json, expected: tuple[str, str, str], account: str | None) -> None:
    found = only(allow(service(name), condition))
    assert (answers(found), found.account) == (expected, account)


def test_an_alexa_skill_is_closed_by_its_token() -> None:
    stored = {"Service": "alexa-appkit.amazon.com"}
    assert answers(only(allow(stored))) == OPEN
    found = only(allow(stored, {"StringEquals": {"lambda:EventSourceToken": "amzn1.secret"}}))
    assert answers(found) == OURS
    assert "amzn1.secret" not in str(found.conditions.narrowing)


def test_what_type_of_principal_a_service_is_is_not_documented() -> None:
    assert answers(only(allow(service("sns"), {"StringEquals": {"aws:PrincipalType": "AssumedRole"}}))) == MAYBE_OPEN
    assert answers(only(allow(service("sns"), {"Null": {"aws:PrincipalType": "true"}}))) == MAYBE_OPEN
    fixed = {"StringNotEquals": {"aws:PrincipalType": "User"}, "StringEquals": {"aws:SourceAccount": OWNER}}
    assert answers(only(allow(service("sns"), fixed))) == OURS


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalOrgID": ORG}},
        {"StringEquals": {"aws:PrincipalAccount": ACME}},
        {"Bool": {"aws:PrincipalIsAWSService": "false"}},
        {"StringEquals": {"aws:PrincipalServiceName": "sns.amazonaws.com"}},
        {"StringEquals": {"aws:PrincipalTag/x": "y"}},
    ],
    ids=str,
)
def test_a_service_with_a_key_it_never_carries_is_nobody(condition: Json) -> None:
    assert reduced(allow(service(), condition)) == []


def test_several_sources_are_one_exposure_each() -> None:
    found = reduced(allow(service("sns"), {"StringEquals": {"AWS:SourceAccount": [OWNER, ACME]}}))
    assert [(one.account, one.external) for one in found] == [(OWNER, "no"), (ACME, "yes")]
    mixed = ["arn:aws:s3:::b", f"arn:aws:sns:us-east-1:{ACME}:t"]
    found = reduced(allow("*", {"ArnLike": {"AWS:SourceArn": mixed}}))
    assert [(one.account, one.open_service) for one in found] == [(None, "depends"), (ACME, "no")]


def test_a_fixed_identity_is_dropped_where_conditions_contradict_it() -> None:
    assert reduced(allow(root(), {"StringEquals": {"aws:PrincipalAccount": GLOBEX}})) == []
    assert reduced(allow({"AWS": role()}, {"ArnLike": {"aws:PrincipalArn": role("other")}})) == []
    assert reduced(allow({"AWS": role()}, {"ArnNotLike": {"aws:PrincipalArn": role("dep*")}})) == []
    assert reduced(allow(root(), {"StringNotEquals": {"aws:PrincipalAccount": ACME}})) == []
    assert len(reduced(allow(root(), {"ArnNotLike": {"aws:PrincipalArn": role("x")}}))) == 1
    assert len(reduced(allow({"AWS": role()}, {"StringNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACME}:*"}}))) == 1


def test_an_account_narrowed_to_a_role_is_an_identity() -> None:
    found = only(allow(root(), {"ArnLike": {"aws:PrincipalArn": role("ci-*")}}))
    assert (found.kind, found.principal, found.account) == ("identity", role("ci-*"), ACME)


def test_an_account_in_an_organisation_is_external_unless_membership_says_otherwise() -> None:
    one = allow(root(), {"StringEquals": {"aws:PrincipalOrgID": ORG}})
    assert (only(one).kind, only(one).organization, answers(only(one))) == ("account", ORG, EXTERNAL)
    assert answers(only(one, organization_of={ACME: ORG})) == EXTERNAL
    assert reduced(one, organization_of={ACME: OTHER_ORG}) == []
    assert reduced(one, organization_of={ACME: ""}) == []
    assert len(reduced(one, organization_of=lambda account: None)) == 1


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ({"StringEquals": {"aws:PrincipalOrgID": ORG}}, 0),
        ({"StringEquals": {"aws:PrincipalOrgID": [ORG, OTHER_ORG]}}, 1),
        ({"StringEquals": {"aws:PrincipalOrgID": OTHER_ORG}}, 1),
        ({"StringLike": {"aws:PrincipalOrgID": "o-*"}}, 1),
        ({"StringEqualsIfExists": {"aws:PrincipalOrgID": ORG}}, 1),
        ({"StringNotEquals": {"aws:PrincipalOrgID": ORG}}, 1),
        ({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{ORG}/r-ab12/ou-1/*"}}, 0),
        ({"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}}, 1),
    ],
)
def test_whoever_is_no_member_of_an_organisation_known_whole_is_outside_it_and_of_others_unknown(
    condition: dict[str, Any], left: int
) -> None:
    one = allow(root(), condition)
    assert len(reduced(one, organization_of={OWNER: None}, whole_organizations=[ORG])) == left
    assert len(reduced(one)) == 1


def test_the_owners_own_organisation_known_whole_shuts_out_whoever_is_in_none() -> None:
    one = allow(root(), {"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}})
    assert reduced(one, organization_of={OWNER: ORG}, whole_organizations=[ORG]) == []
    assert len(reduced(one, organization_of={OWNER: ORG, ACME: ORG}, whole_organizations=[ORG])) == 1
    assert len(reduced(one, organization_of={OWNER: ORG}, whole_organizations=[OTHER_ORG])) == 1


def test_membership_counts_where_only_members_are_asked_for_it() -> None:
    one = allow(root(), {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORG}})
    assert answers(only(one)) == EXTERNAL
    assert answers(only(one, organization_of={ACME: ORG})) == EXTERNAL
    assert answers(only(one, organization_of={ACME: ""})) == EXTERNAL
    assert reduced(one, organization_of={ACME: OTHER_ORG}) == []


def test_a_unit_depends_without_membership_data_only() -> None:
    one = allow("*", {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{ORG}/r-ab12/ou-1/*"}})
    assert answers(only(one)) == MAYBE_EXTERNAL
    assert answers(only(one, organization_of={OWNER: f"{ORG}/r-ab12/ou-1/", ACME: f"{ORG}/r-ab12/ou-2/"})) == EXTERNAL


@pytest.mark.parametrize(
    ("operator", "path", "home", "left"),
    [
        ("ForAnyValue:StringLike", f"{ORG}/*/ou-1/*", f"{ORG}/r-ab12/ou-1/ou-2/", 1),
        ("ForAnyValue:StringLike", f"{ORG}/*/ou-1/*", f"{ORG}/r-ab12/ou-1/", 1),
        ("ForAnyValue:StringLike", f"{ORG}/*/ou-1/*", f"{ORG}/r-ab12/ou-2/", 0),
        ("ForAnyValue:StringLike", f"{ORG}/*/ou-1/*", ORG, 1),
        ("ForAnyValue:StringEquals", f"{ORG}/r-ab12/ou-1/", f"{ORG}/r-ab12/ou-1/", 1),
        ("ForAnyValue:StringEquals", f"{ORG}/r-ab12/ou-1/", f"{ORG}/r-ab12/ou-1/ou-2/", 0),
        ("ForAllValues:StringNotEquals", f"{ORG}/r-ab12/ou-1/", f"{ORG}/r-ab12/ou-1/ou-2/", 1),
        ("ForAllValues:StringNotEquals", f"{ORG}/r-ab12/ou-1/", f"{ORG}/r-ab12/ou-1/", 0),
        ("ForAllValues:StringNotEquals", f"{ORG}/r-ab12/ou-1", f"{ORG}/r-ab12/ou-1/", 1),
    ],
)
def test_a_known_unit_is_compared_with_the_path_as_aws_would(operator: str, path: str, home: str, left: int) -> None:
    one = allow(root(), {operator: {"aws:PrincipalOrgPaths": path}})
    assert len(reduced(one, organization_of={ACME: home})) == left


def test_a_service_for_an_organisation_says_which() -> None:
    one = allow(service("sns"), {"StringEquals": {"aws:SourceOrgID": ORG}})
    assert (only(one).organization, only(one).zone) == (ORG, "outside")
    ours = allow(service("sns"), {"StringEquals": {"aws:SourceOrgID": "${aws:ResourceOrgID}"}})
    known = only(ours, organization_of={OWNER: ORG})
    assert (known.organization, known.zone, answers(known)) == (ORG, "organisation", EXTERNAL)
    turned = allow(service("sns"), {"StringEquals": {"aws:ResourceOrgID": "${aws:SourceOrgID}"}})
    assert answers(only(turned)) == EXTERNAL


def test_the_organisation_is_ours_whichever_way_it_is_compared() -> None:
    one = allow("*", {"StringEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}})
    assert (only(one).kind, answers(only(one))) == ("organization", EXTERNAL)
    assert only(one, organization_of={OWNER: ORG}).principal == ORG
    absent = allow("*", {"StringEqualsIfExists": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}})
    assert answers(only(absent)) == PUBLIC


def test_our_own_organisation_by_variable() -> None:
    one = allow("*", {"StringEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}})
    assert (only(one).kind, answers(only(one))) == ("organization", EXTERNAL)
    known = only(one, organization_of={OWNER: ORG})
    assert (known.principal, known.zone) == (ORG, "organisation")


def test_resource_organisation_known_to_be_wrong_kills_the_statement() -> None:
    one = allow("*", {"StringEquals": {"aws:ResourceOrgID": ORG}})
    assert only(one, organization_of={OWNER: ORG}).public == "yes"
    assert reduced(one, organization_of={OWNER: OTHER_ORG}) == []


@pytest.mark.parametrize(
    ("stored", "condition", "expected"),
    [
        (root(OWNER), None, "owner"),
        (root(ACME), None, "organisation"),
        (root(GLOBEX), None, "trusted"),
        (root("999900001111"), None, "outside"),
        ("*", None, "outside"),
        ("*", {"StringEquals": {"aws:PrincipalOrgID": ORG}}, "organisation"),
        ("*", {"StringEquals": {"aws:PrincipalOrgID": OTHER_ORG}}, "trusted"),
        (service(), None, "outside"),
        (service(), {"StringEquals": {"AWS:SourceAccount": OWNER}}, "owner"),
        (service(), {"StringEquals": {"AWS:SourceAccount": ACME}}, "organisation"),
        (service("logs"), None, "owner"),
    ],
)
def test_trust_colours_and_never_hides(stored: Any, condition: Json | None, expected: str) -> None:
    asked: Json = {
        "trusted_accounts": [GLOBEX],
        "trusted_organizations": [OTHER_ORG],
        "organization_of": {OWNER: ORG, ACME: ORG},
    }
    coloured, plain = only(allow(stored, condition), **asked), only(allow(stored, condition))
    assert coloured.zone == expected
    assert answers(coloured) == answers(plain)


def test_time_conditions_are_judged_at_the_stated_time() -> None:
    one = allow("*", {"DateLessThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}})
    assert only(one).public == "depends"
    assert only(one, at=datetime(2026, 6, 1, tzinfo=UTC)).public == "yes"
    assert reduced(one, at=datetime(2027, 6, 1, tzinfo=UTC)) == []
    epoch = allow("*", {"NumericGreaterThan": {"aws:EpochTime": "1798761600"}})
    assert reduced(epoch, at=datetime(2026, 6, 1, tzinfo=UTC)) == []
    with pytest.raises(ValueError, match="time zone"):
        reduced(one, at=datetime(2026, 6, 1))


def test_versions_of_the_language_differ_in_variables() -> None:
    one = allow("*", {"StringEquals": {"aws:PrincipalAccount": "${aws:PrincipalAccount}"}})
    assert only(one).public == "yes"
    assert reduced(one, version="2008-10-17") == []
    assert reduced(one, version=None) == []


def test_classes_are_told_apart_and_actions_are_concrete() -> None:
    found = {str(one.action_class): one for one in reduced(allow("*", Action="*"))}
    assert set(found) == {"invoke", "invoke-url", "read", "manage"}
    assert found["invoke"].actions == (INVOKE,)
    assert "lambda:GetFunction" in found["read"].actions
    assert "lambda:UpdateFunctionCode" in found["manage"].actions
    assert all(one.public == "yes" for one in found.values())


def test_not_action_is_everything_else_in_concrete_names() -> None:
    found = {
        str(one.action_class): one for one in reduced(allow(Action=None, NotAction=["lambda:Get*", INVOKE, "lambda:List*"]))
    }
    assert set(found) == {"invoke-url", "manage"}
    assert found["invoke-url"].actions == (INVOKE_URL,)


@pytest.mark.parametrize(
    "action", ["lambda:Invoke", "lambda:CreateEventSourceMapping", "lambda:AddPermission", "s3:GetObject", "lambda:X*"]
)
def test_an_action_that_authorises_nothing_is_latent(action: str) -> None:
    found = only(allow("*", Action=action))
    assert "authorises nothing" in (found.latent or "")
    assert found.actions == (action,)
    assert answers(found) == OURS


def test_an_action_nobody_knows_depends() -> None:
    found = only(allow("*", Action="lambda:BrandNew"))
    assert found.latent is None
    assert answers(found) == MAYBE_PUBLIC


def test_replication_by_aws_is_not_called_open_for_certain() -> None:
    found = only(allow({"Service": "replicator.lambda.amazonaws.com"}, Action="lambda:GetFunction"))
    assert found.open_service == "depends"


URL_PAIR = [
    allow("*", {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}, Sid="url", Action=INVOKE_URL),
    allow("*", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}, Sid="call"),
]


def test_a_public_url_is_open_to_the_internet() -> None:
    found = reduced(*URL_PAIR, url_auth="NONE")
    assert [(one.public, one.audience, one.latent) for one in found] == [("yes", "internet", None)] * 2


def test_a_url_for_aws_principals_is_public_to_any_account() -> None:
    pair = [
        allow("*", {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}, Sid="url", Action=INVOKE_URL),
        allow("*", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}, Sid="call"),
    ]
    for asked in ({"url_auth": "AWS_IAM"}, {}):
        assert {(one.public, one.audience, one.latent) for one in reduced(*pair, **asked)} == {("yes", "any_aws_account", None)}


@pytest.mark.parametrize("url_auth", ["NONE", None])
def test_half_a_pair_is_latent_and_judged_as_if_it_were_whole(url_auth: str | None) -> None:
    for half, missing in ((URL_PAIR[0], INVOKE), (URL_PAIR[1], INVOKE_URL)):
        found = only(half, url_auth=url_auth)
        assert (found.public, found.audience) == ("yes", "internet")
        assert missing in (found.latent or "")


def test_a_url_statement_without_a_url_is_latent() -> None:
    for absent in (NO_URL, ""):
        assert {one.latent for one in reduced(*URL_PAIR, url_auth=absent)} == {"the function has no URL"}
    assert all("type AWS_IAM" in (one.latent or "") for one in reduced(*URL_PAIR, url_auth="AWS_IAM"))


def test_a_direct_invoke_statement_completes_the_pair_and_is_not_a_url_statement() -> None:
    found = reduced(URL_PAIR[0], allow("*"), url_auth=NO_URL)
    assert [(one.action_class, one.latent) for one in found] == [("invoke-url", "the function has no URL"), ("invoke", None)]
    assert all(one.latent is None for one in reduced(URL_PAIR[0], allow("*"), url_auth="NONE"))


def test_where_only_anonymous_callers_are_left_they_come_by_the_url() -> None:
    unsigned = {
        "Null": {"aws:PrincipalArn": "true", "aws:PrincipalIsAWSService": "false"},
        "Bool": {"aws:PrincipalIsAWSService": "false"},
    }
    found = only(allow("*", unsigned))
    assert (found.kind, found.public, found.audience) == ("everyone", "yes", "internet")
    assert INVOKE_URL in (found.latent or "")
    assert reduced(allow("*", unsigned, Action="lambda:GetFunction")) == []


def test_our_own_account_needs_no_pair() -> None:
    one = allow(root(OWNER), {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}, Action=INVOKE_URL)
    assert only(one, url_auth="AWS_IAM").latent is None


def test_reading_and_managing_never_come_by_a_url() -> None:
    found = reduced(allow("*", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}, Action="lambda:*"))
    assert {one.action_class for one in found} == {"invoke", "invoke-url"}


@pytest.mark.parametrize(
    ("condition", "kind", "principal", "expected"),
    [
        ({"StringEquals": {"aws:PrincipalOrgID": ORG}}, "organization", ORG, MAYBE_EXTERNAL),
        ({"StringEquals": {"aws:PrincipalAccount": OWNER}}, "account", OWNER, OURS),
        ({"StringEquals": {"aws:SourceOwner": OWNER}}, "service", "*", OURS),
        ({"StringEquals": {"aws:UserAgent": "x"}}, "everyone", "arn:aws:iam::*:root", MAYBE_PUBLIC),
    ],
)
def test_conditions_narrow_even_a_principal_nobody_could_read(
    condition: Json, kind: str, principal: str, expected: tuple[str, str, str]
) -> None:
    found = only(allow({"AWS": "arn:aws:iam::*:root"}, condition))
    assert (found.kind, found.principal, answers(found)) == (kind, principal, expected)
    assert answers(only(allow({"AWS": "nonsense"}, {"StringEquals": {"aws:SourceAccount": ACME}}))) == MAYBE_EXTERNAL


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (f"{F}${{aws:PrincipalTag/team}}", [(None, "depends")]),
        (f"{F}oo-${{aws:PrincipalTag/team}}", []),
        (f"{F}:${{aws:PrincipalTag/team}}", [("*", "depends")]),
        (F.replace(OWNER, "${aws:ResourceAccount}"), [(None, "depends")]),
    ],
)
def test_variables_in_a_resource_depend_where_they_can_match(resource: str, expected: list[tuple[str | None, str]]) -> None:
    assert [(one.qualifier, one.external) for one in reduced(allow(Resource=resource))] == expected


@pytest.mark.parametrize(
    ("arn", "resource", "expected"),
    [
        (F, F, [(None, "yes")]),
        (F, f"{F}*", [(None, "yes")]),
        (F, "*", [(None, "yes")]),
        (F, [F, f"{F}:*"], [(None, "yes")]),
        (F, f"{F}:live", [("live", "depends")]),
        (F, f"{F}:*", [("*", "depends")]),
        (F, f"{F}oo", []),
        (f"{F}:live", f"{F}:live", [("live", "yes")]),
        (f"{F}:live", F, [("live", "depends")]),
        (f"{F}:live", f"{F}:*", [("live", "yes")]),
        (f"{F}:live", f"{F}:other", []),
        (F, "arn:aws:lambda:*", [(None, "depends")]),
    ],
)
def test_statements_on_other_forms_of_the_function_depend(
    arn: str, resource: Any, expected: list[tuple[str | None, str]]
) -> None:
    assert [(one.qualifier, one.external) for one in reduced(allow(Resource=resource), arn=arn)] == expected


def test_not_resource_counts() -> None:
    assert reduced(allow(Resource=None, NotResource=F)) == []
    assert only(allow(Resource=None, NotResource=f"{F}:live")).external == "yes"


def test_not_principal_with_allow_is_public() -> None:
    found = only(allow(Principal=None, NotPrincipal=root()))
    assert (found.kind, answers(found)) == ("everyone", PUBLIC)
    assert reduced(allow(Principal=None, NotPrincipal="*")) == []
    assert answers(only(allow(Principal=None, NotPrincipal={"AWS": "90120"}))) == PUBLIC
    assert answers(only(allow(Principal=None, NotPrincipal={"AWS": "arn:aws:iam::*:root"}))) == MAYBE_PUBLIC


@pytest.mark.parametrize(
    ("listed", "condition", "expected"),
    [
        (root(), {"StringEquals": {"aws:PrincipalAccount": ACME}}, ["depends"]),
        (root(), {"StringEquals": {"aws:PrincipalAccount": [ACME, GLOBEX]}}, ["depends", "yes"]),
        ({"AWS": role()}, {"StringEquals": {"aws:PrincipalAccount": ACME}}, ["yes"]),
        ({"AWS": role()}, {"ArnLike": {"aws:PrincipalArn": role()}}, ["depends"]),
        ({"AWS": f"arn:aws-cn:iam::{ACME}:root"}, {"StringEquals": {"aws:PrincipalAccount": ACME}}, ["yes"]),
        (service("sns"), {"StringEquals": {"aws:PrincipalServiceName": "sns.amazonaws.com"}}, []),
    ],
)
def test_whoever_not_principal_lists_and_conditions_leave_depends(listed: Json, condition: Json, expected: list[str]) -> None:
    found = reduced(allow(None, condition, Principal=None, NotPrincipal=listed))
    assert [one.external for one in found] == expected


def test_equal_grants_are_one_exposure_with_every_statement() -> None:
    found = only(allow(Sid="a"), allow({"AWS": ACME}, Sid="b"))
    assert [one.sid for one in found.statements] == ["a", "b"]


def test_answers_are_plain_strings() -> None:
    found = only(allow("*"))
    for value in (found.kind, found.public, found.external, found.open_service, found.audience, found.zone, found.action_class):
        assert isinstance(value, str)


def test_a_statement_nobody_can_read_might_let_anybody_in() -> None:
    for broken in (7, {"Effect": "Allow"}, allow(Effect="allow"), allow("*", Resource=None)):
        found = reduced(broken)
        assert found
        assert {one.external for one in found} == {"depends"}
        assert all(one.depends_on for one in found)


@pytest.mark.parametrize(
    "element",
    [
        {"Principal": {"AWS": [ACME, 7]}},
        {"Principal": {"AWS": ACME, "Robot": "r2"}},
        {"Resource": [f"{F}oo", None], "Principal": "*"},
        {"Action": ["lambda:CreateEventSourceMapping", 1], "Principal": "*"},
        {"Condition": {"StringEquals": {"aws:PrincipalAccount": ACME, "aws:PrincipalTag/x": [["y"]]}}, "Principal": "*"},
        {"Condition": {"StringEquals": {"kms:ViaService": "x"}, "Bool": "true"}, "Principal": "*"},
    ],
    ids=str,
)
def test_what_could_be_read_of_an_element_is_not_taken_for_all_of_it(element: Json) -> None:
    assert any(one.public == "depends" for one in reduced(allow(**element)))
    assert all(one.public != "yes" for one in reduced(allow(**element)))


def test_nothing_in_a_statement_with_an_unknown_element_is_relied_on() -> None:
    odd = allow(root(), {"StringEquals": {"aws:PrincipalOrgID": ORG}}, Until="tomorrow")
    assert {(one.kind, one.public) for one in reduced(odd)} == {("everyone", "depends")}
    assert {str(one.action_class) for one in reduced(odd)} == {"invoke", "invoke-url", "read", "manage"}


@pytest.mark.parametrize("key", ["aws:PrincipalIsAWSService", "lambda:InvokedViaFunctionUrl", "aws:PrincipalType"])
def test_a_variable_where_a_fixed_word_belongs_rules_nobody_out(key: str) -> None:
    assert any(one.external != "no" for one in reduced(allow("*", {"StringEquals": {key: "${aws:PrincipalTag/x}"}})))


def test_old_reductions_make_room_for_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reducing, "_MOST_KEPT", 3)
    monkeypatch.setattr(reducing, "_cache", {})
    for number in range(10):
        assert reduced(allow(Sid=f"s{number}"))
    assert len(reducing._cache) == 3


def test_threads_make_room_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one looks for the oldest, another is in the middle of taking one away and keeping its own."""
    begun, go = threading.Event(), threading.Event()
    original = reducing.reduce
    other = threading.Thread(target=reduced, args=(allow(Sid="of the other"),))

    def held(document: Document, function: FunctionArn) -> reducing.Reduction:
        if threading.current_thread() is other:
            begun.set()
            assert go.wait(10)
        return original(document, function)

    class Turning(dict[Any, Any]):
        def __iter__(self) -> Iterator[Any]:
            looking = super().__iter__()
            if other.ident is None:
                other.start()
                assert begun.wait(10)
            return looking

    monkeypatch.setattr(reducing, "reduce", held)
    monkeypatch.setattr(reducing, "_MOST_KEPT", 3)
    monkeypatch.setattr(reducing, "_cache", Turning())
    try:
        for number in range(5):
            assert reduced(allow(Sid=f"s{number}"))
    finally:
        go.set()
        other.join(10)
    assert len(reducing._cache) == 3


def test_a_reduction_is_made_once_per_document(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    original = reducing.reduce

    def counted(document: Document, function: FunctionArn) -> reducing.Reduction:
        made.append(document.digest)
        return original(document, function)

    monkeypatch.setattr(reducing, "reduce", counted)
    document = policy(allow(Sid="made once"))
    questions: list[Json] = [{}, {"trusted_accounts": [ACME]}, {"url_auth": "NONE"}, {"at": datetime(2026, 1, 1, tzinfo=UTC)}]
    for asked in questions:
        exposures(parse(document), function_arn=F, owner_account=OWNER, **asked)
    assert len(made) == 1


@pytest.mark.parametrize(
    ("stored", "condition", "expected"),
    [
        (root(GLOBEX), {"StringLike": {"aws:PrincipalAccount": "1111*"}}, 0),
        (root(ACME), {"StringLike": {"aws:PrincipalAccount": "1111*"}}, 1),
        (root(GLOBEX), {"StringEqualsIfExists": {"aws:PrincipalAccount": ACME}}, 0),
        (root(GLOBEX), {"StringEqualsIfExists": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}, 0),
        (root(OWNER), {"StringEqualsIfExists": {"aws:PrincipalAccount": "${aws:ResourceAccount}"}}, 1),
        ({"AWS": role()}, {"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, 1),
        ({"AWS": role()}, {"StringNotEquals": {"aws:PrincipalType": "AssumedRole"}}, 0),
        ({"AWS": f"arn:aws:iam::{ACME}:user/bob"}, {"StringEquals": {"aws:PrincipalType": "AssumedRole"}}, 0),
        ({"AWS": f"arn:aws:iam::{ACME}:user/bob"}, {"StringLike": {"aws:PrincipalType": "U*"}}, 1),
        ({"AWS": f"arn:aws:sts::{ACME}:federated-user/x"}, {"StringEquals": {"aws:PrincipalType": "FederatedUser"}}, 1),
        (root(), {"StringEquals": {"aws:PrincipalType": "Robot"}}, 0),
        (root(GLOBEX), {"ForAllValues:StringEquals": {"aws:PrincipalAccount": ACME}}, 0),
        ({"AWS": role()}, {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/other"}}, 0),
        ({"AWS": role()}, {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/dep*"}}, 1),
        ({"AWS": role()}, {"StringEquals": {"aws:PrincipalArn": "${aws:PrincipalArn}"}}, 1),
        (
            {"AWS": f"arn:aws:sts::{ACME}:assumed-role/deploy/s"},
            {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/p/deploy"}},
            1,
        ),
        (
            {"AWS": f"arn:aws:sts::{ACME}:assumed-role/deploy/s"},
            {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/p/x"}},
            0,
        ),
        ("*", {"StringLike": {"aws:PrincipalAccount": "1111*"}, "StringEquals": {"aws:PrincipalAccount": [ACME, GLOBEX]}}, 1),
    ],
)
def test_a_known_identity_must_meet_even_conditions_that_do_not_narrow(stored: Any, condition: Json, expected: int) -> None:
    assert len(reduced(allow(stored, condition))) == expected
