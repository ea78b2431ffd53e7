"""Against the sandbox, over real HTTP: read whole, put back whole, and nothing else."""

import io
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from sharing.aws.errors import Refused
from sharing.aws.session import RoleRef
from sharing.aws.wired import Absent
from tests.aws.wired.sources import ACME, ARNS, EAST, HELLO, PLATFORM, POLICY, ROLE, of

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox


def known(sandbox: "Sandbox", account: str, service: str) -> Any:
    as_ = sandbox.account(account)
    return boto3.client(  # type: ignore[call-overload]
        service,
        region_name=EAST,
        endpoint_url=sandbox.url,
        aws_access_key_id=as_.access_key_id,
        aws_secret_access_key=as_.secret_access_key,
    )


@pytest.fixture
def role(sandbox: "Sandbox", unpaced: None) -> RoleRef:
    """A source role of Acme's that may do anything: what is refused then is refused by the session."""
    worker = f"arn:aws:iam::{sandbox.account('fnshare').id}:user/fnshare/worker"
    condition = {"StringEquals": {"sts:ExternalId": ROLE.external_id}}
    enter = {"Effect": "Allow", "Principal": {"AWS": worker}, "Action": "sts:AssumeRole", "Condition": condition}
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    every = {"Version": "2012-10-17", "Statement": [allow]}
    sandbox.add_role(ACME, "fnshare-source-1", trust={"Version": "2012-10-17", "Statement": [enter]}, policies={"All": every})
    return ROLE


def test_a_buckets_configuration_is_read_and_put_back_whole(sandbox: "Sandbox", role: RoleRef) -> None:
    s3 = known(sandbox, ACME, "s3")
    s3.create_bucket(Bucket="acme-uploads")
    known(sandbox, ACME, "sqs").create_queue(QueueName="orders")
    known(sandbox, ACME, "sns").create_topic(Name="orders")
    there = {
        "QueueConfigurations": [{"Id": "theirs", "QueueArn": ARNS["sqs"], "Events": ["s3:ObjectRemoved:*"]}],
        "TopicConfigurations": [{"Id": "also", "TopicArn": ARNS["sns"], "Events": ["s3:ObjectRestore:*"]}],
    }
    bucket = of("s3", role)
    assert bucket.bucket_notifications() == {}
    assert bucket.put_bucket_notifications(there)
    assert bucket.bucket_notifications() == there
    s3.put_object(Bucket="acme-uploads", Key="x", Body=io.BytesIO(b"x"))
    key = bucket.send_test(marker="ab12", prefix="in/")
    assert {one["Key"] for one in s3.list_objects_v2(Bucket="acme-uploads")["Contents"]} == {"x", key}
    bucket.remove_test_object(key)
    with pytest.raises(Absent):
        of("s3", role, resource="arn:aws:s3:::acme-gone").bucket_notifications()
    known(sandbox, "Globex", "s3").create_bucket(Bucket="globex-uploads")
    with pytest.raises(Refused, match="S3 denied") as refused:
        of("s3", role, resource="arn:aws:s3:::globex-uploads").bucket_notifications()
    assert refused.value.is_access_denied


def test_topic_and_queue_are_wired_over_real_http(sandbox: "Sandbox", role: RoleRef) -> None:
    known(sandbox, ACME, "sns").create_topic(Name="orders")
    known(sandbox, ACME, "sqs").create_queue(QueueName="orders")
    topic, queue = of("sns", role), of("sqs", role)
    held = topic.topic_policy()
    assert held["Statement"]
    held["Statement"].append(
        {"Sid": "x", "Effect": "Allow", "Principal": "*", "Action": "sns:Subscribe", "Resource": ARNS["sns"]}
    )
    topic.put_topic_policy(held)
    assert topic.topic_policy() == held
    made = topic.subscribe(HELLO)
    assert topic.subscriptions(HELLO) == [made] == [topic.subscribe(HELLO)]
    topic.unsubscribe(made)
    assert topic.subscriptions(HELLO) == []
    assert queue.queue_policy() == {}
    allow = {
        "Sid": "x",
        "Effect": "Allow",
        "Principal": {"AWS": PLATFORM},
        "Action": "sqs:ReceiveMessage",
        "Resource": ARNS["sqs"],
    }
    queue.put_queue_policy({"Version": "2012-10-17", "Statement": [allow]})
    assert queue.queue_policy()["Statement"] == [allow]
    queue.put_queue_policy({})
    assert queue.queue_policy() == {}
    with pytest.raises(Absent):
        of("sqs", role, resource=f"arn:aws:sqs:{EAST}:{ACME}:none").queue_policy()


def test_a_rule_an_alarm_and_a_stream_are_wired_over_real_http(sandbox: "Sandbox", role: RoleRef) -> None:
    rule = of("eventbridge", role, resource=f"arn:aws:events:{EAST}:{ACME}:rule/picture-approved")
    target = {"Id": "fnshare-1", "Arn": HELLO, "RoleArn": f"arn:aws:iam::{ACME}:role/events-invoke"}
    with pytest.raises(Refused, match="iam:PassRole") as refused:
        rule.put_rule_target(target)
    assert refused.value.is_access_denied
    rule.put_rule_target({"Id": "fnshare-2", "Arn": ARNS["sqs"]})
    assert rule.rule_targets() == [{"Id": "fnshare-2", "Arn": ARNS["sqs"]}]
    rule.remove_rule_target("fnshare-2")
    assert rule.rule_targets() == []
    alarm = of("alarm", role, resource=f"arn:aws:cloudwatch:{EAST}:{ACME}:alarm:acme-checkout-errors")
    before = alarm.alarm()
    assert before is not None
    alarm.put_alarm({**before, "AlarmActions": [HELLO]})
    assert alarm.alarm() == {**before, "AlarmActions": [HELLO]}
    alarm.put_alarm(before)
    assert alarm.alarm() == before
    known(sandbox, ACME, "kinesis").create_stream(StreamName="clicks", ShardCount=1)
    stream = of("kinesis", role)
    stream.put_stream_policy(POLICY)
    assert stream.stream_policy() == POLICY
    stream.put_stream_policy({})
    assert stream.stream_policy() == {}
    with pytest.raises(Absent):
        of("kinesis", role, resource=f"{ARNS['kinesis']}-gone").stream_policy()
