"""Wirings: planned, asked for, made so step by step, watched, taken back; each trouble tried on each kind of step."""

import copy
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Event,
    Function,
    Grant,
    GrantState,
    Installation,
    Mapping,
    MappingChange,
    Notice,
    Purpose,
    Role,
    Wiring,
    WiringSource,
    WiringStep,
)
from sharing.policy.wiring import MappingOptions
from sharing.services import granting, limits, mailing, waking, wiring
from sharing.services.connecting import entering
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.granting.lease import held
from sharing.services.overview import WiringLine, overview
from sharing.services.wiring import settling
from sharing.services.wiring.door import source_row
from tests import factories
from tests.services.kept import allow, kept
from tests.services.sources import Cloud, denied, throttled, timeout
from tests.services.test_limits_file import WHOLE as LIMITS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

ACME, PLATFORM, EAST = "111122223333", "444455556666", "us-east-1"
BUCKET = "arn:aws:s3:::acme-uploads"
TOPIC = f"arn:aws:sns:{EAST}:{ACME}:orders"
OWN_RULE = f"arn:aws:events:{EAST}:{PLATFORM}:rule/nightly"
RULE = f"arn:aws:events:{EAST}:{ACME}:rule/nightly"
ALARM = f"arn:aws:cloudwatch:{EAST}:{ACME}:alarm:too many"
QUEUE = f"arn:aws:sqs:{EAST}:{ACME}:orders"
STREAM = f"arn:aws:kinesis:{EAST}:{ACME}:stream/clicks"
TABLE = f"arn:aws:dynamodb:{EAST}:{ACME}:table/orders/stream/2026-01-01T00:00:00.000"
SOURCES = [BUCKET, TOPIC, RULE, ALARM, QUEUE, STREAM, TABLE]
EXECUTION = f"arn:aws:iam::{PLATFORM}:role/execution"
FROM_START = {"starting_position": "TRIM_HORIZON"}

#: Key of a step → its source, what is asked beside it, and what the source holds before.
THEIRS: dict[str, Any] = {"Version": "2012-10-17", "Id": "t", "Statement": [{
    "Sid": "theirs", "Effect": "Allow", "Principal": {"AWS": "222233334444"}, "Action": "sqs:SendMessage", "Resource": QUEUE,
}]}  # fmt: skip
THREE: dict[str, Any] = {
    "LambdaFunctionConfigurations": [
        {"Id": "a", "LambdaFunctionArn": f"arn:aws:lambda:{EAST}:{ACME}:function:mine", "Events": ["s3:ObjectRemoved:*"],
         "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "old/"}, {"Name": "Suffix", "Value": ".jpg"}]}}},
    ],
    "QueueConfigurations": [{"Id": "b", "QueueArn": QUEUE, "Events": ["s3:ObjectRestore:*"]}],
    "TopicConfigurations": [{"Id": "c", "TopicArn": TOPIC, "Events": ["s3:ReducedRedundancyLostObject"]}],
    "EventBridgeConfiguration": {},
}  # fmt: skip
KINDS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "s3": ("notification", BUCKET, {"source_account": ACME, "prefix": "in/"}, THREE),
    "sns-policy": ("topic-policy", TOPIC, {"owner_subscribes": True}, THEIRS),
    "sns": ("subscription", TOPIC, {}, {"subscriptions": {f"{TOPIC}:theirs": "arn:aws:sqs:us-east-1:111122223333:q"}}),
    "eventbridge": ("target", OWN_RULE, {}, {"targets": [{"Id": "theirs", "Arn": QUEUE}]}),
    "alarm": ("alarm-action", ALARM, {}, {"AlarmName": "too many", "AlarmActions": [TOPIC], "Threshold": 1.5}),
    "sqs": ("source-policy", QUEUE, {"execution_role": EXECUTION}, THEIRS),
    "kinesis": ("source-policy", STREAM, {"execution_role": EXECUTION, "mapping": FROM_START}, {}),
    "dynamodb": ("source-policy", TABLE, {"execution_role": EXECUTION, "mapping": FROM_START}, THEIRS),
}
WHOLE = ["s3", "sns-policy", "alarm", "sqs", "kinesis", "dynamodb"]


class Desk:
    """Short words for what these tests do with wirings of one function."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.function: Function = factories.shareable("label-uploads", PLATFORM)
        self.platform: Account = self.function.account
        self.acme = factories.account("Acme Retail", ACME)
        self.role = factories.connection(self.acme, Purpose.SOURCE, limited_to=SOURCES, verbs={"wire": True})
        factories.connection(self.platform, Purpose.SOURCE, limited_to=[OWN_RULE], verbs={"wire": True})
        self.ann = factories.person("owner", email="ann@example.com")
        self.ben = factories.person("owner", email="ben@example.com")
        self.by = Actor.of(self.ann)
        self.forms = 0

    def plan(self, source: str = BUCKET, **asked: Any) -> wiring.WiringPlan:
        if source == BUCKET:
            asked.setdefault("source_account", ACME)
        if "mapping" in asked:
            asked["mapping"] = MappingOptions(**asked["mapping"])
        return wiring.plan(self.function, source, by=asked.pop("by", self.by), **asked)

    def asked(self, source: str = BUCKET, **asked: Any) -> Wiring:
        self.forms += 1
        return wiring.ask(self.plan(source, **asked), by=self.by, reason="They need it", form_token=f"form-{self.forms}")

    def step(self, of: Wiring, key: str) -> WiringStep:
        return WiringStep.objects.select_related("wiring__function__account").get(wiring=of, key=key)

    def at(self, kind: str, **more: Any) -> WiringStep:
        """A wiring whose steps before the one of this kind are settled, and that one waits for a worker."""
        key, source, asked, held = KINDS[kind]
        self.cloud.held.setdefault(source, copy.deepcopy(held))
        made = self.asked(source, **{**asked, **more})
        self.skip_to(made, key)
        step = self.step(made, key)
        assert (step.ours, step.state) == (True, "queued")
        return step

    def skip_to(self, made: Wiring, key: str) -> None:
        position = self.step(made, key).position
        made.steps.filter(position__lt=position).update(state="seen", ours=True)
        settling.follow(made)

    def run(self, step: WiringStep) -> WiringStep:
        """One run of a worker, now."""
        WiringStep.objects.filter(pk=step.pk).update(next_try_at=None)
        outcome = wiring.reconcile(step.pk)
        assert outcome is not None
        return self.fresh(step)

    def fresh(self, step: WiringStep) -> WiringStep:
        return WiringStep.objects.select_related("wiring__function__account").get(pk=step.pk)

    def granted(self, step: WiringStep) -> WiringStep:
        """The share of a permission step, as if its own worker had made it so."""
        step = self.run(step)
        assert step.grant_id is not None
        Grant.objects.filter(pk=step.grant_id).update(state=GrantState.ACTIVE)
        return self.run(step)

    def mapping(self) -> WiringStep:
        """The mapping of a queue, which waits for a worker."""
        made = self.asked(QUEUE, execution_role=EXECUTION)
        self.skip_to(made, "mapping")
        return self.step(made, "mapping")

    def made(self, step: WiringStep, **said: str) -> Mapping:
        """The mapping of that step, as if its own worker had made it so."""
        self.run(step)
        mapping = Mapping.objects.create(function=self.function, source_arn=QUEUE, source_account=ACME, state="Enabled")
        changes = MappingChange.objects.open()
        changes.update(**{"state": "done", **said}, mapping=mapping, request_id="r", told_at=timezone.now())
        self.run(step)
        return mapping

    def look(self, made: Wiring) -> None:
        made.steps.update(next_try_at=timezone.now())
        wiring.look(made.pk)

    def state(self, made: Wiring) -> str:
        return Wiring.objects.get(pk=made.pk).state

    def states(self, made: Wiring) -> dict[str, str]:
        return dict(made.steps.values_list("key", "state"))

    def verbs(self) -> list[str]:
        found = Event.objects.filter(verb__startswith="wiring.").order_by("sequence").values_list("verb", flat=True)
        return [verb.removeprefix("wiring.") for verb in found]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    made = Cloud()
    monkeypatch.setattr(entering, "sources", made.open)
    yield made
    assert made.trouble == []


@pytest.fixture
def desk(cloud: Cloud) -> Desk:
    return Desk(cloud)


# Planning and asking


def test_a_bucket_of_another_account_is_planned_with_the_share_it_needs(desk: Desk) -> None:
    plan = desk.plan(form_token="one")
    assert plan.ok
    assert plan.plan is not None
    assert [(one.key, one.ours) for one in plan.plan.steps] == [("permission", True), ("notification", True)]
    assert plan.grant is not None
    assert plan.grant.sid == wiring.sid_of(plan.wiring_id)
    assert (plan.source_account, plan.kind, plan.already) == (ACME, "s3", None)
    assert desk.plan(form_token="one").seen == plan.seen
    assert desk.plan(form_token="one", prefix="in/").seen != plan.seen
    Connection.objects.filter(purpose=Purpose.SOURCE).update(state=ConnectionState.PAUSED)
    assert [one.key for one in desk.plan().theirs] == ["notification"]


@pytest.mark.parametrize(
    ("source", "asked", "field"),
    [
        ("", {}, "source"),
        (f"{BUCKET}\x00", {"source_account": ACME}, "source"),
        ("arn:aws:s3:::" + "x" * 2000, {}, "source"),
        (BUCKET, {"qualifier": "nobody"}, "qualifier"),
        (BUCKET, {"qualifier": "a\x00"}, "qualifier"),
        (BUCKET, {"source_region": "nowhere"}, "source_region"),
        (BUCKET, {"events": ()}, "events"),
        (BUCKET, {"events": ("s3:<script>",)}, "events"),
        (BUCKET, {"prefix": "x" * 1025}, "prefix"),
        (TOPIC, {"filter_policy": "["}, "filter_policy"),
        (TOPIC, {"filter_policy": "[" * 90_000}, "filter_policy"),
        (RULE, {"caller_role": "role"}, "caller_role"),
        ("s3", {"source_account": ACME}, "source"),
        ("amzn1.ask.skill.12345678-1234-1234-1234-123456789012", {}, "source"),
    ],
    ids=range(14),
)
def test_what_cannot_be_asked_for_is_said_on_its_field(desk: Desk, source: str, asked: dict[str, Any], field: str) -> None:
    plan = desk.plan(source, **asked)
    assert field in [one.field for one in plan.problems], (plan.problems, plan.refusal)
    assert not plan.ok
    with pytest.raises(Refusal):
        wiring.ask(plan, by=desk.by, form_token="x")
    assert not Wiring.objects.exists()


def test_what_aws_cannot_do_is_refused_with_the_way_round(desk: Desk) -> None:
    plan = desk.plan(source_region="eu-west-1")
    assert plan.refusal is not None
    assert plan.refusal.ways
    with pytest.raises(Refusal) as refused:
        wiring.ask(plan, by=desk.by, form_token="x")
    assert refused.value.code == "other-region"


def test_a_region_of_the_european_sovereign_cloud_is_one(desk: Desk) -> None:
    assert "source_region" not in [one.field for one in desk.plan(source_region="eusc-de-east-1").problems]


def test_the_same_form_twice_is_one_wiring_and_another_form_is_told_of_it(desk: Desk) -> None:
    first = wiring.ask(desk.plan(form_token="one"), by=desk.by, form_token="one")
    assert wiring.ask(desk.plan(form_token="one"), by=desk.by, form_token="one").pk == first.pk
    second = desk.plan()
    assert second.already == first
    with pytest.raises(Refusal, match="already"):
        wiring.ask(second, by=desk.by, form_token="two")
    assert Wiring.objects.count() == 1
    assert wiring.plan_of(first) == desk.plan(form_token="one").plan
    assert desk.verbs() == ["asked"]


def test_two_people_who_ask_at_once_get_one_wiring(desk: Desk) -> None:
    ours, theirs = desk.plan(), desk.plan(by=Actor.of(desk.ben))
    wiring.ask(ours, by=desk.by, form_token="one")
    with pytest.raises(Refusal) as refused:
        wiring.ask(theirs, by=Actor.of(desk.ben), form_token="two")
    assert (refused.value.code, Wiring.objects.count(), WiringStep.objects.count()) == ("conflict", 1, 2)


def test_out_of_scope_is_unknown_and_auditors_change_nothing(desk: Desk) -> None:
    made = desk.asked()
    stranger = Actor.of(factories.person("owner", accounts=[desk.acme]))
    auditor = Actor.of(factories.person(Role.AUDITOR))
    step = desk.step(made, "notification")
    for who, error in ((stranger, NotFound), (auditor, NotPermitted)):
        for attempt in (
            lambda who=who: desk.plan(by=who),
            lambda who=who: wiring.abandon(made, by=who),
            lambda who=who: wiring.test(made, by=who),
            lambda who=who: wiring.again(step, by=who),
            lambda who=who: wiring.take_over(step, by=who),
            lambda who=who: wiring.say_done(step, by=who),
            lambda who=who: wiring.say_not_done(step, by=who),
        ):
            with pytest.raises(error):
                attempt()
    assert list(wiring.wirings_for(stranger)) == []
    assert list(wiring.wirings_for(desk.by)) == [made]
    assert desk.states(made) == {"permission": "queued", "notification": "blocked"}


# Each step of ours, and each trouble


@pytest.mark.parametrize("kind", KINDS)
def test_each_part_is_put_in_seen_and_taken_out_and_nothing_else_is_touched(desk: Desk, kind: str) -> None:
    source = KINDS[kind][1]
    step = desk.at(kind)
    before = copy.deepcopy(desk.cloud.held[source])
    step = desk.run(step)
    assert (step.state, step.failure, step.made) == ("seen", "", True)
    assert desk.cloud.held[source] != before
    step.wiring.steps.exclude(pk=step.pk).update(state="blocked")
    wiring.abandon(step.wiring, by=desk.by, reason="enough")
    step = desk.run(step)
    assert (step.state, step.failure) == ("undone", "")
    assert desk.cloud.held[source] == before
    assert desk.state(step.wiring) == "undone"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("trouble", ["throttled", "timeout before", "reply lost", "denied", "unread after"])
def test_after_each_trouble_the_step_goes_on_and_knows_that_it_was_ours(desk: Desk, kind: str, trouble: str) -> None:
    source = KINDS[kind][1]
    step = desk.at(kind)
    before = copy.deepcopy(desk.cloud.held[source])
    match trouble:
        case "throttled":
            desk.cloud.next("before", throttled())
        case "timeout before":
            desk.cloud.next("before", timeout(maybe_done=True))
        case "reply lost":
            desk.cloud.next("after", timeout(maybe_done=True))
        case "denied":
            desk.cloud.next("before", denied())
        case "unread after":
            desk.cloud.next("after", lambda: desk.cloud.next("before", timeout(maybe_done=False), "get"))
    step = desk.run(step)
    if trouble == "denied":
        assert (step.state, step.failure_code, desk.state(step.wiring)) == ("failed", "AccessDenied", "failed")
        assert step.failure
        assert step.failure_next
        wiring.again(step, by=desk.by)
    else:
        assert (step.state, bool(step.failure), step.next_try_at is not None) == ("queued", True, True)
    step = desk.run(step)
    assert (step.state, step.failure, step.made) == ("seen", "", True)
    writes = desk.cloud.calls.count("put")
    assert writes == (1 if trouble in ("reply lost", "unread after") else 2)
    # And the same on the way back.
    wiring.abandon(step.wiring, by=desk.by)
    step.wiring.steps.exclude(pk=step.pk).update(state="undone")
    desk.cloud.next("after" if trouble == "reply lost" else "before", timeout(maybe_done=True))
    assert desk.run(step).state == "undoing"
    assert desk.run(step).state == "undone"
    assert desk.cloud.held[source] == before


@pytest.mark.parametrize("kind", WHOLE)
def test_a_write_of_somebody_else_in_between_stops_and_keeps_both_versions(desk: Desk, kind: str) -> None:
    source = KINDS[kind][1]
    step = desk.at(kind)
    theirs = _otherwise(kind, desk.cloud.held[source])
    desk.cloud.next("after", lambda: desk.cloud.held.__setitem__(source, copy.deepcopy(theirs)))
    step = desk.run(step)
    assert (step.state, step.failure_code, step.made) == ("failed", wiring.FOREIGN, False)
    assert step.before == KINDS[kind][3]
    assert step.after == theirs == desk.cloud.held[source]
    step = desk.run(wiring.again(step, by=desk.by))
    assert (step.state, step.made) == ("seen", True)
    # Taken back: the same rule, and what they made stays.
    wiring.abandon(step.wiring, by=desk.by)
    step.wiring.steps.exclude(pk=step.pk).update(state="undone")
    more = _otherwise(kind, desk.cloud.held[source], "more")
    desk.cloud.next("after", lambda: desk.cloud.held.__setitem__(source, copy.deepcopy(more)))
    step = desk.run(step)
    assert (step.state, step.failure_code, desk.state(step.wiring)) == ("failed", wiring.FOREIGN, "failed")
    assert step.after == more
    step = desk.run(wiring.again(step, by=desk.by))
    assert step.state == "undone"
    assert desk.cloud.held[source] == _without_ours(kind, more, step)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_reply_that_was_lost_and_a_write_of_somebody_else_is_not_taken_for_ours(desk: Desk, kind: str) -> None:
    step = desk.at(kind)
    source = KINDS[kind][1]
    desk.cloud.next("after", timeout(maybe_done=True))
    assert desk.run(step).state == "queued"
    desk.cloud.held[source] = _otherwise(kind, desk.cloud.held[source])
    step = desk.run(step)
    assert (step.state, step.failure_code, step.made) == ("failed", wiring.FOREIGN, True)
    assert step.before == KINDS[kind][3]
    step = desk.run(wiring.again(step, by=desk.by))
    assert (step.state, step.made) == ("seen", True)


def test_what_aws_took_and_shows_late_is_waited_for_and_not_written_again(desk: Desk) -> None:
    step = desk.at("dynamodb")
    held = desk.cloud.held
    shown: dict[str, Any] = {}

    def hide() -> None:
        shown.update(held)
        held[TABLE] = copy.deepcopy(THEIRS)

    desk.cloud.next("after", hide)
    for _ in range(2):
        step = desk.run(step)
        assert (step.state, step.failure_code, desk.cloud.calls.count("put")) == ("queued", "not-shown", 1)
    held.update(shown)
    step = desk.run(step)
    assert (step.state, step.made, desk.cloud.calls.count("put")) == ("seen", True, 1)


def test_two_wirings_of_one_bucket_lose_nothing_though_the_first_ones_reply_was_lost(desk: Desk) -> None:
    first = desk.at("s3")
    other = factories.function("thumbnails", desk.platform)
    plan = wiring.plan(other, BUCKET, by=desk.by, source_account=ACME, prefix="out/")
    made = wiring.ask(plan, by=desk.by, form_token="other")
    desk.skip_to(made, "notification")
    second = desk.step(made, "notification")
    desk.cloud.next("after", timeout(maybe_done=True))
    assert desk.run(first).state == "queued"
    assert desk.run(second).state == "seen"
    first = desk.run(first)
    assert (first.state, first.failure, first.made) == ("seen", "", True)
    held = desk.cloud.held[BUCKET]
    assert [one["Id"] for one in held["LambdaFunctionConfigurations"]] == [
        "a", wiring.sid_of(first.wiring_id), wiring.sid_of(made.pk),
    ]  # fmt: skip
    for step in (first, second):
        wiring.abandon(step.wiring, by=desk.by)
        step.wiring.steps.exclude(pk=step.pk).update(state="undone")
        assert desk.run(step).state == "undone"
    assert json.dumps(desk.cloud.held[BUCKET]) == json.dumps(THREE)


def test_one_worker_at_a_time_changes_a_source_whichever_wiring_it_is_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.services.granting.lease.PATIENCE", 0.0)
    step = desk.at("s3")
    for row, of in ((source_row(BUCKET).pk, WiringSource), (step.pk, WiringStep)):
        with held(row, of):
            outcome = wiring.reconcile(step.pk)
            assert outcome is not None
            assert (outcome.step.state, outcome.again_in, desk.cloud.calls) == ("queued", 2.0, [])
    assert desk.run(step).state == "seen"


def test_what_is_there_already_is_seen_and_stays_when_the_wiring_is_taken_back(desk: Desk) -> None:
    step = desk.at("s3")
    desk.run(step)
    byhand = desk.cloud.held[BUCKET]["LambdaFunctionConfigurations"][-1]
    byhand["Id"] = "by hand"
    WiringStep.objects.filter(pk=step.pk).update(state="queued", made=False, before=None, after=None)
    desk.cloud.calls.clear()
    step = desk.run(step)
    assert (step.state, step.made, desk.cloud.calls) == ("seen", False, ["get"])
    wiring.abandon(step.wiring, by=desk.by)
    assert desk.fresh(step).state == "kept"


def test_of_a_subscription_that_others_made_the_filter_is_not_said_to_be_right(desk: Desk) -> None:
    step = desk.at("sns", filter_policy='{"kind": ["order"]}')
    desk.cloud.held[TOPIC]["subscriptions"][f"{TOPIC}:by-hand"] = desk.function.arn
    step = desk.run(step)
    assert (step.state, step.made) == ("seen", False)
    assert "filter policy lets through was not read" in step.evidence
    wiring.abandon(step.wiring, by=desk.by)
    Wiring.objects.update(state="undone")
    desk.role.delete()
    handed = desk.asked(TOPIC)
    desk.granted(desk.step(handed, "permission"))
    desk.role.save(force_insert=True)
    desk.look(handed)
    step = desk.step(handed, "subscription")
    assert (step.state, "was not read" in step.evidence) == ("seen", True)


def test_overlapping_events_are_told_before_s3_refuses(desk: Desk) -> None:
    step = desk.at("s3", events=("s3:ObjectRemoved:Delete",), prefix="old/in/", suffix="x.jpg")
    step = desk.run(step)
    assert (step.state, step.failure_code, desk.cloud.calls) == ("failed", "overlap", ["get"])
    assert "“a” already sends" in step.failure


def test_an_alarm_that_is_full_or_gone_is_said(desk: Desk) -> None:
    step = desk.at("alarm")
    desk.cloud.held[ALARM]["AlarmActions"] = [f"{TOPIC}{n}" for n in range(5)]
    assert desk.run(step).failure_code == "full"
    desk.cloud.held.pop(ALARM)
    assert desk.run(wiring.again(step, by=desk.by)).failure_code == "gone"


def test_a_source_role_that_is_disconnected_fails_and_one_that_is_paused_waits(desk: Desk) -> None:
    step = desk.at("s3")
    Connection.objects.filter(pk=desk.role.pk).update(state=ConnectionState.PAUSED)
    step = desk.run(step)
    assert (step.state, step.failure_code) == ("queued", "not-connected")
    Connection.objects.filter(pk=desk.role.pk).update(state=ConnectionState.DISCONNECTED)
    step = desk.run(step)
    assert (step.state, step.failure_code) == ("failed", "not-connected")
    assert "no source role" in step.failure
    Connection.objects.filter(pk=desk.role.pk).update(state=ConnectionState.CONNECTED)
    assert desk.run(wiring.again(step, by=desk.by)).state == "seen"


def test_whoever_asked_and_may_not_any_more_is_told_and_the_next_one_takes_it_on(desk: Desk) -> None:
    step = desk.at("s3")
    desk.ann.is_active = False
    desk.ann.save()
    step = desk.run(step)
    assert (step.state, step.failure_code, desk.cloud.calls.count("put")) == ("failed", "not-permitted", 0)
    step = desk.run(wiring.again(step, by=Actor.of(desk.ben)))
    assert step.state == "seen"
    assert Wiring.objects.get().requested_by == desk.ben


def test_what_the_planner_would_refuse_by_now_fails_and_is_no_error_of_the_worker(desk: Desk) -> None:
    step = desk.at("s3")
    Wiring.objects.update(source_region="eu-west-1")
    step = desk.run(step)
    assert (step.state, step.failure_code) == ("failed", "not-planned")
    assert "one region" in step.failure
    desk.look(step.wiring)


def test_a_step_that_stays_without_an_answer_is_stuck_and_still_tried(desk: Desk) -> None:
    step = desk.at("s3")
    WiringStep.objects.filter(pk=step.pk).update(started_at=timezone.now() - timedelta(minutes=16))
    desk.cloud.next("before", timeout(maybe_done=False), "get")
    step = desk.run(step)
    assert (step.state, desk.state(step.wiring)) == ("stuck", "stuck")
    assert desk.run(step).state == "seen"
    step = desk.at("alarm")
    WiringStep.objects.filter(pk=step.pk).update(started_at=timezone.now() - timedelta(minutes=16))
    assert list(wiring.due(timezone.now())) == [step]
    assert desk.fresh(step).state == "stuck"


def test_a_wiring_that_is_abandoned_while_a_worker_writes_is_taken_back(desk: Desk) -> None:
    step = desk.at("s3")
    desk.cloud.next("after", lambda: [wiring.abandon(step.wiring, by=desk.by)].clear())
    desk.run(step)
    assert desk.fresh(step).state == "undoing"
    assert desk.run(step).state == "undone"
    assert desk.cloud.held[BUCKET] == THREE


# The permission


def test_the_permission_is_a_share_that_is_followed(desk: Desk) -> None:
    made = desk.asked()
    step = desk.run(desk.step(made, "permission"))
    grant = step.grant
    assert grant is not None
    assert (step.state, step.made, grant.state, grant.requested_by) == ("told", True, "pending", desk.ann)
    assert grant.sid == wiring.sid_of(made.pk)
    assert desk.states(made)["notification"] == "blocked"
    assert desk.run(step).grant_id == grant.pk
    Grant.objects.update(state=GrantState.ACTIVE)
    assert desk.run(step).state == "seen"
    assert desk.states(made) == {"permission": "seen", "notification": "queued"}
    assert desk.run(desk.step(made, "notification")).state == "seen"
    assert desk.state(made) == "in-place"
    assert desk.verbs() == ["asked", "step-seen", "step-seen", "in-place"]


def test_a_share_that_waits_for_a_second_person_makes_the_wiring_wait(desk: Desk) -> None:
    made = desk.asked()
    step = desk.run(desk.step(made, "permission"))
    Grant.objects.update(state=GrantState.REQUESTED)
    WiringStep.objects.update(started_at=timezone.now() - timedelta(days=2))
    step = desk.run(step)
    assert (step.state, "second person" in step.evidence) == ("told", True)
    Grant.objects.update(state=GrantState.FAILED, failure="Declined by ben.", failure_next="Talk.", failure_code="declined")
    step = desk.run(step)
    assert (step.state, step.failure, step.failure_code) == ("failed", "Declined by ben.", "declined")
    step = desk.run(wiring.again(step, by=desk.by))
    assert (step.state, Grant.objects.count()) == ("told", 2)


def test_an_equal_share_is_used_and_stays_when_the_wiring_is_taken_back(desk: Desk) -> None:
    plan = desk.plan()
    assert plan.grant is not None
    there = granting.grant(plan.grant, reason="before", by=desk.by)
    Grant.objects.update(state=GrantState.ACTIVE)
    assert desk.plan().already == there
    made = desk.asked()
    step = desk.run(desk.step(made, "permission"))
    assert (step.grant, step.made, Grant.objects.count()) == (there, False, 1)
    assert desk.run(step).state == "seen"
    desk.run(desk.step(made, "notification"))
    wiring.abandon(made, by=desk.by)
    assert desk.run(step).state == "undoing"  # what comes after it is taken back first
    assert desk.run(desk.step(made, "notification")).state == "undone"
    assert desk.run(step).state == "kept"
    assert desk.state(made) == "undone"
    assert Grant.objects.get().state == GrantState.ACTIVE
    assert desk.plan().ok


def test_a_share_that_the_wiring_made_is_revoked_last(desk: Desk) -> None:
    made = desk.asked()
    step = desk.granted(desk.step(made, "permission"))
    wiring.abandon(made, by=desk.by)
    assert desk.states(made) == {"permission": "undoing", "notification": "undone"}
    step = desk.run(step)
    assert (step.state, Grant.objects.get().state) == ("undoing", GrantState.REVOKING)
    Grant.objects.update(state=GrantState.ACTIVE, wanted="present", failure="The role may not.", failure_next="Let it.")
    step = desk.run(step)
    assert (step.state, step.failure) == ("failed", "The role may not.")
    step = desk.run(wiring.again(step, by=desk.by))
    Grant.objects.update(state=GrantState.REVOKED)
    assert desk.run(step).state == "undone"
    assert desk.state(made) == "undone"


def test_a_share_or_a_mapping_that_a_backup_brought_back_as_a_wish_is_not_made_by_itself(desk: Desk) -> None:
    shared = desk.step(desk.asked(), "permission")
    mapped = desk.mapping()
    Installation.objects.update_or_create(pk=1, defaults={"restored_at": timezone.now()})
    for step in (shared, mapped):
        assert (desk.run(step).state, desk.fresh(step).failure_code) == ("failed", "restored")
    assert (Grant.objects.count(), MappingChange.objects.count()) == (0, 0)
    for step in (shared, mapped):
        assert desk.run(wiring.again(step, by=desk.by)).state == "told"
    assert (Grant.objects.count(), MappingChange.objects.count()) == (1, 1)


# The mapping


def test_a_mapping_that_was_made_and_is_gone_is_made_anew_when_somebody_asks(desk: Desk) -> None:
    step = desk.mapping()
    first = desk.made(step)
    assert (desk.fresh(step).state, desk.fresh(step).made) == ("seen", True)
    Mapping.objects.filter(pk=first.pk).update(vanished_at=timezone.now())
    wiring.look(step.wiring_id)
    assert desk.fresh(step).failure_code == wiring.GONE
    step = desk.run(wiring.again(step, by=desk.by))
    assert (step.state, MappingChange.objects.open().count(), MappingChange.objects.count()) == ("told", 1, 2)
    second = desk.made(step)
    wiring.abandon(step.wiring, by=desk.by)
    step = desk.run(step)
    assert step.mapping_change is not None
    assert (step.mapping_change.kind, step.mapping_change.mapping) == ("delete", second)


def test_a_mapping_that_could_not_be_deleted_is_tried_again_when_somebody_asks(desk: Desk) -> None:
    step = desk.mapping()
    mapping = desk.made(step)
    wiring.abandon(step.wiring, by=desk.by)
    step = desk.run(step)
    MappingChange.objects.open().update(state="failed", failure="The role may not.", failure_code="denied")
    step = desk.run(step)
    assert (step.state, step.failure, step.failure_code) == ("failed", "The role may not.", "denied")
    step = desk.run(wiring.again(step, by=desk.by))
    assert (step.state, MappingChange.objects.filter(kind="delete").count()) == ("undoing", 2)
    Mapping.objects.filter(pk=mapping.pk).update(vanished_at=timezone.now())
    MappingChange.objects.open().update(state="done")
    assert desk.run(step).state == "undone"


def test_a_mapping_that_settled_otherwise_is_still_ours_to_delete(desk: Desk) -> None:
    step = desk.mapping()
    mapping = desk.made(step, state="failed", failure_code="settled-otherwise")
    assert (desk.fresh(step).state, desk.fresh(step).made) == ("failed", True)
    step = desk.run(wiring.again(step, by=desk.by))
    assert (step.state, step.made) == ("seen", True)
    wiring.abandon(step.wiring, by=desk.by)
    assert desk.run(step).state == "undoing"
    assert MappingChange.objects.get(kind="delete").mapping == mapping


def test_a_mapping_that_somebody_else_made_in_the_place_of_ours_stays(desk: Desk) -> None:
    step = desk.mapping()
    ours = desk.made(step)
    Mapping.objects.filter(pk=ours.pk).update(vanished_at=timezone.now())
    wiring.look(step.wiring_id)
    Mapping.objects.create(function=desk.function, source_arn=QUEUE, source_account=ACME, state="Enabled")
    step = desk.run(wiring.again(step, by=desk.by))
    assert (step.state, step.made) == ("seen", False)
    wiring.abandon(step.wiring, by=desk.by)
    assert desk.fresh(step).state == "kept"


# Handed over, and watched


def test_their_steps_are_asked_said_and_only_seen_when_a_role_can_look(desk: Desk) -> None:
    Connection.objects.filter(pk=desk.role.pk).update(state=ConnectionState.DISCONNECTED)
    made = desk.asked()
    desk.granted(desk.step(made, "permission"))
    step = desk.step(made, "notification")
    assert (step.ours, step.state, desk.state(made)) == (False, "asked", "waiting")
    desk.look(made)
    assert desk.fresh(step).state == "asked"
    step = wiring.say_done(step, by=desk.by)
    assert wiring.say_done(step, by=desk.by).state == "said"
    assert (desk.fresh(step).said_by, desk.state(made)) == (desk.ann, "said")
    assert wiring.say_not_done(step, by=desk.by).state == "asked"
    wiring.say_done(step, by=desk.by)
    Connection.objects.filter(pk=desk.role.pk).update(state=ConnectionState.CONNECTED)
    desk.look(made)  # it was said, and is not there
    step = desk.fresh(step)
    assert (step.state, step.failure_code, step.said_by) == ("asked", wiring.NOT_THERE, None)
    plan = wiring.plan_of(made)
    desk.cloud.held[BUCKET] = dict(plan.steps[1].parameters["NotificationConfiguration"])
    desk.look(made)
    step = desk.fresh(step)
    assert (step.state, step.made, desk.state(made)) == ("seen", False, "in-place")


def test_whoever_acts_for_their_account_is_told_that_what_was_said_is_not_there(desk: Desk) -> None:
    mia = factories.acting("mia@acme.example", desk.acme)
    Connection.objects.filter(pk=desk.role.pk).update(state=ConnectionState.DISCONNECTED)
    made = desk.asked()
    desk.granted(desk.step(made, "permission"))
    Notice.objects.all().delete()  # of another day
    wiring.say_done(desk.step(made, "notification"), by=Actor.of(mia))
    Connection.objects.filter(pk=desk.role.pk).update(state=ConnectionState.CONNECTED)
    desk.look(made)
    letter = mailing.KINDS["wiring-step"](Notice.objects.get(to=mia.email))
    assert letter is not None
    assert "said to be done, and AWS does not show it" in mailing.written(letter)[1]


def test_a_wrong_word_about_a_step_of_ours_leaves_it_where_somebody_can_go_on(desk: Desk) -> None:
    step = desk.at("s3")
    desk.cloud.next("before", denied())
    assert desk.run(step).state == "failed"
    wiring.say_done(step, by=desk.by)
    desk.look(step.wiring)
    step = desk.fresh(step)
    assert (step.state, step.failure_code, bool(step.failure_next), step.said_by) == ("failed", wiring.NOT_THERE, True, None)
    wiring.say_done(step, by=desk.by)
    step = wiring.say_not_done(step, by=desk.by)
    assert (step.state, "not done" in step.failure, bool(step.failure_next)) == ("failed", True, True)
    assert desk.run(wiring.again(step, by=desk.by)).state == "seen"


def test_a_step_that_was_handed_over_is_taken_over_when_a_role_is_connected(desk: Desk) -> None:
    Connection.objects.filter(pk=desk.role.pk).update(state=ConnectionState.DISCONNECTED)
    made = desk.asked()
    desk.granted(desk.step(made, "permission"))
    step = desk.step(made, "notification")
    with pytest.raises(Refusal, match="no source role"):
        wiring.take_over(step, by=desk.by)
    Connection.objects.filter(pk=desk.role.pk).update(state=ConnectionState.CONNECTED)
    assert wiring.take_over(step, by=desk.by).state == "queued"
    assert desk.run(step).state == "seen"
    rule = desk.asked(RULE)
    with pytest.raises(Refusal, match="what only they have"):  # nobody here passes roles on
        wiring.take_over(desk.step(rule, "target"), by=desk.by)


def test_what_was_seen_and_is_gone_is_told_and_seen_again_when_it_is_back(desk: Desk) -> None:
    step = desk.run(desk.at("s3"))
    made = step.wiring
    Grant.objects.create(  # the permission step was skipped
        policy=desk.function.policies.get(), state=GrantState.ACTIVE, sid="s", action="lambda:InvokeFunction",
        principal_kind="service", principal="s3.amazonaws.com", statement={}, equality="e", reason="r", requested_as="a",
    )  # fmt: skip
    made.steps.filter(key="permission").update(grant=Grant.objects.get())
    with_ours = desk.cloud.held[BUCKET]
    desk.look(made)
    assert desk.state(made) == "in-place"
    desk.cloud.held[BUCKET] = copy.deepcopy(THREE)
    desk.look(made)
    assert (desk.fresh(step).failure_code, desk.state(made)) == (wiring.GONE, "failed")
    desk.cloud.held[BUCKET] = with_ours
    desk.look(made)
    assert (desk.fresh(step).state, desk.state(made)) == ("seen", "in-place")
    made.steps.update(next_try_at=timezone.now() + timedelta(days=1))
    assert list(wiring.looks_due(timezone.now())) == []
    Grant.objects.update(state=GrantState.REVOKED)
    assert list(wiring.looks_due(timezone.now())) == [made]
    wiring.look(made.pk)
    assert (desk.step(made, "permission").failure_code, desk.state(made)) == (wiring.GONE, "failed")


def test_looks_grow_apart_and_nothing_is_looked_at_twice_at_once(desk: Desk) -> None:
    step = desk.run(desk.at("s3"))
    gaps = []
    for _ in range(12):
        WiringStep.objects.filter(pk=step.pk).update(next_try_at=timezone.now())
        assert list(wiring.looks_due(timezone.now())) == [step.wiring]
        wiring.look(step.wiring_id)
        following = desk.fresh(step).next_try_at
        assert following is not None
        gaps.append(round((following - timezone.now()).total_seconds() / 10))
        assert list(wiring.looks_due(timezone.now())) == []
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (60, 2160)


def test_who_acts_for_the_sources_account_sees_the_wiring_and_says_their_own_steps(desk: Desk) -> None:
    desk.role.delete()
    made = desk.asked()
    desk.granted(desk.step(made, "permission"))
    theirs = Actor.of(factories.acting("eve@example.com", desk.acme))
    others = Actor.of(factories.acting("mallory@example.com", factories.account("Other")))
    assert list(wiring.theirs(theirs)) == [made]
    assert list(wiring.theirs(others)) == []
    step = desk.step(made, "notification")
    with pytest.raises(NotFound):
        wiring.say_done(step, by=others)
    with pytest.raises(NotFound):
        wiring.say_done(desk.step(made, "permission"), by=theirs)
    assert wiring.say_done(step, by=theirs).state == "said"
    wiring.abandon(made, by=desk.by)
    assert (desk.fresh(step).state, "ask them" in desk.fresh(step).evidence) == ("kept", True)
    assert list(wiring.theirs(theirs)) == [made]
    Wiring.objects.filter(pk=made.pk).update(state="undone", settled_at=timezone.now())
    assert list(wiring.theirs(theirs)) == [made], "what they made is still to be undone"
    Wiring.objects.filter(pk=made.pk).update(settled_at=timezone.now() - timedelta(days=31))
    assert list(wiring.theirs(theirs)) == []


def test_a_wiring_that_a_backup_brought_back_is_looked_for_and_not_written(desk: Desk, cloud: Cloud) -> None:
    step = desk.at("s3")
    Installation.objects.update_or_create(pk=1, defaults={"restored_at": timezone.now()})
    step = desk.run(step)
    assert (step.state, step.failure_code, cloud.held[BUCKET]) == ("failed", "restored", THREE)
    wiring.again(step, by=desk.by)
    assert desk.run(step).state == "seen"


def test_a_rule_of_another_account_waits_for_the_role_that_only_they_can_make(desk: Desk) -> None:
    made = desk.asked(RULE)
    assert desk.states(made) == {"role": "asked", "permission": "blocked", "target": "blocked"}
    wiring.say_done(desk.step(made, "role"), by=desk.by)
    assert desk.states(made) == {"role": "said", "permission": "queued", "target": "blocked"}
    desk.granted(desk.step(made, "permission"))
    assert desk.states(made)["target"] == "asked"
    target = wiring.plan_of(made).steps[2].parameters["Targets"][0]
    desk.cloud.held[RULE] = {"targets": [target]}
    desk.look(made)
    assert desk.states(made) == {"role": "said", "permission": "seen", "target": "seen"}
    assert desk.state(made) == "said"


def test_both_sides_of_a_queue_can_begin_at_once(desk: Desk) -> None:
    made = desk.asked(QUEUE)  # without the execution role's ARN the queue's policy has a gap, so it is handed over
    assert desk.states(made) == {"execution-role": "asked", "source-policy": "asked", "mapping": "blocked"}
    assert [one.ours for one in made.steps.all()] == [False, False, True]
    for key in ("execution-role", "source-policy"):
        wiring.say_done(desk.step(made, key), by=desk.by)
    assert desk.states(made)["mapping"] == "queued"


def test_a_step_that_cannot_be_taken_back_by_us_is_closed_by_a_persons_word(desk: Desk) -> None:
    step = desk.run(desk.at("s3"))
    step.wiring.steps.exclude(pk=step.pk).update(state="blocked")
    wiring.abandon(step.wiring, by=desk.by)
    desk.role.delete()
    step = desk.run(step)
    assert (step.state, step.failure_code) == ("failed", "not-connected")
    assert wiring.say_done(step, by=desk.by).state == "kept"
    assert desk.state(step.wiring) == "undone"


# The test event


class Counted:
    """What CloudWatch says, in order."""

    def __init__(self, *runs: int | Exception | None) -> None:
        self.runs = list(runs)

    def invocations_since(self, *_: Any) -> int | None:
        said = self.runs.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


def in_place(desk: Desk) -> Wiring:
    return desk.run(desk.at("s3")).wiring


def count(monkeypatch: pytest.MonkeyPatch, *runs: int | Exception | None) -> None:
    counted = Counted(*runs)
    monkeypatch.setattr(entering, "metrics", lambda *_, **__: counted)


def test_a_test_event_arrives_only_when_aws_counts_a_run_more_than_before(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = in_place(desk)
    count(monkeypatch, 2, 2, 3)
    assert wiring.test(made, by=desk.by).test_state == "queued"
    assert list(wiring.tests_due(timezone.now())) == [made]
    for state in ("sent", "sent", "arrived"):
        tried = wiring.send_test(made.pk)
        assert tried is not None
        assert tried.wiring.test_state == state
    made = Wiring.objects.get()
    assert (made.test_runs, made.state) == (1, "proved")
    assert desk.cloud.calls.count("send") == 1
    assert desk.cloud.calls[-1].startswith("remove in/fnshare-test-")
    assert wiring.WHOSE in Event.objects.get(verb="wiring.test-arrived").text


def test_runs_are_counted_from_one_minute_on_however_long_aws_takes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = in_place(desk)
    asked: list[datetime] = []

    class Slow:
        def invocations_since(self, _: Any, since: datetime) -> int:
            asked.append(since)
            later = timezone.now() + timedelta(minutes=1)
            monkeypatch.setattr("sharing.services.wiring.trying.timezone.now", lambda: later)
            return len(asked)

    monkeypatch.setattr(entering, "metrics", lambda *_, **__: Slow())
    wiring.test(made, by=desk.by)
    wiring.send_test(made.pk)
    wiring.send_test(made.pk)
    assert Wiring.objects.get().test_state == "arrived"
    assert asked[0] == asked[1]


def test_a_test_event_without_a_run_or_an_answer_is_unseen_and_never_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = in_place(desk)
    count(monkeypatch, None, None, None)
    desk.cloud.next("before", timeout(maybe_done=True), "send")
    wiring.test(made, by=desk.by)
    wiring.send_test(made.pk)
    wiring.send_test(made.pk)
    assert Wiring.objects.get().test_state == "sent"
    Wiring.objects.update(test_sent_at=timezone.now() - timedelta(minutes=4))
    wiring.send_test(made.pk)
    made = Wiring.objects.get()
    assert (made.test_state, made.state) == ("unseen", "in-place")
    assert "no answer" in made.test_failure
    assert "all the same" in made.test_failure
    wiring.send_test(made.pk)
    assert desk.cloud.calls.count("send") == 1


@pytest.mark.parametrize("trouble", [throttled(), denied()], ids=["throttled", "denied"])
def test_a_test_event_that_was_refused_says_why(desk: Desk, monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    made = in_place(desk)
    count(monkeypatch, 0)
    desk.cloud.next("before", trouble, "send")
    wiring.test(made, by=desk.by)
    wiring.send_test(made.pk)
    made = Wiring.objects.get()
    assert (made.test_state, bool(made.test_failure)) == ("failed", True)


def test_no_test_event_where_none_can_be_sent(desk: Desk) -> None:
    waiting = desk.asked()
    rule = desk.run(desk.at("eventbridge")).wiring
    for made, words in ((waiting, "not in place"), (rule, "only")):
        with pytest.raises(Refusal, match=words):
            wiring.test(made, by=desk.by)
    made = waiting
    made.steps.update(state="seen")
    settling.follow(made)
    desk.role.delete()
    with pytest.raises(Refusal, match="source role"):
        wiring.test(made, by=desk.by)


# What it means elsewhere


def test_a_wiring_under_way_is_among_what_wakes_the_function_and_one_that_failed_needs_somebody(desk: Desk) -> None:
    made = desk.asked()
    (row,) = waking.gather(desk.by)
    assert (row.kind, row.source, row.whose_name, row.wiring, row.wiring_state) == (
        "s3", "acme-uploads", "Acme Retail", made.pk, "working",
    )  # fmt: skip
    assert row.troubles == ()
    assert waking.gather(desk.by, way=waking.Way.PULL) == []
    kept(desk.function, allow("s3.amazonaws.com", ArnLike={"aws:SourceArn": BUCKET}))
    (row,) = waking.gather(desk.by)
    assert (row.wiring, row.lacks, row.statements) == (made.pk, "", (0,))
    assert overview(by=desk.by).wirings.count == 0
    step = desk.step(made, "permission")
    settling.failed(step, "AWS said no.", "Ask.", code="x")
    assert waking.gather(desk.by)[0].troubles[0].problem == waking.Problem.FAILING
    found = overview(by=desk.by).wirings
    assert found.count == 1
    (line,) = found.rows
    assert isinstance(line, WiringLine)
    assert (line.words, line.step) == ("S3 bucket acme-uploads → label-uploads", step)
    stranger = Actor.of(factories.person("owner", accounts=[desk.acme]))
    assert overview(by=stranger).wirings.count == 0
    assert waking.gather(stranger) == []


def test_who_revokes_a_share_is_told_of_the_wiring_that_needs_it(desk: Desk) -> None:
    made = desk.asked()
    step = desk.granted(desk.step(made, "permission"))
    assert step.grant is not None
    (told,) = granting.consequences(step.grant, by=desk.by).wakes
    assert told.startswith("The wiring of S3 bucket acme-uploads of Acme Retail needs this share")
    wiring.abandon(made, by=desk.by)
    assert granting.consequences(step.grant, by=desk.by).wakes == ()


def _otherwise(kind: str, held: dict[str, Any], name: str = "new") -> dict[str, Any]:
    """What another tool makes of it: what is there without ours of the last minute, and something of its own."""
    found = copy.deepcopy(held)
    if kind == "s3":
        kept = found.get("QueueConfigurations", [])
        found["QueueConfigurations"] = [*kept, {"Id": name, "QueueArn": QUEUE, "Events": ["s3:ObjectTagging:*"]}]
    elif kind == "alarm":
        found["AlarmDescription"] = name
    else:
        statement = {"Sid": name, "Effect": "Allow", "Principal": {"AWS": "333344445555"}, "Action": "sqs:*", "Resource": "*"}
        found = {**(found or {"Version": "2012-10-17"}), "Statement": [*found.get("Statement", []), statement]}
    return found


def _without_ours(kind: str, held: dict[str, Any], step: WiringStep) -> dict[str, Any]:
    sid, found = wiring.sid_of(step.wiring_id), copy.deepcopy(held)
    if kind == "s3":
        kept = [one for one in found["LambdaFunctionConfigurations"] if one["Id"] != sid]
        found["LambdaFunctionConfigurations"] = kept
    elif kind == "alarm":
        found["AlarmActions"] = [one for one in found["AlarmActions"] if not one.startswith("arn:aws:lambda")]
    else:
        found["Statement"] = [one for one in found["Statement"] if one["Sid"] != sid]
    return found


# Freezes and limits


def test_a_freeze_leaves_the_source_alone_and_the_step_goes_on_when_it_is_over(desk: Desk, cloud: Cloud) -> None:
    step, shell = desk.at("s3"), Actor.at_shell("root")
    limits.freeze(by=shell, reason="An incident")
    step = desk.run(step)
    assert (step.state, step.failure_code, cloud.held[BUCKET]) == ("queued", "frozen", THREE)
    list(wiring.due(timezone.now() + timedelta(hours=1)))
    assert desk.fresh(step).state == "queued", "waiting for the end of a freeze is not being stuck"
    limits.unfreeze(by=shell)
    assert desk.fresh(step) in wiring.due(timezone.now())
    assert desk.run(step).state == "seen"


def test_what_a_wiring_made_is_taken_back_while_everything_is_frozen(desk: Desk, cloud: Cloud) -> None:
    step = desk.run(desk.at("s3"))
    limits.freeze(by=Actor.at_shell("root"))
    wiring.abandon(step.wiring, by=desk.by)
    assert desk.run(step).state == "undone"
    assert cloud.held[BUCKET] == THREE


def test_a_source_in_an_account_that_workers_may_not_write_in_is_not_touched(
    desk: Desk, cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "limits.toml"
    file.write_text(LIMITS)
    file.chmod(0o600)
    monkeypatch.setenv("WORKER_LIMITS", str(file))
    step = desk.run(desk.at("s3"))
    assert (step.state, step.failure_code, cloud.held[BUCKET]) == ("failed", "limit", THREE)
    file.write_text(LIMITS.replace(PLATFORM, f'{PLATFORM}", "{ACME}', 1))
    wiring.again(step, by=desk.by)
    assert desk.run(step).state == "seen"


# The execution role


def test_the_execution_role_that_was_read_is_named_to_the_queue_and_a_given_one_goes_before(desk: Desk) -> None:
    Function.objects.filter(pk=desk.function.pk).update(execution_role=EXECUTION)
    desk.function.refresh_from_db()
    plan = desk.plan(QUEUE)
    assert plan.options["execution_role"] == EXECUTION
    assert plan.plan is not None
    assert next(one for one in plan.plan.steps if one.key == "source-policy").ours, "nothing is left to fill in"
    assert desk.plan(QUEUE, execution_role=f"{EXECUTION}2").options["execution_role"] == f"{EXECUTION}2"
    assert desk.plan(TOPIC).options["execution_role"] == "", "whoever calls by itself never meets it"
