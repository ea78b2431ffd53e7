"""What a source is, what its session may do, what its refusals say, and how it is tried."""

import json
import re
from pathlib import Path

import pytest
from botocore.stub import ANY

import sharing
from sharing.aws.errors import Refused, Throttled, Unavailable
from sharing.aws.wired import KINDS, Absent, NotASource, kind_of
from sharing.aws.wired.statements import only
from tests.aws.stubbed import Aws
from tests.aws.wired.sources import ACME, ARNS, EAST, HELLO, of


def test_each_kind_that_is_wired_from_its_own_side_is_known_by_its_arn() -> None:
    assert {kind_of(arn): arn for arn in ARNS.values()} == ARNS
    assert set(ARNS) == set(KINDS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "orders",
        HELLO,
        f"arn:aws:dynamodb:{EAST}:{ACME}:table/orders",
        f"arn:aws:logs:{EAST}:{ACME}:log-group:g:*",
        "arn:aws:s3:::acme-uploads/key",
        f"arn:aws:s3:{EAST}:{ACME}:acme-uploads",
        f"arn:aws:sqs:{EAST}::orders",
        f"arn:aws:sqs::{ACME}:orders",
    ],
)
def test_anything_else_is_refused_before_a_call(text: str) -> None:
    assert kind_of(text) == ""
    with pytest.raises(NotASource):
        of("s3", resource=text)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_session_names_the_one_source_wherever_iam_knows_it(kind: str) -> None:
    arn = ARNS[kind]
    assert len(only(kind, arn)) < 2048
    everywhere = set()
    for statement in json.loads(only(kind, arn))["Statement"]:
        if statement["Resource"] == "*":
            everywhere |= set(statement["Action"])
        else:
            assert [one.removesuffix("/*fnshare-test-*") for one in statement["Resource"]] == [arn]
    known = {"sns": {"sns:Unsubscribe"}, "alarm": {"cloudwatch:DescribeAlarms", "cloudwatch:PutCompositeAlarm"}}
    assert everywhere == known.get(kind, set())


def test_a_call_for_another_kind_of_source_is_never_made() -> None:
    for wrong in (
        lambda: of("sqs").bucket_notifications(),
        lambda: of("s3").topic_policy(),
        lambda: of("kinesis").queue_policy(),
        lambda: of("sns").stream_policy(),
        lambda: of("eventbridge").send_test(),
        lambda: of("sns").unsubscribe(f"arn:aws:sns:{EAST}:{ACME}:others:1"),
        lambda: of("s3").remove_test_object("photos/holiday.png"),
        lambda: of("alarm").put_alarm({"AlarmName": "another"}),
    ):
        with pytest.raises(NotASource):
            wrong()


def test_one_place_opens_sources() -> None:
    root = Path(sharing.__file__).parent
    found = [path for path in root.rglob("*.py") if re.search(r"(?<!class )\bSources\(", path.read_text())]
    assert [str(path.relative_to(root)) for path in found] == ["services/connecting/entering.py"]


@pytest.mark.parametrize(
    ("kind", "code", "status", "error", "words"),
    [
        ("s3", "NoSuchBucket", 404, Absent, "does not know the bucket"),
        ("s3", "AccessDenied", 403, Refused, "S3 denied"),
        ("s3", "InvalidArgument", 400, Refused, "InvalidArgument"),
        ("s3", "PermanentRedirect", 301, Refused, "is not in us-east-1"),
        ("s3", "OperationAborted", 409, Unavailable, "by somebody else right now"),
        ("s3", "SlowDown", 503, Throttled, "slow down"),
    ],
)
def test_a_refusal_is_said_of_the_source(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, kind: str, code: str, status: int, error: type[Exception], words: str
) -> None:
    monkeypatch.setattr("sharing.aws.calling._THROTTLED_TRIES", {"click": 1})
    stub = aws.of(kind)
    stub.add_client_error("put_bucket_notification_configuration", code, "Said", status)
    with pytest.raises(error, match=words) as caught:
        of(kind).put_bucket_notifications({})
    assert type(caught.value) is error


def test_sns_denies_in_its_own_words(aws: Aws) -> None:
    said = f"User: x is not authorized to perform: SNS:GetTopicAttributes on resource: {ARNS['sns']}"
    aws.of("sns").add_client_error("get_topic_attributes", "AuthorizationError", said, 403)
    with pytest.raises(Refused, match="The role may not do SNS:GetTopicAttributes") as refused:
        of("sns").topic_policy()
    assert refused.value.is_access_denied


def test_a_test_event_says_what_it_is(aws: Aws) -> None:
    stub = aws.of("s3")
    where = {"Bucket": "acme-uploads", "ExpectedBucketOwner": ACME, "Key": "in/fnshare-test-ab12.png"}
    stub.add_response("put_object", {}, {**where, "Body": ANY, "ContentType": "application/json"})
    stub.add_response("delete_object", {}, where)
    bucket = of("s3")
    key = bucket.send_test(marker="ab12", prefix="in/", suffix=".png")
    bucket.remove_test_object(key)
    body = json.dumps({"fnshare": "test", "marker": "ab12"})
    fifo = f"{ARNS['sqs']}.fifo"
    url = f"https://sqs.{EAST}.amazonaws.com/{ACME}/orders"
    queue = aws.of("sqs")
    queue.add_response("send_message", {"MessageId": "1"}, {"QueueUrl": url, "MessageBody": body})
    assert of("sqs").send_test(marker="ab12") == "1"
    grouped = {"MessageGroupId": "fnshare-test", "MessageDeduplicationId": "ab12"}
    queue.add_response("send_message", {"MessageId": "2"}, {"QueueUrl": f"{url}.fifo", "MessageBody": body, **grouped})
    assert of("sqs", resource=fifo).send_test(marker="ab12") == "2"
    aws.of("sns").add_response("publish", {"MessageId": "3"}, {"TopicArn": ARNS["sns"], "Message": body})
    assert of("sns").send_test(marker="ab12") == "3"
