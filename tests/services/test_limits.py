"""Freezes and limits at work: what workers do not write, what waits, what goes on, and who is told."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import (
    Actor,
    CountedWrite,
    Event,
    Freeze,
    Grant,
    GrantState,
    Installation,
    LayerGrant,
    MappingChange,
    Notice,
    Role,
    User,
)
from sharing.services import granting, layers, limits, mailing
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.granting.door import Door
from sharing.services.limits.telling import Telling
from sharing.tasks import sweep
from tests import factories
from tests.services.estate import Estate
from tests.services.test_layers_sharing import Desk as LayerDesk
from tests.services.test_limits_file import WHOLE
from tests.services.test_mapping import Desk as MappingDesk

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

ACME, GLOBEX = "111122223333", "222233334444"
SYSTEM = Actor.at_shell("root")
Write = Callable[..., None]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Give the workers limits: the whole file of test_limits_file, with words replaced."""

    def write(*words: tuple[str, str]) -> None:
        text = WHOLE
        for was, now in words:
            assert was in text
            text = text.replace(was, now, 1)
        path = tmp_path / "limits.toml"
        path.write_text(text)
        path.chmod(0o600)
        monkeypatch.setenv("WORKER_LIMITS", str(path))

    monkeypatch.delenv("WORKER_LIMITS", raising=False)
    return write


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


@pytest.fixture
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever asks AWS fails the test."""

    def called(_self: Door) -> None:
        raise AssertionError("AWS was asked.")

    monkeypatch.setattr(Door, "read", called)


def wish(who: str = ACME, by: User | None = None) -> Grant:
    """A share that somebody decided and no worker has seen."""
    function = factories.shareable(f"function-{uuid.uuid4().hex[:6]}", f"{uuid.uuid4().int % 10**12:012}")
    actor = Actor.of(by or factories.person(Role.OWNER))
    return granting.grant(granting.plan(policy=function.policies.get(), who=who, by=actor), reason="needed", by=actor)


def run(grant: Grant) -> Grant:
    outcome = granting.reconcile(grant.pk)
    assert outcome is not None
    return outcome.grant


# Freezing


def test_a_freeze_is_one_row_told_to_history_and_to_every_admin() -> None:
    ada, _ben = factories.person(email="ada@example.com"), factories.person(email="ben@example.com")
    factories.person(Role.OWNER)
    factories.person(is_active=False)
    made, mail = limits.freeze(by=Actor.of(ada), reason="  a   leak ")
    assert (made.reason, made.began_as, made.standing) == ("a leak", "ada@example.com", True)
    assert [notice.to for notice in mail] == ["ada@example.com", "ben@example.com"]
    again, none = limits.freeze(by=SYSTEM)
    assert (again, none) == (made, [])
    assert [event.verb for event in Event.objects.all()] == ["freeze.began"]
    letter = mailing.KINDS["frozen"](mail[0])
    assert letter is not None
    subject, text, _ = mailing.written(letter)
    assert "frozen" in subject
    assert "ada@example.com stopped" in text
    assert "a leak" in text


def test_the_database_holds_one_standing_freeze() -> None:
    Freeze.objects.create(began_as="a")
    with pytest.raises(IntegrityError), transaction.atomic():
        Freeze.objects.create(began_as="b")


def test_only_admins_and_the_operator_freeze_and_unfreeze() -> None:
    for role in (Role.OWNER, Role.AUDITOR, Role.CONSUMER):
        with pytest.raises(NotPermitted):
            limits.freeze(by=Actor.of(factories.person(role)))
    limits.freeze(by=SYSTEM)
    with pytest.raises(NotPermitted):
        limits.unfreeze(by=Actor.of(factories.person(Role.OWNER)))
    ended, mail = limits.unfreeze(by=SYSTEM, reason="over")
    assert (ended.standing, ended.end_reason, ended.ended_as) == (False, "over", "operator root")
    assert mail == []
    with pytest.raises(Refusal, match="Nothing is frozen"):
        limits.unfreeze(by=SYSTEM)


def test_a_page_that_is_old_does_not_end_another_freeze() -> None:
    first, _ = limits.freeze(by=SYSTEM)
    limits.unfreeze(by=SYSTEM)
    limits.freeze(by=SYSTEM)
    with pytest.raises(Refusal, match="another one stands"):
        limits.unfreeze(by=SYSTEM, which=first.pk)
    assert limits.is_frozen()


def test_mail_about_a_freeze_that_is_over_is_not_sent() -> None:
    factories.person()
    _, mail = limits.freeze(by=SYSTEM)
    _, after = limits.unfreeze(by=SYSTEM, reason="a false alarm")
    assert mailing.KINDS["frozen"](mail[0]) is None
    letter = mailing.KINDS["unfrozen"](after[0])
    assert letter is not None
    assert "a false alarm" in mailing.written(letter)[1]


@pytest.mark.usefixtures("no_aws")
def test_a_pending_grant_waits_while_it_is_frozen_and_never_becomes_stuck() -> None:
    grant = wish()
    limits.freeze(by=SYSTEM)
    Grant.objects.update(unsettled_since=timezone.now() - timedelta(hours=3))
    grant = run(grant)
    assert (grant.state, grant.failure_code) == (GrantState.PENDING, "frozen")
    assert "frozen" in grant.failure
    assert "goes on by itself" in grant.failure_next
    Grant.objects.update(unsettled_since=timezone.now() - timedelta(hours=3))
    assert list(granting.due(timezone.now())) == []
    grant.refresh_from_db()
    assert grant.state == GrantState.PENDING
    limits.unfreeze(by=SYSTEM)
    assert list(granting.due(timezone.now())) == [grant]


def test_what_waited_is_written_after_the_freeze_and_revokes_never_wait(estate: Estate) -> None:
    policy = estate.policy("hello_world")
    held = estate.shared(policy, GLOBEX)
    limits.freeze(by=SYSTEM)
    waiting = estate.settle(estate.share(policy))
    assert waiting.state == GrantState.PENDING
    assert estate.settle(granting.revoke(held, by=estate.by)).state == GrantState.REVOKED
    assert estate.sids(policy) == []
    back = estate.settle(granting.undo(held, by=estate.by))
    assert (back.state, back.failure_code) == (GrantState.PENDING, "frozen")
    limits.unfreeze(by=SYSTEM)
    assert [estate.settle(one).state for one in (waiting, back)] == [GrantState.ACTIVE] * 2


def test_an_end_date_comes_in_a_freeze_too(estate: Estate) -> None:
    policy = estate.policy("hello_world")
    grant = estate.shared(policy, ends_at=timezone.now() + timedelta(hours=1))
    limits.freeze(by=SYSTEM)
    Grant.objects.update(ends_at=timezone.now())
    assert estate.settle(grant).state == GrantState.EXPIRED
    assert estate.sids(policy) == []


def test_a_later_end_date_is_refused_in_a_freeze_and_an_earlier_one_is_not() -> None:
    ann, ben = (Actor.of(factories.person(Role.OWNER)) for _ in range(2))
    now, function = timezone.now(), factories.shareable()
    end = now + timedelta(days=9)
    plain = factories.grant(function, ACME, ends_at=end)
    guarded = factories.grant(function, ACME, ends_at=end, second_person="It is dangerous.", approved_at=now)
    limits.freeze(by=SYSTEM)
    for later in (now + timedelta(days=10), None):
        with pytest.raises(Refusal) as refused:
            granting.extend(plain, ends_at=later, by=ann)
        assert refused.value.code == "frozen"
    assert granting.extend(plain, ends_at=now + timedelta(days=8), by=ann).ends_at == now + timedelta(days=8)
    guarded = granting.extend(guarded, ends_at=now + timedelta(days=10), by=ann)
    with pytest.raises(Refusal, match="frozen"):
        granting.approve(guarded, digest=granting.approval_digest(guarded), by=ben)
    limits.unfreeze(by=SYSTEM)
    assert granting.approve(guarded, digest=granting.approval_digest(guarded), by=ben).ends_at == now + timedelta(days=10)


def test_a_freeze_at_the_last_moment_still_stops_the_write(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = estate.policy("hello_world")
    grant = estate.share(policy)
    monkeypatch.setattr("sharing.services.granting.applying.limits.require", lambda *_, **__: limits.freeze(by=SYSTEM))
    grant = estate.settle(grant)
    assert grant.state == GrantState.GRANTING
    assert estate.sids(policy) == []
    monkeypatch.undo()


def test_a_layer_waits_and_its_revoke_does_not(sandbox: "Sandbox", file: Write) -> None:
    desk = LayerDesk(Estate(sandbox))
    held = desk.shared(GLOBEX)
    limits.freeze(by=SYSTEM)
    waiting = desk.settle(desk.decided())
    assert (waiting.state, waiting.failure_code) == (GrantState.PENDING, "frozen")
    assert desk.settle(layers.revoke(held, by=desk.by)).state == GrantState.REVOKED
    limits.unfreeze(by=SYSTEM)
    assert desk.settle(waiting).state == GrantState.ACTIVE
    file()
    refused = desk.settle(desk.decided(GLOBEX))
    assert (refused.state, refused.failure_code) == (GrantState.FAILED, "limit")
    assert GLOBEX in refused.failure
    assert LayerGrant.objects.filter(state=GrantState.ACTIVE).count() == 1


def test_a_mapping_waits_and_pausing_one_does_not(sandbox: "Sandbox", file: Write) -> None:
    from sharing.services import mapping as mappings

    desk = MappingDesk(Estate(sandbox))
    source, other = desk.queue(), desk.queue(name="others")
    made = desk.made(source)
    limits.freeze(by=SYSTEM)
    waiting = desk.run(desk.asked(other))
    assert (waiting.state, waiting.failure_code) == ("queued", "frozen")
    MappingChange.objects.update(created_at=timezone.now() - timedelta(hours=30))
    assert list(mappings.due(timezone.now())) == []
    waiting.refresh_from_db()
    assert waiting.state == "queued"
    paused = desk.run(mappings.pause(made, by=desk.by, form_token=desk.token()))
    assert paused.told_at is not None
    limits.unfreeze(by=SYSTEM)
    assert desk.run(waiting).told_at is not None
    file(("444455556666", "999999999999"))
    refused = desk.run(desk.asked(desk.queue(name="third")))
    assert (refused.state, refused.failure_code) == ("failed", "limit")


# Limits


def test_a_grant_beyond_the_limits_fails_and_says_so(estate: Estate, file: Write) -> None:
    file()
    policy = estate.policy("hello_world")
    grant = estate.settle(estate.share(policy, GLOBEX))
    assert (grant.state, grant.failure_code) == (GrantState.FAILED, "limit")
    assert grant.failure == f"Workers may not share with account {GLOBEX}."
    assert "Only whoever runs the workers" in grant.failure_next
    assert estate.sids(policy) == []
    assert estate.settle(estate.share(policy)).state == GrantState.ACTIVE


def test_limits_never_stop_a_revoke(estate: Estate, file: Write) -> None:
    policy = estate.policy("hello_world")
    grant = estate.shared(policy, GLOBEX)
    file(("444455556666", "999999999999"), ("manage", "managed"))
    assert estate.settle(granting.revoke(grant, by=estate.by)).state == GrantState.REVOKED


def test_an_unreadable_file_refuses_every_write_and_says_why(estate: Estate, file: Write) -> None:
    file(("manage", "managed"))
    grant = estate.settle(estate.share(estate.policy("hello_world")))
    assert (grant.state, grant.failure_code) == (GrantState.FAILED, "limit")
    assert "cannot be read" in grant.failure
    assert "managed" in grant.failure


def test_more_grants_an_hour_than_allowed_freeze_everything_and_alarm(file: Write) -> None:
    file(("grants_per_hour = 50", "grants_per_hour = 2"))
    factories.person(email="ada@example.com")
    first, second, third = (uuid.UUID(int=number) for number in (1, 2, 3))
    number = "444455556666"
    for subject in (first, second, first, second):  # a try after a try is the same grant
        limits.require(number, subject=subject)
    with pytest.raises(limits.Frozen):
        limits.require(number, subject=third)
    with pytest.raises(limits.Frozen):
        limits.require(number, subject=first)
    found = limits.standing()
    assert found is not None
    assert (found.began_as, "More than 2 grants within an hour" in found.reason) == ("fnshare", True)
    notice = Notice.objects.get(kind="frozen")
    letter = mailing.KINDS["frozen"](notice)
    assert letter is not None
    assert "This is an alarm" in mailing.written(letter)[1]
    limits.unfreeze(by=SYSTEM)
    with pytest.raises(limits.Frozen):  # whoever unfreezes does not raise the limit
        limits.require(number, subject=third)
    limits.unfreeze(by=SYSTEM)
    CountedWrite.objects.update(at=timezone.now() - timedelta(minutes=61))
    limits.require(number, subject=third)


def test_none_an_hour_lets_nothing_through(file: Write) -> None:
    file(("grants_per_hour = 50", "grants_per_hour = 0"))
    with pytest.raises(limits.Frozen):
        limits.require("444455556666", subject=uuid.UUID(int=1))


def test_without_a_file_nothing_is_counted(file: Write) -> None:
    limits.require("444455556666", subject=uuid.UUID(int=1))
    assert not CountedWrite.objects.exists()


def test_what_was_counted_long_ago_is_forgotten() -> None:
    CountedWrite.objects.create(subject=uuid.UUID(int=1), at=timezone.now() - timedelta(days=8))
    CountedWrite.objects.create(subject=uuid.UUID(int=2))
    limits.prune(timezone.now())
    assert CountedWrite.objects.count() == 1


# What a worker tells


def test_a_worker_tells_its_limits_in_words_and_every_change_of_them(file: Write) -> None:
    now = timezone.now()
    told = Telling()
    told.tell(now)
    assert Installation.objects.get().limits == []
    assert not Event.objects.exists()
    file()
    told.tell(now)
    told.tell(now)
    row = Installation.objects.get()
    assert "Grants an hour: at most 50." in str(row.limits)
    assert len(row.limits_digest) == 64
    assert ACME not in str(row.limits)
    assert Event.objects.filter(verb="limits.changed").count() == 1
    file(("manage", "managed"))
    told.tell(now)
    assert Installation.objects.get().limits_digest == "unreadable"
    file()
    told.tell(now)
    assert Event.objects.filter(verb="limits.changed").count() == 3


def test_workers_that_contradict_each_other_do_not_fill_the_history(file: Write) -> None:
    now = timezone.now()
    one, other = Telling(), Telling()
    one.tell(now)
    file()
    other.tell(now)
    for _ in range(3):
        other.tell(now)
    assert Event.objects.count() == 1


def test_the_sweep_tells_and_takes_an_argument(file: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.services.limits.tell", Telling().tell)
    file()
    sweep("1")
    assert Installation.objects.get().limits_digest


# The worker's own look, whatever the web process wrote


@pytest.mark.usefixtures("no_aws")
@pytest.mark.parametrize("what", ["left", "auditor", "out of scope", "statement", "permission"])
def test_a_grant_is_not_written_for_who_may_not_or_as_what_it_is_not(what: str) -> None:
    ann = factories.person(Role.OWNER)
    grant = wish(by=ann)
    if what == "left":
        User.objects.filter(pk=ann.pk).update(is_active=False)
    elif what == "auditor":
        User.objects.filter(pk=ann.pk).update(role=Role.AUDITOR)
    elif what == "out of scope":
        User.objects.filter(pk=ann.pk).update(every_account=False)
    elif what == "statement":
        Grant.objects.update(statement={**grant.statement, "Action": "lambda:*"})
    else:
        assert grant.permission is not None
        Grant.objects.update(permission={**grant.permission, "action": "lambda:UpdateFunctionCode"})
    grant = run(grant)
    assert (grant.state, grant.failure_code) == (GrantState.FAILED, "not-permitted")


@pytest.mark.usefixtures("no_aws")
@pytest.mark.parametrize("what", ["nobody", "oneself", "left", "auditor", "out of scope", "end date", "statement id"])
def test_a_dangerous_grant_is_not_written_without_the_approval_of_exactly_it(what: str) -> None:
    ann, ben = factories.person(Role.OWNER), factories.person(Role.OWNER)
    function = factories.shareable()
    plan = granting.plan(
        policy=function.policies.get(), who="everyone", by=Actor.of(ann), ends_at=timezone.now() + timedelta(days=1)
    )
    grant = granting.grant(plan, reason="needed", by=Actor.of(ann))
    granting.approve(grant, digest=granting.approval_digest(grant), by=Actor.of(ben))
    of_ben = User.objects.filter(pk=ben.pk)
    if what == "nobody":
        Grant.objects.update(approved_by=None)
    elif what == "oneself":
        Grant.objects.update(approved_by=ann)
    elif what == "left":
        of_ben.update(is_active=False)
    elif what == "auditor":
        of_ben.update(role=Role.AUDITOR)
    elif what == "out of scope":
        of_ben.update(every_account=False)
    elif what == "end date":
        Grant.objects.update(ends_at=timezone.now() + timedelta(days=400))
    else:
        Grant.objects.update(sid="another", statement={**grant.statement, "Sid": "another"})
    grant = run(grant)
    assert (grant.state, grant.failure_code) == (GrantState.FAILED, "not-permitted")


@pytest.mark.usefixtures("no_aws")
def test_a_row_that_hides_its_need_for_a_second_person_is_not_believed() -> None:
    grant = wish()
    everyone = {"kind": "everyone", "value": "*", "account": None, "partition": "aws"}
    assert grant.permission is not None
    Grant.objects.update(
        permission={**grant.permission, "principal": everyone}, statement={**grant.statement, "Principal": "*"}
    )
    grant = run(grant)
    assert (grant.state, grant.failure) == (GrantState.FAILED, "Nobody approved it.")
