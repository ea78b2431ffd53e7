"""Event source mappings: asked for as rows, made so in AWS by a worker, looked at until they have settled."""

import json
import os
import subprocess
import sys
import uuid
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from django.utils import timezone

from sharing.models import Actor, Connection, Event, Function, Mapping, MappingChange, Role
from sharing.policy.wiring import MappingOptions, Plan, plan
from sharing.services import mapping as mappings
from sharing.services import syncing
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.granting.lease import held
from sharing.services.mapping import settling
from sharing.services.syncing.keeping import keep_mappings
from sharing.tasks import read_mapping, reconcile_mapping, sweep
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

ACME = "111122223333"
NAME = "session-cleanup"
READS = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]


class Desk:
    """Short words for what these tests do with the mappings of one function."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.sandbox = estate.sandbox
        self.by = estate.by
        self.function: Function = estate.policy(NAME).function
        self.forms = 0

    def client(self, service: str, account: str = "Platform") -> Any:
        known = next(one for one in self.sandbox.accounts if one.name == account)
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name="us-east-1",
            endpoint_url=self.sandbox.url,
            aws_access_key_id=known.access_key_id,
            aws_secret_access_key=known.secret_access_key,
        )

    def queue(self, account: str = "Platform", name: str = "orders") -> str:
        client = self.client("sqs", account)
        url = client.create_queue(QueueName=name)["QueueUrl"]
        return str(client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    def let_read(self, arn: str, statement: Any = None, account: str = "Acme Retail") -> None:
        """Put a statement into the queue's policy; by itself the one that fits."""
        role = self.client("lambda").get_function_configuration(FunctionName=NAME)["Role"]
        fitting = {"Sid": "x", "Effect": "Allow", "Principal": {"AWS": role}, "Action": READS, "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement or fitting]})
        client = self.client("sqs", account)
        url = client.get_queue_url(QueueName=arn.rsplit(":", 1)[-1])["QueueUrl"]
        client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    def paste(self, commands: str, account: str, folder: Path) -> str:
        """Run them in a shell, with the AWS CLI and the credentials of that account; what is said of trouble."""
        command = folder / "aws"
        aws = Path(sys.executable).parent / "aws"
        # By an option: for queues its version 1 does not look into AWS_ENDPOINT_URL.
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {aws} --endpoint-url {self.sandbox.url} "$@"\n')
        command.chmod(0o755)
        known = next(one for one in self.sandbox.accounts if one.name == account)
        environ = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "AWS_ACCESS_KEY_ID": known.access_key_id,
            "AWS_SECRET_ACCESS_KEY": known.secret_access_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        words = ["sh", "-e", "-c", commands]
        done = subprocess.run(words, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def token(self) -> str:
        self.forms += 1
        return f"form-{self.forms}"

    def plan(self, source: str, **asked: Any) -> mappings.MappingPlan:
        return mappings.plan(self.function, source=source, options=MappingOptions(**asked))

    def asked(self, source: str, **options: Any) -> MappingChange:
        return mappings.create(self.plan(source, **options), by=self.by, form_token=self.token())

    def run(self, change: MappingChange) -> MappingChange:
        """One run of a worker, now."""
        MappingChange.objects.filter(pk=change.pk).update(next_try_at=None)
        outcome = mappings.reconcile(change.pk)
        assert outcome is not None
        return MappingChange.objects.select_related("function__account", "mapping__function__account").get(pk=change.pk)

    def made(self, source: str, **options: Any) -> Mapping:
        change = self.run(self.asked(source, **options))
        assert (change.state, change.failure) == ("done", "")
        assert change.mapping is not None
        return change.mapping

    def fresh(self, mapping: Mapping) -> Mapping:
        return Mapping.objects.select_related("function__account").get(pk=mapping.pk)

    def held(self) -> list[dict[str, Any]]:
        return list(self.client("lambda").list_event_source_mappings(FunctionName=NAME)["EventSourceMappings"])

    def calls(self, start: str = "") -> list[str]:
        found = [call.operation for call in self.sandbox.journal if call.service == "lambda"]
        return [one for one in found if one.startswith(start)]

    def verbs(self) -> list[str]:
        found = Event.objects.filter(verb__startswith="mapping.").order_by("sequence")
        return [verb.removeprefix("mapping.") for verb in found.values_list("verb", flat=True)]


@pytest.fixture
def desk(sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr("sharing.aws.calling._PAUSES", (0.01, 0.01))
    return Desk(Estate(sandbox))


# Creating


def test_a_queue_of_the_same_account_is_wired_and_seen_to_be_enabled(desk: Desk) -> None:
    source = desk.queue()
    change = desk.asked(source, batch_size=5, filters=('{"body": {"kind": ["order"]}}',))
    assert (change.state, desk.held()) == ("queued", [])
    change = desk.run(change)
    assert (change.state, change.failure) == ("done", "")
    assert change.request_id
    assert change.mapping is not None
    assert (change.mapping.state, change.mapping.options["BatchSize"]) == ("Enabled", 5)
    assert change.mapping.read_at is not None
    assert [one["UUID"] for one in desk.held()] == [str(change.mapping_id)]
    assert desk.verbs() == ["asked", "done"]


def test_another_accounts_queue_is_refused_with_the_reason_and_works_with_the_statement_that_is_shown(desk: Desk) -> None:
    source = desk.queue("Acme Retail")
    change = desk.run(desk.asked(source))
    assert (change.state, change.failure_code) == ("failed", mappings.ROLE_MAY_NOT_READ)
    assert "execution role may not read the source" in change.failure
    role = desk.client("lambda").get_function_configuration(FunctionName=NAME)["Role"]
    steps = mappings.steps_of(change, execution_role=role)
    theirs = next(one for one in mappings.hand_offs(steps, function_arn=desk.function.arn) if one.theirs)
    assert theirs.account == ACME
    assert not theirs.fill_in
    desk.let_read(source, json.loads(theirs.statement))
    again = mappings.again(change, by=desk.by)
    assert mappings.again(change, by=desk.by).pk == again.pk
    again = desk.run(again)
    assert (again.state, again.failure) == ("done", "")
    desk.client("sqs", "Acme Retail").send_message(
        QueueUrl=desk.client("sqs", "Acme Retail").get_queue_url(QueueName="orders")["QueueUrl"], MessageBody="x"
    )
    assert desk.sandbox.journal.deliveries[-1].source_account == ACME


def test_the_commands_for_others_run_as_pasted(desk: Desk, tmp_path: Path) -> None:
    source = desk.queue("Acme Retail")
    change = desk.run(desk.asked(source))
    role = desk.client("lambda").get_function_configuration(FunctionName=NAME)["Role"]
    steps = mappings.hand_offs(mappings.steps_of(change, execution_role=role), function_arn=desk.function.arn)
    for step in steps:
        desk.paste(step.commands, "Acme Retail" if step.theirs else "Platform", tmp_path)
    assert desk.run(mappings.again(change, by=desk.by)).state == "done"


def test_the_commands_for_others_leave_a_policy_that_is_there_alone(desk: Desk, tmp_path: Path) -> None:
    source = desk.queue("Acme Retail")
    theirs = {"Sid": "theirs", "Effect": "Allow", "Principal": {"AWS": ACME}, "Action": "sqs:SendMessage", "Resource": source}
    desk.let_read(source, theirs)
    role = desk.client("lambda").get_function_configuration(FunctionName=NAME)["Role"]
    steps = mappings.steps_of(desk.run(desk.asked(source)), execution_role=role)
    (handed,) = (one for one in mappings.hand_offs(steps, function_arn=desk.function.arn) if one.theirs)
    assert "theirs" in desk.paste(handed.commands, "Acme Retail", tmp_path)
    sqs = desk.client("sqs", "Acme Retail")
    url = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
    held = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert json.loads(held)["Statement"] == [theirs]


def test_a_stream_needs_its_starting_position_and_then_keeps_it(desk: Desk) -> None:
    desk.client("kinesis").create_stream(StreamName="clicks", ShardCount=1)
    source = f"arn:aws:kinesis:us-east-1:{desk.estate.owner.number}:stream/clicks"
    assert [one.field for one in desk.plan(source).problems] == ["starting_position"]
    made = desk.made(source, starting_position="TRIM_HORIZON", maximum_retries=3)
    assert (made.options["StartingPosition"], made.options["MaximumRetryAttempts"]) == ("TRIM_HORIZON", 3)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("orders", "ARN"),
        ("sqs", "ARN"),
        ("arn:aws:s3:::bucket", "is not polled"),
        ("arn:aws:sns:us-east-1:111122223333:topic", "is not polled"),
        ("arn:aws:dynamodb:us-east-1:111122223333:table/orders", "reads its stream"),
        ("arn:aws:kafka:us-east-1:444455556666:cluster/them/1", "does not create them"),
        ("arn:aws:mq:us-east-1:111122223333:broker:theirs:b-1", "does not create them"),
        ("arn:aws:sqs:::orders", "names no account"),
    ],
)
def test_what_cannot_be_polled_is_said_on_its_field_and_refused(desk: Desk, source: str, words: str) -> None:
    plan = desk.plan(source)
    assert not plan.ok
    assert any(words in one.message and one.field == "source" for one in plan.problems), plan.problems
    with pytest.raises(Refusal):
        mappings.create(plan, by=desk.by, form_token="x")
    assert not MappingChange.objects.exists()


def test_options_that_aws_would_refuse_are_refused_with_their_field(desk: Desk) -> None:
    problems = desk.plan(desk.queue(), batch_size=11, filters=("[",), maximum_concurrency=1).problems
    assert {one.field for one in problems} == {"window", "filters", "maximum_concurrency"}


def test_an_alias_that_the_function_has_not_and_a_mapping_that_exists_are_refused(desk: Desk) -> None:
    source = desk.queue()
    plan = mappings.plan(desk.function, source=source, options=MappingOptions(), qualifier="live")
    assert [one.field for one in plan.problems] == ["qualifier"]
    made = desk.made(source)
    assert desk.plan(source).taken == made
    assert not desk.plan(source).ok


def test_the_same_form_twice_is_one_change_and_two_people_at_once_too(desk: Desk) -> None:
    plan = desk.plan(desk.queue())
    first = mappings.create(plan, by=desk.by, form_token="one")
    assert mappings.create(plan, by=desk.by, form_token="one").pk == first.pk
    with pytest.raises(Refusal, match="under way"):
        mappings.create(plan, by=Actor.of(desk.estate.ben), form_token="two")
    assert MappingChange.objects.count() == 1


# Trouble


def test_a_lost_reply_is_looked_for_and_nothing_is_created_twice(desk: Desk) -> None:
    source = desk.queue()
    desk.sandbox.faults.add("CreateEventSourceMapping", "after", "drop")
    change = desk.run(desk.asked(source))
    assert (change.state, change.mapping_id) == ("queued", None)
    assert change.next_try_at is not None
    change = desk.run(change)
    assert (change.state, len(desk.held())) == ("done", 1)
    assert desk.calls("Create") == ["CreateEventSourceMapping"]


def test_a_worker_killed_after_aws_created_it_finds_it_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any) -> bool:
        raise Killed

    change = desk.asked(desk.queue())
    with monkeypatch.context() as patch:
        patch.setattr(settling, "told", killed)
        with pytest.raises(Killed):
            desk.run(change)
    change = desk.run(change)
    assert (change.state, len(desk.held())) == ("done", 1)


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ServiceException"])
def test_throttled_and_failing_answers_are_tried_again_later(desk: Desk, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.aws.calling.time.sleep", lambda _: None)
    status = 429 if code.startswith("Too") else 500
    desk.sandbox.faults.add("CreateEventSourceMapping", code=code, status=status, times=4)
    change = desk.run(desk.asked(desk.queue()))
    assert (change.state, change.failure_code, change.tries) == ("queued", code, 1)
    for _ in range(5):
        change = desk.run(change)
    assert (change.state, change.failure) == ("done", "")


def test_aws_is_asked_again_until_what_it_accepted_has_settled(desk: Desk) -> None:
    desk.sandbox.switches.mapping_settling = 60
    change = desk.run(desk.asked(desk.queue()))
    assert change.state == "told"
    assert change.mapping is not None
    assert change.mapping.state == "Creating"
    assert desk.verbs() == ["asked"]
    with pytest.raises(Refusal, match="under way"):
        mappings.pause(change.mapping, by=desk.by, form_token="x")
    desk.sandbox.switches.mapping_settling = 0
    assert desk.run(change).state == "done"
    assert desk.calls("Create") == ["CreateEventSourceMapping"]


def test_a_mapping_that_another_tool_made_alike_is_taken_and_another_one_is_not_touched(desk: Desk) -> None:
    one, two = desk.queue(), desk.queue(name="returns")
    client = desk.client("lambda")
    client.create_event_source_mapping(FunctionName=NAME, EventSourceArn=one, BatchSize=7)
    client.create_event_source_mapping(FunctionName=NAME, EventSourceArn=two, BatchSize=3)
    assert desk.run(desk.asked(one, batch_size=7)).state == "done"
    refused = desk.run(desk.asked(two, batch_size=4))
    assert (refused.state, refused.failure_code) == ("failed", "exists")
    assert {held["BatchSize"] for held in desk.held()} == {7, 3}


@pytest.mark.parametrize("kind", ["pause", "change", "delete"])
def test_the_lost_reply_of_a_change_is_looked_for_and_nothing_is_sent_twice(desk: Desk, kind: str) -> None:
    made = desk.made(desk.queue())
    if kind == "delete":
        change = mappings.delete(made, by=desk.by, form_token="x")
    elif kind == "pause":
        change = mappings.pause(made, by=desk.by, form_token="x")
    else:
        change = mappings.change(made, MappingOptions(batch_size=4), by=desk.by, form_token="x")
    operation = "DeleteEventSourceMapping" if kind == "delete" else "UpdateEventSourceMapping"
    desk.sandbox.faults.add(operation, "after", "drop")
    change = desk.run(change)
    assert (change.state, change.told_at) == ("queued", None)
    assert desk.run(change).state == "done"
    assert desk.calls(operation) == [operation]


def test_while_one_worker_has_a_change_another_one_comes_back_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.services.granting.lease.PATIENCE", 0.0)
    change = desk.asked(desk.queue())
    with held(change.pk, MappingChange):
        outcome = mappings.reconcile(change.pk)
    assert outcome is not None
    assert outcome.again_in
    assert desk.calls("Create") == []
    assert desk.run(change).state == "done"


def test_a_paused_connection_waits_and_a_missing_one_fails(desk: Desk) -> None:
    change = desk.asked(desk.queue())
    Connection.objects.filter(account=desk.estate.owner).update(state="paused")
    change = desk.run(change)
    assert (change.state, change.failure_code) == ("queued", "not-connected")
    Connection.objects.filter(account=desk.estate.owner).update(state="disconnected")
    assert desk.run(change).state == "failed"


def test_the_sweep_hands_waiting_changes_and_reads_to_a_worker(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = desk.made(desk.queue())
    change = mappings.pause(made, by=desk.by, form_token="x")
    Mapping.objects.filter(pk=made.pk).update(read_wanted_at=timezone.now() - timedelta(minutes=1))
    told: list[tuple[str, str]] = []
    monkeypatch.setattr("sharing.tasks.sweeping.soon", lambda task, pk, **_: told.append((task.name, str(pk))))
    sweep()
    assert ("sharing.reconcile_mapping", str(change.pk)) in told
    assert ("sharing.read_mapping", str(made.pk)) in told
    reconcile_mapping(str(change.pk))
    read_mapping(str(made.pk))
    assert desk.fresh(made).read_wanted_at is None
    assert mappings.reconcile(uuid.UUID(int=7)) is None


def test_busy_mappings_are_waited_for(desk: Desk) -> None:
    made = desk.made(desk.queue())
    desk.sandbox.faults.add("UpdateEventSourceMapping", code="ResourceInUseException", status=400)
    change = desk.run(mappings.pause(made, by=desk.by, form_token="p"))
    assert (change.state, change.failure_code) == ("queued", "ResourceInUseException")
    assert desk.run(change).state == "done"


def test_what_takes_too_long_is_stuck_and_still_tried_and_given_up_after_a_day(desk: Desk) -> None:
    made = desk.made(desk.queue())
    change = mappings.pause(made, by=desk.by, form_token="p")
    MappingChange.objects.filter(pk=change.pk).update(created_at=timezone.now() - timedelta(minutes=16))
    assert [one.state for one in mappings.due(timezone.now())] == ["stuck"]
    assert desk.run(change).state == "done"
    change = mappings.resume(made, by=desk.by, form_token="r")
    MappingChange.objects.filter(pk=change.pk).update(created_at=timezone.now() - timedelta(days=2), state="stuck")
    desk.sandbox.faults.add("*", "before", "drop", times=50)
    assert desk.run(change).state == "failed"


# Pausing, resuming, changing, deleting


def test_it_is_paused_resumed_changed_and_deleted(desk: Desk) -> None:
    made = desk.made(desk.queue(), batch_size=5)
    assert desk.run(mappings.pause(made, by=desk.by, form_token="a")).state == "done"
    assert desk.fresh(made).state == "Disabled"
    assert desk.run(mappings.resume(made, by=desk.by, form_token="b")).state == "done"
    assert desk.fresh(made).state == "Enabled"
    made = desk.fresh(made)
    changed = mappings.change(made, MappingOptions(batch_size=20, window=2), by=desk.by, form_token="c")
    assert changed.options == {"BatchSize": 20, "MaximumBatchingWindowInSeconds": 2}
    assert desk.run(changed).state == "done"
    assert desk.held()[0]["BatchSize"] == 20
    assert desk.run(mappings.delete(desk.fresh(made), by=desk.by, form_token="d")).state == "done"
    assert desk.fresh(made).vanished_at is not None
    assert desk.held() == []


def test_options_are_taken_away_and_what_is_so_already_is_not_sent(desk: Desk) -> None:
    made = desk.made(desk.queue(), filters=('{"body": {"a": [1]}}',), maximum_concurrency=5)
    same = MappingOptions(filters=('{"body":{"a":[1]}}',), maximum_concurrency=5)
    with pytest.raises(Refusal, match="Nothing was changed"):
        mappings.change(made, same, by=desk.by, form_token="a")
    change = mappings.change(made, MappingOptions(), by=desk.by, form_token="b")
    assert change.options == {"FilterCriteria": {"Filters": []}, "ScalingConfig": {}}
    assert desk.run(change).state == "done"
    assert not desk.held()[0].get("ScalingConfig")


def test_a_mapping_that_is_gone_is_deleted_and_cannot_be_paused(desk: Desk) -> None:
    made, other = desk.made(desk.queue()), desk.made(desk.queue(name="returns"))
    gone, paused = mappings.delete(made, by=desk.by, form_token="a"), mappings.pause(other, by=desk.by, form_token="b")
    for one in (made, other):
        desk.client("lambda").delete_event_source_mapping(UUID=str(one.pk))
    assert desk.run(gone).state == "done"
    assert desk.run(paused).state == "failed"
    assert desk.fresh(other).vanished_at is not None
    with pytest.raises(Refusal, match="gone"):
        mappings.resume(desk.fresh(other), by=desk.by, form_token="c")


def test_sources_that_are_only_shown_cannot_be_changed(desk: Desk) -> None:
    shown = Mapping.objects.create(function=desk.function, source_arn="arn:aws:mq:us-east-1:1:broker:b:b-1", state="Enabled")
    with pytest.raises(Refusal, match="shows this mapping"):
        mappings.pause(shown, by=desk.by, form_token="a")


# Rights


def test_auditors_strangers_and_people_who_lost_their_scope_change_nothing(desk: Desk) -> None:
    made = desk.made(desk.queue())
    auditor, stranger = factories.person(Role.AUDITOR), factories.person(accounts=[factories.account()], role=Role.OWNER)
    for person, error in ((auditor, NotPermitted), (stranger, NotFound)):
        for ask in (mappings.pause, mappings.resume, mappings.delete):
            with pytest.raises(error):
                ask(made, by=Actor.of(person), form_token="x")
        with pytest.raises(error):
            mappings.create(desk.plan(desk.queue(name="more")), by=Actor.of(person), form_token="x")
    change = mappings.pause(made, by=desk.by, form_token="a")
    desk.estate.ann.is_active = False
    desk.estate.ann.save()
    change = desk.run(change)
    assert (change.state, change.failure_code) == ("failed", "not-permitted")
    assert desk.held()[0]["State"] == "Enabled"


def test_without_the_mappings_stage_nothing_is_asked_for_and_the_worker_says_what_to_add(desk: Desk) -> None:
    change = desk.asked(desk.queue())
    Connection.objects.filter(account=desk.estate.owner).update(verbs={"map": False})
    change = desk.run(change)
    assert (change.state, change.failure_code) == ("failed", "no-mappings-stage")
    assert not desk.plan(desk.queue(name="more")).ok
    assert desk.calls("Create") == []


def test_the_session_of_a_change_can_do_nothing_else(desk: Desk) -> None:
    other = desk.client("lambda").create_event_source_mapping(FunctionName="hello_world", EventSourceArn=desk.queue())
    mine = Mapping.objects.create(pk=uuid.UUID(other["UUID"]), function=desk.function, source_arn=other["EventSourceArn"])
    change = desk.run(mappings.delete(mine, by=desk.by, form_token="x"))
    assert (change.state, change.failure_code) == ("failed", "runs-another")
    assert desk.calls("Delete") == []
    assert desk.client("lambda").get_event_source_mapping(UUID=other["UUID"])["State"] == "Enabled"


# Reading again


def test_opening_asks_once_a_minute_and_a_worker_reads_the_mapping_again(desk: Desk) -> None:
    made = desk.made(desk.queue())
    assert not mappings.want(made, by=desk.by)
    Mapping.objects.filter(pk=made.pk).update(read_at=timezone.now() - timedelta(minutes=2))
    made = desk.fresh(made)
    assert mappings.want(made, by=desk.by)
    assert not mappings.want(made, by=desk.by)
    desk.client("lambda").update_event_source_mapping(UUID=str(made.pk), Enabled=False)
    later = timezone.now() + timedelta(seconds=30)
    assert [one.pk for one in mappings.reads_due(later)] == [made.pk]
    mappings.read(made.pk)
    made = desk.fresh(made)
    assert (made.state, made.read_wanted_at, made.read_failure) == ("Disabled", None, "")


@pytest.mark.parametrize("trouble", ["aws", "paused"])
def test_a_read_that_fails_says_so_and_keeps_what_was_known(desk: Desk, trouble: str) -> None:
    made = desk.made(desk.queue())
    Mapping.objects.filter(pk=made.pk).update(read_at=None)
    assert mappings.want(desk.fresh(made), by=desk.by)
    if trouble == "aws":
        desk.sandbox.faults.add("ListEventSourceMappings", code="AccessDeniedException", status=403, times=9)
    else:
        Connection.objects.filter(account=desk.estate.owner).update(state="paused")
    mappings.read(made.pk)
    made = desk.fresh(made)
    assert (made.state, made.read_wanted_at) == ("Enabled", None)
    assert made.read_failure


def test_a_sync_fills_the_same_columns_from_the_list_it_reads_anyway(desk: Desk) -> None:
    source = desk.queue()
    made = desk.client("lambda").create_event_source_mapping(FunctionName=NAME, EventSourceArn=source, BatchSize=6)
    sync = syncing.request_function(desk.function, by=desk.by)
    while syncing.run(sync.pk):
        pass
    mapping = Mapping.objects.get(pk=made["UUID"])
    assert (mapping.state, mapping.options["BatchSize"], mapping.last_result) == ("Enabled", 6, "No records processed")
    assert mapping.state_reason == "User action"
    assert mapping.last_modified is not None
    assert mapping.read_at is not None
    assert desk.calls("ListEventSource") == ["ListEventSourceMappings"]


def test_a_list_older_than_the_last_look_changes_nothing(desk: Desk) -> None:
    made = desk.made(desk.queue())
    before = timezone.now() - timedelta(minutes=5)
    assert keep_mappings(desk.function, [], before) == 0
    assert desk.fresh(made).vanished_at is None
    assert keep_mappings(desk.function, [], timezone.now()) == 1


@pytest.mark.parametrize(
    "of", ["kinesis:us-east-1:111122223333:stream/s", "dynamodb:us-east-1:111122223333:table/abc/stream/2026"]
)
def test_a_stream_is_handed_off_by_its_arn_however_the_call_spells_it(of: str) -> None:
    function, options = "arn:aws:lambda:us-east-1:444455556666:function:f", MappingOptions(starting_position="LATEST")
    found = plan(function, f"arn:aws:{of}", options=options)
    assert isinstance(found, Plan)
    theirs = next(one for one in mappings.hand_offs(found.theirs, function_arn=function) if one.theirs)
    assert f"put-resource-policy --region us-east-1 --resource-arn arn:aws:{of} " in theirs.commands


@pytest.mark.parametrize(
    ("answer", "written"),
    [
        ("echo '{}'", True),
        ("echo None", True),
        ("echo 'An error occurred (PolicyNotFoundException) when calling it: none' >&2; exit 254", True),
        ("""echo '{"Version":"2012-10-17","Statement":[{"Sid":"theirs"}]}'""", False),
        ("echo 'An error occurred (AccessDeniedException) when calling it' >&2; exit 254", False),
        ("exit 255", False),
    ],
    ids=["empty", "none", "not found", "theirs", "denied", "silent"],
)
def test_what_replaces_a_streams_policy_is_pasted_over_none_alone(answer: str, written: bool, tmp_path: Path) -> None:
    function, stream = "arn:aws:lambda:us-east-1:444455556666:function:f", "arn:aws:kinesis:us-east-1:111122223333:stream/s"
    found = plan(function, stream, options=MappingOptions(starting_position="LATEST"))
    assert isinstance(found, Plan)
    theirs = next(one for one in mappings.hand_offs(found.theirs, function_arn=function) if one.theirs)
    aws = tmp_path / "aws"
    aws.write_text(f'#!/bin/sh\ncase "$2" in get-*) {answer} ;; *) echo "$@" > "{tmp_path}/written" ;; esac\n')
    aws.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-e", "-c", theirs.commands], env=environ, capture_output=True, text=True, timeout=20, check=True
    )
    assert (tmp_path / "written").exists() is written
    assert ("Nothing was written" in done.stderr) is not written
