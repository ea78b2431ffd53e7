"""What wiring one source takes, in IAM's words: the source role's policy and the session policy of each call are made of it."""

import json
from collections.abc import Mapping
from typing import Any, Final

from sharing.policy.arn import Arn, ArnError
from sharing.policy.wiring import recognise

#: On the source itself, by kind (a key of sharing.policy.wiring.SOURCES).
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "s3": ("s3:GetBucketNotification", "s3:PutBucketNotification"),
    "sns": ("sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:Subscribe"),
    "eventbridge": ("events:ListTargetsByRule", "events:PutTargets", "events:RemoveTargets"),
    "alarm": ("cloudwatch:PutMetricAlarm",),
    "sqs": ("sqs:GetQueueAttributes", "sqs:SetQueueAttributes"),
    "kinesis": ("kinesis:GetResourcePolicy", "kinesis:PutResourcePolicy", "kinesis:DeleteResourcePolicy"),
    "dynamodb": ("dynamodb:GetResourcePolicy", "dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy"),
}
#: What IAM knows on every resource only: subscriptions have no type of their own, composite alarms are shown to nobody else.
_EVERYWHERE: Final[Mapping[str, tuple[str, ...]]] = {"sns": ("sns:Unsubscribe",), "alarm": ("cloudwatch:DescribeAlarms",)}
#: A composite alarm is changed only by who may change every one: no source role gets this by itself.
COMPOSITE: Final = "cloudwatch:PutCompositeAlarm"
#: One test event, where there is such a thing.
TESTS: Final[Mapping[str, tuple[str, ...]]] = {
    "s3": ("s3:PutObject", "s3:DeleteObject"),
    "sns": ("sns:Publish",),
    "sqs": ("sqs:SendMessage",),
}

Statement = dict[str, Any]


def kind_of(arn: str) -> str:
    """Which kind of source this is an ARN of, "" for anything that cannot be wired from its own side."""
    try:
        parts = Arn.parse(arn)
    except ArnError:
        return ""
    found = recognise(parts.service, parts.resource)
    if found is None or found.key not in KINDS or (found.key == "dynamodb" and "/stream/" not in parts.resource):
        return ""
    return found.key


def wiring_statements(kind: str, arns: list[str]) -> list[Statement]:
    """Reading and changing what these sources, all of one kind, hold of events and policy."""
    found = [_allow(KINDS[kind], arns)]
    if kind in _EVERYWHERE:
        found.append(_allow(_EVERYWHERE[kind], "*"))
    return found


def test_statements(kind: str, arns: list[str]) -> list[Statement]:
    """Sending each of these sources one event that says of itself that it is a test; nothing for kinds that have none."""
    if kind not in TESTS:
        return []
    return [_allow(TESTS[kind], [f"{arn}/*fnshare-test-*" if kind == "s3" else arn for arn in arns])]


test_statements.__test__ = False  # type: ignore[attr-defined]  # no test of pytest's


def only(kind: str, arn: str) -> str:
    """The session policy of one source's calls."""
    statements = wiring_statements(kind, [arn]) + test_statements(kind, [arn])
    if kind == "alarm":
        statements.append(_allow((COMPOSITE,), "*"))
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _allow(actions: tuple[str, ...], resource: str | list[str]) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}
