"""A source of each kind in a consumer's account, and the function that they are to wake."""

from typing import Any

from sharing.aws.pace import Pace
from sharing.aws.session import RoleRef
from sharing.aws.wired import Sources

ACME, PLATFORM, EAST = "111122223333", "444455556666", "us-east-1"
HELLO = f"arn:aws:lambda:{EAST}:{PLATFORM}:function:hello_world"
ARNS = {
    "s3": "arn:aws:s3:::acme-uploads",
    "sns": f"arn:aws:sns:{EAST}:{ACME}:orders",
    "eventbridge": f"arn:aws:events:{EAST}:{ACME}:rule/shop/nightly",
    "alarm": f"arn:aws:cloudwatch:{EAST}:{ACME}:alarm:too: many errors",
    "sqs": f"arn:aws:sqs:{EAST}:{ACME}:orders",
    "kinesis": f"arn:aws:kinesis:{EAST}:{ACME}:stream/clicks",
    "dynamodb": f"arn:aws:dynamodb:{EAST}:{ACME}:table/orders/stream/2026-01-01T00:00:00.000",
}
ROLE = RoleRef("aws", ACME, f"arn:aws:iam::{ACME}:role/fnshare-source-1", "fnshare-source-1")
POLICY = {"Version": "2012-10-17", "Statement": [{"Sid": "x"}]}


def of(kind: str, role: RoleRef = ROLE, **more: Any) -> Sources:
    return Sources(role, EAST, resource=more.pop("resource", ARNS[kind]), session_name="fnshare-wire-1", pace=Pace(), **more)
