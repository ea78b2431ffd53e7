"""Layer versions: ARNs, the statement of one share, and whom a version's policy lets in. Depends is never safe."""

import json
from typing import Any

import pytest

from sharing.policy import parse, parse_who, plain
from sharing.policy.arn import ArnError
from sharing.policy.layers import GET, LayerArn, LayerShare, layer_cli, let_in, share_from, widest
from sharing.policy.principal import EVERYONE, account, organization

OWNER, ACME = "444455556666", "111122223333"
LAYER = LayerArn("aws", "us-east-1", OWNER, "image-tools", 2)
ORGANISATION = "o-k3s8w1q9zt"


def statement(**changes: Any) -> dict[str, Any]:
    made = {"Sid": "one", "Effect": "Allow", "Principal": "*", "Action": GET, "Resource": str(LAYER), **changes}
    return {key: value for key, value in made.items() if value is not None}


def found(*statements: Any) -> list[Any]:
    return let_in(parse(json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": list(statements)})), LAYER)


def test_an_arn_is_read_and_written_back() -> None:
    assert LayerArn.parse(str(LAYER)) == LAYER
    assert LAYER.label == "image-tools:2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "image-tools",
        str(LAYER).rpartition(":")[0],
        str(LAYER).replace(":layer:", ":function:"),
        str(LAYER).replace("us-east-1", "cn-north-1"),
        f"{LAYER}:extra",
        str(LAYER).replace("image-tools", "a b"),
        str(LAYER) + "9" * 30,
        "arn:aws:lambda:::awslayer:AmazonLinux1803",
    ],
)
def test_what_names_no_layer_version_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ArnError, match="names no layer version"):
        LayerArn.parse(text)


def test_the_statement_is_what_aws_stores() -> None:
    shared = LayerShare(LAYER, "one", account(ACME))
    assert shared.statement() == statement(Principal={"AWS": f"arn:aws:iam::{ACME}:root"})
    assert shared.parameters() == {
        "LayerName": "image-tools",
        "VersionNumber": 2,
        "StatementId": "one",
        "Action": GET,
        "Principal": ACME,
    }
    members = LayerShare(LAYER, "one", organization(ORGANISATION))
    assert members.statement() == statement(Condition={"StringEquals": {"aws:PrincipalOrgID": ORGANISATION}})
    assert members.parameters()["Principal"] == "*"
    assert members.parameters()["OrganizationId"] == ORGANISATION
    assert LayerShare(LAYER, "one", EVERYONE).statement() == statement()


def test_only_everyone_needs_a_second_person() -> None:
    assert LayerShare(LAYER, "one", EVERYONE).needs_second_person
    assert not LayerShare(LAYER, "one", organization(ORGANISATION)).needs_second_person
    assert not LayerShare(LAYER, "one", account(ACME)).needs_second_person


@pytest.mark.parametrize(
    "who", [f"arn:aws:iam::{ACME}:role/deploy", f"arn:aws:iam::{ACME}:user/kim", "s3.amazonaws.com", OWNER]
)
def test_whom_a_layer_cannot_be_shared_with(who: str) -> None:
    assert LayerShare(LAYER, "one", parse_who(who)).problem()


def test_the_sentence_says_who_what_and_until_when() -> None:
    shared = LayerShare(LAYER, "one", account(ACME))
    text = plain(shared.sentence({ACME: "Acme"}, "20 Feb 2027"))
    assert text == "Functions of Acme may use version 2 of layer image-tools in us-east-1, until 20 Feb 2027."
    assert plain(LayerShare(LAYER, "one", EVERYONE).sentence({}, "")).endswith("in us-east-1, with no end date.")


def test_the_command_is_quoted() -> None:
    assert layer_cli(LayerShare(LAYER, "one", EVERYONE)).split(" \\\n    ") == [
        "aws lambda add-layer-version-permission",
        "--region us-east-1",
        "--layer-name image-tools",
        "--version-number 2",
        "--statement-id one",
        "--action lambda:GetLayerVersion",
        "--principal '*'",
    ]


def test_what_add_layer_version_permission_writes_is_certain() -> None:
    for shared, kind, public in (
        (LayerShare(LAYER, "one", account(ACME)), "account", "no"),
        (LayerShare(LAYER, "one", organization(ORGANISATION)), "organization", "no"),
        (LayerShare(LAYER, "one", EVERYONE), "everyone", "yes"),
    ):
        (one,) = found(shared.statement())
        assert (one.kind, one.public, one.external, one.depends_on) == (kind, public, "yes", ())
        (stored,) = parse({"Version": "2012-10-17", "Statement": [shared.statement()]}).statements
        assert share_from(stored, LAYER) == shared


def test_the_own_account_is_not_outside() -> None:
    (one,) = found(statement(Principal={"AWS": f"arn:aws:iam::{OWNER}:root"}))
    assert (one.public, one.external) == ("no", "no")


@pytest.mark.parametrize(
    ("changes", "public"),
    [
        ({"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}}, "depends"),
        ({"Condition": {"StringLike": {"aws:PrincipalOrgID": "o-*"}}}, "depends"),
        ({"Condition": {"StringEqualsIfExists": {"aws:PrincipalOrgID": ORGANISATION}}}, "depends"),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": [ORGANISATION, "o-aaaaaaaaaa"]}}}, "depends"),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": ORGANISATION, "aws:SourceVpc": "vpc-1"}}}, "depends"),
        ({"Principal": None, "NotPrincipal": {"AWS": f"arn:aws:iam::{ACME}:root"}}, "depends"),
        ({"Principal": None}, "depends"),
        ({"Principal": {"AWS": "arn:aws:iam::1:root"}}, "depends"),
        ({"Effect": "Perhaps"}, "depends"),
        ({"Principal": {"AWS": f"arn:aws:iam::{ACME}:root"}, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}, "no"),
    ],
)
def test_what_cannot_be_judged_depends(changes: dict[str, Any], public: str) -> None:
    (one,) = found(statement(**changes))
    assert (one.public, one.external) == (public, "depends")
    assert one.depends_on


def test_a_deny_is_shown_and_makes_nothing_safe() -> None:
    everyone, deny = found(statement(), statement(Sid="two", Effect="Deny"))
    assert (everyone.public, everyone.deny) == ("yes", False)
    assert (deny.public, deny.external, deny.deny) == ("no", "no", True)
    assert widest([everyone, deny], "public") == "yes"


@pytest.mark.parametrize(
    "changes",
    [
        {"Action": "lambda:InvokeFunction"},
        {"Resource": str(LAYER)[:-1] + "3"},
        {"Action": None, "NotAction": "lambda:Get*"},
        {"Resource": None, "NotResource": "*"},
    ],
)
def test_what_authorises_nothing_says_so(changes: dict[str, Any]) -> None:
    (one,) = found(statement(**changes))
    assert one.latent
    assert (one.public, one.external) == ("no", "no")


@pytest.mark.parametrize("changes", [{"Action": "lambda:*"}, {"Action": ["lambda:getlayerVERSION"]}, {"Resource": "*"}])
def test_wildcards_and_lists_let_in(changes: dict[str, Any]) -> None:
    (one,) = found(statement(**changes))
    assert one.public == "yes"


@pytest.mark.parametrize("text", ["[]", "nonsense", '{"Statement": 5}', '{"Statement": [7]}', '{"Version": "x"}'])
def test_an_unreadable_document_depends(text: str) -> None:
    found = let_in(parse(text), LAYER)
    assert widest(found, "public") == "depends"
    assert widest(found, "external") == "depends"


def test_no_policy_lets_nobody_in() -> None:
    assert let_in(parse(None), LAYER) == []
    assert widest([], "public") == "no"
