"""Every row of the table of event sources: what the planner answers, and why."""

from typing import Any

import pytest

from sharing.policy import FunctionArn
from sharing.policy.wiring import SOURCES, Crossing, MappingOptions, Plan, Refusal, plan

OWNER, THEIRS = "444455556666", "111122223333"
FUNCTION = f"arn:aws:lambda:us-east-1:{OWNER}:function:label-uploads"
ROLE = f"arn:aws:iam::{OWNER}:role/label-uploads"


def arn(service: str, resource: str, account: str = THEIRS, region: str = "us-east-1") -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def planned(source: str, function: str = FUNCTION, **more: Any) -> Plan:
    found = plan(function, source, **more)
    assert isinstance(found, Plan), found
    return found


def refused(source: str, function: str = FUNCTION, **more: Any) -> Refusal:
    found = plan(function, source, **more)
    assert isinstance(found, Refusal), found
    return found


STREAM: dict[str, Any] = {"options": MappingOptions(starting_position="LATEST"), "execution_role": ROLE}
BUCKET = "arn:aws:s3:::their-bucket"
TOPIC = arn("sns", "their-topic")
RULE = arn("events", "rule/their-rule")
ALARM = arn("cloudwatch", "alarm:their alarm: high")
QUEUE = arn("sqs", "their-queue")

#: source, more arguments, the calls in order with whose side, the principal let in, its limits (arn, account, token)
ACROSS: list[tuple[str, dict[str, Any], list[tuple[str, str]], str, tuple[Any, Any, Any]]] = [
    (
        BUCKET, {"source_account": THEIRS},
        [("owner", "lambda:AddPermission"), ("source", "s3:PutBucketNotificationConfiguration")],
        "s3.amazonaws.com", (BUCKET, THEIRS, None),
    ),
    (TOPIC, {}, [("owner", "lambda:AddPermission"), ("source", "sns:Subscribe")], "sns.amazonaws.com", (TOPIC, None, None)),
    (
        TOPIC, {"owner_subscribes": True},
        [("owner", "lambda:AddPermission"), ("source", "sns:SetTopicAttributes"), ("owner", "sns:Subscribe")],
        "sns.amazonaws.com", (TOPIC, None, None),
    ),
    (
        RULE, {}, [("source", "iam:CreateRole"), ("owner", "lambda:AddPermission"), ("source", "events:PutTargets")],
        f"arn:aws:iam::{THEIRS}:role/fnshare-events", (None, None, None),
    ),
    (
        ALARM, {}, [("owner", "lambda:AddPermission"), ("source", "cloudwatch:PutMetricAlarm")],
        "lambda.alarms.cloudwatch.amazonaws.com", (ALARM, THEIRS, None),
    ),
    (
        arn("scheduler", "schedule/default/x"), {},
        [("source", "iam:CreateRole"), ("owner", "lambda:AddPermission"), ("source", "scheduler:CreateSchedule")],
        f"arn:aws:iam::{THEIRS}:role/fnshare-events", (None, None, None),
    ),
    (
        arn("pipes", "pipe/x"), {"caller_role": f"arn:aws:iam::{THEIRS}:role/pipes/theirs"},
        [("source", "iam:CreateRole"), ("owner", "lambda:AddPermission"), ("source", "pipes:CreatePipe")],
        f"arn:aws:iam::{THEIRS}:role/pipes/theirs", (None, None, None),
    ),
    (
        arn("codepipeline", "their-pipeline"), {},
        [("source", "iam:CreateRole"), ("owner", "lambda:AddPermission"), ("source", "codepipeline:UpdatePipeline")],
        f"arn:aws:iam::{THEIRS}:role/fnshare-events", (None, None, None),
    ),
    (
        arn("cloudformation", "stack/theirs/1"), {},
        [("source", "iam:CreateRole"), ("owner", "lambda:AddPermission"), ("source", "cloudformation:CreateStack")],
        f"arn:aws:iam::{THEIRS}:role/fnshare-events", (None, None, None),
    ),
    (
        arn("ses", "receipt-rule-set/set:receipt-rule/rule"), {},
        [("owner", "lambda:AddPermission"), ("source", "ses:CreateReceiptRule")], "ses.amazonaws.com", (None, THEIRS, None),
    ),
    (
        arn("iot", "rule/r"), {}, [("owner", "lambda:AddPermission"), ("source", "iot:CreateTopicRule")],
        "iot.amazonaws.com", (arn("iot", "rule/r"), THEIRS, None),
    ),
    (
        arn("cognito-idp", "userpool/us-east-1_A"), {},
        [("owner", "lambda:AddPermission"), ("source", "cognito-idp:UpdateUserPool")],
        "cognito-idp.amazonaws.com", (arn("cognito-idp", "userpool/us-east-1_A"), None, None),
    ),
    (
        arn("config", "config-rule/config-rule-a"), {},
        [("owner", "lambda:AddPermission"), ("source", "config:PutConfigRule")], "config.amazonaws.com", (None, THEIRS, None),
    ),
    (
        arn("codecommit", "their-repository"), {},
        [("owner", "lambda:AddPermission"), ("source", "codecommit:PutRepositoryTriggers")],
        "codecommit.amazonaws.com", (arn("codecommit", "their-repository"), None, None),
    ),
    (
        arn("execute-api", "abc123/prod/POST/orders", region="eu-west-1"), {},
        [("owner", "lambda:AddPermission"), ("source", "apigateway:PutIntegration")],
        "apigateway.amazonaws.com", (arn("execute-api", "abc123/prod/POST/orders"), None, None),
    ),
    (
        arn("secretsmanager", "secret:theirs-a1b2c3"), {},
        [("owner", "lambda:AddPermission"), ("source", "secretsmanager:RotateSecret")],
        "secretsmanager.amazonaws.com", (None, THEIRS, None),
    ),
    (
        "amzn1.ask.skill.12345678-1234", {}, [("owner", "lambda:AddPermission"), ("owner", "")],
        "alexa-appkit.amazon.com", (None, None, "amzn1.ask.skill.12345678-1234"),
    ),
    (
        QUEUE, {"execution_role": ROLE},
        [("owner", "iam:PutRolePolicy"), ("source", "sqs:SetQueueAttributes"), ("owner", "lambda:CreateEventSourceMapping")],
        "", (None, None, None),
    ),
    (
        arn("kinesis", "stream/theirs"), STREAM,
        [("owner", "iam:PutRolePolicy"), ("source", "kinesis:PutResourcePolicy"), ("owner", "lambda:CreateEventSourceMapping")],
        "", (None, None, None),
    ),
    (
        arn("dynamodb", "table/theirs/stream/2026-01-01T00:00:00.000"), STREAM,
        [
            ("owner", "iam:PutRolePolicy"), ("source", "dynamodb:PutResourcePolicy"),
            ("owner", "lambda:CreateEventSourceMapping"),
        ],
        "", (None, None, None),
    ),
    (
        arn("kafka", "vpc-connection/x/theirs/1"), {}, [("source", ""), ("owner", "lambda:CreateEventSourceMapping")],
        "", (None, None, None),
    ),
    (
        "self-managed-kafka", {}, [("owner", ""), ("owner", "lambda:CreateEventSourceMapping")], "", (None, None, None),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("source", "more", "calls", "principal", "limits"), ACROSS)
def test_a_source_of_another_account(
    source: str, more: dict[str, Any], calls: list[tuple[str, str]], principal: str, limits: tuple[Any, Any, Any]
) -> None:
    found = planned(source, **more)
    assert [(step.side.value, step.call) for step in found.steps] == calls
    if not principal:
        assert found.permission is None
        assert any("needs no statement" in note for note in found.notes)
        return
    permission = found.permission
    assert permission is not None
    assert permission.principal.value == principal
    assert (permission.source_arn, permission.source_account, permission.event_source_token) == limits
    assert permission.problems() == []
    assert permission.needs_second_person is None
    for step in found.steps:
        assert step.sentence.endswith(".")
        assert step.undo.sentence
        assert step.seen.sentence
        assert step.ours == (step.call in ("lambda:AddPermission", "lambda:CreateEventSourceMapping"))


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    (arn("logs", "log-group:theirs"), {}, "other-account", "Kinesis or Firehose"),
    (arn("elasticloadbalancing", "targetgroup/x/1"), {}, "other-account", "forwarder|function of their own"),
    (arn("mq", "broker:theirs:b-1"), {}, "other-account", "function of their own"),
    (arn("rds", "cluster:theirs"), {}, "other-account", "function of their own"),
    (arn("elasticloadbalancing", "targetgroup/x/1", OWNER, "eu-west-1"), {}, "other-region", "function of their own"),
    (arn("logs", "log-group:ours", OWNER, "eu-west-1"), {}, "other-region", "Kinesis or Firehose"),
    (BUCKET, {"source_account": THEIRS, "source_region": "eu-west-1"}, "other-region", "SNS topic in between"),
    (arn("events", "rule/r", region="eu-west-1"), {}, "other-region", "bus"),
    (arn("cloudformation", "stack/x/1", region="eu-west-1"), {}, "other-region", "copy of the function"),
    (arn("kafka", "cluster/x/1", region="eu-west-1"), {}, "other-region", "function of their own"),
    (BUCKET, {}, "account-needed", "account that owns the bucket"),
    (arn("dynamodb", "table/theirs"), STREAM, "stream-needed", "stream"),
    (
        arn("dynamodb", "table/theirs/stream/2026"),
        {**STREAM, "kms": "aws-managed"},
        "aws-managed-key",
        "customer-managed key",
    ),
    (arn("kinesis", "stream/theirs"), {}, "options", "TRIM_HORIZON"),
    (arn("lambda", "function:theirs"), {}, "function-as-source", "role"),
    (arn("firehose", "deliverystream/x"), {}, "unknown-source", "Kinesis stream"),
    (arn("ec2", "instance/i-1"), {}, "unknown-source", "bucket, topic"),
    ("arn:aws-cn:sqs:cn-north-1:111122223333:q", {}, "partition", "copy of the function"),
    ("label uploads", {}, "source", ""),
    ("", {}, "source", ""),
    (QUEUE, {"source_account": OWNER}, "account", "out"),
    (BUCKET, {"source_account": "12"}, "account", ""),
]


@pytest.mark.parametrize(("source", "more", "code", "way"), REFUSED)
def test_what_cannot_be_is_refused_with_the_way_round(source: str, more: dict[str, Any], code: str, way: str) -> None:
    found = refused(source, **more)
    assert found.code == code
    assert found.sentence.endswith((".", "…"))
    assert not way or any(word in " ".join(found.ways) for word in way.split("|"))


def test_every_row_of_the_table_is_planned_or_refused_across_accounts_in_both_tables() -> None:
    seen = set()
    asked = [(source, more) for source, more, *_ in ACROSS] + [(source, more) for source, more, *_ in REFUSED]
    for source, more in asked:
        found = plan(FUNCTION, source, **more)
        if isinstance(found, Plan):
            seen.add(found.kind)
    seen |= {kind.key for kind in SOURCES.values() if kind.accounts is Crossing.NO}
    assert seen == set(SOURCES)


@pytest.mark.parametrize("kind", [kind for kind in SOURCES.values() if kind.accounts is Crossing.UNVERIFIED])
def test_what_is_unverified_across_accounts_is_told_as_such(kind: Any) -> None:
    assert any("not verified" in note and "another account" in note for note in planned(kind.example).notes)
    same = planned(kind.example.replace(THEIRS, OWNER))
    assert not any("another account" in note for note in same.notes)


@pytest.mark.parametrize("kind", [kind for kind in SOURCES.values() if kind.regions is Crossing.UNVERIFIED])
def test_what_is_unverified_across_regions_is_told_as_such(kind: Any) -> None:
    options = MappingOptions(starting_position="LATEST" if kind.key in ("kinesis", "dynamodb") else None)
    found = planned(kind.example.replace("us-east-1:", "eu-west-1:", 1), options=options)
    assert any("not verified" in note and "another region" in note for note in found.notes)


def test_a_rule_of_the_same_account_is_let_in_as_the_service() -> None:
    ours = arn("events", "rule/bus/nightly", OWNER)
    found = planned(ours, source_roles=(OWNER,))
    assert [step.call for step in found.steps] == ["lambda:AddPermission", "events:PutTargets"]
    assert found.permission is not None
    assert (found.permission.principal.value, found.permission.source_arn) == ("events.amazonaws.com", ours)
    assert found.steps[1].parameters["EventBusName"] == "bus"
    assert "RoleArn" not in found.steps[1].parameters["Targets"][0]
    assert all(step.ours for step in found.steps)


def test_a_log_group_of_the_same_account_gets_the_star_its_calls_carry() -> None:
    found = planned(arn("logs", "log-group:ours", OWNER))
    assert found.permission is not None
    assert found.permission.source_arn == arn("logs", "log-group:ours:*", OWNER)


@pytest.mark.parametrize(
    ("topic", "function", "principal"),
    [
        ("us-east-1", "eu-west-1", "sns.amazonaws.com"),
        ("ap-east-1", "us-east-1", "sns.ap-east-1.amazonaws.com"),
        ("ap-east-1", "ap-east-1", "sns.amazonaws.com"),
        ("us-east-1", "ap-east-1", ""),
        ("ap-east-1", "me-south-1", ""),
    ],
)
def test_a_topic_crosses_regions_where_sns_does(topic: str, function: str, principal: str) -> None:
    found = plan(FUNCTION.replace("us-east-1", function), arn("sns", "t", region=topic))
    if not principal:
        assert isinstance(found, Refusal)
        assert found.code == "other-region"
        return
    assert isinstance(found, Plan)
    assert found.permission is not None
    assert found.permission.principal.value == principal


def test_the_sides_we_can_act_on_decide_what_is_handed_over() -> None:
    both = planned(BUCKET, source_account=THEIRS, source_roles=(THEIRS,))
    assert both.theirs == ()
    neither = planned(BUCKET, source_account=THEIRS, lets_in=False)
    assert len(neither.theirs) == 2
    same = planned(BUCKET, source_account=OWNER, source_roles=(OWNER,))
    assert not same.crosses_accounts
    assert same.theirs == ()
    assert [step.key for step in planned(BUCKET, source_account=OWNER).theirs] == ["notification"]


def test_roles_and_their_policies_are_never_ours_to_make() -> None:
    asked: tuple[tuple[str, dict[str, Any]], ...] = ((RULE, {}), (QUEUE, {"execution_role": ROLE}))
    for source, more in asked:
        calls = {step.call for step in planned(source, source_roles=(THEIRS, OWNER), **more).theirs}
        assert any(call.startswith("iam:") for call in calls)


def test_the_alias_is_what_is_wired() -> None:
    found = planned(QUEUE, f"{FUNCTION}:live", execution_role=ROLE)
    assert found.steps[-1].parameters["FunctionName"] == f"{FUNCTION}:live"
    pushed = planned(TOPIC, f"{FUNCTION}:live")
    assert pushed.steps[0].parameters["Qualifier"] == "live"
    assert pushed.steps[1].parameters["Endpoint"] == f"{FUNCTION}:live"


def test_latest_takes_no_policy_and_a_broken_function_arn_is_the_functions_fault() -> None:
    assert refused(TOPIC, f"{FUNCTION}:$LATEST").code == "latest"
    broken = refused(TOPIC, "label-uploads")
    assert (broken.code, broken.field) == ("function", "function")


def test_the_queue_lets_exactly_the_execution_role_read() -> None:
    found = planned(QUEUE, execution_role=ROLE)
    statement = found.steps[1].parameters["Policy"]
    assert statement["Principal"] == {"AWS": ROLE}
    assert set(statement["Action"]) == {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    assert statement["Resource"] == QUEUE
    assert planned(QUEUE).steps[1].fill_in


def test_fan_out_reads_through_the_consumer() -> None:
    found = planned(arn("kinesis", "stream/theirs/consumer/c:1"), **STREAM)
    assert "kinesis:SubscribeToShard" in found.steps[1].parameters["Policy"]["Action"]


def test_a_kind_without_an_arn_gives_the_plan_in_general_words() -> None:
    for kind in SOURCES.values():
        more: dict[str, Any] = (
            {"options": MappingOptions(starting_position="LATEST")} if kind.key in ("kinesis", "dynamodb") else {}
        )
        account = {"source_account": THEIRS} if kind.key == "s3" else {}
        found = plan(FunctionArn.parse(FUNCTION), kind.key, **more, **account)  # type: ignore[arg-type]
        assert isinstance(found, Plan | Refusal)
