"""What AWS refuses, or has no more: the row says why and what to do, and reads as AWS is."""

from datetime import timedelta

import pytest
from django.utils import timezone

from sharing.models import Actor, Event, Grant, GrantState, Policy
from sharing.services import granting
from tests.faults.test_settling import converge
from tests.services.estate import Estate

pytestmark = pytest.mark.django_db


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
    estate.sandbox.switches.public_policy_blocked = True
    grant = estate.share(hello, "everyone", ends_at=timezone.now() + timedelta(days=1))
    granting.approve(grant, digest=granting.approval_digest(grant), by=Actor.of(estate.ben))
    grant = estate.settle(grant)
    assert grant.state == GrantState.FAILED
    assert "public" in grant.failure
    assert grant.failure_next
