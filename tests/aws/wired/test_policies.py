"""Policies of queues and streams: put whole, at the revision that was read, and taken away with their last statement."""

import json

import pytest

from sharing.aws.errors import Refused
from tests.aws.stubbed import Aws
from tests.aws.wired.sources import ACME, ARNS, EAST, POLICY, of

TEXT = json.dumps(POLICY, separators=(",", ":"))


def test_a_queues_policy_is_put_whole_and_taken_away_with_its_last_statement(aws: Aws) -> None:
    stub = aws.of("sqs")
    url = {"QueueUrl": f"https://sqs.{EAST}.amazonaws.com/{ACME}/orders"}
    stub.add_response("get_queue_attributes", {}, {**url, "AttributeNames": ["Policy"]})
    stub.add_response("set_queue_attributes", {}, {**url, "Attributes": {"Policy": TEXT}})
    stub.add_response("set_queue_attributes", {}, {**url, "Attributes": {"Policy": ""}})
    queue = of("sqs")
    assert queue.queue_policy() == {}
    queue.put_queue_policy(POLICY)
    queue.put_queue_policy({**POLICY, "Statement": []})


def test_dynamodb_is_told_which_policy_was_read(aws: Aws) -> None:
    stub = aws.of("dynamodb")
    arn = {"ResourceArn": ARNS["dynamodb"]}
    stub.add_client_error("get_resource_policy", "PolicyNotFoundException", http_status_code=400, expected_params=arn)
    stub.add_response("put_resource_policy", {"RevisionId": "1"}, {**arn, "Policy": TEXT, "ExpectedRevisionId": "NO_POLICY"})
    stream = of("dynamodb")
    assert stream.stream_policy() == {}
    stream.put_stream_policy(POLICY)
    stub.add_response("get_resource_policy", {"Policy": TEXT, "RevisionId": "1"}, arn)
    stub.add_client_error(
        "delete_resource_policy",
        "PolicyNotFoundException",
        http_status_code=400,
        expected_params={**arn, "ExpectedRevisionId": "1"},
    )
    assert stream.stream_policy() == POLICY
    with pytest.raises(Refused) as changed:
        stream.put_stream_policy({})
    assert "changed by somebody else" in changed.value.sentence


def test_kinesis_shows_an_empty_policy_where_there_is_none(aws: Aws) -> None:
    stub = aws.of("kinesis")
    arn = {"ResourceARN": ARNS["kinesis"]}
    stub.add_response("get_resource_policy", {"Policy": "{}"}, arn)
    stub.add_response("put_resource_policy", {}, {**arn, "Policy": TEXT})
    stub.add_response("delete_resource_policy", {}, arn)
    stream = of("kinesis")
    assert stream.stream_policy() == {}
    stream.put_stream_policy(POLICY)
    stream.put_stream_policy({"Statement": []})
