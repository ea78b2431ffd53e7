"""Event source mappings: only pull sources, only onto functions of one's own account."""

from typing import Any

import pytest

from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import Speaker, allow, code, function_arn, refused

PLATFORM, ACME = "444455556666", "111122223333"
HELLO = function_arn(PLATFORM, "hello_world")


@pytest.fixture
def queue(speak: Speaker) -> str:
    speak.client("sqs", "Platform").create_queue(QueueName="orders")
    return f"arn:aws:sqs:us-east-1:{PLATFORM}:orders"


def test_the_owner_maps_a_queue_to_an_alias(speak: Speaker, queue: str) -> None:
    client = speak.lambda_("Platform")
    made = client.create_event_source_mapping(EventSourceArn=queue, FunctionName="label-uploads:live", BatchSize=5)
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert made["FunctionArn"] == f"{function_arn(PLATFORM, 'label-uploads')}:live"
    listed = client.list_event_source_mappings(FunctionName="label-uploads")["EventSourceMappings"]
    assert [(m["UUID"], m["EventSourceArn"], m["BatchSize"]) for m in listed] == [(made["UUID"], queue, 5)]
    assert client.list_event_source_mappings(FunctionName="hello_world")["EventSourceMappings"] == []
    assert len(client.list_event_source_mappings(EventSourceArn=queue)["EventSourceMappings"]) == 1
    assert client.get_event_source_mapping(UUID=made["UUID"])["EventSourceArn"] == queue
    client.delete_event_source_mapping(UUID=made["UUID"])
    assert client.list_event_source_mappings()["EventSourceMappings"] == []
    assert code(client.get_event_source_mapping, UUID=made["UUID"]) == "ResourceNotFoundException"


@pytest.mark.parametrize("action", ["lambda:CreateEventSourceMapping", "lambda:*", "*"])
def test_nobody_maps_onto_a_foreign_function_whatever_its_policy_says(speak: Speaker, sandbox: Sandbox, action: str) -> None:
    speak.lambda_("Platform").add_permission(FunctionName="hello_world", StatementId="x", Action=action, Principal="*")
    speak.client("sqs", "Acme Retail").create_queue(QueueName="own")
    sandbox.add_function(ACME, "us-east-1", "hello_world")  # the trap: a function of the same name at home
    acme = speak.lambda_("Acme Retail")
    found = refused(acme.create_event_source_mapping, EventSourceArn=f"arn:aws:sqs:us-east-1:{ACME}:own", FunctionName=HELLO)
    assert found[:2] == ("AccessDeniedException", 403)
    assert found[2].endswith(f"to perform: lambda:CreateEventSourceMapping on resource: {HELLO}")
    assert acme.list_event_source_mappings()["EventSourceMappings"] == []


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"EventSourceArn": "arn:aws:s3:::bucket"}, "InvalidParameterValueException"),
        ({"EventSourceArn": f"arn:aws:sns:us-east-1:{PLATFORM}:t"}, "InvalidParameterValueException"),
        ({"EventSourceArn": f"arn:aws:sqs:us-east-1:{PLATFORM}:no-such"}, "InvalidParameterValueException"),
        ({"EventSourceArn": f"arn:aws:sqs:us-east-1:{PLATFORM}:orders", "FunctionName": "none"}, "ResourceNotFoundException"),
        ({"EventSourceArn": "queue"}, "InvalidParameterValueException"),
    ],
)
def test_sources_that_cannot_be_polled_are_refused(speak: Speaker, queue: str, parameters: dict[str, Any], wanted: str) -> None:
    asked = {"FunctionName": "hello_world", **parameters}
    assert code(speak.lambda_("Platform").create_event_source_mapping, **asked) == wanted


@pytest.mark.parametrize(("pattern", "may"), [("hello_*", True), ("hello_world", True), ("label-*", False)])
def test_rights_on_a_mapping_hang_on_the_function_that_it_runs(speak: Speaker, queue: str, pattern: str, may: bool) -> None:
    made = speak.lambda_("Platform").create_event_source_mapping(EventSourceArn=queue, FunctionName="hello_world")
    actions = ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping"]
    mappings = f"arn:aws:lambda:*:{PLATFORM}:event-source-mapping:*"
    condition = {"ArnLike": {"lambda:FunctionArn": function_arn(PLATFORM, pattern)}}
    one = speak.user("lambda", "Platform", "one", allow(actions, mappings, Condition=condition))
    asked = {"UUID": made["UUID"]}
    for call in (one.get_event_source_mapping, one.delete_event_source_mapping):
        if may:
            assert call(**asked)["UUID"] == made["UUID"]
        else:
            assert code(call, **asked) == "AccessDeniedException"
