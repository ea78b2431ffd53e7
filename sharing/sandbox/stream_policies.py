"""Resource policies of streams, by the owner's own account only: moto knows them of whole tables and streams, not of the
streams of tables and the consumers of streams (aws-facts 3).

Answers and refusals as botocore's models of kinesis and dynamodb name them. An absent policy is `{}` of a Kinesis stream and
PolicyNotFoundException of a DynamoDB stream. moto keeps what is put, so `sources` reads it there.
"""

import json
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import ResourcePolicy
from moto.kinesis.models import kinesis_backends

from sharing.sandbox.errors import AwsError, Reply, as_json
from sharing.sandbox.sources import Source, exists

OPERATIONS = ("GetResourcePolicy", "PutResourcePolicy", "DeleteResourcePolicy")
_NONE = "NO_POLICY"


def resource_of(asked: dict[str, Any]) -> str:
    """The ARN that the call is about; "" when it names none."""
    return str(asked.get("ResourceARN") or asked.get("ResourceArn") or "")


def answer(service: str, operation: str, asked: dict[str, Any], account: str) -> Reply | None:
    """What the service answers about the policy of a stream; None: it is about something else, which is moto's."""
    source = Source.parse(resource_of(asked))
    if service not in ("kinesis", "dynamodb") or operation not in OPERATIONS or source is None:
        return None
    if service == "dynamodb" and "/stream/" not in source.resource:
        return None
    if source.account != account:
        raise AwsError("AccessDeniedException", 400, "A resource policy is its owner's own to read and to change.")
    if source.service != service or not exists(source):
        raise AwsError("ResourceNotFoundException", 400, f"Requested resource not found: {source.arn}")
    document = str(asked.get("Policy", ""))
    if operation == "PutResourcePolicy" and not _sound(document):
        code = "InvalidArgumentException" if service == "kinesis" else "ValidationException"
        raise AwsError(code, 400, "The policy document is not valid.")
    if service == "kinesis":
        return _kinesis(source, operation, document)
    return _dynamodb(source, operation, document, str(asked.get("ExpectedRevisionId", "")))


def _kinesis(source: Source, operation: str, document: str) -> Reply:
    held = kinesis_backends[source.account][source.region].resource_policies
    if operation == "GetResourcePolicy":
        return as_json({"Policy": held.get(source.arn, "{}")})
    if operation == "PutResourcePolicy":
        held[source.arn] = document
    elif held.pop(source.arn, None) is None:
        raise AwsError("ResourceNotFoundException", 400, f"No resource policy found for resource ARN {source.arn}")
    return as_json({})


def _dynamodb(source: Source, operation: str, document: str, expected: str) -> Reply:
    held = dynamodb_backends[source.account][source.region].resource_policies
    found = held.get(source.arn)
    revision = found.revision_id if found else _NONE
    if expected and expected != revision:
        raise AwsError("PolicyNotFoundException", 400, f"Expected revision {expected}, but the policy is at {revision}.")
    if operation == "PutResourcePolicy":
        if found is None or found.policy_doc != document:
            found = held[source.arn] = ResourcePolicy(resource_arn=source.arn, policy_doc=document)
        return as_json({"RevisionId": found.revision_id})
    if operation == "DeleteResourcePolicy":
        held.pop(source.arn, None)
        return as_json({"RevisionId": revision} if found else {})
    if found is None:
        raise AwsError("PolicyNotFoundException", 400, f"Resource-based policy not found for {source.arn}")
    return as_json({"Policy": found.policy_doc, "RevisionId": found.revision_id})


def _sound(text: str) -> bool:
    try:
        document = json.loads(text)
    except ValueError:
        return False
    return isinstance(document, dict) and bool(document.get("Statement"))
