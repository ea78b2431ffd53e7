"""Proving access as a named principal: who is tried, what proves, what disproves, and what is never shown too early."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from sharing.models import Actor, Check, CheckState, Connection, ConnectionState, Event, Grant, Policy, PolicyVersion, Verdict
from sharing.services import checking, granting
from sharing.services.checking import trials
from sharing.services.errors import NotFound, NotPermitted, Refusal
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

ACME, GLOBEX, INITECH = "111122223333", "222233334444", "333344445555"


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


@pytest.fixture
def hello(estate: Estate) -> Policy:
    return estate.policy("hello_world")


def answered(grant: Grant) -> Grant:
    """Run the open check at once, again and again as its time comes, as if the clock ran."""
    for _ in range(10):
        check = Check.objects.open().filter(grant=grant).first()
        if check is None:
            break
        Check.objects.filter(pk=check.pk).update(next_try_at=None)
        checking.run(check.pk)
    grant.refresh_from_db()
    return grant


def window_over(grant: Grant) -> None:
    Check.objects.open().filter(grant=grant).update(give_up_at=timezone.now(), next_try_at=None)


def test_a_grant_to_an_account_is_proved_as_its_checker_role(estate: Estate, hello: Policy) -> None:
    grant = answered(estate.shared(hello))
    assert grant.verdict == Verdict.ALLOWED
    assert grant.verdict_principal == estate.connection("Acme Retail", "checker").role_arn
    assert "Proved for" in grant.verdict_detail
    assert grant.checked_at
    assert grant.check_due_at
    assert grant.check_due_at > timezone.now() + timedelta(days=6)
    event = Event.objects.get(verb="check.finished")
    assert event.grant == grant
    assert event.request_id


def test_a_revoke_is_proved_by_a_denied_check(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello)
    answered(grant)
    grant = answered(estate.settle(granting.revoke(grant, by=estate.by)))
    assert grant.verdict == Verdict.DENIED
    assert grant.check_due_at is None


def test_the_alias_is_what_is_tried(estate: Estate) -> None:
    grant = answered(estate.shared(estate.policy("invoice-render", "beta")))
    assert grant.verdict == Verdict.ALLOWED
    assert any(call.qualifier == "beta" for call in estate.sandbox.journal.calls if call.operation == "Invoke")


@pytest.mark.parametrize(
    ("who", "asked", "reason"),
    [
        ("s3.amazonaws.com", {"source_account": ACME}, "service"),
        (ACME, {"action": "lambda:GetFunction"}, "lambda:InvokeFunction only"),
        (ACME, {"via_url": True}, "URL"),
        (ACME, {"action": "lambda:InvokeFunctionUrl", "url_auth_type": "AWS_IAM"}, "lambda:InvokeFunction only"),
        ("666677778888", {}, "no connected checker role"),
        ("arn:aws:iam::111122223333:role/apps/order-processor", {}, "can only act as"),
    ],
)
def test_whom_nobody_can_act_as_is_not_tried_never_denied(
    estate: Estate, hello: Policy, who: str, asked: dict[str, str], reason: str
) -> None:
    grant = estate.shared(hello, who, **asked)
    grant.refresh_from_db()
    assert grant.verdict == Verdict.NOT_TRIED
    assert reason in grant.verdict_detail
    assert not [call for call in estate.sandbox.journal.calls if call.operation == "Invoke"]


def test_a_grant_to_the_checker_role_itself_is_tried(estate: Estate, hello: Policy) -> None:
    role = estate.connection("Acme Retail", "checker").role_arn
    grant = answered(estate.shared(hello, role))
    assert grant.verdict == Verdict.ALLOWED
    assert grant.verdict_principal == role


def test_an_organisation_is_proved_by_any_connected_member(estate: Estate, hello: Policy) -> None:
    # Initech is connected too and no member: its denial proves nothing, and the first by number that belongs is enough.
    grant = answered(estate.shared(hello, "o-k3s8w1q9zt"))
    assert grant.verdict == Verdict.ALLOWED
    assert grant.verdict_principal == estate.connection("Acme Retail", "checker").role_arn


def test_an_organisation_without_a_known_member_is_not_tried_rather_than_denied(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello, "o-someoneelse1")
    answered(grant)
    assert grant.checked_at is None or grant.verdict != Verdict.DENIED
    window_over(grant)
    grant = answered(grant)
    assert grant.verdict == Verdict.NOT_TRIED
    assert "not known here" in grant.verdict_detail


def test_of_an_organisation_whose_members_are_known_a_member_is_tried_and_its_denial_counts(
    estate: Estate, hello: Policy
) -> None:
    factories.organization("111122223333")
    grant = estate.shared(hello, "o-k3s8w1q9zt")
    check = Check.objects.get(grant=grant)
    trial = trials.trial_of(check)
    assert [one.account.name for one in trial.connections] == ["Acme Retail"], "and neither Globex nor Initech"
    assert not trial.any_member
    assert answered(grant).verdict == Verdict.ALLOWED


def test_where_no_member_is_connected_nobody_is_tried_who_is_known_to_be_outside(estate: Estate, hello: Policy) -> None:
    factories.organization("999988887777")
    grant = estate.shared(hello, "o-k3s8w1q9zt")
    trial = trials.trial_of(Check.objects.get(grant=grant))
    assert trial.connections == ()
    assert "No member of o-k3s8w1q9zt, as read at" in trial.reason


def test_members_that_are_known_no_more_are_tried_with_all_who_may_be(estate: Estate, hello: Policy) -> None:
    factories.organization("111122223333", failure="No answer.")
    trial = trials.trial_of(Check.objects.get(grant=estate.shared(hello, "o-k3s8w1q9zt")))
    assert {one.account.name for one in trial.connections} == {"Acme Retail", "Globex", "Initech"}
    assert trial.any_member


def test_everyone_is_tried_as_a_consumer_whom_nothing_else_lets_in(estate: Estate, hello: Policy) -> None:
    estate.shared(hello, ACME)
    grant = estate.share(hello, "everyone", ends_at=timezone.now() + timedelta(days=1))
    granting.approve(grant, digest=granting.approval_digest(grant), by=Actor.of(estate.ben))
    grant = answered(estate.settle(grant))
    assert grant.verdict == Verdict.ALLOWED
    assert grant.verdict_principal == estate.connection("Globex", "checker").role_arn


def test_denied_is_never_shown_while_the_grant_is_on_its_way(estate: Estate, hello: Policy) -> None:
    estate.sandbox.switches.propagation_delay = 3600
    grant = answered(estate.shared(hello))
    assert grant.verdict == ""
    check = Check.objects.get(grant=grant)
    assert check.state == CheckState.RUNNING
    assert check.verdict == check.detail == check.answer == ""
    assert check.next_try_at
    assert check.give_up_at
    assert timedelta(seconds=55) < check.give_up_at - check.created_at <= timedelta(seconds=90)
    estate.sandbox.switches.propagation_delay = 0
    assert answered(grant).verdict == Verdict.ALLOWED


def test_after_the_window_a_denial_counts(estate: Estate, hello: Policy) -> None:
    estate.sandbox.switches.propagation_delay = 3600
    grant = estate.shared(hello)
    window_over(grant)
    grant = answered(grant)
    assert grant.verdict == Verdict.DENIED


def test_a_click_within_the_window_waits_like_the_check_after_the_grant(estate: Estate, hello: Policy) -> None:
    grant = answered(estate.shared(hello))
    estate.sandbox.switches.propagation_delay = 3600
    estate.shared(hello, GLOBEX)  # changes the policy again: nothing of it is in force for an hour
    check = checking.request(grant=grant, occasion="click", by=estate.by)
    checking.run(check.pk)
    check.refresh_from_db()
    assert check.state == CheckState.RUNNING
    assert check.expected == Verdict.ALLOWED


def test_allowed_after_a_revoke_names_what_still_lets_them_in(estate: Estate, hello: Policy) -> None:
    one = answered(estate.shared(hello, sid="first"))
    estate.shared(hello, sid="second", ends_at=timezone.now() + timedelta(days=2))
    one = estate.settle(granting.revoke(one, by=estate.by))
    check = Check.objects.open().get(grant=one)
    outcome = checking.run(check.pk)
    assert outcome
    assert outcome.again_in is None, "another statement lets them in: there is nothing to wait for"
    one.refresh_from_db()
    assert one.verdict == Verdict.ALLOWED
    assert "Still allowed through statement second" in one.verdict_detail


def test_still_allowed_is_asked_again_once_what_let_them_in_is_taken_back_too(estate: Estate, hello: Policy) -> None:
    one = answered(estate.shared(hello, sid="first"))
    two = answered(estate.shared(hello, sid="second", ends_at=timezone.now() + timedelta(days=2)))
    one = answered(estate.settle(granting.revoke(one, by=estate.by)))
    assert one.verdict == Verdict.ALLOWED
    answered(estate.settle(granting.revoke(two, by=estate.by)))
    assert [check.grant_id for check in checking.due(timezone.now())] == [one.pk]
    one = answered(one)
    assert (one.verdict, one.check_due_at) == (Verdict.DENIED, None)


def test_a_denial_on_the_consumers_side_says_so(estate: Estate, hello: Policy) -> None:
    estate.sandbox.put_role_policy(ACME, "fnshare-checker", "Check", None)
    for name in list_policies(estate, ACME, "fnshare-checker"):
        estate.sandbox.put_role_policy(ACME, "fnshare-checker", name, None)
    grant = estate.shared(hello)
    window_over(grant)
    grant = answered(grant)
    assert grant.verdict == Verdict.DENIED
    assert "Its own account refuses" in grant.verdict_detail


def list_policies(estate: Estate, account: str, role: str) -> list[str]:
    return list(estate.sandbox._role(account, role).policies)


@pytest.mark.parametrize(("code", "status"), [("ServiceException", 500), ("TooManyRequestsException", 429)])
def test_trouble_is_tried_again_and_ends_as_an_error_never_as_denied(
    estate: Estate, hello: Policy, code: str, status: int
) -> None:
    grant = estate.shared(hello)
    estate.sandbox.faults.add("Invoke", "before", "error", code, status, times=50)
    grant = answered(grant)
    assert grant.verdict == ""
    window_over(grant)
    grant = answered(grant)
    assert grant.verdict == Verdict.ERROR
    assert grant.verdict_detail


def test_a_checker_role_that_cannot_be_entered_is_an_error(estate: Estate, hello: Policy) -> None:
    estate.sandbox.delete_role(ACME, "fnshare-checker")
    grant = estate.shared(hello)
    window_over(grant)
    grant = answered(grant)
    assert grant.verdict == Verdict.ERROR
    assert "assume the role" in grant.verdict_detail


def test_check_access_tries_as_the_account_or_role_that_is_named(estate: Estate, hello: Policy) -> None:
    estate.shared(hello)
    PolicyVersion.objects.update(first_seen_at=timezone.now() - timedelta(hours=1))
    for named, verdict in (
        (ACME, Verdict.ALLOWED),
        ("Acme Retail", Verdict.ALLOWED),
        (estate.connection("Acme Retail", "checker").role_arn, Verdict.ALLOWED),
        (GLOBEX, Verdict.DENIED),
    ):
        check = checking.request(policy=hello, as_=named, occasion="click", by=estate.by)
        outcome = checking.run(check.pk)
        assert outcome is not None
        assert outcome.check.verdict == verdict, (named, outcome.check.detail)


def test_check_access_as_somebody_we_cannot_act_as(estate: Estate, hello: Policy) -> None:
    check = checking.request(policy=hello, as_="arn:aws:iam::111122223333:role/other", occasion="click", by=estate.by)
    assert (check.state, check.verdict) == (CheckState.DONE, Verdict.NOT_TRIED)
    for nonsense in ("12345", "s3.amazonaws.com", "everyone", "o-k3s8w1q9zt", ""):
        with pytest.raises(Refusal):
            checking.request(policy=hello, as_=nonsense, occasion="click", by=estate.by)


def test_a_click_joins_the_open_check(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello)
    first = Check.objects.open().get(grant=grant)
    assert checking.request(grant=grant, occasion="click", by=estate.by) == first


def test_a_revoke_replaces_the_question_that_was_open(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello)
    old = Check.objects.open().get(grant=grant)
    grant = estate.settle(granting.revoke(grant, by=estate.by))
    new = Check.objects.open().get(grant=grant)
    assert new != old
    checking.run(old.pk)
    grant.refresh_from_db()
    assert grant.verdict == ""
    assert answered(grant).verdict == Verdict.DENIED


def test_weekly_checks_come_once_also_after_a_long_downtime(estate: Estate, hello: Policy) -> None:
    grant = answered(estate.shared(hello))
    now = timezone.now()
    Grant.objects.filter(pk=grant.pk).update(check_due_at=now - timedelta(weeks=5))
    assert len(checking.due(now)) == 1
    assert len(checking.due(now)) == 1
    assert Check.objects.filter(grant=grant, occasion="schedule").count() == 1
    answered(grant)
    assert checking.due(now) == []
    grant.refresh_from_db()
    assert grant.check_due_at
    assert grant.check_due_at > now + timedelta(days=6)


def test_a_paused_checker_is_not_used(estate: Estate, hello: Policy) -> None:
    Connection.objects.filter(pk=estate.connection("Acme Retail", "checker").pk).update(state=ConnectionState.PAUSED)
    grant = estate.shared(hello)
    grant.refresh_from_db()
    assert grant.verdict == Verdict.NOT_TRIED


def test_a_killed_worker_leaves_the_check_to_the_next(estate: Estate, hello: Policy) -> None:
    grant = estate.shared(hello)
    check = Check.objects.open().get(grant=grant)
    Check.objects.filter(pk=check.pk).update(state=CheckState.RUNNING, lease_until=timezone.now() + timedelta(seconds=50))
    outcome = checking.run(check.pk)
    assert outcome
    assert outcome.again_in
    assert checking.due(timezone.now()) == []
    later = timezone.now() + timedelta(seconds=61)
    assert checking.due(later) == [check]


def test_who_may_ask(estate: Estate, hello: Policy) -> None:
    auditor = Actor.of(factories.person("auditor"))
    with pytest.raises(NotPermitted):
        checking.request(policy=hello, as_=ACME, occasion="click", by=auditor)
    stranger = Actor.of(factories.person("owner", accounts=[factories.account()]))
    with pytest.raises(NotFound):
        checking.request(policy=hello, as_=ACME, occasion="click", by=stranger)
