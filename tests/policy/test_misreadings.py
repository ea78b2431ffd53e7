"""Policies that checkers by shape misread: each row is a rule of IAM by which the plain look of a statement deceives.

Kinds of case, not documents, are taken from what Cloud Custodian, Prowler and policyuniverse try on themselves; the
expected answers follow from IAM's evaluation rules.
"""

from __future__ import annotations

from typing import Any

import pytest

from sharing.policy import decide, exposures

from .documents import ACME, GLOBEX, INVOKE, INVOKE_URL, ORG, OWNER, STRANGER, F, Json, allow, deny, policy, role, root, service

#: For each question the widest answer over the whole policy: public, external, open service.
Answers = tuple[str, str, str]
PUBLIC, MAYBE_PUBLIC = ("yes", "yes", "no"), ("depends", "depends", "no")
EXTERNAL, NOBODY = ("no", "yes", "no"), ("no", "no", "no")
OPEN, MAYBE_OPEN, OPEN_TO_ALL = ("no", "yes", "yes"), ("no", "depends", "depends"), ("yes", "yes", "yes")
TOPIC = f"arn:aws:sns:us-east-1:{OWNER}:topic"
PERIMETER = {"StringNotEquals": {"aws:PrincipalOrgID": ORG}}


def widest(*statements: Any) -> Answers:
    found = exposures(policy(*statements), function_arn=F, owner_account=OWNER)
    return tuple(  # type: ignore[return-value]  # three of them
        next((answer for answer in ("yes", "depends") if any(getattr(one, name) == answer for one in found)), "no")
        for name in ("public", "external", "open_service")
    )


MISREAD: dict[str, tuple[list[Json], Answers]] = {
    # A condition is not a limit because it is there.
    "a key of our own function for one of the caller": ([allow("*", {"StringEquals": {"aws:ResourceOrgID": ORG}})], PUBLIC),
    "our own account, which every caller finds": ([allow("*", {"StringEquals": {"aws:ResourceAccount": OWNER}})], PUBLIC),
    "the same beside a role of any account": (
        [allow("*", {"StringEquals": {"aws:ResourceOrgID": ORG}, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}})],
        PUBLIC,
    ),
    "a name the caller gives itself": ([allow("*", {"StringEquals": {"aws:username": "admin"}})], PUBLIC),
    "through a service of the caller's choice": (
        [allow("*", {"StringEquals": {"aws:CalledViaFirst": "cloudformation.amazonaws.com"}})], PUBLIC,
    ),
    "all values, of which there may be none": ([allow("*", {"ForAllValues:ArnEquals": {"aws:SourceArn": TOPIC}})], PUBLIC),
    "only if it exists": ([allow("*", {"ArnEqualsIfExists": {"aws:SourceArn": TOPIC}})], PUBLIC),
    "everybody but somebody": ([allow("*", {"StringNotLike": {"aws:userid": "AROAEXAMPLEEXAMPLE12:*"}})], PUBLIC),
    "everybody but one address": ([allow("*", {"NotIpAddress": {"aws:SourceIp": "203.0.113.8"}})], PUBLIC),
    "two halves of the internet": ([allow("*", {"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}})], PUBLIC),
    "all of the newer internet": ([allow("*", {"IpAddress": {"aws:SourceIp": ["::/0"]}})], PUBLIC),
    "a role of that name in any account": ([allow("*", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ci"}})], PUBLIC),
    "any organisation": ([allow("*", {"StringLike": {"aws:PrincipalOrgID": "o-*"}})], PUBLIC),
    "an identity provider's word for it": ([allow("*", {"StringEquals": {"saml:aud": "us"}})], PUBLIC),
    # A condition may let nobody in at all.
    "a key of another service": ([allow("*", {"StringEquals": {"kms:CallerAccount": ACME}})], NOBODY),
    "two owners at once": ([allow("*", {"StringEquals": {"aws:SourceOwner": ACME, "aws:SourceAccount": GLOBEX}})], NOBODY),
    "a person who is also a service": (
        [allow("*", {"StringEquals": {"aws:username": "admin", "aws:SourceAccount": ACME}})], NOBODY,
    ),
    "a service of an organisation": ([allow(service("sns"), {"StringEquals": {"aws:PrincipalOrgID": ORG}})], NOBODY),
    "addresses nobody has on the internet": ([allow("*", {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}})], NOBODY),
    "an identity provider as principal": ([allow({"Federated": "cognito-identity.amazonaws.com"})], NOBODY),
    "a role that is gone": ([allow({"AWS": "AROAEXAMPLEEXAMPLE12"})], NOBODY),
    "an account of another partition": ([allow({"AWS": f"arn:aws-cn:iam::{ACME}:root"})], NOBODY),
    # A service calls for whoever asks it to.
    "a service for anybody": ([allow(service("sns"))], OPEN),
    "a service for any topic": ([allow(service("sns"), {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}})], OPEN),
    "a service for somebody else, which is not anybody": (
        [allow(service("ses"), {"StringEquals": {"AWS:SourceAccount": ACME}})], EXTERNAL,
    ),
    "a service that stays in its account": ([allow(service("elasticloadbalancing"))], NOBODY),
    "log groups call at home only": ([allow(service("logs"))], NOBODY),
    "a bucket whoever owns it now": ([allow(service(), {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::b"}})], MAYBE_OPEN),
    "any bucket at all": ([allow(service(), {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}})], OPEN),
    "everyone by any service": ([allow("*", {"StringLike": {"aws:SourceOwner": "*"}})], OPEN_TO_ALL),
    "everyone is in truth one topic": ([allow("*", {"ArnEquals": {"aws:SourceArn": TOPIC}})], NOBODY),
    "everyone is in truth one foreign topic": (
        [allow("*", {"ArnEquals": {"aws:SourceArn": TOPIC.replace(OWNER, ACME)}})], EXTERNAL,
    ),
    "a secret closes what a skill calls": (
        [allow({"Service": "alexa-appkit.amazon.com"}, {"StringEquals": {"lambda:EventSourceToken": "amzn1"}})], NOBODY,
    ),
    "a secret does not close everyone": ([allow("*", {"StringEquals": {"lambda:EventSourceToken": "amzn1"}})], MAYBE_PUBLIC),
    # A Deny counts, and not more than it says.
    "a perimeter": ([allow("*"), deny(condition=PERIMETER)], EXTERNAL),
    "a perimeter for other actions": ([allow("*"), deny(condition=PERIMETER, Action="lambda:GetFunction")], PUBLIC),
    "a perimeter by a role's tag": (
        [allow("*"), deny(condition={"StringNotEquals": {"aws:PrincipalTag/team": "blue"}})], PUBLIC,
    ),
    "all of it denied": ([allow("*"), deny()], NOBODY),
    "a Deny nobody can judge": ([allow("*"), deny(condition={"StringMatches": {"aws:x": "y"}})], MAYBE_PUBLIC),
    "a Deny that spares one account": ([allow("*"), deny(None, Principal=None, NotPrincipal=root(OWNER))], NOBODY),
    # The other elements.
    "everybody but one": ([allow(Principal=None, NotPrincipal=root())], PUBLIC),
    "everything but one action": ([allow("*", Action=None, NotAction=INVOKE)], PUBLIC),
    "an action in other letters": ([allow("*", Action="LAMBDA:invokefunction")], PUBLIC),
    "an action by its beginning": ([allow("*", Action="lambda:Invoke*")], PUBLIC),
    "an action that is none": ([allow("*", Action="lambda:Invoke")], NOBODY),
    "the code to download": ([allow("*", Action="lambda:GetFunction")], PUBLIC),
    "ourselves and everyone": ([allow({"AWS": [root(OWNER)["AWS"], "*"]})], PUBLIC),
    "ourselves only": ([allow({"AWS": [root(OWNER)["AWS"], role("x", OWNER)]})], NOBODY),
    "an account in a list": ([allow({"AWS": [ACME, OWNER], "Service": "sns.amazonaws.com"})], OPEN),
    "half of a public URL": (
        [allow("*", {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}, Action=INVOKE_URL)], PUBLIC,
    ),
    "a URL for whoever signs, of any account": (
        [allow("*", {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}, Action=INVOKE_URL)], PUBLIC,
    ),
    "another function": ([allow("*", Resource=f"{F}oo")], NOBODY),
    "not this function": ([allow("*", Resource=None, NotResource=F)], NOBODY),
}  # fmt: skip


@pytest.mark.parametrize("name", MISREAD)
def test_what_the_plain_look_of_a_policy_hides(name: str) -> None:
    statements, expected = MISREAD[name]
    assert widest(*statements) == expected


@pytest.mark.parametrize("name", [name for name, (_, expected) in MISREAD.items() if expected == NOBODY])
def test_nobody_of_a_stranger_gets_in_where_the_answer_is_no(name: str) -> None:
    document = policy(*MISREAD[name][0])
    for principal in (STRANGER, role("ci", STRANGER), "sns.amazonaws.com", "s3.amazonaws.com"):
        source = {"aws:SourceAccount": STRANGER, "aws:SourceArn": f"arn:aws:sns:us-east-1:{STRANGER}:t"}
        context = {**(source if principal.endswith(".com") else {"aws:SourceIp": "198.51.100.1"})}
        found = decide(document, function_arn=F, principal=principal, context=context)
        at_home = name in ("a service that stays in its account", "log groups call at home only")
        assert found.outcome != "allowed" or at_home
