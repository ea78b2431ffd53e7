"""What sources hand over: across accounts when the function's policy lets them, and noted in the journal either way."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sharing.sandbox.journal import Delivery
from sharing.sandbox.server import Sandbox
from tests.live import wait_for
from tests.sandbox.conftest import Speaker, code, function_arn, refused

PLATFORM, ACME, GLOBEX = "444455556666", "111122223333", "222233334444"
FUNCTION = function_arn(PLATFORM, "session-cleanup")


def deliveries(sandbox: Sandbox) -> list[Delivery]:
    return list(sandbox.journal.deliveries)


def bucket(speak: Speaker, name: str, account: str = "Acme Retail", region: str = "us-east-1") -> Any:
    client = speak.client("s3", account, region)
    place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    client.create_bucket(Bucket=name, **place)
    return client


def notify(client: Any, name: str, *functions: str, **more: Any) -> None:
    each = [
        {"Id": f"n{place}", "LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]} for place, arn in enumerate(functions)
    ]
    for one in each:
        one.update(more)
    client.put_bucket_notification_configuration(
        Bucket=name, NotificationConfiguration={"LambdaFunctionConfigurations": each}, ExpectedBucketOwner=ACME
    )


def let_in(speak: Speaker, sid: str, principal: str, **limits: str) -> None:
    speak.lambda_("Platform").add_permission(
        FunctionName="session-cleanup", StatementId=sid, Action="lambda:InvokeFunction", Principal=principal, **limits
    )


def test_a_bucket_of_another_account_drives_the_function_once_it_is_let_in(speak: Speaker, sandbox: Sandbox) -> None:
    client = bucket(speak, "acme-in")
    assert code(notify, client, "acme-in", FUNCTION) == "InvalidArgument"
    let_in(speak, "s3", "s3.amazonaws.com", SourceArn="arn:aws:s3:::acme-in", SourceAccount=ACME)
    notify(client, "acme-in", FUNCTION, Filter={"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}})
    before = len(sandbox.journal.invocations)
    client.put_object(Bucket="acme-in", Key="in/one.png", Body=b"x")
    client.put_object(Bucket="acme-in", Key="out/two.png", Body=b"x")
    (one,) = deliveries(sandbox)
    assert (one.service, one.source_arn, one.source_account, one.delivered) == (
        "s3.amazonaws.com",
        "arn:aws:s3:::acme-in",
        ACME,
        True,
    )
    assert len(sandbox.journal.invocations) == before + 1
    speak.lambda_("Platform").remove_permission(FunctionName="session-cleanup", StatementId="s3")
    client.put_object(Bucket="acme-in", Key="in/three.png", Body=b"x")
    assert [found.delivered for found in deliveries(sandbox)] == [True, False]
    assert len(sandbox.journal.invocations) == before + 1


def test_a_bucket_recreated_by_a_stranger_is_not_let_in(speak: Speaker, sandbox: Sandbox) -> None:
    let_in(speak, "s3", "s3.amazonaws.com", SourceArn="arn:aws:s3:::was-acmes", SourceAccount=ACME)
    client = bucket(speak, "was-acmes", "Globex")
    with pytest.raises(ClientError) as refusal:
        client.put_bucket_notification_configuration(
            Bucket="was-acmes",
            NotificationConfiguration={
                "LambdaFunctionConfigurations": [{"LambdaFunctionArn": FUNCTION, "Events": ["s3:ObjectCreated:*"]}]
            },
        )
    assert "Unable to validate the following destination configurations" in str(refusal.value)


def test_s3_refuses_what_overlaps_what_is_far_and_what_is_missing(speak: Speaker) -> None:
    client = bucket(speak, "acme-two")
    far = bucket(speak, "acme-far", region="eu-west-1")
    let_in(speak, "s3", "s3.amazonaws.com", SourceAccount=ACME)
    assert "overlapping" in refused(notify, client, "acme-two", FUNCTION, FUNCTION)[2]
    assert code(notify, far, "acme-far", FUNCTION) == "InvalidArgument"
    assert code(notify, client, "acme-two", function_arn(PLATFORM, "none")) == "InvalidArgument"
    notify(client, "acme-two", FUNCTION)
    kept = client.get_bucket_notification_configuration(Bucket="acme-two")["LambdaFunctionConfigurations"]
    assert [one["Id"] for one in kept] == ["n0"]
    other = speak.client("s3", "Globex")
    assert code(notify, other, "acme-two", FUNCTION) == "AccessDenied"


def test_a_topic_of_another_account_drives_the_function_by_whoever_subscribes(speak: Speaker, sandbox: Sandbox) -> None:
    acme, owner = speak.client("sns", "Acme Retail"), speak.client("sns", "Platform")
    topic = acme.create_topic(Name="orders")["TopicArn"]
    asked = {"TopicArn": topic, "Protocol": "lambda", "Endpoint": FUNCTION}
    assert code(owner.subscribe, **asked) == "AuthorizationError"
    statement = {
        "Sid": "x", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{PLATFORM}:root"},
        "Action": "sns:Subscribe", "Resource": topic,
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    acme.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    owner.subscribe(**asked)
    acme.publish(TopicArn=topic, Message="one")
    let_in(speak, "sns", "sns.amazonaws.com", SourceArn=topic)
    acme.publish(TopicArn=topic, Message="two")
    assert [(one.delivered, one.source_account) for one in deliveries(sandbox)] == [(False, ACME), (True, ACME)]


def queue_of(speak: Speaker, account: str, name: str) -> tuple[Any, str, str]:
    client = speak.client("sqs", account)
    url = client.create_queue(QueueName=name)["QueueUrl"]
    return client, url, client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_a_queue_of_another_account_needs_its_own_policy_and_is_then_polled(speak: Speaker, sandbox: Sandbox) -> None:
    owner = speak.lambda_("Platform")
    client, url, arn = queue_of(speak, "Acme Retail", "orders")
    said = refused(owner.create_event_source_mapping, EventSourceArn=arn, FunctionName="session-cleanup")
    assert said[0] == "InvalidParameterValueException"
    assert "does not have permissions to call ReceiveMessage on SQS" in said[2]
    role = owner.get_function_configuration(FunctionName="session-cleanup")["Role"]
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    statement = {"Sid": "x", "Effect": "Allow", "Principal": {"AWS": role}, "Action": actions, "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    client.send_message(QueueUrl=url, MessageBody="waiting")
    made = owner.create_event_source_mapping(EventSourceArn=arn, FunctionName="session-cleanup")
    assert made["State"] == "Creating"
    client.send_message(QueueUrl=url, MessageBody="arriving")
    assert owner.get_event_source_mapping(UUID=made["UUID"])["LastProcessingResult"] == "OK"
    assert {one.source_account for one in deliveries(sandbox)} == {ACME}
    assert client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["ApproximateNumberOfMessages"] == "0"
    client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    client.send_message(QueueUrl=url, MessageBody="kept")
    assert owner.get_event_source_mapping(UUID=made["UUID"])["LastProcessingResult"].startswith("PROBLEM")


def test_what_waits_in_a_queue_is_handed_over_by_itself_once_the_mapping_is_enabled(speak: Speaker, sandbox: Sandbox) -> None:
    client, url, arn = queue_of(speak, "Platform", "own")
    client.send_message(QueueUrl=url, MessageBody="waiting")
    sandbox.switches.mapping_settling = 0.2
    speak.lambda_("Platform").create_event_source_mapping(EventSourceArn=arn, FunctionName="session-cleanup")
    assert deliveries(sandbox) == []
    wait_for(lambda: [one.delivered for one in deliveries(sandbox)] == [True], "the message")


def test_a_mapping_goes_through_its_states_and_is_busy_on_the_way(speak: Speaker, sandbox: Sandbox) -> None:
    owner = speak.lambda_("Platform")
    _, _, arn = queue_of(speak, "Platform", "own")
    sandbox.switches.mapping_settling = 60
    made = owner.create_event_source_mapping(EventSourceArn=arn, FunctionName="session-cleanup", Enabled=False)
    again = {"EventSourceArn": arn, "FunctionName": "session-cleanup"}
    assert code(owner.create_event_source_mapping, **again) == "ResourceConflictException"
    assert code(owner.update_event_source_mapping, UUID=made["UUID"], Enabled=True) == "ResourceInUseException"
    sandbox.switches.mapping_settling = 0
    assert owner.get_event_source_mapping(UUID=made["UUID"])["State"] == "Disabled"
    assert owner.update_event_source_mapping(UUID=made["UUID"], Enabled=True)["State"] == "Enabling"
    assert owner.get_event_source_mapping(UUID=made["UUID"])["State"] == "Enabled"
    assert owner.update_event_source_mapping(UUID=made["UUID"], BatchSize=5)["State"] == "Updating"
    assert owner.get_event_source_mapping(UUID=made["UUID"])["BatchSize"] == 5
    assert owner.delete_event_source_mapping(UUID=made["UUID"])["State"] == "Deleting"
    assert code(owner.get_event_source_mapping, UUID=made["UUID"]) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "asked",
    [
        {"BatchSize": 11},
        {"BatchSize": 10_001, "MaximumBatchingWindowInSeconds": 1},
        {"MaximumBatchingWindowInSeconds": 301},
        {"StartingPosition": "LATEST"},
        {"ScalingConfig": {"MaximumConcurrency": 1}},
        {"FilterCriteria": {"Filters": [{"Pattern": "{"}]}},
    ],
)
def test_parameters_that_do_not_fit_a_queue_are_refused(speak: Speaker, asked: dict[str, Any]) -> None:
    _, _, arn = queue_of(speak, "Platform", "own")
    owner = speak.lambda_("Platform")
    call = {"EventSourceArn": arn, "FunctionName": "session-cleanup", **asked}
    assert code(owner.create_event_source_mapping, **call) == "InvalidParameterValueException"


def test_a_stream_of_another_account_needs_its_resource_policy(speak: Speaker) -> None:
    kinesis, owner = speak.client("kinesis", "Acme Retail"), speak.lambda_("Platform")
    kinesis.create_stream(StreamName="clicks", ShardCount=1)
    arn = f"arn:aws:kinesis:us-east-1:{ACME}:stream/clicks"
    asked = {"EventSourceArn": arn, "FunctionName": "session-cleanup"}
    assert code(owner.create_event_source_mapping, **asked) == "InvalidParameterValueException"
    asked["StartingPosition"] = "LATEST"
    assert "Cannot access stream" in refused(owner.create_event_source_mapping, **asked)[2]
    role = owner.get_function_configuration(FunctionName="session-cleanup")["Role"]
    actions = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
    statement = {"Sid": "x", "Effect": "Allow", "Principal": {"AWS": role}, "Action": actions, "Resource": arn}
    kinesis.put_resource_policy(ResourceARN=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    assert owner.create_event_source_mapping(**asked)["BatchSize"] == 100
