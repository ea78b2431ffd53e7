"""The sandbox and the policy room decide about layers by codes of their own: one table compares them.

Whom the sandbox lets in must be among those that `let_in` names, whatever the policy; and whom it names for certain the
sandbox must let in. "No" is the answer that must never be wrong.
"""

import json
from typing import TYPE_CHECKING, Any

import pytest

from sharing.policy import parse
from sharing.policy.layers import LayerArn, LetIn, let_in
from tests.sandbox.conftest import Speaker, outcome

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

OWNER = "444455556666"
LAYER = LayerArn("aws", "us-east-1", OWNER, "payment-rules", 1)
GET = "lambda:GetLayerVersion"
ORGANISATION = "o-k3s8w1q9zt"
OUTSIDERS = ("Acme Retail", "Globex", "Initech", "Umbrella")
MEMBERS = ("Acme Retail", "Globex")


def statement(**changes: Any) -> dict[str, Any]:
    made = {"Sid": "one", "Effect": "Allow", "Principal": "*", "Action": GET, "Resource": str(LAYER), **changes}
    return {key: value for key, value in made.items() if value is not None}


def root(number: str) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{number}:root"}


ACME, GLOBEX = root("111122223333"), root("222233334444")
MEMBER = {"StringEquals": {"aws:PrincipalOrgID": ORGANISATION}}
POLICIES: dict[str, list[dict[str, Any]]] = {
    "account": [statement(Principal=ACME)],
    "bare digits": [statement(Principal={"AWS": "111122223333"})],
    "two accounts": [statement(Principal={"AWS": [ACME["AWS"], GLOBEX["AWS"]]})],
    "organisation": [statement(Condition=MEMBER)],
    "another organisation": [statement(Condition={"StringEquals": {"aws:PrincipalOrgID": "o-aaaaaaaaaa"}})],
    "everyone": [statement()],
    "everyone, spelt out": [statement(Principal={"AWS": "*"})],
    "key in other letters": [statement(Condition={"StringEquals": {"AWS:principalorgid": ORGANISATION}})],
    "organisation by wildcard": [statement(Condition={"StringLike": {"aws:PrincipalOrgID": "o-*"}})],
    "organisation if exists": [statement(Condition={"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANISATION}})],
    "not the organisation": [statement(Condition={"StringNotEquals": {"aws:PrincipalOrgID": ORGANISATION}})],
    "secure transport": [statement(Condition={"Bool": {"aws:SecureTransport": "true"}})],
    "two conditions": [statement(Condition={**MEMBER, "Bool": {"aws:SecureTransport": "false"}})],
    "another action": [statement(Action="lambda:InvokeFunction")],
    "every action": [statement(Action="lambda:*")],
    "action in other letters": [statement(Action="LAMBDA:getlayerversion")],
    "not action": [statement(Action=None, NotAction="lambda:InvokeFunction")],
    "not this action": [statement(Action=None, NotAction="lambda:Get*")],
    "another version": [statement(Resource=f"{str(LAYER)[:-1]}2")],
    "every version": [statement(Resource=f"{str(LAYER)[:-1]}*")],
    "not principal": [statement(Principal=None, NotPrincipal=ACME)],
    "denied": [statement(), statement(Sid="two", Effect="Deny", Principal=ACME)],
    "denied to all": [statement(Principal=ACME), statement(Sid="two", Effect="Deny")],
    "both": [statement(Principal=ACME), statement(Sid="two", Condition=MEMBER)],
    "nobody": [statement(Principal=root("999999999999"))],
}


def covers(one: LetIn, account: str, number: str) -> bool:
    if one.deny or one.latent:
        return False
    if one.kind == "organization":
        return (one.principal == ORGANISATION and account in MEMBERS) or bool(one.depends_on)
    return one.kind in ("everyone", "unknown") or one.account == number


@pytest.mark.parametrize("name", POLICIES)
def test_nobody_is_let_in_who_is_not_named(sandbox: "Sandbox", name: str) -> None:
    speak = Speaker(sandbox)
    document = {"Version": "2012-10-17", "Id": "default", "Statement": POLICIES[name]}
    sandbox.put_layer_policy(str(LAYER), document)
    found = let_in(parse(json.dumps(document)), LAYER)
    denies = any(one.deny for one in found)
    for account in OUTSIDERS:
        number = sandbox.account(account).id
        client = speak.lambda_(account)
        allowed = not outcome(client.get_layer_version_by_arn, Arn=str(LAYER))
        naming = [one for one in found if covers(one, account, number)]
        if allowed:
            assert naming, f"{account} is let in, and nobody says so"
            assert any("no" not in (one.external,) for one in naming)
        elif not denies:
            assert not [one for one in naming if not one.depends_on], f"{account} is not let in"
    if all(not outcome(speak.lambda_(account).get_layer_version_by_arn, Arn=str(LAYER)) for account in OUTSIDERS):
        assert any(one.public != "no" for one in found), "everyone is let in: that is public, or depends"
