"""What a Deny takes away: only what it certainly applies to; whatever is uncertain depends and makes nothing safe."""

from __future__ import annotations

from typing import Any

import pytest

from sharing.policy import Exposure, blocked, exposures, ineffective

from .documents import ACME, GLOBEX, INVOKE, ORG, OWNER, F, Json, allow, deny, policy, role, root, service


def left(*statements: Any, arn: str = F, **asked: Any) -> list[Exposure]:
    return exposures(policy(*statements), function_arn=arn, owner_account=OWNER, **asked)


def summary(found: list[Exposure]) -> list[tuple[str, str, str, str]]:
    return [(one.kind, one.principal, one.public, one.external) for one in found]


EVERYONE = ("everyone", "*", "yes", "yes")
MAYBE = ("everyone", "*", "depends", "depends")
IN_ORG = ("organization", ORG, "no", "yes")
PERIMETER = {"StringNotEquals": {"aws:PrincipalOrgID": ORG}}
SOFT_PERIMETER = {
    "StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORG},
    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (deny(), []),
        (deny(Action="*"), []),
        (deny(Action=INVOKE), []),
        (deny(Action=None, NotAction="lambda:GetFunction"), []),
        (deny(Action="lambda:GetFunction"), [EVERYONE]),
        (deny(Resource="*"), []),
        (deny(Resource=f"{F}:live"), [EVERYONE]),
        (deny(Resource="arn:aws:lambda:*"), [MAYBE]),
        (deny(root()), [EVERYONE]),
        (deny({"AWS": "nonsense"}), [MAYBE]),
        (deny(condition=PERIMETER), [IN_ORG]),
        (deny(condition={"StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORG}}), [IN_ORG]),
        (deny(condition={"StringNotEquals": {"aws:PrincipalAccount": [ACME, GLOBEX]}}),
         [("account", ACME, "no", "yes"), ("account", GLOBEX, "no", "yes")]),
        (deny(condition={"StringNotEquals": {"aws:PrincipalAccount": OWNER}}), [("account", OWNER, "no", "no")]),
        (deny(condition={"ArnNotLike": {"aws:PrincipalArn": role("ci-*")}}), [("identity", role("ci-*"), "no", "yes")]),
        (deny(condition={"StringNotEquals": {"aws:SourceAccount": ACME}}), [("service", "*", "no", "yes")]),
        (deny(condition={"StringEquals": {"aws:PrincipalAccount": ACME}}), [EVERYONE]),
        (deny(condition={"StringEquals": {"aws:UserAgent": "bad"}}), [EVERYONE]),
        (deny(condition={"StringNotEquals": {"aws:UserAgent": "secret"}}), [EVERYONE]),
        (deny(condition={"Bool": {"aws:SecureTransport": "false"}}), [EVERYONE]),
        (deny(condition={"Bool": {"aws:SecureTransport": "true"}}), []),
        (deny(condition={"Null": {"aws:PrincipalOrgID": "true"}}), [EVERYONE]),
        (deny(condition={"Null": {"aws:PrincipalArn": "false"}}), [EVERYONE, ("service", "*", "yes", "yes")]),
        (deny(condition={"Bool": {"aws:PrincipalIsAWSService": "false"}}), [("service", "*", "yes", "yes")]),
        (deny(condition={"Bool": {"aws:PrincipalIsAWSService": "true"}}), [EVERYONE]),
        (deny(condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), [MAYBE]),
        (deny(condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), [EVERYONE]),
        (deny(condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}), [MAYBE]),
        (deny(condition={"DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}), [MAYBE]),
        (deny(condition={"StringFuzzy": {"aws:x": "1"}}), [MAYBE]),
        (deny(condition={"StringEquals": {"aws:NeverHeardOf": "1"}}), [MAYBE]),
        (deny(condition={"ForAllValues:StringEquals": {"kms:x": "1"}}), []),
        (deny(condition={"StringEquals": {"kms:x": "1"}}), [EVERYONE]),
        (deny(condition=SOFT_PERIMETER), [IN_ORG, ("service", "*", "yes", "yes")]),
        (deny(Whatever=1), [MAYBE]),
        (deny(Effect="deny"), [MAYBE, MAYBE, MAYBE, MAYBE, MAYBE]),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_deny_leaves_of_everyone(statement: Json, expected: list[tuple[str, str, str, str]]) -> None:
    assert summary(left(allow("*"), statement)) == expected


@pytest.mark.parametrize(
    ("stored", "statement", "expected"),
    [
        (root(), deny(root()), []),
        (root(), deny({"AWS": ACME}), []),
        (root(), deny({"AWS": role()}), ["yes"]),
        (root(), deny(root(GLOBEX)), ["yes"]),
        (root(), deny(service()), ["yes"]),
        ({"AWS": role()}, deny(root()), []),
        (root(), deny({"AWS": f"arn:aws-cn:iam::{ACME}:root"}), ["yes"]),
        ({"AWS": role()}, deny({"AWS": f"arn:aws-cn:iam::{ACME}:root"}), ["yes"]),
        (root(), deny(Principal=None, NotPrincipal={"AWS": f"arn:aws-cn:iam::{ACME}:root"}), []),
        ({"AWS": role()}, deny({"AWS": role()}), []),
        ({"AWS": role()}, deny({"AWS": role("other")}), ["yes"]),
        ({"AWS": f"arn:aws:sts::{ACME}:assumed-role/deploy/s"}, deny({"AWS": role()}), []),
        ({"AWS": f"arn:aws:sts::{ACME}:assumed-role/deploy/s"}, deny({"AWS": role("p/deploy")}), ["depends"]),
        ({"AWS": f"arn:aws:sts::{ACME}:federated-user/x"}, deny({"AWS": f"arn:aws:iam::{ACME}:user/x"}), ["depends"]),
        ({"AWS": f"arn:aws:sts::{ACME}:federated-user/x"}, deny({"AWS": f"arn:aws:iam::{GLOBEX}:user/x"}), ["yes"]),
        (root(), deny(condition={"StringEquals": {"aws:PrincipalAccount": ACME}}), []),
        (root(), deny(condition={"StringNotEquals": {"aws:PrincipalAccount": ACME}}), ["yes"]),
        (root(), deny(condition=PERIMETER), ["yes"]),
        (service("sns"), deny(service("sns")), []),
        (service("sns"), deny(service("s3")), ["yes"]),
        (service("sns"), deny(condition={"StringEquals": {"aws:PrincipalServiceName": "sns.amazonaws.com"}}), []),
        (service("sns"), deny(condition={"StringLike": {"aws:PrincipalServiceName": "s3.*"}}), ["yes"]),
        (service("sns"), deny(condition={"StringEquals": {"aws:PrincipalServiceNamesList": "sns.amazonaws.com"}}), ["yes"]),
        (service("sns"), deny(condition=PERIMETER), []),
        (service("sns"), deny(condition=SOFT_PERIMETER), ["yes"]),
        (service("sns"), deny(condition={"StringNotEquals": {"aws:SourceAccount": OWNER}}), ["no"]),
        (service("sns"), deny(condition={"StringNotEqualsIfExists": {"aws:SourceAccount": OWNER}}), ["no"]),
    ],
)
def test_what_a_deny_leaves_of_somebody(stored: Any, statement: Json, expected: list[str]) -> None:
    assert [one.external for one in left(allow(stored), statement)] == expected


def test_an_account_under_a_perimeter_is_external_unless_membership_says_otherwise() -> None:
    statements = allow(), deny(condition=PERIMETER)
    assert [one.external for one in left(*statements)] == ["yes"]
    assert left(*statements, organization_of={ACME: ""}) == []


def test_an_open_service_is_closed_by_a_deny_on_its_source() -> None:
    found = left(allow(service("sns")), deny(condition={"StringNotEquals": {"aws:SourceAccount": ACME}}))
    assert [(one.open_service, one.account) for one in found] == [("no", ACME)]


def test_a_deny_of_some_actions_leaves_the_others() -> None:
    found = left(allow("*", Action="lambda:*"), deny(Action=["lambda:Get*", "lambda:Invoke*"]))
    assert {one.action_class for one in found} == {"read", "manage"}
    assert all(not action.startswith("lambda:Get") for one in found for action in one.actions)


def test_several_denies_add_up() -> None:
    found = left(
        allow("*"),
        deny(condition=PERIMETER, Sid="one"),
        deny(condition={"StringNotEquals": {"aws:PrincipalAccount": ACME}}, Sid="two"),
    )
    assert [(one.kind, one.principal, one.organization) for one in found] == [("account", ACME, ORG)]
    contradictory = [
        deny(condition={"StringNotEquals": {"aws:PrincipalAccount": ACME}}, Sid="one"),
        deny(condition={"StringNotEquals": {"aws:PrincipalAccount": GLOBEX}}, Sid="two"),
    ]
    assert left(allow("*"), *contradictory) == []


@pytest.mark.parametrize(
    ("denies", "expected"),
    [
        ([deny(None, Principal=None, NotPrincipal=root()), deny(root())], []),
        ([deny(condition={"StringNotEquals": {"aws:PrincipalAccount": [ACME, GLOBEX]}}), deny(root())], [GLOBEX]),
        ([deny(condition={"ArnNotLike": {"aws:PrincipalArn": [role(), role("x")]}}), deny({"AWS": role()})], [role("x")]),
        ([deny(condition={"StringNotEquals": {"aws:SourceAccount": [ACME]}}), deny(service("sns"))], ["*"]),
        ([deny(root(), {"ArnNotLike": {"aws:PrincipalArn": role()}}), deny({"AWS": role()})], ["*"]),
    ],
)
def test_the_order_of_denies_does_not_matter(denies: list[Json], expected: list[str]) -> None:
    for order in (denies, list(reversed(denies))):
        assert [one.principal for one in left(allow("*"), *order)] == expected


def test_only_one_of_several_accounts_is_denied() -> None:
    found = left(allow("*", {"StringEquals": {"aws:PrincipalAccount": [ACME, GLOBEX]}}), deny(root()))
    assert [one.account for one in found] == [GLOBEX]


@pytest.mark.parametrize(
    ("allowed", "spared", "expected"),
    [
        ("*", {"AWS": f"arn:aws:iam::{ACME}:root"}, [("account", ACME, "no", "depends")]),
        ("*", {"AWS": [role(), f"arn:aws:iam::{ACME}:root"]},
         [("identity", role(), "no", "depends"), ("account", ACME, "no", "depends")]),
        ("*", {"Service": "s3.amazonaws.com"}, [("service", "s3.amazonaws.com", "no", "depends")]),
        ("*", "*", [EVERYONE]),
        (root(), {"AWS": f"arn:aws:iam::{ACME}:root"}, [("account", ACME, "no", "depends")]),
        (root(), {"AWS": role()}, [("identity", role(), "no", "depends")]),
        (root(), {"AWS": f"arn:aws:iam::{GLOBEX}:root"}, []),
        ({"AWS": role()}, {"AWS": f"arn:aws:iam::{ACME}:root"}, [("identity", role(), "no", "depends")]),
        (service(), {"AWS": f"arn:aws:iam::{ACME}:root"}, []),
        (service(), service(), [("service", "s3.amazonaws.com", "no", "depends")]),
    ],
)  # fmt: skip
def test_not_principal_with_deny_leaves_the_listed_depending(
    allowed: Any, spared: Any, expected: list[tuple[str, str, str, str]]
) -> None:
    assert summary(left(allow(allowed), deny(Principal=None, NotPrincipal=spared))) == expected


def test_the_triggers_a_deny_kills_are_named() -> None:
    document = policy(
        allow(service("sns"), Sid="topic"),
        allow(service("s3"), Sid="bucket"),
        allow(root(), Sid="acme"),
        deny(condition=PERIMETER),
    )
    found = blocked(document, function_arn=F)
    assert [(one.by.sid, one.principal, one.statements[0].sid, one.is_trigger) for one in found] == [
        ("deny", "sns.amazonaws.com", "topic", True),
        ("deny", "s3.amazonaws.com", "bucket", True),
    ]
    assert found[0].actions == (INVOKE,)
    assert blocked(policy(allow(service())), function_arn=F) == []


def test_allows_without_effect_are_named() -> None:
    document = policy(
        allow(Sid="fine"),
        allow(service(), {"StringEquals": {"aws:PrincipalOrgID": ORG}}, Sid="never fires"),
        allow(Sid="elsewhere", Resource=f"{F}oo"),
    )
    assert [one.sid for one in ineffective(document, function_arn=F)] == ["never fires", "elsewhere"]


@pytest.mark.parametrize(
    ("arn", "allowed", "denied", "expected"),
    [
        (f"{F}:live", f"{F}:live", F, ["depends"]),
        (f"{F}:live", f"{F}:live", f"{F}:live", []),
        (f"{F}:live", f"{F}:live", f"{F}:other", ["yes"]),
        (F, F, f"{F}:live", ["yes"]),
        (F, f"{F}:*", f"{F}:*", []),
        (F, f"{F}:*", "arn:aws:lambda:*", ["depends"]),
        (F, F, f"{F}${{aws:username}}", ["depends"]),
        (F, F, f"{F}oo${{aws:username}}", ["yes"]),
    ],
)
def test_a_deny_on_another_form_of_the_function(arn: str, allowed: str, denied: str, expected: list[str]) -> None:
    found = left(allow(Resource=allowed), deny(Resource=denied), arn=arn)
    assert [one.external for one in found] == expected


def test_a_perimeter_of_our_own_organisation_leaves_a_named_one() -> None:
    """Which organisation is ours may not be known, so the named one is not taken for another."""
    ours = deny(condition={"StringNotEquals": {"aws:PrincipalOrgID": "${aws:ResourceOrgID}"}})
    assert summary(left(allow("*", {"StringEquals": {"aws:PrincipalOrgID": ORG}}), ours)) == [IN_ORG]


def test_a_deny_whose_missing_key_is_not_documented_leaves_it_open() -> None:
    unsure = deny(condition={"ForAnyValue:StringNotEqualsIfExists": {"aws:PrincipalOrgID": ORG}})
    assert summary(left(allow("*"), unsure)) == [MAYBE]


def test_a_policy_of_too_many_combinations_depends_and_ends_soon() -> None:
    keys = [f"aws:PrincipalTag/{number}" for number in range(12)]
    denies = [
        deny(
            condition={"StringNotEquals": {key: str(number), f"{key}x": "y", "aws:PrincipalAccount": f"{number:012d}"}},
            Sid=f"d{number}",
        )
        for number, key in enumerate(keys)
    ]
    found = left(allow("*", Action="lambda:*"), *denies)
    assert any(one.public != "no" for one in found)
