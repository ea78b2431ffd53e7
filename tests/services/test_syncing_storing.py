"""Keeping policies: versions by content, tokens masked, changes told, grants followed; nothing older overwrites."""

import json
import logging
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db import OperationalError, transaction
from django.db import connection as database

from sharing.aws.functions import StoredPolicy
from sharing.aws.pace import Pace, connect
from sharing.models import (
    Actor,
    Check,
    Event,
    Exposure,
    Grant,
    GrantState,
    Occasion,
    Policy,
    PolicyVersion,
    Reading,
    Sync,
    SyncState,
)
from sharing.sandbox.story.demo import CANARY
from sharing.services import checking, syncing
from sharing.services.masking import fingerprint, mask_tokens
from sharing.services.syncing import last_read_of, mark_unread, store_policy
from sharing.services.syncing.storing import Answered, store_reads
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

ACME, GLOBEX = "111122223333", "222233334444"
EVERYONE = {"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": "*"}
DEEP = json.dumps({"Statement": [{**EVERYONE, "Condition": "DEEP"}]}).replace('"DEEP"', '{"a":' * 200 + "1" + "}" * 200)
T0 = datetime.fromisoformat("2026-11-01T10:00:00+00:00")


@pytest.fixture
def policy() -> Policy:
    function = factories.function("label-uploads")
    Policy.objects.filter(function=function).update(reading=Reading.UNREAD, read_at=None)
    return function.policies.get()


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def statement(policy: Policy, sid: str = "xacct", who: str = ACME, **more: Any) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{who}:root"},
        "Action": "lambda:InvokeFunction",
        "Resource": policy.arn,
        **more,
    }


def stored(*statements: dict[str, Any], revision: str = "r-1") -> StoredPolicy:
    document = {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}
    return StoredPolicy(json.dumps(document), revision)


def grant(policy: Policy, held: dict[str, Any], **fields: Any) -> Grant:
    fields.setdefault("state", GrantState.ACTIVE)
    fields.setdefault("settled_at", at(-10))
    return Grant.objects.create(
        policy=policy,
        sid=held["Sid"],
        action="lambda:InvokeFunction",
        principal_kind=fields.pop("principal_kind", "account"),
        principal=fields.pop("principal", ACME),
        statement=mask_tokens(held),
        equality="e",
        reason="They need it",
        requested_as="ann@example.com",
        **fields,
    )


# Versions


def test_each_content_is_a_version_with_the_reads_around_its_appearance(policy: Policy) -> None:
    assert store_policy(policy, None, read_at=at(0))
    assert store_policy(policy, stored(statement(policy)), read_at=at(60))
    assert not store_policy(policy, stored(statement(policy)), read_at=at(90))
    assert store_policy(policy, stored(statement(policy), statement(policy, "two", GLOBEX)), read_at=at(120))
    versions = list(PolicyVersion.objects.filter(policy=policy).order_by("first_seen_at"))
    assert [(one.last_seen_without, one.first_seen_at) for one in versions] == [
        (None, at(0)),
        (at(0), at(60)),
        (at(90), at(120)),
    ]
    assert versions[0].document == ""
    assert policy.current == versions[2]
    assert policy.reading == Reading.PRESENT


def test_a_quiet_sync_moves_the_last_read_without_touching_the_policy(policy: Policy) -> None:
    store_policy(policy, stored(statement(policy)), read_at=at(0))
    function = policy.function
    Sync.objects.create(
        account=function.account,
        region=function.region,
        state=SyncState.DONE,
        started_at=at(100),
        finished_at=at(101),
        requested_as="x",
    )
    assert last_read_of(policy) == at(100)
    store_policy(policy, None, read_at=at(200))
    newest = PolicyVersion.objects.filter(policy=policy).order_by("-first_seen_at")[0]
    assert (newest.last_seen_without, newest.first_seen_at) == (at(100), at(200))


def test_a_sync_during_which_it_was_unread_saw_nothing(policy: Policy) -> None:
    store_policy(policy, stored(statement(policy)), read_at=at(0))
    mark_unread(policy, "The role may not do lambda:GetPolicy.", at(50))
    function = policy.function
    Sync.objects.create(
        account=function.account,
        region=function.region,
        state=SyncState.PARTIAL,
        started_at=at(100),
        finished_at=at(101),
        requested_as="x",
    )
    assert last_read_of(policy) == at(0)


def test_spacing_and_order_of_keys_are_no_change(policy: Policy) -> None:
    store_policy(policy, stored(statement(policy)), read_at=at(0))
    turned = dict(reversed(statement(policy).items()))
    text = json.dumps({"Statement": [turned], "Id": "default", "Version": "2012-10-17"}, indent=3)
    assert not store_policy(policy, StoredPolicy(text, "r-1"), read_at=at(1))
    assert PolicyVersion.objects.filter(policy=policy).count() == 1


def test_a_read_made_earlier_never_overwrites_a_later_one(policy: Policy) -> None:
    """A slow sync read the policy before a grant was written and keeps it afterwards."""
    held = statement(policy, "fnshare-1")
    store_policy(policy, None, read_at=at(0))
    active = grant(policy, held, settled_at=at(11))
    store_policy(policy, stored(held), read_at=at(10), ours=["fnshare-1"])
    assert not store_policy(policy, None, read_at=at(5))
    policy.refresh_from_db()
    assert policy.reading == Reading.PRESENT
    active.refresh_from_db()
    assert active.state == GrantState.ACTIVE
    assert not mark_unread(policy, "no", at(5))


def test_a_grant_settled_after_the_read_is_not_judged_by_it(policy: Policy) -> None:
    store_policy(policy, stored(statement(policy)), read_at=at(0))
    active = grant(policy, statement(policy, "fnshare-1"), settled_at=at(20))
    store_policy(policy, stored(statement(policy, "other")), read_at=at(10))
    active.refresh_from_db()
    assert active.state == GrantState.ACTIVE


def test_a_policy_emptied_by_the_last_removal_lets_nobody_in(policy: Policy) -> None:
    store_policy(policy, stored(statement(policy)), read_at=at(0))
    store_policy(policy, stored(), read_at=at(1))
    assert policy.reading == Reading.PRESENT
    assert (policy.external, policy.exposures.count()) == ("no", 0)


@pytest.mark.parametrize(
    "text",
    [
        '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}',
        '{"Statement":[]}',
        "[]",
        '"text"',
        '{"Statement":[null,3,"x",{"Effect":"Perhaps"}]}',
        '{"Statement":[{"Sid":"a\\u0000b","Effect":"Allow","Principal":{"AWS":"\\ud800"},"Action":"lambda:*","Resource":"*"}]}',
        '{"Statement":[{"Effect":"Allow","Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}',
        DEEP,
    ],
)
def test_whatever_aws_stores_is_kept(policy: Policy, text: str) -> None:
    assert store_policy(policy, StoredPolicy(text, "r"), read_at=at(0))
    policy = Policy.objects.get(pk=policy.pk)
    assert policy.reading == Reading.PRESENT
    assert policy.current is not None
    assert policy.current.document


def test_what_cannot_be_judged_is_not_called_safe(policy: Policy) -> None:
    store_policy(policy, stored({**EVERYONE, "Condition": {"Odd": {"k": "v"}}}), read_at=at(0))
    assert policy.public in ("yes", "depends")


# Tokens


def alexa(policy: Policy, token: str, sid: str = "skill") -> dict[str, Any]:
    return statement(
        policy,
        sid,
        Principal={"Service": "alexa-appkit.amazon.com"},
        Condition={"StringEquals": {"lambda:EventSourceToken": token}},
    )


def everything_kept() -> str:
    """Every value of every row, as text."""
    found = []
    for model in apps.get_models():
        found += [repr(row) for row in model._default_manager.values()]
    return "\n".join(found)


def test_event_source_tokens_are_masked_before_they_are_kept(policy: Policy) -> None:
    store_policy(policy, stored(alexa(policy, "amzn1.ask.skill.s3cr3t")), read_at=at(0))
    assert policy.current is not None
    kept = json.loads(policy.current.document)["Statement"][0]["Condition"]["StringEquals"]["lambda:EventSourceToken"]
    assert kept == "masked:" + fingerprint("amzn1.ask.skill.s3cr3t")[:12]
    assert "s3cr3t" not in everything_kept()


def test_the_size_is_that_of_the_document_in_clear(policy: Policy) -> None:
    read = stored(alexa(policy, "t" * 200))
    store_policy(policy, read, read_at=at(0))
    assert policy.size == len(json.dumps(json.loads(read.document), separators=(",", ":")))


@pytest.mark.parametrize("key", ["lambda:EventSourceToken", "LAMBDA:eventsourcetoken", "lambda:Event\\u0053ourceToken"])
def test_no_spelling_hides_a_token(policy: Policy, key: str) -> None:
    text = json.dumps({"Statement": [alexa(policy, "s3cr3t-value")]}).replace("lambda:EventSourceToken", key)
    store_policy(policy, StoredPolicy(text, "r"), read_at=at(0))
    assert "s3cr3t-value" not in everything_kept()


def test_another_token_is_a_change(policy: Policy) -> None:
    store_policy(policy, stored(alexa(policy, "one")), read_at=at(0))
    assert store_policy(policy, stored(alexa(policy, "two")), read_at=at(1))
    assert Event.objects.get(verb="policy.changed").detail["changed"] == ["skill"]


def test_a_grants_token_is_compared_by_its_fingerprint(policy: Policy) -> None:
    store_policy(policy, None, read_at=at(0))
    active = grant(policy, alexa(policy, "one"), token_fingerprint=fingerprint("one"))
    store_policy(policy, stored(alexa(policy, "one")), read_at=at(1), ours=["skill"])
    active.refresh_from_db()
    assert not active.failure
    store_policy(policy, stored(alexa(policy, "two")), read_at=at(2))
    active.refresh_from_db()
    assert active.failure_code == "statement-changed"


# What others changed


def test_a_first_read_is_no_change(policy: Policy) -> None:
    store_policy(policy, stored(statement(policy)), read_at=at(0))
    assert not Event.objects.filter(verb="policy.changed").exists()


def test_what_somebody_else_changed_is_told_by_name(policy: Policy) -> None:
    store_policy(policy, stored(statement(policy, "keep"), statement(policy, "old"), statement(policy, "edit")), read_at=at(0))
    store_policy(
        policy,
        stored(statement(policy, "keep"), statement(policy, "edit", GLOBEX), statement(policy, "new")),
        read_at=at(1),
    )
    event = Event.objects.get(verb="policy.changed")
    assert (event.detail["added"], event.detail["removed"], event.detail["changed"]) == (["new"], ["old"], ["edit"])
    assert event.function == policy.function
    assert event.actor == "fnshare"
    assert "label-uploads was changed outside fnshare: added “new”; removed “old”; changed “edit”" in event.text


def test_a_statement_without_sid_is_named_by_its_place(policy: Policy) -> None:
    nameless = {key: value for key, value in statement(policy).items() if key != "Sid"}
    store_policy(policy, stored(), read_at=at(0))
    store_policy(policy, stored(nameless), read_at=at(1))
    assert Event.objects.get(verb="policy.changed").detail["added"] == ["statement 1"]


def test_what_we_changed_is_not_told_but_what_came_with_it_is(policy: Policy) -> None:
    store_policy(policy, stored(), read_at=at(0))
    store_policy(policy, stored(statement(policy, "fnshare-1")), read_at=at(1), ours=["fnshare-1"])
    assert not Event.objects.filter(verb="policy.changed").exists()
    store_policy(
        policy,
        stored(statement(policy, "fnshare-1"), statement(policy, "fnshare-2"), statement(policy, "sneaky")),
        read_at=at(2),
        ours=["fnshare-2"],
    )
    assert Event.objects.get(verb="policy.changed").detail["added"] == ["sneaky"]


def test_two_reads_kept_at_once_leave_the_versions_events_and_grants_that_each_would(policy: Policy) -> None:
    kept, gone, sneaky = statement(policy, "kept"), statement(policy, "fnshare-1", GLOBEX), statement(policy, "sneaky")
    store_policy(policy, stored(kept, gone), read_at=at(0))
    lost = grant(policy, gone)
    before = Answered(stored(kept, sneaky, revision="r-2"), at(10))
    after = Answered(stored(kept, sneaky, statement(policy, "fnshare-2"), revision="r-3"), at(11))
    assert store_reads(policy, [before, after], ours=["fnshare-2"])
    assert list(
        PolicyVersion.objects.filter(policy=policy)
        .order_by("first_seen_at")
        .values_list("revision_id", "last_seen_without", "first_seen_at")
    ) == [("r-1", None, at(0)), ("r-2", at(0), at(10)), ("r-3", at(10), at(11))]
    told = Event.objects.get(verb="policy.changed").detail
    assert (told["added"], told["removed"], told["changed"]) == (["sneaky"], ["fnshare-1"], [])
    lost.refresh_from_db()
    assert lost.state == GrantState.VANISHED
    policy.refresh_from_db()
    assert (policy.revision_id, policy.read_at) == ("r-3", at(11))
    assert policy.current is not None
    assert '"fnshare-2"' in policy.current.document
    assert not policy.exposures.filter(account=GLOBEX).exists()
    assert not store_reads(policy, [before, after], ours=["fnshare-2"]), "the first is older than what is kept"


@pytest.mark.parametrize("state", [GrantState.GRANTING, GrantState.REVOKING, GrantState.STUCK])
def test_a_sync_that_sees_a_write_under_way_tells_nothing(policy: Policy, state: str) -> None:
    store_policy(policy, stored(), read_at=at(0))
    grant(policy, statement(policy, "fnshare-1"), state=state, settled_at=None, unsettled_since=at(0))
    store_policy(policy, stored(statement(policy, "fnshare-1")), read_at=at(1))
    assert not Event.objects.filter(verb="policy.changed").exists()


# Grants


def test_a_grant_whose_statement_is_gone_has_vanished(policy: Policy) -> None:
    held = statement(policy, "fnshare-1")
    store_policy(policy, stored(held), read_at=at(0))
    active = grant(policy, held, check_due_at=at(5000))
    store_policy(policy, None, read_at=at(1))
    active.refresh_from_db()
    assert active.state == GrantState.VANISHED
    assert active.check_due_at is None
    assert active.failure_next
    assert Event.objects.filter(verb="grant.vanished", grant=active).count() == 1
    store_policy(policy, stored(), read_at=at(2))
    assert Event.objects.filter(verb="grant.vanished").count() == 1


@pytest.mark.parametrize("state", [GrantState.REQUESTED, GrantState.PENDING, GrantState.REVOKING, GrantState.FAILED])
def test_only_active_grants_vanish(policy: Policy, state: str) -> None:
    store_policy(policy, stored(statement(policy)), read_at=at(0))
    other = grant(policy, statement(policy, "fnshare-1"), state=state)
    store_policy(policy, None, read_at=at(1))
    other.refresh_from_db()
    assert other.state == state


def test_a_statement_of_ours_changed_by_another_tool_is_on_the_grant(policy: Policy) -> None:
    held = statement(policy, "fnshare-1")
    store_policy(policy, stored(held), read_at=at(0))
    active = grant(policy, held)
    store_policy(policy, stored(statement(policy, "fnshare-1", GLOBEX)), read_at=at(1))
    active.refresh_from_db()
    assert (active.state, active.failure_code) == (GrantState.ACTIVE, "statement-changed")
    assert Event.objects.filter(verb="statement.changed", grant=active).count() == 1
    store_policy(policy, stored(statement(policy, "fnshare-1", GLOBEX), statement(policy, "more")), read_at=at(2))
    assert Event.objects.filter(verb="statement.changed", grant=active).count() == 1
    store_policy(policy, stored(held), read_at=at(3))
    active.refresh_from_db()
    assert active.failure == ""
    assert Event.objects.filter(verb="statement.restored", grant=active).count() == 1


def test_other_spellings_of_the_same_statement_are_no_change(policy: Policy) -> None:
    held = statement(policy, "fnshare-1")
    store_policy(policy, stored(held), read_at=at(0))
    active = grant(policy, held)
    spelled = {**held, "Principal": {"AWS": [ACME]}, "Action": ["lambda:InvokeFunction"]}
    store_policy(policy, stored(spelled), read_at=at(1))
    active.refresh_from_db()
    assert not active.failure


def test_a_deleted_role_is_called_so(policy: Policy) -> None:
    held = statement(policy, "fnshare-1", Principal={"AWS": f"arn:aws:iam::{ACME}:role/order-processor"})
    store_policy(policy, stored(held), read_at=at(0))
    active = grant(policy, held, principal_kind="role", principal=f"arn:aws:iam::{ACME}:role/order-processor")
    ghost = {**held, "Principal": {"AWS": "AROAEXAMPLEEXAMPLE123"}}
    store_policy(policy, stored(ghost), read_at=at(1))
    active.refresh_from_db()
    assert active.state == GrantState.ACTIVE
    assert "was deleted in AWS" in active.failure
    assert "AROAEXAMPLEEXAMPLE123" in active.failure


# Unread


def test_unread_is_never_empty(policy: Policy) -> None:
    store_policy(policy, stored(statement(policy)), read_at=at(0))
    version, reach = policy.current, Exposure.objects.filter(policy=policy).count()
    assert mark_unread(policy, "The role may not do lambda:GetPolicy.", at(1))
    assert not mark_unread(policy, "The role may not do lambda:GetPolicy.", at(2))
    assert mark_unread(policy, "AWS did not answer in time.", at(3))
    policy = Policy.objects.get(pk=policy.pk)
    assert (policy.reading, policy.unread_since) == (Reading.UNREAD, at(1))
    assert policy.unread_reason == "AWS did not answer in time."
    assert policy.current == version
    assert Exposure.objects.filter(policy=policy).count() == reach == 1
    assert policy.external == "yes"


# Together with syncs


@pytest.mark.django_db(transaction=True)
def test_two_stores_at_the_same_moment_make_one_version(policy: Policy) -> None:
    read = stored(statement(policy))
    barrier = threading.Barrier(4)
    problems: list[BaseException] = []

    def store() -> None:
        try:
            own = Policy.objects.get(pk=policy.pk)
            barrier.wait(10)
            store_policy(own, read, read_at=at(1))
        except Exception as problem:  # noqa: BLE001  # shown by the assertion below
            problems.append(problem)
        finally:
            database.close()

    threads = [threading.Thread(target=store) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not problems
    assert PolicyVersion.objects.filter(policy=policy).count() == 1


@pytest.mark.django_db(transaction=True)
def test_whoever_asks_for_a_check_does_not_wait_for_a_policy_that_is_being_kept(policy: Policy) -> None:
    """Who asks has the grant already, and who keeps the policy may want it next: neither would end (PostgreSQL)."""
    ended = grant(policy, statement(policy), state=GrantState.REVOKED)
    has_it = threading.Event()
    problems: list[BaseException] = []

    def ask() -> None:
        try:
            with transaction.atomic():  # as checking.due does
                Grant.objects.filter(pk=ended.pk).update(check_due_at=at(2))
                has_it.set()
                checking.request(grant=ended, occasion=Occasion.REVOKE, by=Actor.system())
        except OperationalError as problem:
            problems.append(problem)
        finally:
            database.close()

    asking = threading.Thread(target=ask)
    with transaction.atomic():
        store_policy(policy, stored(statement(policy)), read_at=at(1))
        asking.start()
        has_it.wait(0.3)  # SQLite has one writer: there it comes after this
        Grant.objects.filter(pk=ended.pk).update(check_due_at=at(3))
    asking.join(20)
    assert not problems
    assert Check.objects.get().grant == ended


def test_a_grant_made_while_a_sync_reads_does_not_vanish(sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> None:
    """The sync's GetPolicy came before the grant's AddPermission, its storing after the grant was settled."""
    estate = Estate(sandbox)
    [first] = syncing.request(account=estate.owner, region="us-east-1", by=estate.by)
    syncing.run(first.pk)
    policy = Policy.objects.get(function__name="session-cleanup", qualifier="")
    made: list[Grant] = []
    real = syncing.sweeping._keep

    def keep(*args: Any) -> None:
        if not made:
            made.append(estate.shared(policy, GLOBEX))
        real(*args)

    monkeypatch.setattr("sharing.services.syncing.sweeping._keep", keep)
    [second] = syncing.request(account=estate.owner, region="us-east-1", by=estate.by)
    syncing.run(second.pk)
    [active] = made
    active.refresh_from_db()
    assert active.state == GrantState.ACTIVE
    assert not Event.objects.filter(verb="policy.changed").exists()
    assert not Event.objects.filter(verb="grant.vanished").exists()


def test_a_redeployed_function_takes_its_grants_along(sandbox: "Sandbox") -> None:
    """Deleted and made again between two syncs: the function never was away, its policy is."""
    estate = Estate(sandbox)
    [first] = syncing.request(account=estate.owner, region="us-east-1", by=estate.by)
    syncing.run(first.pk)
    policy = Policy.objects.get(function__name="session-cleanup", qualifier="")
    active = estate.shared(policy, GLOBEX)
    sandbox.delete_function(policy.arn)
    sandbox.add_function(estate.owner.number, "us-east-1", "session-cleanup")
    [second] = syncing.request(account=estate.owner, region="us-east-1", by=estate.by)
    syncing.run(second.pk)
    active.refresh_from_db()
    assert active.state == GrantState.VANISHED


def test_the_canary_is_nowhere_after_a_sync_that_also_failed_half_way(
    sandbox: "Sandbox",
    valkey: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    estate = Estate(sandbox)
    sandbox.add_many_functions(60)
    caplog.set_level(logging.INFO)
    shared = Pace(valkey, prefix="test:canary")
    monkeypatch.setattr("sharing.services.connecting.entering.pace", lambda: shared)
    for code, status, times in (("ServiceException", 500, 2), ("AccessDeniedException", 403, 1)):
        [sync] = syncing.request(account=estate.owner, region="us-east-1", by=estate.by)
        message = f"payment-capture Environment {CANARY}" if status == 500 else "no"
        sandbox.faults.add("ListFunctions", code=code, status=status, message=message, times=times)
        syncing.run(sync.pk)
    assert set(Sync.objects.values_list("state", flat=True)) == {SyncState.DONE, SyncState.FAILED}
    function = Policy.objects.get(function__name="payment-capture", qualifier="").function
    syncing.run(syncing.request_function(function, by=estate.by).pk)
    assert CANARY not in everything_kept()
    if database.vendor == "sqlite":
        # The file's own bytes, pages that were freed again included.
        database.ensure_connection()
        assert CANARY.encode() not in database.connection.serialize()
        assert b"payment-capture" in database.connection.serialize()
    held = everything_in(valkey)
    assert "test:canary" in held
    assert CANARY not in held
    captured = capfd.readouterr()
    assert CANARY not in captured.out + captured.err + caplog.text
    assert "payment-capture" in everything_kept()  # what is searched for would be found


def everything_in(url: str) -> str:
    """Every key and value of a Redis, as text."""
    client = connect(url)
    found = []
    for key in client.scan_iter():
        kind = client.type(key)
        value: Any = client.hgetall(key) if kind == b"hash" else client.dump(key)
        found.append(f"{key!r} {value!r}")
    return "\n".join(found)
