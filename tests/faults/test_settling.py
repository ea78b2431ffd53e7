"""Trouble that passes, at every call of a grant and a revoke: AWS, the row and the history agree in the end, and never lie
before. What AWS refuses for good: test_refused.py.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sharing.aws.functions import Functions
from sharing.models import Event, Grant, GrantState, Policy
from sharing.services import granting
from tests.services.estate import Estate

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """What a test raises where a worker process would die: nothing in the product catches it."""


def come_back(grant: Grant) -> Grant:
    """What the next worker finds: its time has come, and a dead worker's lease has run out."""
    Grant.objects.filter(pk=grant.pk).update(next_try_at=None)
    Policy.objects.filter(pk=grant.policy_id).update(lease_until=timezone.now() - timedelta(seconds=1))
    outcome = granting.reconcile(grant.pk)
    assert outcome is not None
    return outcome.grant


def converge(grant: Grant) -> Grant:
    for _ in range(5):
        grant = come_back(grant)
        if not grant.is_unsettled:
            return grant
    raise AssertionError(f"Still {grant.state}: {grant.failure}")


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, method: str, number: int, *, after: bool) -> Iterator[None]:
    """The worker dies at the nth call of that method, before it is made or after AWS acted."""
    real: Callable[..., Any] = getattr(Functions, method)
    calls = 0

    def dying(self: Functions, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and not after:
            raise Killed
        result = real(self, *args, **kwargs)
        if calls == number:
            raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(Functions, method, dying)
        yield


GRANT_CALLS = [("policy", 1), ("add_permission", 1), ("policy", 2)]
REVOKE_CALLS = [("policy", 1), ("remove_permission", 1), ("policy", 2)]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("method", "number"), GRANT_CALLS)
def test_a_worker_killed_while_granting_is_finished_by_the_next(
    estate: Estate, hello: Policy, monkeypatch: pytest.MonkeyPatch, method: str, number: int, after: bool
) -> None:
    grant = estate.share(hello)
    with killed_at(monkeypatch, method, number, after=after), pytest.raises(Killed):
        granting.reconcile(grant.pk)
    grant.refresh_from_db()
    assert grant.is_unsettled
    grant = converge(grant)
    assert grant.state == GrantState.ACTIVE
    assert estate.sids(hello) == [grant.sid]
    assert Event.objects.filter(grant=grant, verb="grant.active").count() == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("method", "number"), REVOKE_CALLS)
def test_a_worker_killed_while_revoking_is_finished_by_the_next(
    estate: Estate, hello: Policy, monkeypatch: pytest.MonkeyPatch, method: str, number: int, after: bool
) -> None:
    grant = granting.revoke(estate.shared(hello), by=estate.by)
    with killed_at(monkeypatch, method, number, after=after), pytest.raises(Killed):
        granting.reconcile(grant.pk)
    grant.refresh_from_db()
    assert grant.state == GrantState.REVOKING
    grant = converge(grant)
    assert grant.state == GrantState.REVOKED
    assert estate.sids(hello) == []
    assert Event.objects.filter(grant=grant, verb="grant.revoked").count() == 1


@pytest.mark.parametrize("operation", ["AssumeRole", "GetPolicy", "AddPermission"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("effect", ["drop", "500"])
def test_a_lost_or_failed_answer_while_granting_ends_active(
    estate: Estate, hello: Policy, operation: str, when: Any, effect: str
) -> None:
    grant = estate.share(hello)
    if effect == "drop":
        estate.sandbox.faults.add(operation, when, "drop", times=20)
    else:
        estate.sandbox.faults.add(operation, when, "error", "ServiceException", 500, times=20)
    grant = come_back(grant)
    assert grant.is_unsettled
    assert grant.failure
    assert grant.next_try_at
    estate.sandbox.faults.clear()
    grant = converge(grant)
    assert grant.state == GrantState.ACTIVE
    assert grant.failure == ""
    assert estate.sids(hello) == [grant.sid]


@pytest.mark.parametrize("operation", ["AssumeRole", "GetPolicy", "RemovePermission"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_while_revoking_ends_revoked(estate: Estate, hello: Policy, operation: str, when: Any) -> None:
    from sharing.aws import session

    grant = granting.revoke(estate.shared(hello), by=estate.by)
    session.forget()
    estate.sandbox.faults.add(operation, when, "drop", times=20)
    grant = come_back(grant)
    assert grant.state == GrantState.REVOKING
    assert grant.failure
    estate.sandbox.faults.clear()
    grant = converge(grant)
    assert grant.state == GrantState.REVOKED
    assert estate.sids(hello) == []


@pytest.mark.parametrize("operation", ["GetPolicy", "AddPermission", "RemovePermission"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_that_does_not_come_in_time_is_asked_for_again(
    estate: Estate, hello: Policy, monkeypatch: pytest.MonkeyPatch, operation: str, when: Any
) -> None:
    from sharing.aws import session

    patient = session._config
    monkeypatch.setattr(session, "_config", lambda timeout, service="": patient(0.3))
    session.forget()
    revoking = operation == "RemovePermission"
    grant = granting.revoke(estate.shared(hello), by=estate.by) if revoking else estate.share(hello)
    estate.sandbox.faults.add(operation, when, "hold", times=20)
    grant = come_back(grant)
    assert grant.is_unsettled
    assert "in time" in grant.failure
    assert grant.next_try_at
    estate.sandbox.faults.clear()
    monkeypatch.setattr(session, "_config", patient)
    session.forget()
    grant = converge(grant)
    assert grant.state == (GrantState.REVOKED if revoking else GrantState.ACTIVE)
    assert estate.sids(hello) == ([] if revoking else [grant.sid])


def test_throttling_is_waited_out(estate: Estate, hello: Policy) -> None:
    estate.sandbox.faults.add("AddPermission", times=2)
    assert estate.settle(estate.share(hello)).state == GrantState.ACTIVE


def test_a_stale_revision_is_read_again(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello)
    estate.sandbox.faults.add("AddPermission", "before", "error", "PreconditionFailedException", 412, times=2)
    assert estate.settle(grant).state == GrantState.ACTIVE
    assert estate.sids(hello) == [grant.sid]


def test_what_another_tool_wrote_since_the_read_survives(
    estate: Estate, hello: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, grant = estate.shared(hello, "222233334444"), estate.share(hello)
    real: Callable[..., Any] = Functions.add_permission
    tried: list[int] = []

    def late(self: Functions, *args: Any, **kwargs: Any) -> Any:
        tried.append(len(tried))
        if len(tried) == 1:
            document = estate.sandbox.policy(hello.arn)
            assert document is not None
            theirs = {**document["Statement"][0], "Sid": "theirs"}
            estate.sandbox.put_policy(hello.arn, {**document, "Statement": [*document["Statement"], theirs]})
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Functions, "add_permission", late)
    assert estate.settle(grant).state == GrantState.ACTIVE
    assert tried == [0, 1], "AWS refused what was planned for a policy that is no more"
    assert sorted(estate.sids(hello)) == sorted([first.sid, "theirs", grant.sid])


def test_unsettled_for_long_is_stuck_and_still_tried(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello)
    estate.sandbox.faults.add("AddPermission", "after", "drop", times=5)
    grant = come_back(grant)
    assert grant.state == GrantState.GRANTING
    Grant.objects.filter(pk=grant.pk).update(unsettled_since=timezone.now() - timedelta(minutes=16))
    assert grant in granting.due(timezone.now() + timedelta(hours=1))
    grant.refresh_from_db()
    assert grant.state == GrantState.STUCK
    assert "may still hold access" in Event.objects.get(grant=grant, verb="grant.stuck").text
    estate.sandbox.faults.clear()
    grant = converge(grant)
    assert grant.state == GrantState.ACTIVE
    assert Event.objects.filter(grant=grant, verb="grant.stuck").count() == 1


def test_an_empty_statement_list_after_the_last_removal_is_gone_too(estate: Estate, hello: Policy) -> None:
    estate.sandbox.switches.empty_policy_after_last = True
    grant = estate.settle(granting.revoke(estate.shared(hello), by=estate.by))
    assert grant.state == GrantState.REVOKED
    assert estate.shared(hello).state == GrantState.ACTIVE
