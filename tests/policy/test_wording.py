"""A permission in words and as commands."""

from __future__ import annotations

import re
import shlex

import botocore.session
import pytest
from botocore import xform_name
from hypothesis import given, settings

from sharing.policy import ACTIONS, FunctionArn, Permission, aws_cli, aws_cli_remove, parse_who, plain, sentence
from sharing.policy.export import OPTIONS

from .documents import ACME, ORG, OWNER, F, role
from .test_permission import LIVE, permission, permissions

LABELS = FunctionArn.parse(f"arn:aws:lambda:us-east-1:{OWNER}:function:label-uploads:live")
NAMES = {ACME: "Globex", OWNER: "Platform"}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            Permission(LABELS, "s", "lambda:InvokeFunction", parse_who(ACME)),
            "Every role of Globex that its own administrators allow may invoke label-uploads through alias live in us-east-1, "
            "until 20 Feb 2027.",
        ),
        (
            permission(role("team/deploy")),
            "Role team/deploy of Globex may invoke f in us-east-1, until 20 Feb 2027.",
        ),
        (
            permission(f"arn:aws:iam::{ACME}:user/bob", function=LIVE.with_qualifier("7")),
            "User bob of Globex may invoke f in version 7 in us-east-1, until 20 Feb 2027.",
        ),
        (
            permission(ORG),
            f"Every role of every account in organisation {ORG}, now and later, that its own administrators allow "
            "may invoke f in us-east-1, until 20 Feb 2027.",
        ),
        (
            permission(ACME, organization=ORG),
            f"Every role of Globex, while it belongs to organisation {ORG}, that its own administrators allow "
            "may invoke f in us-east-1, until 20 Feb 2027.",
        ),
        (
            permission("s3", source_arn="arn:aws:s3:::b", source_account=ACME),
            "Amazon S3, on behalf of arn:aws:s3:::b in Globex, may invoke f in us-east-1, until 20 Feb 2027.",
        ),
        (permission("s3"), "Amazon S3, on behalf of any AWS account, may invoke f in us-east-1, until 20 Feb 2027."),
        (
            permission("alexa", event_source_token="secret"),
            "Alexa custom skills, with the agreed event source token, may invoke f in us-east-1, until 20 Feb 2027.",
        ),
        (permission("*"), "Everyone with an AWS account, whoever they are, may invoke f in us-east-1, until 20 Feb 2027."),
        (
            permission("*", "lambda:InvokeFunctionUrl", url_auth_type="NONE"),
            "Everyone on the internet, with or without an AWS account, may call the URL of f in us-east-1, until 20 Feb 2027.",
        ),
        (
            permission(via_url=True),
            "Every role of Globex that its own administrators allow may invoke f in us-east-1, only by its function URL, "
            "until 20 Feb 2027.",
        ),
        (
            permission(action="lambda:GetFunction"),
            "Every role of Globex that its own administrators allow may download the code and read the settings of f "
            "in us-east-1, until 20 Feb 2027. Be aware: the holder can download the function's code and read its "
            "environment variables, secrets included.",
        ),
        (
            permission(action="lambda:UpdateFunctionCode"),
            "Every role of Globex that its own administrators allow may replace the code of f in us-east-1, "
            "until 20 Feb 2027. Be aware: the holder's code runs with the function's execution role.",
        ),
    ],
)
def test_a_grant_is_one_sentence_in_peoples_words(made: Permission, expected: str) -> None:
    assert plain(sentence(made, NAMES, "20 Feb 2027")) == expected


def test_names_are_strong_and_nothing_is_escaped() -> None:
    parts = sentence(permission(), {ACME: "<b>Globex</b>"}, "20 Feb 2027")
    assert [part.text for part in parts if part.strong] == ["<b>Globex</b>", "f", "20 Feb 2027"]


def test_no_end_is_said_and_no_date_is_not() -> None:
    assert plain(sentence(permission(), NAMES, "")).endswith("in us-east-1, with no end date.")
    assert plain(sentence(permission(), NAMES)).endswith("in us-east-1.")
    assert plain(sentence(permission())).startswith(f"Every role of account {ACME} ")


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_action_reads_as_a_sentence(action: str) -> None:
    text = plain(sentence(permission(action=action), NAMES, ""))
    assert re.match(r"Every role of Globex .* may [a-z].* f in us-east-1, with no end date\.", text)
    if ACTIONS[action].action_class == "manage":
        assert "Be aware" in text


def test_the_command_is_one_a_shell_understands() -> None:
    made = permission("s3", function=LIVE, source_arn="arn:aws:s3:::b", source_account=ACME)
    assert aws_cli(made, one_line=True) == (
        f"aws lambda add-permission --region us-east-1 --function-name {F} --qualifier live --statement-id s "
        f"--action lambda:InvokeFunction --principal s3.amazonaws.com --source-arn arn:aws:s3:::b --source-account {ACME}"
    )
    assert aws_cli_remove(made, one_line=True) == (
        f"aws lambda remove-permission --region us-east-1 --function-name {F} --qualifier live --statement-id s"
    )
    assert "--principal '*'" in aws_cli(permission("*"))
    assert aws_cli(permission(via_url=True)).endswith("--invoked-via-function-url")


def test_the_token_is_masked_unless_asked_for() -> None:
    made = permission("alexa", event_source_token="amzn1.secret")
    assert "amzn1.secret" not in aws_cli(made)
    assert "--event-source-token amzn1.secret" in aws_cli(made, masked=False)
    assert "amzn1.secret" not in aws_cli_remove(made)


def test_options_are_those_of_the_aws_cli() -> None:
    model = botocore.session.get_session().get_service_model("lambda").operation_model("AddPermission")
    assert model.input_shape is not None
    members = set(model.input_shape.members) - {"RevisionId"}
    assert {name: f"--{xform_name(name, '-')}" for name in members} == OPTIONS


@settings(deadline=None)
@given(permissions())
def test_every_permission_survives_the_shell(made: Permission) -> None:
    words = shlex.split(aws_cli(made, masked=False).replace("\\\n", " "))
    given_ = dict(zip(words[3::2], words[4::2], strict=False))
    for parameter, value in made.parameters().items():
        if value is not True:
            assert given_[OPTIONS[parameter]] == value
    assert plain(sentence(made))
