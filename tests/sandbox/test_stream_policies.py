"""Resource policies of streams: the owner's own to change, and what lets the role of another account read them."""

import json
from typing import Any

import pytest

from tests.sandbox.conftest import Speaker, allow, code, function_arn, refused

PLATFORM, ACME, EAST = "444455556666", "111122223333", "us-east-1"
HELLO = function_arn(PLATFORM, "hello_world")
STREAM = f"arn:aws:kinesis:{EAST}:{ACME}:stream/clicks"
READS = {
    "kinesis": ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"],
    "dynamodb": ["DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"],
}


def made(speak: Speaker, service: str) -> str:
    """The ARN of a new stream of Acme's."""
    client = speak.client(service, "Acme Retail")
    if service == "kinesis":
        client.create_stream(StreamName="clicks", ShardCount=1)
        return STREAM
    table = client.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    return str(table["TableDescription"]["LatestStreamArn"])


def named(service: str, arn: str) -> dict[str, str]:
    return {"ResourceARN" if service == "kinesis" else "ResourceArn": arn}


@pytest.mark.parametrize("service", ["kinesis", "dynamodb"])
def test_a_stream_drives_a_function_of_another_account_once_its_policy_lets_the_role_in(speak: Speaker, service: str) -> None:
    arn = made(speak, service)
    owner = speak.lambda_("Platform")
    mapping: dict[str, Any] = {
        "FunctionName": "hello_world", "EventSourceArn": arn, "StartingPosition": "LATEST"
    }  # fmt: skip
    assert code(owner.create_event_source_mapping, **mapping) == "InvalidParameterValueException"
    role = owner.get_function_configuration(FunctionName="hello_world")["Role"]
    actions = [f"{service}:{name}" for name in READS[service]]
    statement = {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": role}, "Action": actions, "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client = speak.client(service, "Acme Retail")
    client.put_resource_policy(**named(service, arn), Policy=policy)
    assert json.loads(client.get_resource_policy(**named(service, arn))["Policy"]) == json.loads(policy)
    owner.create_event_source_mapping(**mapping)
    client.delete_resource_policy(**named(service, arn))
    if service == "kinesis":
        assert client.get_resource_policy(**named(service, arn))["Policy"] == "{}"
    else:
        assert code(client.get_resource_policy, **named(service, arn)) == "PolicyNotFoundException"


def test_dynamodb_refuses_a_change_of_another_policy_than_the_expected(speak: Speaker) -> None:
    client, arn = speak.client("dynamodb", "Acme Retail"), made(speak, "dynamodb")

    def put(sid: str, **expected: str) -> str:
        policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": sid}]})
        return str(client.put_resource_policy(ResourceArn=arn, Policy=policy, **expected)["RevisionId"])

    first = put("a", ExpectedRevisionId="NO_POLICY")
    assert put("a") == first
    second = put("b", ExpectedRevisionId=first)
    for stale in (first, "NO_POLICY"):
        assert code(put, "c", ExpectedRevisionId=stale) == "PolicyNotFoundException"
        assert code(client.delete_resource_policy, ResourceArn=arn, ExpectedRevisionId=stale) == "PolicyNotFoundException"
    assert client.get_resource_policy(ResourceArn=arn)["RevisionId"] == second
    assert code(client.put_resource_policy, ResourceArn=arn, Policy="{}") == "ValidationException"


def test_a_policy_is_its_owners_own_and_of_what_exists(speak: Speaker) -> None:
    arn = made(speak, "kinesis")
    assert code(speak.client("kinesis", "Platform").get_resource_policy, ResourceARN=arn) == "AccessDeniedException"
    client = speak.client("kinesis", "Acme Retail")
    assert code(client.get_resource_policy, ResourceARN=f"{arn}-2") == "ResourceNotFoundException"
    assert code(client.put_resource_policy, ResourceARN=arn, Policy="no JSON") == "InvalidArgumentException"


def test_rights_on_one_stream_are_rights_on_no_other_and_a_topics_on_no_subscription(speak: Speaker) -> None:
    made(speak, "kinesis")
    speak.client("kinesis", "Acme Retail").create_stream(StreamName="other", ShardCount=1)
    narrow = speak.user("kinesis", "Acme Retail", "narrow", allow("kinesis:*", STREAM))
    narrow.get_resource_policy(ResourceARN=STREAM)
    other = STREAM.replace("clicks", "other")
    for call in (narrow.get_resource_policy, narrow.delete_resource_policy):
        assert other in refused(call, ResourceARN=other)[2]
    topic = f"arn:aws:sns:{EAST}:{ACME}:orders"
    one = speak.user("sns", "Acme Retail", "of-topic", allow("sns:*", topic))
    made_ = one.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=HELLO, ReturnSubscriptionArn=True)["SubscriptionArn"]
    assert refused(one.unsubscribe, SubscriptionArn=made_)[1] == 403
    speak.user("sns", "Acme Retail", "of-all", allow("sns:Unsubscribe")).unsubscribe(SubscriptionArn=made_)
