"""Wirings against the local AWS, over real HTTP: bucket and queue of another account, wired on both sides and taken back."""

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from sharing.models import Mapping, MappingChange, Purpose, Wiring, WiringStep
from sharing.services import granting, wiring
from sharing.services import mapping as mappings
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

ACME, EAST = "111122223333", "us-east-1"
BUCKET, QUEUE = "arn:aws:s3:::acme-uploads", f"arn:aws:sqs:{EAST}:{ACME}:orders"
ALARM, TOPIC = f"arn:aws:cloudwatch:{EAST}:{ACME}:alarm:too-many", f"arn:aws:sns:{EAST}:{ACME}:orders"
EXTERNAL_ID = "fnshare-source-1"


class Desk:
    """The story's Acme with a source role that may do anything: what is refused then is refused by the session."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self.sandbox = sandbox
        self.estate = Estate(sandbox)
        worker = f"arn:aws:iam::{sandbox.account('fnshare').id}:user/fnshare/worker"
        condition = {"StringEquals": {"sts:ExternalId": EXTERNAL_ID}}
        enter = {"Effect": "Allow", "Principal": {"AWS": worker}, "Action": "sts:AssumeRole", "Condition": condition}
        every = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        trust = {"Version": "2012-10-17", "Statement": [enter]}
        role = sandbox.add_role(ACME, "fnshare-source", trust=trust, policies={"All": every})
        factories.connection(
            self.estate.accounts["Acme Retail"], Purpose.SOURCE, role_arn=role, external_id=EXTERNAL_ID,
            limited_to=[BUCKET, QUEUE, ALARM, TOPIC], verbs={"wire": True},
        )  # fmt: skip

    def client(self, service: str, account: str = "Acme Retail") -> Any:
        known = next(one for one in self.sandbox.accounts if one.name == account)
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name=EAST,
            endpoint_url=self.sandbox.url,
            aws_access_key_id=known.access_key_id,
            aws_secret_access_key=known.secret_access_key,
        )

    def asked(self, name: str, source: str, **asked: Any) -> Wiring:
        function = self.estate.policy(name).function
        plan = wiring.plan(function, source, by=self.estate.by, **asked)
        return wiring.ask(plan, by=self.estate.by, form_token=f"{name}-{source}")

    def work(self, made: Wiring, rounds: int = 12) -> str:
        """What workers do about it until nothing is left to do."""
        for _ in range(rounds):
            WiringStep.objects.filter(wiring=made).exclude(state__in=("seen", "said", "asked")).update(next_try_at=None)
            for step in made.steps.filter(state__in=("queued", "told", "stuck", "undoing")):
                outcome = wiring.reconcile(step.pk)
                if outcome is not None and outcome.grant is not None:
                    granting.reconcile(outcome.grant.pk)
                if outcome is not None and outcome.change is not None:
                    MappingChange.objects.update(next_try_at=None)
                    mappings.reconcile(outcome.change.pk)
            state = Wiring.objects.get(pk=made.pk).state
            if state not in ("working", "undoing"):
                break
        failures = list(made.steps.exclude(failure="").values_list("key", "failure"))
        assert failures == []
        return state


@pytest.fixture
def desk(sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("sharing.aws.calling._PAUSES", (0.01, 0.01))
    return Desk(sandbox)


def test_a_bucket_keeps_its_three_configurations_byte_for_byte_while_two_wirings_come_and_go(desk: Desk) -> None:
    s3, sqs, sns = desk.client("s3"), desk.client("sqs"), desk.client("sns")
    s3.create_bucket(Bucket="acme-uploads")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="events")["TopicArn"]
    rules = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "old/"}, {"Name": "suffix", "Value": ".jpg"}]}}
    three = {
        "QueueConfigurations": [
            {"Id": "a", "QueueArn": arn, "Events": ["s3:ObjectRemoved:*"], "Filter": rules},
            {"Id": "b", "QueueArn": arn, "Events": ["s3:ObjectRestore:*"]},
        ],
        "TopicConfigurations": [{"Id": "c", "TopicArn": topic, "Events": ["s3:ReducedRedundancyLostObject"]}],
    }
    s3.put_bucket_notification_configuration(Bucket="acme-uploads", NotificationConfiguration=three)

    def held() -> str:
        said = s3.get_bucket_notification_configuration(Bucket="acme-uploads")
        said.pop("ResponseMetadata")
        return json.dumps(said, sort_keys=True)

    before = held()
    first = desk.asked("hello_world", BUCKET, source_account=ACME, prefix="in/")
    second = desk.asked("session-cleanup", BUCKET, source_account=ACME, prefix="out/")
    lost = desk.sandbox.faults.add("PutBucketNotification", "after", "drop")
    assert (desk.work(first), desk.work(second), lost.fired) == ("in-place", "in-place", 1)
    s3.put_object(Bucket="acme-uploads", Key="in/x", Body=b"x")
    delivered = desk.sandbox.journal.deliveries[-1]
    assert (delivered.source_account, delivered.function_arn.rsplit(":", 1)[-1]) == (ACME, "hello_world")
    wiring.test(first, by=desk.estate.by)
    for state in ("sent", "arrived"):
        wiring.send_test(first.pk)
        tested = Wiring.objects.get(pk=first.pk)
        assert (tested.test_state, tested.test_failure) == (state, "")
    assert (tested.test_runs, tested.state) == (1, "proved")
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="acme-uploads")["Contents"]] == ["in/x"]
    with_both = json.loads(held())
    assert len(with_both.pop("LambdaFunctionConfigurations")) == 2
    assert json.dumps(with_both, sort_keys=True) == before
    for made in (first, second):
        wiring.abandon(made, by=desk.estate.by)
        assert desk.work(made) == "undone"
    assert held() == before
    assert desk.estate.sids(desk.estate.policy("hello_world")) == []


def test_a_queue_of_another_account_lets_the_execution_role_read_and_is_mapped_and_all_of_it_taken_back(desk: Desk) -> None:
    sqs = desk.client("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    role = desk.client("lambda", "Platform").get_function_configuration(FunctionName="session-cleanup")["Role"]
    made = desk.asked("session-cleanup", QUEUE, execution_role=role)
    assert desk.work(made) == "waiting"
    wiring.say_done(made.steps.get(key="execution-role"), by=desk.estate.by)
    assert desk.work(made) == "in-place"
    assert dict(made.steps.values_list("key", "state")) == {
        "execution-role": "seen", "source-policy": "seen", "mapping": "seen",
    }  # fmt: skip
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert desk.sandbox.journal.deliveries[-1].source_account == ACME
    wiring.abandon(made, by=desk.estate.by)
    assert desk.work(made) == "undone"
    assert "Policy" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
    assert Mapping.objects.get().vanished_at is not None


def test_an_alarm_and_a_topic_of_another_account_call_the_function_and_keep_what_they_had(desk: Desk) -> None:
    cloudwatch, sns = desk.client("cloudwatch"), desk.client("sns")
    sns.create_topic(Name="orders")
    cloudwatch.put_metric_alarm(
        AlarmName="too-many", MetricName="Errors", Namespace="Shop", Statistic="Sum", Period=60, EvaluationPeriods=3,
        Threshold=1.5, ComparisonOperator="GreaterThanThreshold", AlarmActions=[TOPIC], AlarmDescription="kept",
    )  # fmt: skip
    policy = sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"]
    alarm = desk.asked("hello_world", ALARM)
    topic = desk.asked("session-cleanup", TOPIC)
    assert (desk.work(alarm), desk.work(topic)) == ("in-place", "in-place")
    cloudwatch.set_alarm_state(AlarmName="too-many", StateValue="ALARM", StateReason="test")
    sns.publish(TopicArn=TOPIC, Message="x")
    called = {one.function_arn.rsplit(":", 1)[-1] for one in desk.sandbox.journal.deliveries if one.delivered}
    assert called == {"hello_world", "session-cleanup"}
    for made in (alarm, topic):
        wiring.abandon(made, by=desk.estate.by)
        assert desk.work(made) == "undone"
    (left,) = cloudwatch.describe_alarms(AlarmNames=["too-many"])["MetricAlarms"]
    assert (left["AlarmActions"], left["AlarmDescription"], left["EvaluationPeriods"]) == ([TOPIC], "kept", 3)
    assert sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"] == policy
    assert sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"] == []
