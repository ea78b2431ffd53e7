"""Leases: reminders on both sides, the end within a minute, and an alarm where it cannot be kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.models import Actor, Connection, Event, Function, Grant, GrantState, Notice, NoticeState, Policy, Role, User
from sharing.services import access, granting, leasing, mailing, memberships, notices
from sharing.services.granting import reconciling
from sharing.services.granting.ends import next_reminder, spoken
from sharing.services.overview import Line, overview
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

ACME = "111122223333"
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def function() -> Function:
    return factories.shareable()


@pytest.fixture
def ann(function: Function) -> User:
    return factories.person(Role.OWNER, email="ann@example.com", accounts=[function.account])


@pytest.fixture
def jo() -> User:
    return factories.acting("jo@acme.example", factories.account("Acme", ACME))


def shared(function: Function, by: User, *, days: float, who: str = ACME) -> Grant:
    """Active in its row, as after a worker's visit."""
    policy = function.policies.select_related("function__account", "current").get(qualifier="")
    plan = granting.plan(policy=policy, who=who, by=Actor.of(by), ends_at=timezone.now() + timedelta(days=days))
    grant = granting.grant(plan, reason="OPS-812 <b>internal</b>", by=Actor.of(by), anyway=True)
    Grant.objects.filter(pk=grant.pk).update(state=GrantState.ACTIVE, unsettled_since=None, settled_at=timezone.now())
    return Grant.objects.get(pk=grant.pk)


def remind() -> list[tuple[str, int]]:
    """What is queued now: to whom, and of how many days it speaks."""
    return sorted((notice.to, notice.detail["days"]) for notice in leasing.remind(timezone.now()))


def delivered() -> list[Any]:
    """Send what is queued; the mails."""
    mail.outbox.clear()
    for notice in notices.due(timezone.now()):
        mailing.send(notice.pk)
    return list(mail.outbox)


# Reminders


def test_both_sides_are_reminded_seven_days_and_one_day_before(
    clock: time_machine.Traveller, function: Function, ann: User, jo: User
) -> None:
    shared(function, ann, days=10)
    assert remind() == []
    clock.shift(timedelta(days=3, seconds=1))
    assert remind() == [("ann@example.com", 7), ("jo@acme.example", 7)]
    assert remind() == []
    clock.shift(timedelta(days=6))
    assert remind() == [("ann@example.com", 1), ("jo@acme.example", 1)]
    clock.shift(timedelta(hours=20))
    assert remind() == []
    assert Event.objects.filter(verb="grant.reminded").count() == 2


def test_downtime_over_both_moments_is_one_reminder(
    clock: time_machine.Traveller, function: Function, ann: User, jo: User
) -> None:
    shared(function, ann, days=10)
    clock.shift(timedelta(days=9, hours=4))
    assert remind() == [("ann@example.com", 1), ("jo@acme.example", 1)]
    clock.shift(timedelta(hours=1))
    assert remind() == []


def test_downtime_over_the_end_is_none(clock: time_machine.Traveller, function: Function, ann: User) -> None:
    shared(function, ann, days=10)
    clock.shift(timedelta(days=10, seconds=1))
    assert remind() == []


@pytest.mark.parametrize(("days", "first"), [(0.5, None), (3, 2), (7, 6), (8, 1)])
def test_a_short_lease_is_reminded_only_of_what_lies_ahead(days: float, first: float | None) -> None:
    due = next_reminder(NOON + timedelta(days=days), after=NOON)
    assert due == (NOON + timedelta(days=first) if first is not None else None)


def test_an_extension_makes_the_old_reminder_needless_and_a_new_one_due(
    clock: time_machine.Traveller, function: Function, ann: User, jo: User
) -> None:
    grant = shared(function, ann, days=10)
    clock.shift(timedelta(days=3, seconds=1))
    assert len(remind()) == 2
    granting.extend(grant, ends_at=NOON + timedelta(days=40), by=Actor.of(ann))
    assert delivered() == []
    assert set(Notice.objects.values_list("state", flat=True)) == {NoticeState.DROPPED}
    assert remind() == []
    clock.move_to(NOON + timedelta(days=33, seconds=1))
    assert len(remind()) == 2
    assert len(delivered()) == 2


@pytest.mark.parametrize("what", ["revoked", "left", "deactivated"])
def test_a_reminder_that_is_not_needed_any_more_is_dropped(
    clock: time_machine.Traveller, function: Function, ann: User, jo: User, what: str
) -> None:
    grant = shared(function, ann, days=7.5)
    clock.shift(timedelta(days=1))
    remind()
    if what == "revoked":
        Grant.objects.update(state=GrantState.REVOKING, wanted="absent")
    elif what == "left":
        memberships.end(jo.memberships.get(), by=Actor.of(jo))
        ann.accounts.clear()
    else:
        User.objects.update(is_active=False)
    assert delivered() == []
    assert grant.notices.filter(state=NoticeState.DROPPED).count() == 2


def test_who_switched_reminders_off_is_told_of_no_end(
    clock: time_machine.Traveller, function: Function, ann: User, jo: User
) -> None:
    shared(function, ann, days=10)
    User.objects.filter(pk=jo.pk).update(reminders=False)
    clock.move_to(NOON + timedelta(days=3, minutes=1))
    assert remind() == [("ann@example.com", 7)]
    User.objects.filter(pk=ann.pk).update(reminders=False)
    assert delivered() == [], "nor by what is queued already"


def test_only_people_of_that_account_are_told(function: Function, ann: User, jo: User) -> None:
    factories.membership(factories.person(Role.CONSUMER, email="other@globex.example"), factories.account("Globex"))
    factories.membership(
        factories.person(Role.CONSUMER, email="left@acme.example"), jo.memberships.get().account, ended_at=timezone.now()
    )
    grant = shared(function, ann, days=10)
    assert leasing.consumers_of(grant) == [jo]
    assert leasing.consumers_of(Grant(principal_kind="organization", principal="o-k3s8w1q9zt")) == []


def test_who_is_on_both_sides_gets_the_owners_words(clock: time_machine.Traveller, function: Function, ann: User) -> None:
    factories.membership(ann, factories.account("Acme", ACME))
    shared(function, ann, days=8)
    clock.shift(timedelta(days=1, seconds=1))
    assert [(notice.to, notice.detail["side"]) for notice in leasing.remind(timezone.now())] == [("ann@example.com", "owner")]


def test_the_consumers_mail_says_no_more_than_they_may_know(
    clock: time_machine.Traveller, function: Function, ann: User, jo: User
) -> None:
    grant = shared(function, ann, days=8)
    shared(function, ann, days=8, who="999988887777")
    clock.shift(timedelta(days=1, seconds=1))
    leasing.remind(timezone.now())
    words = "\n".join(
        f"{one.subject}\n{one.body}\n{one.alternatives[0].content}" for one in delivered() if one.to == [jo.email]
    )
    assert "ends within 7 days" in words
    assert grant.policy.arn in words
    assert "9 Dec 2026, 12:00 UTC" in words
    assert f"/shared/ask/?about={grant.pk}" in words
    for hidden in (grant.sid, "OPS-812", "ann@example.com", "999988887777", "9999 8888 7777", "Platform", "Sid", "/grants/"):
        assert hidden not in words, hidden


def test_the_owners_mail_has_the_way_to_extend_and_what_follows(
    clock: time_machine.Traveller, function: Function, ann: User
) -> None:
    factories.account("Acme", ACME)
    grant = shared(function, ann, days=8)
    clock.shift(timedelta(days=1, seconds=1))
    leasing.remind(timezone.now())
    (one,) = delivered()
    assert one.subject == "[fnshare] Ends within 7 days: Acme may invoke label-uploads"
    assert f"http://localhost:8000/grants/{grant.pk}/extend/" in one.body
    assert "Nothing else that was read on this policy lets them in." in one.body
    html = str(one.alternatives[0].content)
    assert "&lt;b&gt;internal&lt;/b&gt;" in html
    assert "<b>" not in html


def test_a_sweep_without_reminders_costs_one_query_at_any_size(function: Function) -> None:
    now = timezone.now()
    for size in (2, 40):
        for _ in range(size):
            factories.grant(function, ends_at=now + timedelta(days=2), remind_at=now + timedelta(days=1))
        with CaptureQueriesContext(connection) as captured:
            assert leasing.remind(now) == []
            assert leasing.alarm(now) == []
        assert len(captured) == 2


# The end, within a minute


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    return Estate(sandbox)


@pytest.fixture
def hello(estate: Estate) -> Policy:
    return estate.policy("hello_world")


def test_the_sweep_hands_over_what_ends_before_the_next_one_for_that_very_moment(
    function: Function, ann: User, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    from sharing.tasks import sweep

    told: dict[str, float] = {}
    monkeypatch.setattr(
        "sharing.tasks.sweeping.soon", lambda task, pk, **more: told.setdefault(str(pk), float(more.get("after", 0)))
    )
    settings.SWEEP_SECONDS = 60.0
    soon, later = shared(function, ann, days=45 / 86_400), shared(function, ann, days=90 / 86_400)
    sweep()
    assert 40 < told[str(soon.pk)] <= 45
    assert str(later.pk) not in told


def test_on_time_says_nothing_of_lateness(estate: Estate, hello: Policy) -> None:
    now = timezone.now()
    grant = estate.shared(hello, ends_at=now + timedelta(hours=1))
    with time_machine.travel(now + timedelta(hours=1, seconds=20)):
        estate.sandbox.journal.clear()
        grant = estate.settle(grant)
        assert grant.state == GrantState.EXPIRED
        operations = [call.operation for call in estate.sandbox.journal.calls]
    assert estate.sids(hello) == []
    assert operations.index("RemovePermission") < len(operations) - 1 - operations[::-1].index("GetPolicy"), "re-read after"
    assert grant.settled_at is not None
    assert grant.settled_at - now < timedelta(hours=1, seconds=60)
    event = Event.objects.get(verb="grant.expired")
    assert "Removed on its end date, seen by re-reading" in event.text
    assert event.detail == {}


def test_downtime_across_the_date_is_caught_up_and_said(estate: Estate, hello: Policy) -> None:
    now = timezone.now()
    grant = estate.shared(hello, ends_at=now + timedelta(minutes=1))
    with time_machine.travel(now + timedelta(hours=3, minutes=13)):
        assert grant in granting.due(timezone.now())
        grant = estate.settle(grant)
    assert grant.state == GrantState.EXPIRED
    event = Event.objects.get(verb="grant.expired")
    assert "Removed 3 h 12 min after its end date (until then access stood)" in event.text
    assert event.detail["late_seconds"] >= 3 * 3600


def test_a_statement_that_somebody_else_removed_meanwhile_may_have_stood(estate: Estate, hello: Policy) -> None:
    now = timezone.now()
    grant = estate.shared(hello, ends_at=now + timedelta(minutes=1))
    estate.sandbox.put_policy(hello.arn, None)
    with time_machine.travel(now + timedelta(hours=1)):
        estate.settle(grant)
    assert "until then access may have stood" in Event.objects.get(verb="grant.expired").text


@pytest.mark.parametrize(
    ("span", "words"),
    [(61, "1 min"), (3600, "1 h"), (3600 * 3 + 720, "3 h 12 min"), (3600 * 47, "47 h"), (86_400 * 5, "5 days")],
)
def test_lengths_of_time_in_words(span: int, words: str) -> None:
    assert spoken(timedelta(seconds=span)) == words


def test_three_overlapping_leases_end_alone_whatever_they_are_of(estate: Estate) -> None:
    hello, beta = estate.policy("invoice-render"), estate.policy("invoice-render", "beta")
    now = timezone.now()
    before = estate.sids(hello), estate.sids(beta)
    role = "arn:aws:iam::111122223333:role/apps/order-processor"
    first = estate.shared(hello, ends_at=now + timedelta(hours=1))
    second = estate.shared(hello, role, ends_at=now + timedelta(hours=2))
    third = estate.shared(beta, ends_at=now + timedelta(hours=3))
    again = estate.shared(hello, ends_at=now + timedelta(hours=4))
    left = [(hello, first), (hello, second), (beta, third), (hello, again)]
    for hours in (1, 2, 3, 4):
        with time_machine.travel(now + timedelta(hours=hours, seconds=1)):
            due = list(granting.due(timezone.now()))
            assert due == [left[0][1]]
            assert estate.settle(due[0]).state == GrantState.EXPIRED
        left.pop(0)
        held = [*((hello, sid) for sid in estate.sids(hello)), *((beta, sid) for sid in estate.sids(beta))]
        expected = [*((hello, sid) for sid in before[0]), *((beta, sid) for sid in before[1])]
        assert sorted(held, key=str) == sorted([*expected, *((policy, grant.sid) for policy, grant in left)], key=str)


def test_an_extension_just_before_the_worker_decides_keeps_the_access(
    estate: Estate, hello: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    grant = estate.shared(hello, ends_at=now + timedelta(hours=1))
    real = reconciling.expire

    def raced(seen: Grant, moment: datetime) -> Grant:
        """The worker has read the row and finds it overdue; before it writes, the owner's click is committed."""
        Grant.objects.filter(pk=grant.pk).update(ends_at=now + timedelta(days=9))
        return real(seen, moment)

    monkeypatch.setattr(reconciling, "expire", raced)
    with time_machine.travel(now + timedelta(hours=1, seconds=1)):
        grant = estate.settle(grant)
    assert (grant.state, grant.wanted) == (GrantState.ACTIVE, "present")
    assert estate.sids(hello) == [grant.sid]
    assert not Event.objects.filter(verb="grant.ended").exists()


def test_an_extension_just_after_is_refused_and_aws_holds_nothing(estate: Estate, hello: Policy) -> None:
    now = timezone.now()
    grant = estate.shared(hello, ends_at=now + timedelta(hours=1))
    with time_machine.travel(now + timedelta(hours=1, seconds=1)):
        reconciling.expire(Grant.objects.get(pk=grant.pk), timezone.now())
        with pytest.raises(Exception, match="Only an active grant has an end date"):
            granting.extend(grant, ends_at=now + timedelta(days=9), by=estate.by)
        grant = estate.settle(grant)
    assert grant.state == GrantState.EXPIRED
    assert estate.sids(hello) == []


# An end that cannot be kept


def troubled(estate: Estate, hello: Policy, trouble: str) -> Grant:
    """A lease 10 minutes past its end that a worker tried to end."""
    now = timezone.now()
    grant = estate.shared(hello, ends_at=now + timedelta(minutes=1))
    estate.read(hello)
    manager = Connection.objects.filter(account=estate.owner, purpose="manager")
    if trouble == "denied":
        estate.sandbox.faults.add("RemovePermission", "before", "error", "AccessDeniedException", 403, times=50)
    else:
        manager.update(state=trouble)
    Grant.objects.filter(pk=grant.pk).update(ends_at=now - timedelta(minutes=10))
    return estate.settle(grant)


@pytest.mark.parametrize("trouble", ["denied", "paused", "refused", "disconnected"])
def test_a_lease_that_cannot_be_ended_alarms_and_stays_visible_as_access(
    estate: Estate, hello: Policy, trouble: str, unpaced: None
) -> None:
    admin = factories.person(Role.ADMIN, email="root@example.com")
    grant = troubled(estate, hello, trouble)
    assert grant.state in (GrantState.ACTIVE, GrantState.REVOKING, GrantState.STUCK)
    assert grant.failure
    assert estate.sids(hello) == [grant.sid]
    now = timezone.now()
    assert list(leasing.overdue(now)) == [grant]
    told = {notice.to for notice in leasing.alarm(now)}
    assert told == {admin.email, estate.ann.email, estate.ben.email}
    assert leasing.alarm(now) == []
    assert len(leasing.alarm(now + timedelta(days=1))) == 3
    shown = overview(by=Actor.of(admin))
    assert [line.grant for line in shown.overdue.rows if isinstance(line, Line)] == [grant]
    assert (shown.stuck.count, shown.failed.count, shown.ending.count) == (0, 0, 0)
    answer = access.ask(hello.arn, by=Actor.of(admin))
    assert any(ACME in str(line) for group in answer.groups for line in group.lines)
    mails = {one.to[0]: one for one in delivered()}
    assert "access still stands" in mails[admin.email].subject
    assert grant.failure in mails[admin.email].body
    assert f"/grants/{grant.pk}/" in mails[admin.email].body


def test_an_alarm_is_dropped_when_it_was_ended_after_all(estate: Estate, hello: Policy) -> None:
    factories.person(Role.ADMIN)
    grant = troubled(estate, hello, "denied")
    assert leasing.alarm(timezone.now())
    estate.sandbox.faults.clear()
    Grant.objects.filter(pk=grant.pk).update(next_try_at=None)
    assert estate.settle(grant).state == GrantState.EXPIRED
    assert delivered() == []
    assert leasing.alarm(timezone.now()) == []


def test_a_worker_that_was_merely_away_alarms_nobody(function: Function, ann: User) -> None:
    now = timezone.now()
    factories.grant(function, ends_at=now - timedelta(days=1))
    assert leasing.alarm(now) == []
    assert leasing.overdue(now).count() == 1


def test_a_thousand_overdue_leases_are_one_mail_a_person_and_account(function: Function, ann: User) -> None:
    now = timezone.now()
    rows = [factories.grant(function, ends_at=now - timedelta(hours=1), failure="AWS denied it.") for _ in range(25)]
    assert [notice.to for notice in leasing.alarm(now)] == [ann.email]
    (one,) = delivered()
    assert "25 in Platform" in one.subject
    assert "and 15 more" in one.body
    assert sum(str(grant.pk) in one.body for grant in rows) == 10


def test_who_waits_for_a_second_person_is_told_to_the_others(function: Function, ann: User) -> None:
    ben = factories.person(Role.OWNER, email="ben@example.com", accounts=[function.account])
    policy = function.policies.select_related("function__account", "current").get()
    plan = granting.plan(policy=policy, who="everyone", by=Actor.of(ann), ends_at=timezone.now() + timedelta(days=3))
    grant = granting.grant(plan, reason="A load test", by=Actor.of(ann))
    assert [(notice.kind, notice.to) for notice in grant.notices.all()] == [("approval-asked", ben.email)]
    (one,) = delivered()
    assert f"/grants/{grant.pk}/approve/" in one.body
    Notice.objects.update(state=NoticeState.QUEUED)
    Grant.objects.update(state=GrantState.FAILED)
    assert delivered() == []
