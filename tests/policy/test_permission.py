"""A permission: what AddPermission takes, what AWS stores, what is refused before anything is sent.

Stored forms: "Stored as" column of AddPermission's fields; the two examples are those of the Lambda Developer Guide.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.policy import FunctionArn, Permission, Principal, mask_statement, parse_who, same_statement, why_not_writable
from sharing.policy.permission import MASK

from .documents import ACME, OWNER, F, Json, allow, role

BARE = FunctionArn.parse(F)
LIVE = BARE.with_qualifier("live")
INVOKE = "lambda:InvokeFunction"


def permission(
    who: str = ACME, action: str = INVOKE, function: FunctionArn = BARE, sid: str = "s", **limits: Any
) -> Permission:
    return Permission(function, sid, action, parse_who(who), **limits)


def test_the_documented_examples_come_out_as_aws_stores_them() -> None:
    cross = Permission(FunctionArn.parse(f"{F}:prod"), "xacct", INVOKE, parse_who("111122223333"))
    assert cross.statement() == {
        "Sid": "xacct",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "lambda:InvokeFunction",
        "Resource": f"{F}:prod",
    }
    s3 = permission("s3", sid="s3", source_arn="arn:aws:s3:::b", source_account="111122223333")
    assert s3.statement()["Condition"] == {
        "StringEquals": {"AWS:SourceAccount": "111122223333"},
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
    }
    assert list(s3.statement()) == ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"]


@pytest.mark.parametrize(
    ("made", "principal", "condition"),
    [
        (permission("*"), "*", None),
        (permission(role()), {"AWS": role()}, None),
        (permission("o-abcdef1234"), "*", {"StringEquals": {"aws:PrincipalOrgID": "o-abcdef1234"}}),
        (permission("*", organization="o-abcdef1234"), "*", {"StringEquals": {"aws:PrincipalOrgID": "o-abcdef1234"}}),
        (
            permission(ACME, organization="o-abcdef1234"),
            {"AWS": f"arn:aws:iam::{ACME}:root"},
            {"StringEquals": {"aws:PrincipalOrgID": "o-abcdef1234"}},
        ),
        (
            permission("alexa", event_source_token="amzn1.ask.skill.x"),
            {"Service": "alexa-appkit.amazon.com"},
            {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.x"}},
        ),
        (
            permission("*", "lambda:InvokeFunctionUrl", url_auth_type="NONE"),
            "*",
            {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        ),
        (permission("*", via_url=True), "*", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
    ],
)
def test_every_kind_is_stored_in_its_own_form(made: Permission, principal: Any, condition: Json | None) -> None:
    assert made.statement()["Principal"] == principal
    assert made.statement().get("Condition") == condition


def test_parameters_are_the_exact_arguments_of_add_permission() -> None:
    made = permission("s3", function=LIVE, source_arn="arn:aws:s3:::b", source_account=ACME)
    assert made.parameters() == {
        "FunctionName": F,
        "Qualifier": "live",
        "StatementId": "s",
        "Action": INVOKE,
        "Principal": "s3.amazonaws.com",
        "SourceArn": "arn:aws:s3:::b",
        "SourceAccount": ACME,
    }
    assert permission("o-abcdef1234").parameters()["Principal"] == "*"
    assert permission("o-abcdef1234").parameters()["PrincipalOrgID"] == "o-abcdef1234"
    assert permission(ACME).parameters()["Principal"] == ACME
    url = permission("*", "lambda:InvokeFunctionUrl", url_auth_type="AWS_IAM").parameters()
    assert url["FunctionUrlAuthType"] == "AWS_IAM"
    assert permission("*", via_url=True).parameters()["InvokedViaFunctionUrl"] is True


@pytest.mark.parametrize(
    ("made", "field", "words"),
    [
        (permission(sid=""), "sid", "empty"),
        (permission(sid="a b"), "sid", "space"),
        (permission(sid="s" * 101), "sid", "101 characters"),
        (permission(sid="a.b"), "sid", "does not allow"),
        (permission(sid="é"), "sid", "does not allow"),
        (permission(function=BARE.with_qualifier("$LATEST")), "function", "no policy for \\$LATEST"),
        (permission(action="lambda:Invoke"), "action", "choose lambda:InvokeFunction"),
        (permission(action="lambda:CreateEventSourceMapping"), "action", "only the owner account"),
        (permission(action="*"), "action", "grants everything"),
        (permission(organization="o-x"), "organization", "not an organisation id"),
        (permission("o-abcdef1234", organization="o-zzzzzz9999"), "organization", "Two different"),
        (permission("s3", organization="o-abcdef1234"), "organization", "let nobody in"),
        (permission(source_account=ACME), "source_account", "Only services"),
        (permission("*", source_arn="arn:aws:s3:::b"), "source_arn", "Only services"),
        (permission(event_source_token="t"), "event_source_token", "Only services"),
        (permission("s3", source_account="11112222333"), "source_account", "11 digits"),
        (permission("s3", source_account="1111222233334"), "source_account", "13 digits"),
        (permission("s3", source_arn="bucket"), "source_arn", "not the ARN of a source"),
        (permission("s3", source_arn="arn:aws-cn:s3:::b"), "source_arn", "partition aws-cn"),
        (
            permission("sns", source_arn=f"arn:aws:sns:us-east-1:{OWNER}:t", source_account=ACME),
            "source_account",
            "satisfy both",
        ),
        (permission("alexa", event_source_token="a b"), "event_source_token", "does not allow"),
        (permission("alexa", event_source_token="t" * 257), "event_source_token", "257 characters"),
        (permission("*", "lambda:InvokeFunctionUrl", url_auth_type="OPEN"), "url_auth_type", "no type"),
        (permission(url_auth_type="AWS_IAM"), "url_auth_type", "belongs to"),
        (permission(action="lambda:GetFunction", via_url=True), "via_url", "belongs to"),
        (permission(via_url=True, function=BARE.with_qualifier("7")), "function", "no function URL"),
    ],
)
def test_what_could_never_work_is_a_problem_at_its_field(made: Permission, field: str, words: str) -> None:
    found = [problem for problem in made.problems() if problem.field == field]
    assert found, made.problems()
    assert re.search(words, found[0].message)
    assert found[0].next.endswith(".")


def test_a_principal_of_another_partition_is_a_problem() -> None:
    foreign = Principal.from_stored("arn:aws-cn:iam::111122223333:role/x")
    assert [p.field for p in Permission(BARE, "s", INVOKE, foreign).problems()] == ["principal"]


@pytest.mark.parametrize("stored", ["AROAEXAMPLEEXAMPLE12", "nonsense"])
def test_ghosts_and_nonsense_are_problems(stored: str) -> None:
    assert [p.field for p in Permission(BARE, "s", INVOKE, Principal.from_stored(stored)).problems()] == ["principal"]


@pytest.mark.parametrize(
    "made",
    [
        permission(),
        permission(role(), function=LIVE),
        permission("o-abcdef1234"),
        permission("s3", source_arn="arn:aws:s3:::b", source_account=ACME),
        permission("alexa", event_source_token="amzn1.ask.skill.x"),
        permission("*", "lambda:InvokeFunctionUrl", url_auth_type="NONE"),
        permission("*", via_url=True),
        permission(sid="s" * 100),
    ],
)
def test_what_works_has_no_problem(made: Permission) -> None:
    assert made.problems() == []


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (permission("*"), "lets everyone in"),
        (permission(action="lambda:UpdateFunctionCode"), "execution role"),
        (permission("s3"), "any AWS account could drive"),
        (permission("s3", event_source_token="t"), "any AWS account could drive"),
        (permission("sns", source_arn="arn:aws:sns:us-east-1:*:t"), "any AWS account could drive"),
        (permission("s3", source_arn="arn:aws:s3:::*"), "any AWS account could drive"),
        (permission("new.amazonaws.com"), "any AWS account could drive"),
        (permission("alexa"), "any AWS account could drive"),
    ],
)
def test_dangerous_ones_wait_for_a_second_person(made: Permission, words: str) -> None:
    assert made.needs_second_person is not None
    assert words in made.needs_second_person


@pytest.mark.parametrize(
    "made",
    [
        permission(),
        permission(action="lambda:GetFunction"),
        permission("o-abcdef1234"),
        permission("*", organization="o-abcdef1234"),
        permission("s3", source_account=ACME),
        permission("s3", source_arn="arn:aws:s3:::b"),
        permission("alexa", event_source_token="amzn1.ask.skill.x"),
    ],
)
def test_ordinary_ones_need_one_person(made: Permission) -> None:
    assert made.needs_second_person is None


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (permission("s3", source_arn="arn:aws:s3:::b"), "stranger can create one"),
        (permission("s3"), "add the source ARN and source account"),
        (permission("logs", source_account=ACME), "cannot call a function of another account"),
        (permission("new.amazonaws.com"), "not a service fnshare knows"),
        (permission("sqs", source_account=OWNER), "event source mapping"),
        (permission("scheduler", source_account=OWNER), "role's ARN"),
        (permission("sns", source_account=ACME, event_source_token="t"), "sends no event source token"),
        (permission("sns", source_arn=f"arn:aws:s3:us-east-1:{ACME}:b"), "names one of s3"),
        (permission(action="lambda:GetFunction"), "environment variables"),
        (permission(OWNER), "function's own account"),
        (permission(f"arn:aws:sts::{ACME}:assumed-role/R/S"), "one session"),
        (permission("*", "lambda:InvokeFunctionUrl"), "choose AWS_IAM or NONE"),
        (permission(function=BARE.with_qualifier("7")), "alias can be moved"),
        (permission("o-abcdef1234", "lambda:GetFunction"), "No check can prove"),
    ],
)
def test_what_is_worth_knowing_is_said(made: Permission, words: str) -> None:
    assert any(words in warning for warning in made.warnings()), made.warnings()


def test_a_plain_grant_to_an_account_has_no_warnings() -> None:
    assert permission().warnings() == []


def test_the_digest_covers_every_field() -> None:
    made = permission("s3", source_arn="arn:aws:s3:::b", source_account=ACME)
    others = [
        replace(made, function=LIVE),
        replace(made, sid="t"),
        replace(made, action="lambda:GetFunction"),
        replace(made, principal=parse_who("sns")),
        replace(made, source_arn="arn:aws:s3:::c"),
        replace(made, source_account=OWNER),
        replace(made, organization="o-abcdef1234"),
        replace(made, event_source_token="t"),
        replace(made, url_auth_type="NONE"),
        replace(made, via_url=True),
    ]
    assert len({one.digest() for one in [made, *others]}) == len(others) + 1
    assert replace(made).digest() == made.digest()
    assert re.fullmatch(r"[0-9a-f]{64}", made.digest())


def test_the_token_is_masked_wherever_it_is_shown() -> None:
    secret = permission("alexa", event_source_token="amzn1.secret")
    assert "amzn1.secret" not in str(secret.masked_statement())
    assert "amzn1.secret" not in str(secret.masked().parameters())
    assert secret.masked().event_source_token == MASK
    assert "amzn1.secret" not in str(mask_statement({"Statement": [secret.statement()]}))
    assert mask_statement(permission().statement()) == permission().statement()
    listed = {"Condition": {"StringLike": {"LAMBDA:EventSourceToken": ["a", "b"]}}}
    assert mask_statement(listed) == {"Condition": {"StringLike": {"LAMBDA:EventSourceToken": [MASK, MASK]}}}


def test_masking_survives_any_depth() -> None:
    deep: Any = "end"
    for _ in range(5000):
        deep = [deep]
    assert MASK in str(mask_statement(deep))


principals = st.one_of(
    st.from_regex(r"[0-9]{12}", fullmatch=True).filter(str.isascii),
    st.from_regex(r"arn:aws:iam::[1-9]{12}:role/([a-z]{1,5}/){0,2}[a-zA-Z]{1,20}", fullmatch=True),
    st.sampled_from(["s3", "sns", "events", "*", "o-abcdef1234", f"arn:aws:sts::{ACME}:assumed-role/R/S"]),
)


@st.composite
def permissions(draw: st.DrawFn) -> Permission:
    made = permission(
        draw(principals),
        draw(st.sampled_from([INVOKE, "lambda:GetFunction", "lambda:UpdateFunctionCode", "lambda:*"])),
        draw(st.sampled_from([BARE, LIVE, BARE.with_qualifier("7")])),
        draw(st.from_regex(r"[a-zA-Z0-9_-]{1,100}", fullmatch=True).filter(str.isascii)),
    )
    if made.principal.kind == "service":
        made = replace(
            made,
            source_account=draw(st.sampled_from([None, ACME])),
            source_arn=draw(st.sampled_from([None, "arn:aws:s3:::b", f"arn:aws:sns:us-east-1:{ACME}:*"])),
            event_source_token=draw(st.sampled_from([None, "token"])),
        )
    elif made.principal.kind == "account":
        made = replace(made, organization=draw(st.sampled_from([None, "o-abcdef1234"])), via_url=draw(st.booleans()))
    return made


@given(permissions())
def test_the_stored_statement_gives_the_permission_back(made: Permission) -> None:
    assert Permission.from_statement(made.statement(), made.function) == made
    assert why_not_writable(made.statement(), made.function) is None
    assert Permission.from_dict(made.as_dict()) == made


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (allow(Effect="Deny"), "Deny"),
        (allow(Sid=None), "no Sid"),
        (allow(Sid="a.b"), "Sid has characters"),
        (allow({"AWS": [ACME, OWNER]}), "several principals"),
        (allow({"AWS": ACME, "Service": "s3.amazonaws.com"}), "several principals"),
        (allow(Action=[INVOKE, "lambda:GetFunction"]), "several principals, actions"),
        (allow(Action=None, NotAction=INVOKE), "NotAction"),
        (allow(Resource="*"), "not this function"),
        (allow(Resource=f"{F}:other"), "not this function"),
        (allow(Action="lambda:Invoke*"), "form that AddPermission"),
        (allow({"AWS": "AROAEXAMPLEEXAMPLE12"}), "deleted role"),
        (allow({"Federated": "cognito-identity.amazonaws.com"}), "identity provider"),
        (allow(condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}), "cannot write"),
        (allow(condition={"StringEquals": {"aws:PrincipalOrgID": ["o-abcdef1234", "o-zzzzzz9999"]}}), "several values"),
        (allow(condition={"StringLike": {"aws:PrincipalOrgID": "o-abcdef1234"}}), "cannot write"),
        (allow(condition={"Bool": {"lambda:InvokedViaFunctionUrl": "false"}}), "not true"),
        (allow(Extra="x"), "cannot be read with certainty"),
        (allow({"AWS": "nonsense"}), "cannot be read with certainty"),
    ],
)
def test_what_add_permission_could_not_write_back_is_said(statement: Json, words: str) -> None:
    assert Permission.from_statement(statement, BARE) is None
    reason = why_not_writable(statement, BARE)
    assert reason is not None
    assert words in reason


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (allow({"AWS": ACME}), allow({"AWS": f"arn:aws:iam::{ACME}:root"}), True),
        (allow("*"), allow({"AWS": "*"}), True),
        (allow("*"), allow({"AWS": ["*"]}), True),
        (allow(Action=[INVOKE]), allow(), True),
        (allow(Action="LAMBDA:invokefunction"), allow(), True),
        (
            allow(condition={"StringEquals": {"AWS:SourceAccount": ACME}}),
            allow(condition={"stringequals": {"aws:sourceaccount": [ACME]}}),
            True,
        ),
        (
            allow(condition={"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
            allow(condition={"Bool": {"lambda:InvokedViaFunctionUrl": True}}),
            True,
        ),
        (
            allow(condition={"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}}),
            allow(condition={"ArnEquals": {"AWS:SourceArn": "arn:aws:s3:::b"}}),
            True,
        ),
        (allow({"AWS": [ACME, OWNER]}), allow({"AWS": [OWNER, ACME]}), True),
        (allow(), allow(Sid="other"), False),
        (allow(), allow({"AWS": OWNER}), False),
        (allow(), allow(Resource=f"{F}:live"), False),
        (allow(), allow(Effect="Deny"), False),
        (allow(), allow(condition={"StringEquals": {"AWS:SourceAccount": ACME}}), False),
        (
            allow(condition={"StringEquals": {"AWS:SourceAccount": ACME}}),
            allow(condition={"StringLike": {"AWS:SourceAccount": ACME}}),
            False,
        ),
    ],
)
def test_stored_statements_are_compared_by_meaning(one: Json, other: Json, same: bool) -> None:
    assert same_statement(one, other) is same
    assert same_statement(other, one) is same
