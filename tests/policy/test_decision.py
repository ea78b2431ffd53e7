"""Who may do what, by the policy alone: one table for principals, one for actions and resources, one for Deny.

Rules: IAM policy evaluation; matching of principals, actions and resources; NotPrincipal; three-valued answers.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from sharing.policy import ArnError, FunctionArn, decide, parse

from .documents import ACME, GLOBEX, INVOKE, OWNER, F, Json, allow, deny, policy, role, root, service

ROLE, USER = role(), f"arn:aws:iam::{ACME}:user/bob"
FEDERATED = f"arn:aws:sts::{ACME}:federated-user/carol"
SESSION = f"arn:aws:sts::{ACME}:assumed-role/deploy/s1"
URL = {"lambda:InvokedViaFunctionUrl": "true"}
Answer = tuple[str, str]
YES, NO, NONE = ("allowed", "yes"), ("denied", "yes"), ("none", "yes")
MAYBE, PERHAPS = ("allowed", "depends"), ("none", "depends")


def ask(*statements: Any, principal: str = ROLE, arn: str = F, action: str = INVOKE, **context: Any) -> Answer:
    found = decide(policy(*statements), function_arn=arn, principal=principal, action=action, context=context.get("context"))
    return found.outcome, found.certainty


@pytest.mark.parametrize(
    ("stored", "principal", "expected"),
    [
        (root(), ACME, YES),
        (root(), f"arn:aws:iam::{ACME}:root", YES),
        (root(), ROLE, YES),
        (root(), USER, YES),
        (root(), SESSION, YES),
        (root(), GLOBEX, NONE),
        (root(), "s3.amazonaws.com", NONE),
        ({"AWS": ACME}, ROLE, YES),
        ({"AWS": ROLE}, ROLE, YES),
        ({"AWS": ROLE}, SESSION, YES),
        ({"AWS": ROLE}, ACME, NONE),
        ({"AWS": ROLE}, role("Deploy"), NONE),
        ({"AWS": ROLE}, role("deploy", GLOBEX), NONE),
        ({"AWS": role("team/deploy")}, SESSION, PERHAPS),
        ({"AWS": role("team/deploy")}, ROLE, NONE),
        ({"AWS": role("team/deploy")}, role("team/deploy"), YES),
        ({"AWS": USER}, USER, YES),
        ({"AWS": USER}, ROLE, NONE),
        ({"AWS": SESSION}, SESSION, YES),
        ({"AWS": SESSION}, f"arn:aws:sts::{ACME}:assumed-role/deploy/s2", NONE),
        ({"AWS": SESSION}, ROLE, PERHAPS),
        ({"AWS": USER}, FEDERATED, PERHAPS),
        ({"AWS": USER.replace(ACME, GLOBEX)}, FEDERATED, NONE),
        ({"AWS": FEDERATED}, FEDERATED, YES),
        ({"AWS": FEDERATED}, USER, NONE),
        (root(), FEDERATED, YES),
        ({"AWS": [role("x"), ROLE]}, ROLE, YES),
        ("*", ROLE, YES),
        ({"AWS": "*"}, ROLE, YES),
        ("*", "s3.amazonaws.com", YES),
        ({"AWS": "*"}, "s3.amazonaws.com", YES),
        (service(), "s3.amazonaws.com", YES),
        (service(), "sns.amazonaws.com", NONE),
        ({"Service": ["sns.amazonaws.com", "s3.amazonaws.com"]}, "s3.amazonaws.com", YES),
        (service(), ROLE, NONE),
        ({"Service": "S3.amazonaws.com"}, "s3.amazonaws.com", NONE),
        ({"AWS": "AROAEXAMPLEEXAMPLE12"}, ROLE, NONE),
        ({"Federated": "cognito-identity.amazonaws.com"}, ROLE, NONE),
        ({"AWS": "arn:aws:iam::*:role/deploy"}, ROLE, PERHAPS),
        ({"CanonicalUser": "79a59d"}, ROLE, PERHAPS),
        ({"AWS": ["AROAEXAMPLEEXAMPLE12", ROLE]}, ROLE, YES),
    ],
)
def test_principals(stored: Any, principal: str, expected: Answer) -> None:
    assert ask(allow(stored), principal=principal) == expected


def test_no_principal_matches_across_partitions() -> None:
    assert ask(allow("*"), principal="arn:aws-cn:iam::111122223333:role/x") == NONE
    assert ask(allow({"AWS": "arn:aws-cn:iam::111122223333:root"})) == NONE


def test_in_china_a_service_has_two_names() -> None:
    arn = "arn:aws-cn:lambda:cn-north-1:444455556666:function:f"
    stored = allow({"Service": "s3.amazonaws.com.cn"}, Resource=arn)
    assert ask(stored, principal="s3.amazonaws.com", arn=arn) == YES
    assert ask(allow({"AWS": ACME}, Resource="*"), principal=ACME, arn=arn) == YES


def test_anonymous_callers_come_by_the_url_only() -> None:
    assert ask(allow("*"), principal="anonymous") == NONE
    assert ask(allow("*"), principal="anonymous", context=URL) == YES
    assert ask(allow("*"), principal="anonymous", context={"LAMBDA:invokedviafunctionurl": ["true"]}) == YES
    assert ask(allow(root()), principal="anonymous", context=URL) == NONE
    assert ask(allow("*"), deny("*"), principal="anonymous", context=URL) == NO
    assert ask(allow("*", {"StringEquals": {"aws:PrincipalAccount": ACME}}), principal="anonymous", context=URL) == NONE


@pytest.mark.parametrize(
    ("elements", "arn", "action", "expected"),
    [
        ({"Action": "lambda:*"}, F, INVOKE, YES),
        ({"Action": "*"}, F, INVOKE, YES),
        ({"Action": "lambda:invoke*"}, F, INVOKE, YES),
        ({"Action": ["lambda:GetFunction", "lambda:InvokeFunctio?"]}, F, INVOKE, YES),
        ({"Action": "lambda:Invoke"}, F, INVOKE, NONE),
        ({"Action": None, "NotAction": "lambda:GetFunction"}, F, INVOKE, YES),
        ({"Action": None, "NotAction": "lambda:*"}, F, INVOKE, NONE),
        ({"Resource": F}, f"{F}:live", INVOKE, NONE),
        ({"Resource": f"{F}:live"}, f"{F}:live", INVOKE, YES),
        ({"Resource": f"{F}:live"}, F, INVOKE, NONE),
        ({"Resource": f"{F}:*"}, f"{F}:7", INVOKE, YES),
        ({"Resource": f"{F}:*"}, F, INVOKE, NONE),
        ({"Resource": f"{F}*"}, F, INVOKE, YES),
        ({"Resource": f"{F}*"}, f"{F}oo", INVOKE, YES),
        ({"Resource": [f"{F}:live", F]}, F, INVOKE, YES),
        ({"Resource": "*"}, F, INVOKE, YES),
        ({"Resource": F.upper()}, F, INVOKE, NONE),
        ({"Resource": "arn:aws:lambda:*"}, F, INVOKE, PERHAPS),
        ({"Resource": None, "NotResource": F}, F, INVOKE, NONE),
        ({"Resource": None, "NotResource": f"{F}:live"}, F, INVOKE, YES),
        ({"Resource": None}, F, INVOKE, PERHAPS),
        ({"Resource": "arn:aws:lambda:us-east-1:${aws:PrincipalAccount}:function:f"}, F, INVOKE, NONE),
    ],
)
def test_actions_and_resources(elements: Json, arn: str, action: str, expected: Answer) -> None:
    assert ask(allow(**elements), arn=arn, action=action) == expected


@pytest.mark.parametrize(
    ("statements", "principal", "expected"),
    [
        ([deny()], ROLE, NO),
        ([allow(), deny()], ROLE, NO),
        ([deny(), allow()], ROLE, NO),
        ([allow(), deny(root(GLOBEX))], ROLE, YES),
        ([allow(), deny({"AWS": ROLE})], ROLE, NO),
        ([allow(), deny({"AWS": ROLE})], USER, YES),
        ([allow(), deny({"AWS": role("team/deploy")})], SESSION, MAYBE),
        ([allow(), deny(Action="lambda:GetFunction")], ROLE, YES),
        ([allow(), deny(Resource=f"{F}:live")], ROLE, YES),
        ([allow(), deny(condition={"StringFuzzy": {"aws:x": "1"}})], ROLE, MAYBE),
        ([deny(condition={"StringFuzzy": {"aws:x": "1"}})], ROLE, PERHAPS),
        ([allow(condition={"StringFuzzy": {"aws:x": "1"}})], ROLE, PERHAPS),
        ([allow(condition={"StringFuzzy": {"aws:x": "1"}}), allow()], ROLE, YES),
        ([allow(condition={"StringFuzzy": {"aws:x": "1"}}), deny()], ROLE, NO),
        ([allow("*"), deny(condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-abcdef1234"}})], ROLE, NO),
        ([allow("*"), deny(condition={"StringNotEquals": {"aws:PrincipalAccount": ACME}})], ROLE, YES),
        ([allow("*"), deny(condition={"Bool": {"aws:PrincipalIsAWSService": "false"}})], "s3.amazonaws.com", YES),
        ([allow("*"), deny(condition={"Bool": {"aws:PrincipalIsAWSService": "false"}})], ROLE, NO),
        ([allow(), 7], ROLE, MAYBE),
        ([7], ROLE, PERHAPS),
        ([allow(Effect="allow")], ROLE, PERHAPS),
    ],
)
def test_deny_beats_allow_and_the_unknown_never_makes_safe(statements: list[Any], principal: str, expected: Answer) -> None:
    assert ask(*statements, principal=principal) == expected


def spare(*principals: Any) -> Json:
    return deny(None, Principal=None, NotPrincipal={"AWS": list(principals)})


@pytest.mark.parametrize(
    ("statement", "principal", "expected"),
    [
        (spare(f"arn:aws:iam::{ACME}:root", USER), USER, YES),
        (spare(USER), USER, MAYBE),
        (spare(f"arn:aws:iam::{ACME}:root"), USER, MAYBE),
        (spare(f"arn:aws:iam::{ACME}:root", ROLE, SESSION), SESSION, YES),
        (spare(ROLE), SESSION, MAYBE),
        (spare(f"arn:aws:iam::{ACME}:root", ROLE), ROLE, MAYBE),
        (spare(f"arn:aws:iam::{ACME}:root"), ACME, YES),
        (spare(f"arn:aws:iam::{GLOBEX}:root"), ROLE, NO),
        (spare(f"arn:aws-cn:iam::{ACME}:root"), ACME, NO),
        (spare(ROLE), "s3.amazonaws.com", NO),
        (deny(Principal=None, NotPrincipal=service()), "s3.amazonaws.com", YES),
        (deny(Principal=None, NotPrincipal="*"), ROLE, YES),
    ],
)
def test_not_principal_with_deny_spares_only_who_is_named_in_every_form(
    statement: Json, principal: str, expected: Answer
) -> None:
    assert ask(allow("*"), statement, principal=principal) == expected


def test_not_principal_with_allow_lets_nearly_everybody_in() -> None:
    but_acme = allow(Principal=None, NotPrincipal=root())
    assert ask(but_acme, principal=GLOBEX) == YES
    assert ask(but_acme, principal="anonymous", context=URL) == YES
    assert ask(but_acme, principal=ACME) == NONE
    assert ask(but_acme, principal=ROLE) == PERHAPS


@pytest.mark.parametrize(
    ("key", "value", "principal", "expected"),
    [
        ("aws:PrincipalAccount", ACME, ROLE, YES),
        ("AWS:principalaccount", ACME, SESSION, YES),
        ("aws:PrincipalArn", ROLE, ROLE, YES),
        ("aws:PrincipalArn", ROLE, SESSION, YES),
        ("aws:PrincipalArn", role("team/deploy"), SESSION, PERHAPS),
        ("aws:PrincipalArn", "*", SESSION, NONE),
        ("aws:PrincipalArn", f"arn:aws:iam::{ACME}:root", ACME, YES),
        ("aws:PrincipalType", "AssumedRole", ROLE, YES),
        ("aws:PrincipalType", "User", USER, YES),
        ("aws:PrincipalType", "Account", ACME, YES),
        ("aws:PrincipalType", "User", "s3.amazonaws.com", PERHAPS),
        ("aws:PrincipalIsAWSService", "true", "s3.amazonaws.com", YES),
        ("aws:PrincipalIsAWSService", "false", ROLE, YES),
        ("aws:PrincipalServiceName", "s3.amazonaws.com", "s3.amazonaws.com", YES),
        ("aws:PrincipalServiceName", "s3.amazonaws.com", ROLE, NONE),
        ("aws:PrincipalOrgID", "o-abcdef1234", ROLE, NONE),
    ],
)
def test_keys_that_follow_from_the_caller(key: str, value: str, principal: str, expected: Answer) -> None:
    assert ask(allow("*", {"StringEquals": {key: value}}), principal=principal) == expected


def test_what_is_given_beats_what_follows_from_the_caller() -> None:
    one = allow("*", {"StringEquals": {"aws:PrincipalAccount": GLOBEX}})
    assert ask(one, context={"AWS:PrincipalAccount": GLOBEX}) == YES


@pytest.mark.parametrize(
    ("stored", "principal", "expected"),
    [
        (root(), ROLE, True),
        (root(), ACME, True),
        ({"AWS": ROLE}, ROLE, False),
        ("*", ROLE, False),
        (service(), "s3.amazonaws.com", False),
    ],
)
def test_naming_only_the_root_delegates(stored: Any, principal: str, expected: bool) -> None:
    assert decide(policy(allow(stored)), function_arn=F, principal=principal).delegated is expected


def test_a_second_statement_that_names_the_role_ends_delegation() -> None:
    both = policy(allow(), allow({"AWS": ROLE}, Sid="named"))
    assert not decide(both, function_arn=F, principal=ROLE).delegated
    assert decide(both, function_arn=F, principal=USER).delegated


def test_the_deciding_statements_are_named() -> None:
    document = policy(allow(Sid="a"), allow("*", Sid="b"), allow(root(GLOBEX), Sid="c"), deny(root(GLOBEX), Sid="d"))
    assert [one.sid for one in decide(document, function_arn=F, principal=ROLE).statements] == ["a", "b"]
    assert [one.sid for one in decide(document, function_arn=F, principal=GLOBEX).statements] == ["d"]
    assert decide(policy(), function_arn=F, principal=ROLE).statements == ()


def test_what_is_unknown_is_named_without_its_values() -> None:
    found = decide(policy(allow(condition={"StringFuzzy": {"aws:x": "secret"}})), function_arn=F, principal=ROLE)
    assert found.unknown == ("allow: condition StringFuzzy aws:x",)


@pytest.mark.parametrize("principal", ["", "*", "nobody", "o-abcdef1234", "AROAEXAMPLEEXAMPLE12", "arn:aws:iam::1:role/x"])
def test_somebody_who_cannot_call_is_refused_with_a_sentence(principal: str) -> None:
    with pytest.raises(ValueError, match="cannot call a function"):
        decide(policy(allow()), function_arn=F, principal=principal)


def test_a_function_that_is_none_is_refused() -> None:
    with pytest.raises(ArnError):
        decide(policy(allow()), function_arn="f", principal=ACME)


def test_documents_are_taken_in_any_form() -> None:
    one = policy(allow())
    for document in (one, parse(one), json.dumps(one)):
        assert decide(document, function_arn=FunctionArn.parse(F), principal=ACME).outcome == "allowed"
    assert decide(None, function_arn=F, principal=OWNER).outcome == "none"
