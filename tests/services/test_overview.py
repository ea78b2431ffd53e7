"""What the first page says, in scope and at any size."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.models import Actor, ConnectionState, GrantState, Policy, Purpose, Role
from sharing.services.gaps import Line as GapLine
from sharing.services.overview import SHOWN, Line, Overview, overview
from tests import factories

pytestmark = pytest.mark.django_db

OPERATOR = Actor.at_shell("root")


def counts(shown: Overview) -> dict[str, int]:
    names = ("stuck", "waiting", "failed", "unsettled", "ending", "open", "unread", "gaps", "connections")
    return {name: getattr(shown, name).count for name in names if getattr(shown, name).count}


def steps(shown: Overview) -> dict[str, bool]:
    return {step.code: step.done for step in shown.steps}


def test_a_fresh_installation_has_everything_before_it() -> None:
    shown = overview(by=OPERATOR)
    assert counts(shown) == {}
    assert steps(shown) == {"owner": False, "sync": False, "consumer": False, "share": False}
    assert shown.young
    assert not shown.polls


def test_the_steps_are_done_one_by_one() -> None:
    factories.connection()
    assert steps(overview(by=OPERATOR)) == {"owner": True, "sync": False, "consumer": False, "share": False}
    factories.connection(purpose=Purpose.CHECKER)
    function = factories.function()
    assert steps(overview(by=OPERATOR)) == {"owner": True, "sync": True, "consumer": True, "share": False}
    factories.grant(function)
    assert not overview(by=OPERATOR).young


def test_a_connection_that_was_never_tested_is_no_step_done() -> None:
    factories.connection(state=ConnectionState.AWAITED, role_arn="")
    factories.connection(state=ConnectionState.REFUSED)
    shown = overview(by=OPERATOR)
    assert not steps(shown)["owner"]
    assert shown.connections.count == 2


def test_each_grant_is_where_it_belongs() -> None:
    now = timezone.now()
    function = factories.function("hello_world", factories.account("Platform"))
    factories.account("Acme", "222233334444")
    made = {
        "stuck": factories.grant(function, state=GrantState.STUCK),
        "waiting": factories.grant(function, state=GrantState.REQUESTED, second_person="Everyone."),
        "failed": factories.grant(function, state=GrantState.FAILED, settled_at=now - timedelta(days=1)),
        "unsettled": factories.grant(function, state=GrantState.GRANTING),
        "ending": factories.grant(function, ends_at=now + timedelta(days=13)),
    }
    factories.grant(function, ends_at=now + timedelta(days=15))
    factories.grant(function, state=GrantState.FAILED, settled_at=now - timedelta(days=8))
    factories.grant(function, state=GrantState.REVOKED, ends_at=now + timedelta(days=1))
    shown = overview(by=OPERATOR)
    for name, grant in made.items():
        some = getattr(shown, name)
        assert (some.count, [line.grant for line in some.rows]) == (1, [grant]), name
    line = shown.ending.rows[0]
    assert isinstance(line, Line)
    assert line.words == "Acme may invoke hello_world"
    assert shown.active == 2
    assert shown.polls


def test_of_all_accounts_only_the_names_that_it_says_are_read() -> None:
    factories.account("Globex", "222233334444")
    factories.account("Somebody else", "333344445555")
    factories.grant(factories.function("label-uploads"), state=GrantState.STUCK)
    with CaptureQueriesContext(connection) as read:
        shown = overview(by=OPERATOR)
    assert [line.words for line in shown.stuck.rows if isinstance(line, Line)] == ["Globex may invoke label-uploads"]
    names = [one["sql"] for one in read if one["sql"].startswith('SELECT "sharing_account"."number"')]
    assert len(names) == 1
    assert "222233334444" in names[0]


def test_a_refused_revoke_is_a_failure_that_still_holds_access() -> None:
    grant = factories.grant(failure="AWS denied lambda:RemovePermission.")
    shown = overview(by=OPERATOR)
    assert [line.grant for line in shown.failed.rows if isinstance(line, Line)] == [grant]


def test_depends_counts_as_open_and_comes_after_for_sure() -> None:
    account = factories.account()
    marks = {"a": ("depends", "no"), "b": ("no", "yes"), "c": ("yes", "no"), "d": ("no", "depends"), "e": ("no", "no")}
    for name, (public, service) in marks.items():
        function = factories.function(name, account)
        Policy.objects.filter(function=function).update(public=public, open_service=service)
    gone = factories.function("gone", account, vanished_at=timezone.now())
    Policy.objects.filter(function=gone).update(public="yes")
    shown = overview(by=OPERATOR)
    assert shown.open.count == 4
    assert [policy.function.name for policy in shown.open.rows if isinstance(policy, Policy)] == ["c", "a", "b", "d"]


def test_what_could_not_be_read_is_never_left_out() -> None:
    account = factories.account()
    factories.connection(account, regions=["us-east-1", "eu-west-1"])
    now = timezone.now()
    factories.sweep(account)
    function = factories.function("blind", account)
    Policy.objects.filter(function=function).update(reading="unread", unread_since=now, unread_reason="denied")
    shown = overview(by=OPERATOR)
    assert shown.unread.count == 1
    assert shown.gaps.count == 2, "one region was never read, the other only in part"


def test_regions_nobody_asked_for_are_one_line_an_account_and_come_last() -> None:
    account = factories.account()
    factories.connection(account, regions=["us-east-1"], enabled_regions=["us-east-1", "eu-west-1", "eu-west-2"])
    shown = overview(by=OPERATOR)
    assert [line.regions for line in shown.gaps.rows if isinstance(line, GapLine)] == [
        ("us-east-1",),
        ("eu-west-1", "eu-west-2"),
    ]
    assert shown.unread_regions == 3


def test_only_what_is_in_scope() -> None:
    mine, other = factories.account(), factories.account()
    factories.connection(other, state=ConnectionState.REFUSED)
    function = factories.function(of=other)
    factories.grant(function, state=GrantState.STUCK)
    Policy.objects.filter(function=function).update(public="yes", unread_since=timezone.now())
    me = Actor.of(factories.person(Role.OWNER, accounts=[mine]))
    shown = overview(by=me)
    assert counts(shown) == {}
    assert (shown.functions, shown.active) == (0, 0)


def test_it_costs_the_same_at_any_size_and_shows_a_few() -> None:
    costs = []
    for size in (3, 40):
        account = factories.account()
        factories.connection(account)
        for _ in range(size):
            function = factories.function(of=account)
            Policy.objects.filter(function=function).update(public="yes", unread_since=timezone.now())
            factories.grant(function, state=GrantState.STUCK)
        with CaptureQueriesContext(connection) as captured:
            shown = overview(by=OPERATOR)
        costs.append(len(captured))
    assert costs[0] == costs[1]
    assert len(shown.stuck.rows) == SHOWN
    assert shown.stuck.more == 43 - SHOWN
