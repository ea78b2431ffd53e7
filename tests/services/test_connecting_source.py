"""The source role: made for named sources and nothing else, tried before it is used, and never one of the other roles."""

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from sharing.models import Account, Actor, Connection, ConnectionState, Event, Purpose, Wiring, WiringState, WiringStep
from sharing.services import connecting
from sharing.services.connecting.leaving import what_stays
from sharing.services.errors import NotPermitted, Refusal
from tests import factories

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

ACME, PLATFORM, EAST = "111122223333", "444455556666", "us-east-1"
BUCKET = "arn:aws:s3:::acme-uploads"
TOPIC = f"arn:aws:sns:{EAST}:{ACME}:orders"
QUEUE = f"arn:aws:sqs:{EAST}:{ACME}:orders"
ALARM = f"arn:aws:cloudwatch:{EAST}:{ACME}:alarm:too many errors"
RULE = f"arn:aws:events:{EAST}:{ACME}:rule/nightly"
STREAM = f"arn:aws:kinesis:{EAST}:{ACME}:stream/clicks"
TABLE = f"arn:aws:dynamodb:{EAST}:{ACME}:table/orders"
CHANGES = f"{TABLE}/stream/2026-01-01T00:00:00.000"


@pytest.fixture
def admin() -> Actor:
    return Actor.of(factories.person("admin"))


@pytest.fixture
def acme() -> Account:
    return factories.account("Acme Retail", ACME)


def prepared(account: Account, admin: Actor, *sources: str) -> Connection:
    return connecting.prepare(number=account.number, name=account.name, purpose=Purpose.SOURCE, by=admin, limited_to=sources)


def policies_of(connection: Connection, *, tests: bool = False) -> dict[str, list[dict[str, Any]]]:
    template = json.loads(connecting.cloudformation(connection, share=False, tests=tests))
    found = template["Resources"]["Role"]["Properties"]["Policies"]
    return {one["PolicyName"]: one["PolicyDocument"]["Statement"] for one in found}


def test_the_role_may_wire_exactly_the_named_sources(acme: Account, admin: Actor) -> None:
    one = prepared(acme, admin, BUCKET, TOPIC, RULE, ALARM, QUEUE, STREAM, CHANGES, f" {BUCKET}-2 ", BUCKET, "")
    assert one.external_id.startswith("fnshare-source-")
    assert connecting.suggested_role_arn(one).endswith(":role/fnshare-source")
    assert one.limited_to == [BUCKET, TOPIC, RULE, ALARM, QUEUE, STREAM, CHANGES, f"{BUCKET}-2"]
    (statements,) = policies_of(one).values()
    assert {tuple(one["Action"]): one["Resource"] for one in statements} == {
        ("s3:GetBucketNotification", "s3:PutBucketNotification"): [BUCKET, f"{BUCKET}-2"],
        ("sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:Subscribe"): [TOPIC],
        ("sns:Unsubscribe",): "*",
        ("events:ListTargetsByRule", "events:PutTargets", "events:RemoveTargets"): [RULE],
        ("cloudwatch:PutMetricAlarm",): [ALARM],
        ("cloudwatch:DescribeAlarms",): "*",
        ("sqs:GetQueueAttributes", "sqs:SetQueueAttributes"): [QUEUE],
        ("kinesis:GetResourcePolicy", "kinesis:PutResourcePolicy", "kinesis:DeleteResourcePolicy"): [STREAM],
        ("dynamodb:GetResourcePolicy", "dynamodb:PutResourcePolicy", "dynamodb:DeleteResourcePolicy"): [CHANGES],
    }


def test_without_a_topic_or_an_alarm_nothing_is_allowed_on_everything(acme: Account, admin: Actor) -> None:
    (statements,) = policies_of(prepared(acme, admin, BUCKET, QUEUE)).values()
    assert "*" not in [one["Resource"] for one in statements]


def test_test_events_are_a_policy_of_their_own_that_has_to_be_chosen(acme: Account, admin: Actor) -> None:
    one = prepared(acme, admin, BUCKET, TOPIC, QUEUE, RULE)
    assert list(policies_of(one)) == ["fnshare-wire"]
    with_tests = policies_of(one, tests=True)
    assert with_tests["fnshare-wire"] == policies_of(one)["fnshare-wire"]
    assert {tuple(one["Action"]): one["Resource"] for one in with_tests["fnshare-test-events"]} == {
        ("s3:PutObject", "s3:DeleteObject"): [f"{BUCKET}/*fnshare-test-*"],
        ("sns:Publish",): [TOPIC],
        ("sqs:SendMessage",): [QUEUE],
    }
    for text in (connecting.role_commands(one, share=False), connecting.terraform(one, share=False)):
        assert "fnshare-wire" in text
        assert "PutObject" not in text
    for text in (connecting.role_commands(one, share=False, tests=True), connecting.terraform(one, share=False, tests=True)):
        assert "PutObject" in text
    assert list(policies_of(prepared(factories.account(number=PLATFORM), admin, "arn:aws:s3:::b-1"), tests=True))
    only_rules = connecting.prepare(number=ACME, name="Acme Retail", purpose=Purpose.SOURCE, by=admin, limited_to=[RULE])
    assert list(policies_of(only_rules, tests=True)) == ["fnshare-wire"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "none is named"),
        ("acme-uploads", "not the ARN"),
        ("arn:aws:s3:::*", "not the ARN"),
        ("arn:aws:s3:::acme-uploads/key", "not the ARN"),
        (f"arn:aws:s3:{EAST}:{ACME}:acme-uploads", "not the ARN"),
        (f"arn:aws:sqs:{EAST}::orders", "not the ARN"),
        (f"arn:aws:lambda:{EAST}:{ACME}:function:f", "not the ARN"),
        (f"arn:aws:logs:{EAST}:{ACME}:log-group:g", "not the ARN"),
        (f"arn:aws:cloudwatch:{EAST}:{ACME}:alarm:*", "not the ARN"),
        (f"arn:aws:cloudwatch:{EAST}:{ACME}:alarm:${{file}}", "not the ARN"),
        (f"arn:aws:cloudwatch:{EAST}:{ACME}:alarm:a\x00b", "not the ARN"),
        (f"arn:aws-cn:sqs:cn-north-1:{ACME}:orders", "not the ARN"),
        (TABLE, "not the ARN"),
        ("x" * 20_000, "not the ARN"),
        (f"arn:aws:sqs:{EAST}:{PLATFORM}:orders", "belongs to account 444455556666"),
    ],
)
def test_what_is_no_source_of_the_account_is_refused(acme: Account, admin: Actor, text: str, words: str) -> None:
    with pytest.raises(Refusal, match=words) as refused:
        prepared(acme, admin, text)
    assert refused.value.field == "sources"
    assert not Connection.objects.exists()


def test_more_sources_than_a_roles_policy_holds_are_refused(acme: Account, admin: Actor) -> None:
    assert prepared(acme, admin, *(f"{BUCKET}-{number}" for number in range(40)))
    for many in (
        [f"{BUCKET}-{number}" for number in range(41)],
        [f"{ALARM}{number}{'x' * 200}" for number in range(20)],
    ):
        with pytest.raises(Refusal, match="no room"):
            prepared(acme, admin, *many)


def test_the_policies_of_the_longest_list_fit_into_a_role(acme: Account, admin: Actor) -> None:
    one = prepared(acme, admin, *(f"arn:aws:s3:::{'b' * 60}-{number}" for number in range(40)))
    documents = [{"Version": "2012-10-17", "Statement": held} for held in policies_of(one, tests=True).values()]
    assert sum(len(json.dumps(document, separators=(",", ":"))) for document in documents) < 10_240


def test_what_it_wires_can_be_changed_and_is_told(acme: Account, admin: Actor) -> None:
    one = prepared(acme, admin, BUCKET)
    again = connecting.prepare(number=ACME, name="Acme", purpose=Purpose.SOURCE, by=admin)
    assert (again.pk, again.limited_to) == (one.pk, [BUCKET]), "not asked about: as it was"
    assert prepared(acme, admin, QUEUE).limited_to == [QUEUE]
    assert f"The source role of Acme Retail may now wire {QUEUE}" in Event.objects.values_list("text", flat=True)
    with pytest.raises(Refusal, match="none is named"):
        prepared(acme, admin)


def test_owners_do_not_connect_one(acme: Account) -> None:
    with pytest.raises(NotPermitted):
        prepared(acme, Actor.of(factories.person("owner", accounts=[acme])), BUCKET)


@pytest.mark.parametrize("purpose", [Purpose.MANAGER, Purpose.CHECKER, Purpose.INVOKER, Purpose.ORGANIZATION])
def test_no_other_role_touches_a_source(acme: Account, admin: Actor, purpose: str) -> None:
    other = factories.connection(acme, purpose, limited_to=[BUCKET])
    with pytest.raises(ValueError, match=f"A {purpose} role never touches sources"):
        connecting.sources(other, EAST, resource=BUCKET, session_name="fnshare-wire-1")
    one = prepared(acme, admin, BUCKET)
    with pytest.raises(Refusal, match="a role of their own"):
        connecting.register(one, role_arn=other.role_arn, by=admin)
    with pytest.raises(ValueError, match="was not made for"):
        connecting.sources(one, EAST, resource=QUEUE, session_name="fnshare-wire-1")


def test_the_planner_learns_of_roles_that_were_made_for_the_source(acme: Account) -> None:
    def roles(source: str, *numbers: str) -> set[str]:
        return connecting.source_roles_for(source, numbers or (ACME, PLATFORM))

    factories.connection(factories.account(number=PLATFORM), Purpose.SOURCE, limited_to=[BUCKET], verbs={"wire": True})
    assert roles(BUCKET) == {PLATFORM}
    one = factories.connection(acme, Purpose.SOURCE, limited_to=[BUCKET, QUEUE], verbs={"wire": True})
    assert (roles(BUCKET), roles(QUEUE), roles(BUCKET, ACME)) == ({ACME, PLATFORM}, {ACME}, {ACME})
    assert roles(TOPIC) == roles(f"{QUEUE}-2") == set()
    assert connecting.source_role_of(QUEUE, ACME) == one
    assert connecting.source_role_of(QUEUE, PLATFORM) is None
    for change in ({"verbs": {"wire": False}}, {"state": ConnectionState.PAUSED}, {"purpose": Purpose.INVOKER}):
        kept = {name: getattr(one, name) for name in change}
        Connection.objects.filter(pk=one.pk).update(**change)
        assert roles(QUEUE) == set()
        Connection.objects.filter(pk=one.pk).update(**kept)
    assert roles(QUEUE) == {ACME}


def test_disconnecting_it_leaves_wirings_as_they_are_and_says_so(acme: Account, admin: Actor) -> None:
    one = prepared(acme, admin, BUCKET, QUEUE)
    assert "stays as it is in AWS" in what_stays(one).sentence
    assert "wiring" not in what_stays(one).sentence
    wiring = Wiring.objects.create(
        function=factories.function(),
        kind="s3",
        source_arn=BUCKET,
        source_account=ACME,
        state=WiringState.PROVED,
        requested_as="x",
    )
    WiringStep.objects.create(wiring=wiring, position=0, key="permission", side="owner", account=PLATFORM, ours=True)
    assert "wiring" not in what_stays(one).sentence
    WiringStep.objects.create(wiring=wiring, position=1, key="notification", side="source", account=ACME, ours=True)
    assert "1 wiring of Acme Retail keeps its state" in what_stays(one).sentence
    connecting.disconnect(one, by=admin)
    wiring.refresh_from_db()
    assert wiring.state == WiringState.PROVED
    assert connecting.source_roles_for(BUCKET, [ACME]) == set()


# The test of the role, against the sandbox


class Place:
    """Acme's source role as fnshare's own commands make it, and the sources."""

    def __init__(self, sandbox: "Sandbox", admin: Actor, acme: Account) -> None:
        self.sandbox = sandbox
        self.admin = admin
        self.acme = acme

    def client(self, service: str, account: str = ACME) -> Any:
        known = self.sandbox.account(account)
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=EAST,
            endpoint_url=self.sandbox.url,
            aws_access_key_id=known.access_key_id,
            aws_secret_access_key=known.secret_access_key,
        )

    def tested(self, *sources: str, policies: dict[str, Any] | None = None, condition: bool = True) -> Connection:
        connecting.identify_worker()
        one = prepared(self.acme, self.admin, *sources)
        template = json.loads(connecting.cloudformation(one, share=False))
        role = template["Resources"]["Role"]["Properties"]
        trust = role["AssumeRolePolicyDocument"]
        trust["Statement"][0]["Principal"] = {"AWS": template["Parameters"]["WorkerPrincipalArn"]["Default"]}
        if not condition:
            del trust["Statement"][0]["Condition"]
        made = {one["PolicyName"]: one["PolicyDocument"] for one in role["Policies"]} if policies is None else policies
        arn = self.sandbox.add_role(ACME, f"{role['RoleName']}-1", trust=trust, policies=made)
        connecting.register(one, role_arn=arn, by=self.admin)
        done = connecting.run_test(one.pk)
        assert done is not None
        return done


@pytest.fixture
def place(sandbox: "Sandbox", admin: Actor, acme: Account) -> Place:
    return Place(sandbox, admin, acme)


def rows(connection: Connection) -> dict[str, str]:
    return {row["name"]: row["outcome"] for row in connection.report if row["name"].startswith("arn:")}


def test_each_source_is_read_once_and_nothing_is_changed_or_sent(place: Place) -> None:
    place.client("s3").create_bucket(Bucket="acme-uploads")
    place.client("sns").create_topic(Name="orders")
    place.client("sqs").create_queue(QueueName="orders")
    place.client("events").put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    place.sandbox.journal.clear()
    done = place.tested(BUCKET, TOPIC, QUEUE, RULE, f"{QUEUE}-gone", "arn:aws:s3:::acme-gone")
    assert (done.state, done.verbs) == (ConnectionState.CONNECTED, {"wire": True})
    assert rows(done) == {
        BUCKET: "ok",
        TOPIC: "ok",
        QUEUE: "ok",
        RULE: "ok",
        f"{QUEUE}-gone": "warning",
        "arn:aws:s3:::acme-gone": "warning",
    }
    (gone,) = [row for row in done.report if row["name"] == f"{QUEUE}-gone"]
    assert "does not know the queue" in gone["detail"]
    assert "Make it, or take it off the list" in gone["next"]
    writing = ("Put", "Set", "Send", "Publish", "Subscribe", "Delete", "Remove")
    assert not [call.operation for call in place.sandbox.journal if call.operation.startswith(writing)]


def test_what_the_role_may_not_read_is_named_with_what_to_add(place: Place) -> None:
    place.client("sqs").create_queue(QueueName="orders")
    place.client("s3", "Globex").create_bucket(Bucket="globex-uploads")
    allow = {"Effect": "Allow", "Action": ["s3:GetBucketNotification"], "Resource": "*"}
    wire = {"Version": "2012-10-17", "Statement": [allow]}
    done = place.tested(QUEUE, "arn:aws:s3:::globex-uploads", policies={"wire": wire})
    assert done.verbs == {"wire": False}
    assert set(rows(done).values()) == {"missing"}
    queue, bucket = [row["next"] for row in done.report if row["outcome"] == "missing"]
    assert "sqs:SetQueueAttributes" in queue
    assert QUEUE in queue
    assert "the bucket belongs to another account" in bucket
    assert connecting.source_roles_for(QUEUE, [ACME]) == set()


def test_a_role_that_ignores_the_external_id_is_refused(place: Place) -> None:
    done = place.tested(QUEUE, condition=False)
    assert done.state == ConnectionState.REFUSED
    assert "without any ExternalId" in done.failure
