"""Sources on their own side: read whole, put back whole, in a session that names the one source; nothing else leaves."""

import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore.stub import ANY, Stubber

import sharing
from sharing.aws import session
from sharing.aws.errors import Refused, Throttled, Unavailable
from sharing.aws.metrics import Metrics
from sharing.aws.pace import Pace
from sharing.aws.session import RoleRef
from sharing.aws.wired import KINDS, Absent, NotASource, Sources, kind_of
from sharing.aws.wired.calls import ALARM_STATE
from sharing.aws.wired.statements import only
from sharing.policy.arn import FunctionArn

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.usefixtures("unpaced")

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
SERVICES = {"eventbridge": "events", "alarm": "cloudwatch"}
ROLE = RoleRef("aws", ACME, f"arn:aws:iam::{ACME}:role/fnshare-source-1", "fnshare-source-1")


def of(kind: str, role: RoleRef = ROLE, **more: Any) -> Sources:
    return Sources(role, EAST, resource=more.pop("resource", ARNS[kind]), session_name="fnshare-wire-1", pace=Pace(), **more)


class Aws:
    """What AWS will answer, in order; a request that is not the expected one fails the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.stubs: list[Stubber] = []

    def of(self, kind: str) -> Stubber:
        client = boto3.client(  # type: ignore[call-overload]
            SERVICES.get(kind, kind), region_name=EAST, aws_access_key_id="x", aws_secret_access_key="x"
        )
        stub = Stubber(client)
        stub.activate()
        self.monkeypatch.setattr(session, "client", lambda *_, **__: client)
        self.stubs.append(stub)
        return stub


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    answers = Aws(monkeypatch)
    yield answers
    for stub in answers.stubs:
        stub.assert_no_pending_responses()


# What a source is, and what its session may do


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


# Alarms: everything goes back


METRIC = {
    "AlarmName": "too: many errors",
    "AlarmArn": ARNS["alarm"],
    "AlarmDescription": "kept",
    "AlarmConfigurationUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
    "ActionsEnabled": False,
    "OKActions": ["arn:aws:sns:us-east-1:111122223333:calm"],
    "AlarmActions": ["arn:aws:sns:us-east-1:111122223333:page-me"],
    "InsufficientDataActions": [],
    "StateValue": "ALARM",
    "StateReason": "why",
    "StateReasonData": "{}",
    "StateUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
    "Dimensions": [],
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 1.5,
    "ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold",
    "TreatMissingData": "notBreaching",
    "EvaluateLowSampleCountPercentile": "ignore",
    "ThresholdMetricId": "band",
    "Metrics": [{"Id": "m1", "Expression": "SUM(METRICS())", "ReturnData": True, "AccountId": ACME}],
    "StateTransitionedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
    "EvaluationState": "PARTIAL_DATA",
}
COMPOSITE = {
    "AlarmName": "too: many errors",
    "AlarmRule": "ALARM(a) OR ALARM(b)",
    "ActionsEnabled": True,
    "AlarmActions": [],
    "ActionsSuppressor": "c",
    "ActionsSuppressorWaitPeriod": 60,
    "ActionsSuppressorExtensionPeriod": 120,
    "ActionsSuppressedBy": "Alarm",
    "StateValue": "OK",
}


@pytest.mark.parametrize(("kind", "held"), [("Metric", METRIC), ("Composite", COMPOSITE)])
def test_a_changed_alarm_keeps_every_setting_it_had(aws: Aws, kind: str, held: dict[str, Any]) -> None:
    stub = aws.of("alarm")
    asked = {"AlarmNames": ["too: many errors"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    stub.add_response("describe_alarms", {f"{kind}Alarms": [held]}, asked)
    found = of("alarm").alarm()
    assert found is not None
    assert found == {name: value for name, value in held.items() if name not in ALARM_STATE}
    json.dumps(found)  # rows keep it
    actions = [*held["AlarmActions"], HELLO]
    sent = {name: value for name, value in found.items() if value != []} | {"AlarmActions": actions}
    stub.add_response(f"put_{kind.lower()}_alarm", {}, sent)
    of("alarm").put_alarm({**found, "AlarmActions": actions})


def test_what_this_boto_knows_of_alarms_is_a_setting_that_goes_back_or_a_state() -> None:
    model: Any = botocore.session.get_session().get_service_model("cloudwatch")
    for kind in ("MetricAlarm", "CompositeAlarm"):
        shown = set(model.shape_for(kind).members)
        taken = set(model.operation_model(f"Put{kind}").input_shape.members)
        assert shown - taken <= ALARM_STATE
        assert not taken & ALARM_STATE
        assert taken - shown == {"Tags"}, "which a change of an alarm that exists leaves alone"


def test_an_alarm_that_is_not_shown_is_none(aws: Aws) -> None:
    aws.of("alarm").add_response("describe_alarms", {"MetricAlarms": []})
    assert of("alarm").alarm() is None


def test_a_setting_that_put_does_not_know_stops_the_change_before_it_is_sent(aws: Aws) -> None:
    aws.of("alarm").deactivate()  # which looks at parameters later than boto
    with pytest.raises(Refused, match="malformed"):
        of("alarm").put_alarm({"AlarmName": "too: many errors", "EvaluationPeriods": 1, "SomethingNew": 1})


# Rules


def test_a_rules_targets_are_read_to_the_end_without_what_is_sent_along(aws: Aws) -> None:
    stub = aws.of("eventbridge")
    named = {"Rule": "nightly", "EventBusName": "shop", "Limit": 100}
    secret = {"Id": "a", "Arn": HELLO, "Input": "a secret", "HttpParameters": {"HeaderParameters": {"X-Api-Key": "a secret"}}}
    stub.add_response("list_targets_by_rule", {"Targets": [secret], "NextToken": "more"}, named)
    second = {"Id": "b", "Arn": ARNS["sqs"], "RoleArn": ROLE.role_arn}
    stub.add_response("list_targets_by_rule", {"Targets": [second]}, {**named, "NextToken": "more"})
    assert of("eventbridge").rule_targets() == [{"Id": "a", "Arn": HELLO}, second]


def test_a_target_that_eventbridge_did_not_take_is_refused_though_it_answers_200(aws: Aws) -> None:
    stub = aws.of("eventbridge")
    target = {"Id": "fnshare-1", "Arn": HELLO}
    failed = {"TargetId": "fnshare-1", "ErrorCode": "LimitExceededException", "ErrorMessage": "Five at most."}
    named = {"Rule": "nightly", "EventBusName": "shop"}
    stub.add_response("put_targets", {"FailedEntryCount": 1, "FailedEntries": [failed]}, {**named, "Targets": [target]})
    with pytest.raises(Refused, match="Five at most") as refused:
        of("eventbridge").put_rule_target(target)
    assert refused.value.code == "LimitExceededException"
    stub.add_response("remove_targets", {"FailedEntryCount": 0, "FailedEntries": []}, {**named, "Ids": ["fnshare-1"]})
    of("eventbridge").remove_rule_target("fnshare-1")


# Topics


def test_subscriptions_are_read_to_the_end_and_only_confirmed_ones_count(aws: Aws) -> None:
    stub = aws.of("sns")

    def entry(arn: str, endpoint: str) -> dict[str, str]:
        return {"SubscriptionArn": arn, "Endpoint": endpoint, "Protocol": "lambda", "TopicArn": ARNS["sns"], "Owner": ACME}

    one, two = f"{ARNS['sns']}:1", f"{ARNS['sns']}:2"
    first = [entry("PendingConfirmation", HELLO), entry(one, HELLO)]
    stub.add_response("list_subscriptions_by_topic", {"Subscriptions": first, "NextToken": "t"}, {"TopicArn": ARNS["sns"]})
    second = [entry(two, HELLO), entry(f"{ARNS['sns']}:3", f"{HELLO}:live")]
    more = {"TopicArn": ARNS["sns"], "NextToken": "t"}
    stub.add_response("list_subscriptions_by_topic", {"Subscriptions": second}, more)
    assert of("sns").subscriptions(HELLO) == [one, two]
    again = {"Subscriptions": [], "NextToken": "t"}
    stub.add_response("list_subscriptions_by_topic", again, {"TopicArn": ARNS["sns"]})
    stub.add_response("list_subscriptions_by_topic", again, more)
    with pytest.raises(Unavailable, match="could not be understood"):
        of("sns").subscriptions(HELLO)


def test_a_subscription_is_one_of_the_topic_or_nobody_knows_what_it_is(aws: Aws) -> None:
    stub = aws.of("sns")
    asked = {"TopicArn": ARNS["sns"], "Protocol": "lambda", "Endpoint": HELLO, "ReturnSubscriptionArn": True}
    stub.add_response("subscribe", {"SubscriptionArn": f"{ARNS['sns']}:1"}, {**asked, "Attributes": {"FilterPolicy": "{}"}})
    assert of("sns").subscribe(HELLO, "{}") == f"{ARNS['sns']}:1"
    stub.add_response("subscribe", {"SubscriptionArn": "pending confirmation"}, asked)
    with pytest.raises(Unavailable) as unclear:
        of("sns").subscribe(HELLO)
    assert unclear.value.maybe_done


def test_of_a_topic_only_its_policy_is_kept(aws: Aws) -> None:
    attributes = {"Policy": '{"Statement":[]}', "KmsMasterKeyId": "a key", "DeliveryPolicy": "a secret"}
    aws.of("sns").add_response("get_topic_attributes", {"Attributes": attributes}, {"TopicArn": ARNS["sns"]})
    assert of("sns").topic_policy() == {"Statement": []}


# Queues and streams

POLICY = {"Version": "2012-10-17", "Statement": [{"Sid": "x"}]}
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


# Refusals, in words about the source


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


# Test events


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


# Runs


@pytest.mark.parametrize(("points", "runs"), [([], None), ([{"Sum": 2.0}, {"Sum": 1.0}], 3), ([{"Sum": 0.0}], 0)])
def test_no_data_about_runs_is_not_no_run(aws: Aws, points: list[dict[str, float]], runs: int | None) -> None:
    moment, now = datetime(2026, 1, 1, 10, 5, 40, tzinfo=UTC), datetime(2026, 1, 1, 10, 9, tzinfo=UTC)
    asked = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": "FunctionName", "Value": "hello_world"}, {"Name": "Resource", "Value": "hello_world:live"}],
        "StartTime": datetime(2026, 1, 1, 10, 5, tzinfo=UTC),
        "EndTime": now + timedelta(minutes=1),
        "Period": 60,
        "Statistics": ["Sum"],
    }
    aws.of("alarm").add_response("get_metric_statistics", {"Datapoints": points}, asked)
    counted = Metrics(ROLE, EAST, pace=Pace(), session_name="fnshare-wire-1")
    assert counted.invocations_since(FunctionArn.parse(f"{HELLO}:live"), moment, now=now) == runs


def test_a_long_time_of_runs_fits_into_one_answer(aws: Aws) -> None:
    now = datetime(2026, 1, 10, tzinfo=UTC)
    stub = aws.of("alarm")
    asked = dict.fromkeys(("Namespace", "MetricName", "StartTime", "EndTime", "Statistics"), ANY)
    function = [{"Name": "FunctionName", "Value": "hello_world"}]
    stub.add_response("get_metric_statistics", {"Datapoints": []}, {**asked, "Dimensions": function, "Period": 600})
    counted = Metrics(ROLE, EAST, pace=Pace(), session_name="fnshare-wire-1")
    assert counted.invocations_since(FunctionArn.parse(HELLO), now - timedelta(days=9, hours=20), now=now) is None


# Against the sandbox


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
def role(sandbox: "Sandbox") -> RoleRef:
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
