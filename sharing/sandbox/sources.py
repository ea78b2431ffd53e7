"""Pull sources behind moto: does one exist, and may an execution role read it, by its own policy and the source's?"""

import json
from dataclasses import dataclass
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.kinesis.models import kinesis_backends
from moto.sqs.models import sqs_backends

from sharing.sandbox.evaluation import Document, Reach, Who, identity_outcome, resource_outcome
from sharing.sandbox.identity import find_role_by_arn, policies_of

#: What Lambda needs of the execution role, by service (aws-facts 3).
NEEDS = {
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "kinesis": ("kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"),
    "dynamodb": ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
}


@dataclass(frozen=True)
class Source:
    """The parts of an event source's ARN."""

    arn: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, arn: str) -> "Source | None":
        parts = arn.split(":", 5)
        return cls(arn, *parts[2:]) if len(parts) == 6 and parts[0] == "arn" else None


def exists(source: Source) -> bool:
    """Whether there is such a queue or stream."""
    if source.service == "sqs":
        return source.resource in sqs_backends[source.account][source.region].queues
    if source.service == "kinesis":
        name = source.resource.removeprefix("stream/").split("/")[0]
        return name in kinesis_backends[source.account][source.region].streams
    if source.service == "dynamodb":
        tables = dynamodb_backends[source.account][source.region].tables.values()
        streams = {f"{table.table_arn}/stream/{table.latest_stream_label}" for table in tables if table.latest_stream_label}
        return source.arn in streams
    return True


def may_read(role_arn: str, source: Source) -> bool:
    """Whether the role's own policies, and across accounts the source's policy too, allow what Lambda does."""
    role = find_role_by_arn(role_arn)
    if role is None:
        return False
    documents, boundary = policies_of(role)
    who = Who("role", role.account_id, role.arn, role.id)
    policy = _policy(source)
    for action in NEEDS.get(source.service, ()):
        denied, allowed = identity_outcome(documents, action, source.arn, {})
        if boundary is not None:
            limited, within = identity_outcome(boundary, action, source.arn, {})
            denied, allowed = denied or limited, allowed and within
        context = {"aws:principalarn": [role.arn], "aws:principalaccount": [role.account_id]}
        theirs = resource_outcome(policy, who, action, source.arn, context)
        if denied or theirs.denied:
            return False
        if source.account != role.account_id:
            fine = allowed and theirs.allowed is not Reach.NONE
        else:
            fine = allowed or theirs.allowed in (Reach.ROLE, Reach.ANYONE)
        if not fine:
            return False
    return True


def _policy(source: Source) -> Document | None:
    text: Any = None
    if source.service == "sqs":
        queue = sqs_backends[source.account][source.region].queues.get(source.resource)
        text = queue.policy if queue is not None else None
    elif source.service == "kinesis":
        text = kinesis_backends[source.account][source.region].resource_policies.get(source.arn)
    elif source.service == "dynamodb":
        held = dynamodb_backends[source.account][source.region].resource_policies.get(source.arn)
        text = held.policy_doc if held else None
    try:
        document = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    return document
