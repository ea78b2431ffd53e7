"""Every event source Lambda knows, as data: aws-facts section 3, a row each.

What that page marks unverified is `Crossing.UNVERIFIED` here, and told to people as such: it is neither yes nor no.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Crossing(StrEnum):
    """Whether a source may be in another account, or another region, than the function."""

    YES = "yes"
    NO = "no"
    UNVERIFIED = "unverified"
    NOT_APPLICABLE = "not applicable"


class Style(StrEnum):
    """How the event comes to the function."""

    PUSH = "push"  # the service calls; the function's policy names the service
    ROLE = "role"  # a service calls through a role of its own account; the policy names the role
    PULL = "pull"  # Lambda polls with the function's execution role; the policy says nothing


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One row. `service` and `resource` recognise an ARN; `principal` is who the function's policy must let in.

    `limits`: what narrows the principal to this source ("arn", "account", "token"). `api`: the call that wires it.
    `wires`: whether fnshare knows the whole wiring; else it grants, and says what is left to do on the source's side.
    `way_round`: what to do where it cannot cross accounts or regions.
    """

    key: str
    label: str
    style: Style
    service: str
    resource: str
    api: str
    accounts: Crossing
    regions: Crossing
    principal: str = ""
    limits: tuple[str, ...] = ("arn",)
    wires: bool = False
    example: str = ""
    way_round: tuple[str, ...] = ()
    hint: str = ""


_FORWARDER = (
    "A small function of their own in the source's account and region: it is wired to the source there and calls yours."
)
_BUS = "An EventBridge rule in the source's account and the function's region, with a role that your function's policy lets in."
_TOPIC = "An SNS topic in between: the source publishes to it, and the topic calls your function, also from elsewhere."

_Y, _N, _U, _NA = Crossing.YES, Crossing.NO, Crossing.UNVERIFIED, Crossing.NOT_APPLICABLE
_A: Final = "arn:aws:"

SOURCES: Final[Mapping[str, SourceKind]] = {
    kind.key: kind
    for kind in (
        SourceKind(
            "s3", "S3 bucket", Style.PUSH, "s3", r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "s3:PutBucketNotificationConfiguration",
            _Y, _N, "s3.amazonaws.com", ("arn", "account"), True, f"{_A}s3:::their-bucket",
            (_TOPIC, _BUS, "Replicate the bucket into the function's region, and wire the copy."),
        ),
        SourceKind(
            "sns", "SNS topic", Style.PUSH, "sns", r"[A-Za-z0-9_-]{1,256}(\.fifo)?", "sns:Subscribe",
            _Y, _Y, "sns.amazonaws.com", ("arn",), True, f"{_A}sns:us-east-1:111122223333:their-topic", (_FORWARDER,),
        ),
        SourceKind(
            "eventbridge", "EventBridge rule", Style.PUSH, "events", r"rule/([^/]+/)?[\w.-]{1,64}", "events:PutTargets",
            _Y, _N, "events.amazonaws.com", ("arn",), True, f"{_A}events:us-east-1:111122223333:rule/their-rule",
            ("Send the events to a bus in the function's region first: a rule may target a bus elsewhere.", _FORWARDER),
        ),
        SourceKind(
            "alarm", "CloudWatch alarm", Style.PUSH, "cloudwatch", r"alarm:.{1,255}", "cloudwatch:PutMetricAlarm",
            _Y, _U, "lambda.alarms.cloudwatch.amazonaws.com", ("arn", "account"), True,
            f"{_A}cloudwatch:us-east-1:111122223333:alarm:their-alarm", (_TOPIC,),
        ),
        SourceKind(
            "logs", "CloudWatch Logs group", Style.PUSH, "logs", r"log-group:[^:]{1,512}(:\*)?", "logs:PutSubscriptionFilter",
            _N, _N, "logs.amazonaws.com", ("arn", "account"), False, f"{_A}logs:us-east-1:111122223333:log-group:their-group",
            ("A Kinesis or Firehose destination: the filter writes there, and the stream drives your function.", _FORWARDER),
        ),
        SourceKind(
            "scheduler", "EventBridge Scheduler schedule", Style.ROLE, "scheduler", r"schedule(-group)?/.+",
            "scheduler:CreateSchedule", _U, _U, example=f"{_A}scheduler:us-east-1:111122223333:schedule/default/theirs",
            hint="The role trusts scheduler.amazonaws.com; aws:SourceArn in that trust must be the schedule group.",
        ),
        SourceKind(
            "pipes", "EventBridge pipe", Style.ROLE, "pipes", r"pipe/.+", "pipes:CreatePipe", _U, _U,
            example=f"{_A}pipes:us-east-1:111122223333:pipe/theirs",
            hint="The role reads the pipe's source and calls the function.",
        ),
        SourceKind(
            "codepipeline", "CodePipeline invoke action", Style.ROLE, "codepipeline", r".+", "codepipeline:UpdatePipeline",
            _U, _U, example=f"{_A}codepipeline:us-east-1:111122223333:their-pipeline",
            hint="The function also needs codepipeline:PutJobSuccessResult and PutJobFailureResult.",
        ),
        SourceKind(
            "cloudformation", "CloudFormation custom resource", Style.ROLE, "cloudformation", r"stack/.+",
            "cloudformation:CreateStack", _U, _N, example=f"{_A}cloudformation:us-east-1:111122223333:stack/theirs/1",
            way_round=("A copy of the function in the stack's region.",),
            hint="ServiceToken is the function's ARN; whoever runs the stack calls it.",
        ),
        SourceKind(
            "ses", "SES receipt rule", Style.PUSH, "ses", r"receipt-rule-set/.+", "ses:CreateReceiptRule", _Y, _U,
            "ses.amazonaws.com", ("account",), False, f"{_A}ses:us-east-1:111122223333:receipt-rule-set/set:receipt-rule/rule",
        ),
        SourceKind(
            "iot", "IoT rule", Style.PUSH, "iot", r"rule/.+", "iot:CreateTopicRule", _U, _U, "iot.amazonaws.com",
            ("arn", "account"), False, f"{_A}iot:us-east-1:111122223333:rule/their_rule",
        ),
        SourceKind(
            "cognito", "Cognito user pool", Style.PUSH, "cognito-idp", r"userpool/.+", "cognito-idp:UpdateUserPool", _U, _U,
            "cognito-idp.amazonaws.com", ("arn",), False, f"{_A}cognito-idp:us-east-1:111122223333:userpool/us-east-1_Abc123",
        ),
        SourceKind(
            "config", "Config custom rule", Style.PUSH, "config", r"config-rule/.+", "config:PutConfigRule", _Y, _U,
            "config.amazonaws.com", ("account",), False, f"{_A}config:us-east-1:111122223333:config-rule/config-rule-abc123",
            hint="The function's role must assume a role in their account for config:PutEvaluations.",
        ),
        SourceKind(
            "codecommit", "CodeCommit trigger", Style.PUSH, "codecommit", r".+", "codecommit:PutRepositoryTriggers", _U, _U,
            "codecommit.amazonaws.com", ("arn",), False, f"{_A}codecommit:us-east-1:111122223333:their-repository",
        ),
        SourceKind(
            "apigateway", "API Gateway method", Style.PUSH, "execute-api", r"[a-z0-9*]+(/.*)?", "apigateway:PutIntegration",
            _Y, _Y, "apigateway.amazonaws.com", ("arn",), False,
            f"{_A}execute-api:us-east-1:111122223333:abc123/prod/POST/orders",
            hint="The region in the source ARN is the function's. If a credentials role calls, name that role instead.",
        ),
        SourceKind(
            "alb", "Load balancer target group", Style.PUSH, "elasticloadbalancing", r"(targetgroup|loadbalancer)/.+",
            "elbv2:RegisterTargets", _N, _N, "elasticloadbalancing.amazonaws.com", ("arn",), False,
            f"{_A}elasticloadbalancing:us-east-1:111122223333:targetgroup/theirs/1234567890abcdef",
            (_FORWARDER, "API Gateway in their account, which may call a function of another account."),
        ),
        SourceKind(
            "alexa", "Alexa skill", Style.PUSH, "", r"amzn1\.ask\.skill\.[a-z0-9-]+", "", _NA, _NA, "alexa-appkit.amazon.com",
            ("token",), False, "amzn1.ask.skill.12345678-1234-1234-1234-123456789012",
            hint="The skill is given the function's ARN in the Alexa console.",
        ),
        SourceKind(
            "secretsmanager", "Secrets Manager rotation", Style.PUSH, "secretsmanager", r"secret:.+",
            "secretsmanager:RotateSecret", _U, _U, "secretsmanager.amazonaws.com", ("account",), False,
            f"{_A}secretsmanager:us-east-1:111122223333:secret:theirs-a1b2c3",
        ),
        SourceKind(
            "sqs", "SQS queue", Style.PULL, "sqs", r"[A-Za-z0-9_-]{1,80}(\.fifo)?", "lambda:CreateEventSourceMapping", _Y, _U,
            wires=True, example=f"{_A}sqs:us-east-1:111122223333:their-queue", way_round=(_FORWARDER, _BUS),
        ),
        SourceKind(
            "kinesis", "Kinesis stream", Style.PULL, "kinesis", r"stream/[\w.-]{1,128}(/consumer/[\w.-]+:\d+)?",
            "lambda:CreateEventSourceMapping", _Y, _U, wires=True, example=f"{_A}kinesis:us-east-1:111122223333:stream/theirs",
            way_round=(_FORWARDER,),
        ),
        SourceKind(
            "dynamodb", "DynamoDB stream", Style.PULL, "dynamodb", r"table/[\w.-]{3,255}(/stream/.+)?",
            "lambda:CreateEventSourceMapping", _Y, _U, wires=True,
            example=f"{_A}dynamodb:us-east-1:111122223333:table/theirs/stream/2026-01-01T00:00:00.000", way_round=(_FORWARDER,),
        ),
        SourceKind(
            "msk", "MSK cluster", Style.PULL, "kafka", r"(cluster|vpc-connection)/.+",
            "lambda:CreateEventSourceMapping", _Y, _N,
            example=f"{_A}kafka:us-east-1:444455556666:vpc-connection/111122223333/theirs/1234", way_round=(_FORWARDER,),
            hint="Provisioned clusters only: multi-VPC connectivity, a cluster policy, and a shared secret for SCRAM or mTLS.",
        ),
        SourceKind(
            "self-managed-kafka", "Kafka of their own", Style.PULL, "", r"", "lambda:CreateEventSourceMapping", _NA, _NA,
            hint="Needs only network and credentials: Kafka knows no AWS accounts.",
        ),
        SourceKind(
            "mq", "Amazon MQ broker", Style.PULL, "mq", r"broker:.+", "lambda:CreateEventSourceMapping", _N, _N,
            example=f"{_A}mq:us-east-1:111122223333:broker:theirs:b-1234", way_round=(_FORWARDER,),
            hint="No documented way across accounts: its VPC and its secret are in the function's account.",
        ),
        SourceKind(
            "documentdb", "DocumentDB cluster", Style.PULL, "rds", r"cluster:.+", "lambda:CreateEventSourceMapping", _N, _N,
            example=f"{_A}rds:us-east-1:111122223333:cluster:theirs", way_round=(_FORWARDER,),
            hint="No documented way across accounts: its VPC and its secret are in the function's account.",
        ),
    )
}  # fmt: skip


def recognise(service: str, resource: str) -> SourceKind | None:
    """The row an ARN of this service and resource belongs to; None if Lambda knows no such source."""
    for kind in SOURCES.values():
        if kind.service == service and kind.service and re.fullmatch(kind.resource, resource, re.ASCII | re.DOTALL):
            return kind
    return None
