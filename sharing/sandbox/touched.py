"""Which resource a call to a service behind moto is about, so that policies limited to one resource are obeyed."""

import json
from typing import Any
from urllib.parse import unquote

from moto.s3.models import s3_backends

from sharing.sandbox import stream_policies
from sharing.sandbox.deliveries import bucket_owner
from sharing.sandbox.errors import AwsError
from sharing.sandbox.evaluation import Reach, resource_outcome
from sharing.sandbox.identity import Caller, parsed
from sharing.sandbox.signing import Request

#: Services that IAM knows by another name than their signatures.
IAM_NAMES = {"monitoring": "cloudwatch"}

#: Operations that IAM knows a resource for; of rules, with the parameter that names it.
_TOPICS = ("Publish", "Subscribe", "GetTopicAttributes", "SetTopicAttributes", "ListSubscriptionsByTopic")
_QUEUES = ("GetQueueAttributes", "SetQueueAttributes", "SendMessage", "ReceiveMessage", "DeleteMessage")
_RULES = {
    "PutTargets": "Rule",
    "RemoveTargets": "Rule",
    "ListTargetsByRule": "Rule",
    "DescribeRule": "Name",
    "PutRule": "Name",
    "DeleteRule": "Name",
}
_ALARMS = ("PutMetricAlarm", "SetAlarmState")


def document_of(request: Request) -> dict[str, Any]:
    """The parameters of a call by a JSON protocol; none for the others."""
    if "x-amz-target" not in request.headers:
        return {}
    try:
        found = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def resource_of(service: str, operation: str, request: Request, asked: dict[str, Any], account: str, region: str) -> str | None:
    """Its ARN; None where the call is about no single resource, or IAM knows none for it."""
    if service == "s3":
        path = unquote(request.path).strip("/")
        return None if operation == "?" or not path else f"arn:aws:s3:::{path}"
    if service == "sns" and operation in _TOPICS:
        return str(asked.get("TopicArn") or asked.get("TargetArn") or "") or None
    if service == "sqs" and operation in _QUEUES:
        parts = str(asked.get("QueueUrl", "")).rstrip("/").split("/")
        return f"arn:aws:sqs:{region}:{parts[-2]}:{parts[-1]}" if len(parts) > 1 else None
    if service == "events" and operation in _RULES:
        bus = str(asked.get("EventBusName") or "default").rpartition("/")[2]
        name = str(asked.get(_RULES[operation], ""))
        return f"arn:aws:events:{region}:{account}:rule/{name if bus == 'default' else f'{bus}/{name}'}"
    if service == "monitoring" and operation in _ALARMS:
        return f"arn:aws:cloudwatch:{region}:{account}:alarm:{asked.get('AlarmName', '')}"
    if operation in ("PutCompositeAlarm", "Unsubscribe"):
        return "*"  # IAM knows no resource for these: only who may do it to every one may do it
    if service in ("kinesis", "dynamodb") and operation in stream_policies.OPERATIONS:
        return stream_policies.resource_of(asked) or None
    return None


def keys_of(service: str, operation: str, asked: dict[str, Any]) -> dict[str, list[str]]:
    """Condition keys that only this kind of call has. In lower case."""
    if (service, operation) != ("sns", "Subscribe"):
        return {}
    return {f"sns:{name.lower()}": [str(asked[name])] for name in ("Protocol", "Endpoint") if asked.get(name)}


def bucket_of(request: Request) -> str:
    """The name of the bucket in a request to S3; "" for one about none."""
    return unquote(request.path).strip("/").partition("/")[0]


def guard_bucket(request: Request, operation: str, caller: Caller, context: dict[str, list[str]]) -> str:
    """The account in which a call about a bucket acts: the bucket's. Raises AccessDenied where that is not the expected
    one, or where it is not the caller's and the bucket's policy does not let the caller."""
    name = bucket_of(request)
    owner = bucket_owner(name)
    if not owner or operation == "?":
        return caller.account
    expected = request.headers.get("x-amz-expected-bucket-owner", "")
    if expected and expected != owner:
        raise _denied()
    if owner != caller.account:
        bucket = s3_backends[owner][s3_backends.bucket_accounts[name][0]].buckets.get(name)
        held = bucket.policy if bucket is not None else None
        policy = parsed(held.decode() if isinstance(held, bytes) else str(held or ""))
        resource = f"arn:aws:s3:::{unquote(request.path).strip('/')}"
        outcome = resource_outcome(policy, caller.who, f"s3:{operation}", resource, context)
        if outcome.denied or outcome.allowed is Reach.NONE:
            raise _denied()
    return owner


def _denied() -> AwsError:
    return AwsError("AccessDenied", 403, "Access Denied")
