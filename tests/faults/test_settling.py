"""Trouble at every call of a grant and a revoke: AWS, the row and the history agree in the end, and never lie before."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from sharing.aws.functions import Functions
from sharing.models import Event, Grant, GrantState, Policy
from sharing.services import granting
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """What a test raises where a worker process would die: nothing in the product catches it."""


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


@pytest.fixture
def hello(estate: Estate) -> Policy:
    return estate.policy("hello_world")


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


def test_a_stale_revision_is_read_again_and_the_other_change_survives(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello)
    estate.sandbox.faults.add("AddPermission", "before", "error", "PreconditionFailedException", 412, times=2)
    assert estate.settle(grant).state == GrantState.ACTIVE
    assert estate.sids(hello) == [grant.sid]


@pytest.mark.parametrize(
    ("code", "status", "message", "said"),
    [
        ("AccessDeniedException", 403, "User: x is not authorized to perform: lambda:AddPermission", "may not do"),
        ("PublicPolicyException", 400, "public", "public"),
        ("PolicyLengthExceededException", 400, "The final policy size (20749) is bigger than the limit (20480).", "20749"),
        (
            "InvalidParameterValueException",
            400,
            "The provided principal was invalid. Please check the principal and try again.",
            "AWS knows no",
        ),
    ],
)
def test_a_refused_grant_fails_with_a_sentence_and_a_next_step(
    estate: Estate, hello: Policy, code: str, status: int, message: str, said: str
) -> None:
    grant = estate.share(hello)
    estate.sandbox.faults.add("AddPermission", "before", "error", code, status, message)
    grant = estate.settle(grant)
    assert grant.state == GrantState.FAILED
    assert said in grant.failure
    assert grant.failure_next
    assert grant.failure_code == code
    assert estate.sids(hello) == []
    assert Event.objects.get(grant=grant, verb="grant.failed").error_code == code


@pytest.mark.parametrize("code", ["AccessDeniedException", "PublicPolicyException"])
def test_a_refused_revoke_goes_back_to_active_with_the_error_on_the_row(estate: Estate, hello: Policy, code: str) -> None:
    grant = granting.revoke(estate.shared(hello), by=estate.by)
    estate.sandbox.faults.add("RemovePermission", "before", "error", code, 403 if "Access" in code else 400, times=5)
    grant = estate.settle(grant)
    assert grant.state == GrantState.ACTIVE
    assert grant.wanted == "present"
    assert grant.failure
    assert grant.failure_next
    assert estate.sids(hello) == [grant.sid]
    estate.sandbox.faults.clear()
    grant = estate.settle(granting.revoke(grant, by=estate.by))
    assert grant.state == GrantState.REVOKED


def test_a_refused_removal_on_the_end_date_is_tried_again_by_itself(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello, ends_at=timezone.now() + timedelta(hours=1))
    Grant.objects.filter(pk=grant.pk).update(ends_at=timezone.now())
    estate.sandbox.faults.add("RemovePermission", "before", "error", "AccessDeniedException", 403, "no")
    grant = estate.settle(grant)
    assert grant.state == GrantState.ACTIVE
    assert grant.failure
    assert list(granting.due(timezone.now())) == []
    assert list(granting.due(timezone.now() + timedelta(minutes=15))) == [grant]
    assert converge(grant).state == GrantState.EXPIRED


def test_a_role_that_may_not_even_read_ends_the_grant_and_keeps_the_revoke_honest(estate: Estate, hello: Policy) -> None:
    estate.sandbox.faults.add("GetPolicy", "before", "error", "AccessDeniedException", 403, "no", times=9)
    assert estate.settle(estate.share(hello, "222233334444")).state == GrantState.FAILED
    estate.sandbox.faults.clear()
    grant = granting.revoke(estate.shared(hello), by=estate.by)
    estate.sandbox.faults.add("GetPolicy", "before", "error", "AccessDeniedException", 403, "no", times=9)
    grant = estate.settle(grant)
    assert grant.state == GrantState.ACTIVE
    assert grant.failure


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


def test_a_function_deleted_in_between(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello)
    estate.sandbox.delete_function(hello.arn)
    grant = estate.settle(grant)
    assert grant.state == GrantState.FAILED
    assert "does not exist in AWS any more" in grant.failure


def test_a_revoke_on_a_deleted_function_is_revoked(estate: Estate, hello: Policy) -> None:
    grant = granting.revoke(estate.shared(hello), by=estate.by)
    estate.sandbox.delete_function(hello.arn)
    assert estate.settle(grant).state == GrantState.REVOKED


def test_an_unknown_role_and_a_ghost_that_blocks_are_told_apart(estate: Estate) -> None:
    hello, receipt = estate.policy("hello_world"), estate.policy("send-receipt")
    unknown = "arn:aws:iam::111122223333:role/no-such-role"
    failed = estate.settle(estate.share(hello, unknown))
    assert failed.state == GrantState.FAILED
    assert "no-such-role" in failed.failure
    estate.sandbox.switches.ghost_blocks_add_permission = True
    blocked = estate.settle(estate.share(receipt, "111122223333"))
    assert blocked.state == GrantState.FAILED
    assert "AROA4KQ7PXEXAMPLE2Z9V" in blocked.failure
    assert "receipts-worker" in blocked.failure


def test_a_full_policy_fails_with_its_size(estate: Estate) -> None:
    full = estate.policy("feature-flags")
    while len(estate.held(full)) < 200:
        grant = estate.settle(estate.share(full, "111122223333", sid="x" * 100))
        if grant.state == GrantState.FAILED:
            break
        Grant.objects.filter(pk=grant.pk).update(state=GrantState.VANISHED)
    assert grant.state == GrantState.FAILED
    assert "full" in grant.failure


def test_public_access_that_aws_blocks_is_explained(estate: Estate, hello: Policy) -> None:
    from sharing.models import Actor

    estate.sandbox.switches.public_policy_blocked = True
    grant = estate.share(hello, "everyone", ends_at=timezone.now() + timedelta(days=1))
    granting.approve(grant, digest=granting.approval_digest(grant), by=Actor.of(estate.ben))
    grant = estate.settle(grant)
    assert grant.state == GrantState.FAILED
    assert "public" in grant.failure
    assert grant.failure_next


def test_an_empty_statement_list_after_the_last_removal_is_gone_too(estate: Estate, hello: Policy) -> None:
    estate.sandbox.switches.empty_policy_after_last = True
    grant = estate.settle(granting.revoke(estate.shared(hello), by=estate.by))
    assert grant.state == GrantState.REVOKED
    assert estate.shared(hello).state == GrantState.ACTIVE
