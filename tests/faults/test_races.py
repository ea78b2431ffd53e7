"""Several at once: workers, people and other tools on one policy. Nothing is lost, nothing is done twice."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections
from django.utils import timezone

from sharing.models import Event, Grant, GrantState, Policy
from sharing.services import granting
from sharing.services.errors import Refusal
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def estate(sandbox: "Sandbox") -> Iterator[Estate]:
    yield Estate(sandbox)
    sandbox.faults.clear()


class Run(threading.Thread):
    """One run of a worker, in a thread of its own."""

    def __init__(self, grant: Grant) -> None:
        super().__init__()
        self.pk = grant.pk
        self.outcome: granting.Outcome | None = None
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            self.outcome = granting.reconcile(self.pk)
        except BaseException as problem:  # noqa: BLE001  # told to the test
            self.problem = problem
        finally:
            connections.close_all()

    def finish(self) -> granting.Outcome:
        self.join(timeout=60)
        assert not self.is_alive()
        assert self.problem is None
        assert self.outcome is not None
        return self.outcome


@contextmanager
def held(estate: Estate, grant: Grant, operation: str, when: Any) -> Iterator[Run]:
    """A worker that hangs in that call, until the block ends."""
    estate.sandbox.faults.add(operation, when, "hold")
    run = Run(grant)
    run.start()
    assert estate.sandbox.faults.wait_until_held(10), "the worker never made that call"
    yield run
    estate.sandbox.faults.release()


def foreign(estate: Estate, policy: Policy, sid: str) -> None:
    """Another tool adds a statement."""
    document = estate.sandbox.policy(policy.arn) or {"Version": "2012-10-17", "Id": "default", "Statement": []}
    document["Statement"].append(
        {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::333344445555:root"},
            "Action": "lambda:InvokeFunction",
            "Resource": policy.arn,
        }
    )
    estate.sandbox.put_policy(policy.arn, document)


def settled(grant: Grant) -> Grant:
    """After as many runs as it takes."""
    for _ in range(6):
        Grant.objects.filter(pk=grant.pk).update(next_try_at=None)
        outcome = granting.reconcile(grant.pk)
        assert outcome is not None
        if not outcome.grant.is_unsettled:
            return outcome.grant
    grant.refresh_from_db()
    raise AssertionError(f"Still {grant.state}: {grant.failure}")


def test_two_workers_on_one_grant_write_once(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello)
    estate.sandbox.journal.clear()
    runs = [Run(grant) for _ in range(3)]
    for run in runs:
        run.start()
    assert {run.finish().grant.state for run in runs} == {GrantState.ACTIVE}
    assert [call.operation for call in estate.sandbox.journal.calls].count("AddPermission") == 1
    assert Event.objects.filter(grant=grant, verb="grant.active").count() == 1


def test_many_grants_on_one_policy_at_once_lose_nothing(estate: Estate, hello: Policy) -> None:
    estate.sandbox.switches.parallel_writes_lost = True
    grants = [estate.share(hello, f"{100000000000 + number}") for number in range(6)]
    runs = [Run(grant) for grant in grants]
    for run in runs:
        run.start()
    for run in runs:
        run.finish()
    assert {settled(grant).state for grant in grants} == {GrantState.ACTIVE}
    assert sorted(estate.sids(hello)) == sorted(grant.sid for grant in grants)
    assert not Event.objects.filter(verb="policy.changed").exists()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_revoke_during_the_grant_wins(estate: Estate, hello: Policy, when: str) -> None:
    grant = estate.share(hello)
    with held(estate, grant, "AddPermission", when) as run:
        revoked = granting.revoke(grant, by=estate.by)
        assert revoked.state == GrantState.REVOKING
    outcome = run.finish()
    assert outcome.grant.state == GrantState.REVOKED, outcome.grant.failure
    assert estate.sids(hello) == []
    assert not Event.objects.filter(grant=grant, verb="grant.active").exists()


def test_an_edit_between_our_read_and_our_write_survives_and_is_told(estate: Estate, hello: Policy) -> None:
    foreign(estate, hello, "was-there")
    estate.read(hello)
    grant = estate.share(hello)
    with held(estate, grant, "AddPermission", "before") as run:
        foreign(estate, hello, "in-between")
    assert run.finish().grant.state == GrantState.ACTIVE
    assert sorted(estate.sids(hello)) == sorted(["was-there", "in-between", grant.sid])
    (event,) = Event.objects.filter(verb="policy.changed")
    assert event.detail["added"] == ["in-between"]


def test_an_edit_between_our_write_and_our_re_read_is_told(estate: Estate, hello: Policy) -> None:
    estate.read(hello)
    grant = estate.share(hello)
    with held(estate, grant, "AddPermission", "after") as run:
        foreign(estate, hello, "afterwards")
    assert run.finish().grant.state == GrantState.ACTIVE
    (event,) = Event.objects.filter(verb="policy.changed")
    assert event.detail["added"] == ["afterwards"]


def test_an_edit_during_a_revoke_survives_and_is_told(estate: Estate, hello: Policy) -> None:
    grant = granting.revoke(estate.shared(hello), by=estate.by)
    with held(estate, grant, "RemovePermission", "before") as run:
        foreign(estate, hello, "in-between")
    assert run.finish().grant.state == GrantState.REVOKED
    assert estate.sids(hello) == ["in-between"]
    assert Event.objects.get(verb="policy.changed").detail["added"] == ["in-between"]


def test_a_statement_removed_by_another_tool_during_the_revoke_is_gone_all_the_same(estate: Estate, hello: Policy) -> None:
    grant = granting.revoke(estate.shared(hello), by=estate.by)
    with held(estate, grant, "RemovePermission", "before") as run:
        estate.sandbox.put_policy(hello.arn, None)
    assert run.finish().grant.state == GrantState.REVOKED


def test_a_worker_that_lost_its_lease_does_no_harm(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello)
    with held(estate, grant, "AddPermission", "before") as slow:
        Policy.objects.filter(pk=hello.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        assert settled(grant).state == GrantState.ACTIVE
        with_both = estate.sids(hello)
    slow.finish()
    grant.refresh_from_db()
    assert grant.state == GrantState.ACTIVE
    assert estate.sids(hello) == with_both == [grant.sid]
    assert Event.objects.filter(grant=grant, verb="grant.active").count() == 1


def test_a_busy_policy_makes_a_worker_come_back(estate: Estate, hello: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharing.services.granting.lease.PATIENCE", 0.2)
    grant = estate.share(hello)
    until = timezone.now() + timedelta(seconds=40)
    Policy.objects.filter(pk=hello.pk).update(lease_holder="somebody", lease_until=until)
    outcome = granting.reconcile(grant.pk)
    assert outcome
    assert outcome.again_in
    assert outcome.grant.state == GrantState.PENDING
    assert estate.sids(hello) == []
    Policy.objects.filter(pk=hello.pk).update(lease_until=timezone.now())
    assert settled(grant).state == GrantState.ACTIVE


def test_an_extension_and_the_end_date_at_once(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello, ends_at=timezone.now() + timedelta(hours=1))
    Grant.objects.filter(pk=grant.pk).update(ends_at=timezone.now())
    with held(estate, grant, "RemovePermission", "before") as run, pytest.raises(Refusal):
        granting.extend(grant, ends_at=timezone.now() + timedelta(days=9), by=estate.by)
    assert run.finish().grant.state == GrantState.EXPIRED


def test_writes_that_aws_loses_are_noticed_and_made_again(estate: Estate, hello: Policy) -> None:
    """AWS answered 201 and the statement is not there when the policy is read again: it is written once more."""
    grant = estate.share(hello)
    with held(estate, grant, "AddPermission", "after") as run:
        estate.sandbox.put_policy(hello.arn, None)
    run.finish()
    assert settled(grant).state == GrantState.ACTIVE
    assert estate.sids(hello) == [grant.sid]
