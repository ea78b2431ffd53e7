"""Making AWS agree: against the local AWS, over real HTTP."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from sharing.models import Actor, Connection, Event, Grant, GrantState, Policy
from sharing.services import granting
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


@pytest.fixture
def hello(estate: Estate) -> Policy:
    return estate.policy("hello_world")


def verbs(grant: Grant) -> list[str]:
    return list(Event.objects.filter(grant=grant).order_by("sequence").values_list("verb", flat=True))


def test_a_grant_becomes_active_when_the_statement_was_read_again(estate: Estate, hello: Policy) -> None:
    grant = estate.settle(estate.share(hello))
    assert grant.state == GrantState.ACTIVE
    assert grant.failure == ""
    assert grant.request_id
    assert verbs(grant) == ["grant.decided", "grant.active"]
    assert Event.objects.get(verb="grant.active").request_id == grant.request_id


@pytest.mark.parametrize(
    ("who", "asked"),
    [
        ("111122223333", {}),
        ("arn:aws:iam::111122223333:role/apps/order-processor", {}),
        ("o-k3s8w1q9zt", {}),
        ("111122223333", {"organization": "o-k3s8w1q9zt"}),
        ("s3.amazonaws.com", {"source_account": "1111 2222 3333", "source_arn": "arn:aws:s3:::bucket"}),
        ("111122223333", {"action": "lambda:GetFunctionConfiguration"}),
        ("111122223333", {"via_url": True}),
        ("111122223333", {"action": "lambda:InvokeFunctionUrl", "url_auth_type": "AWS_IAM"}),
        ("111122223333", {"sid": "my-own_Sid"}),
    ],
)
def test_the_previewed_statement_is_what_aws_then_stores(
    estate: Estate, hello: Policy, who: str, asked: dict[str, str]
) -> None:
    plan = estate.plan(hello, who, **asked)
    grant = estate.settle(granting.grant(plan, reason="x", by=estate.by))
    assert grant.state == GrantState.ACTIVE, grant.failure
    assert estate.held(hello) == [plan.statement]


def test_an_event_source_token_reaches_aws_and_is_then_forgotten(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello, "alexa-appkit.amazon.com", event_source_token="amzn1.ask.skill.77")
    assert estate.held(hello)[0]["Condition"]["StringEquals"]["lambda:EventSourceToken"] == "amzn1.ask.skill.77"
    grant.refresh_from_db()
    assert grant.event_source_token == ""
    assert grant.token_fingerprint
    hello.refresh_from_db()
    assert hello.current is not None
    assert "amzn1" not in hello.current.document


def test_an_alias_gets_a_policy_of_its_own(estate: Estate) -> None:
    live = estate.policy("invoice-render", "beta")
    grant = estate.shared(live)
    assert estate.held(live)[0]["Resource"].endswith(":invoice-render:beta")
    assert grant.sid in estate.sids(live)


def test_revoke_reads_revoked_only_after_the_statement_is_gone(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello)
    grant = granting.revoke(grant, by=estate.by, reason="done")
    assert grant.state == GrantState.REVOKING
    assert estate.sids(hello) == [grant.sid]
    grant = estate.settle(grant)
    assert grant.state == GrantState.REVOKED
    assert estate.sids(hello) == []
    assert verbs(grant)[-2:] == ["grant.revoke-asked", "grant.revoked"]


def test_revoking_touches_nothing_but_its_own_statement(estate: Estate) -> None:
    addresses = estate.policy("address-verify")
    before = estate.held(addresses)
    grant = estate.shared(addresses, "333344445555")
    assert estate.held(addresses)[:-1] == before
    estate.settle(granting.revoke(grant, by=estate.by))
    assert estate.held(addresses) == before


def test_a_settled_grant_needs_no_call(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello)
    estate.sandbox.journal.clear()
    estate.settle(grant)
    assert [call.operation for call in estate.sandbox.journal.calls] == []


def test_a_sid_taken_in_aws_fails_with_what_to_do(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello, sid="taken")
    estate.sandbox.put_policy(
        hello.arn,
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "taken",
                    "Effect": "Allow",
                    "Principal": {"AWS": "arn:aws:iam::222233334444:root"},
                    "Action": "lambda:InvokeFunction",
                    "Resource": hello.arn,
                }
            ],
        },
    )
    grant = estate.settle(grant)
    assert grant.state == GrantState.FAILED
    assert "taken by another statement" in grant.failure
    assert grant.failure_next
    assert len(estate.held(hello)) == 1


def test_the_end_date_removes_and_says_expired(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello, ends_at=timezone.now() + timedelta(hours=1))
    later = timezone.now() - timedelta(seconds=1)
    Grant.objects.filter(pk=grant.pk).update(ends_at=later)
    assert list(granting.due(timezone.now())) == [grant]
    grant = estate.settle(grant)
    assert grant.state == GrantState.EXPIRED
    assert estate.sids(hello) == []


def test_two_overlapping_leases_end_alone(estate: Estate, hello: Policy) -> None:
    one = estate.shared(hello, ends_at=timezone.now() + timedelta(days=1))
    two = estate.shared(hello, ends_at=timezone.now() + timedelta(days=2))
    assert sorted(estate.sids(hello)) == sorted([one.sid, two.sid])
    Grant.objects.filter(pk=one.pk).update(ends_at=timezone.now())
    assert estate.settle(one).state == GrantState.EXPIRED
    assert estate.sids(hello) == [two.sid]
    two.refresh_from_db()
    assert two.state == GrantState.ACTIVE


def test_second_person_then_written(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello, "everyone", ends_at=timezone.now() + timedelta(days=1))
    assert grant.state == GrantState.REQUESTED
    assert estate.settle(grant).state == GrantState.REQUESTED
    assert estate.sids(hello) == []
    granting.approve(grant, digest=granting.approval_digest(grant), by=Actor.of(estate.ben))
    grant = estate.settle(grant)
    assert grant.state == GrantState.ACTIVE
    assert estate.held(hello)[0]["Principal"] == "*"


def test_an_approval_of_something_else_writes_nothing(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello, "everyone", ends_at=timezone.now() + timedelta(days=1))
    granting.approve(grant, digest=granting.approval_digest(grant), by=Actor.of(estate.ben))
    Grant.objects.filter(pk=grant.pk).update(ends_at=timezone.now() + timedelta(days=300))
    grant = estate.settle(grant)
    assert grant.state == GrantState.FAILED
    assert "approved" in grant.failure
    assert estate.sids(hello) == []


def test_a_connection_paused_in_between_is_waited_for(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello)
    manager = Connection.objects.filter(account=estate.owner, purpose="manager")
    manager.update(state="paused")
    grant = estate.settle(grant)
    assert grant.state == GrantState.PENDING
    assert "paused" in grant.failure
    assert grant.failure_next
    manager.update(state="connected")
    Grant.objects.update(next_try_at=None)
    assert estate.settle(grant).state == GrantState.ACTIVE


def test_a_role_that_may_only_read_fails_the_grant_and_keeps_the_share(estate: Estate, hello: Policy) -> None:
    held = estate.shared(hello)
    waiting = estate.share(hello, "222233334444")
    ending = granting.revoke(held, by=estate.by)
    Connection.objects.filter(account=estate.owner, purpose="manager").update(verbs={"read": True, "share": False})
    waiting, ending = estate.settle(waiting), estate.settle(ending)
    assert (waiting.state, waiting.failure_code) == (GrantState.FAILED, "read-only")
    assert (ending.state, ending.failure_code) == (GrantState.ACTIVE, "read-only")
    assert estate.sids(hello) == [held.sid]


def test_an_account_disconnected_in_between_ends_a_grant_that_was_never_tried(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello)
    Connection.objects.filter(account=estate.owner, purpose="manager").update(state="disconnected")
    grant = estate.settle(grant)
    assert grant.state == GrantState.FAILED
    assert grant.failure_next


def test_a_deleted_role_shows_as_a_ghost_and_can_still_be_revoked(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello, "arn:aws:iam::222233334444:role/billing-batch")
    estate.sandbox.delete_role("222233334444", "billing-batch")
    assert str(estate.held(hello)[0]["Principal"]).count("AROA") == 1
    assert estate.settle(granting.revoke(grant, by=estate.by)).state == GrantState.REVOKED
    assert estate.held(hello) == []


def test_the_worker_asks_for_rights_again(estate: Estate, hello: Policy) -> None:
    grant = estate.share(hello)
    estate.ann.role = "auditor"
    estate.ann.save()
    grant = estate.settle(grant)
    assert grant.state == GrantState.FAILED
    assert "may not change" in grant.failure
    assert estate.sids(hello) == []


def test_a_removal_that_nobody_can_see_is_neither_gone_nor_still_shared(estate: Estate, hello: Policy) -> None:
    grant = granting.revoke(estate.shared(hello), by=estate.by)
    denied = ("GetPolicy", "before", "error", "AccessDeniedException", 403)
    estate.sandbox.faults.add(*denied, times=2, skip=1)  # type: ignore[arg-type]
    for _ in range(2):
        Grant.objects.update(next_try_at=None)
        grant = estate.settle(grant)
        assert (grant.state, grant.failure_code, estate.sids(hello)) == (GrantState.REVOKING, "removal-unseen", [])
        assert "does not show what is left" in grant.failure or "may not do" in grant.failure
    Grant.objects.update(next_try_at=None)
    assert estate.settle(grant).state == GrantState.REVOKED
