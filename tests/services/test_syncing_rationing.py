"""Many due syncs: how many are let in at once, of whom, in which order, and never in quiet hours."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from sharing import quiet
from sharing.models import Account, Actor, Check, Connection, GrantState, Purpose, Sync, SyncKind, SyncState
from sharing.services import checking, layers, organizations, syncing
from sharing.tasks import reading, sweeping
from tests import factories

pytestmark = pytest.mark.django_db

#: 10:00 in Berlin in winter.
NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
SYSTEM = Actor.system().label


def fleet(accounts: int, regions: int) -> list[Account]:
    """Connected accounts with that many regions each, as rows."""
    rows = Account.objects.bulk_create([Account(number=f"{7000 + n:012}", name=f"Account {n}") for n in range(accounts)])
    names = [f"xx-place-{n}" for n in range(regions)]
    Connection.objects.bulk_create(
        [
            Connection(
                account=row, purpose=Purpose.MANAGER, state="connected", regions=names, role_arn="r", external_id=row.number
            )
            for row in rows
        ]
    )
    return rows


def row(account: Account, region: str = "us-east-1", **fields: Any) -> Sync:
    fields = {"requested_as": SYSTEM, "created_at": NOW, **fields}
    return Sync.objects.create(account=account, region=region, **fields)


def ended(account: Account, region: str, at: datetime, **fields: Any) -> Sync:
    return row(account, region, state=SyncState.DONE, started_at=at, finished_at=at, **fields)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids that would be queued for syncs."""
    found: list[str] = []

    def soon(task: Any, pk: Any, *, queue: str = "clicks", **_: Any) -> None:
        if queue == "sync" and task.name in ("sharing.run_sync", "sharing.read_layers"):
            found.append(str(pk))

    monkeypatch.setattr(reading, "soon", soon)
    return found


def test_of_four_thousand_due_places_a_few_dozen_are_queued(sent: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker never holds more than may run at once, so that no message waits behind thousands."""
    fleet(200, 20)
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    sweeping.sweep()
    assert len(sent) == 2 * 32  # syncs, and reads of layers likewise
    assert Sync.objects.filter(kind=SyncKind.SWEEP).count() == 2 * 32
    sweeping.sweep()
    assert len(sent) == 2 * 32  # they were told of a moment ago
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(seconds=21))
    sweeping.sweep()
    assert len(sent) == 4 * 32  # their messages have expired
    assert len(set(sent)) == 2 * 32


def test_each_that_ends_lets_the_next_one_in(sent: list[str]) -> None:
    fleet(40, 2)
    reading.announce(syncing.due(NOW), NOW)
    first = list(sent)
    assert len(first) == 32
    ended_one = Sync.objects.get(pk=first[0])
    Sync.objects.filter(pk=ended_one.pk).update(state=SyncState.DONE, finished_at=NOW)
    reading.announce(syncing.waiting(NOW), NOW)
    assert len(sent) == 33
    assert sent[-1] not in first


def test_no_account_has_more_than_a_quarter(sent: list[str]) -> None:
    big, *_ = fleet(9, 20)
    for number in range(20):
        row(big, f"xx-place-{number}", created_at=NOW - timedelta(hours=1))
    of_accounts = Counter(sync.account_id for sync in syncing.due(NOW))
    assert of_accounts[big.pk] == 8
    assert sum(of_accounts.values()) == 32
    assert max(of_accounts.values()) == 8


def test_accounts_that_do_not_answer_have_a_quarter_together_and_the_others_go_on() -> None:
    """Each of forty accounts hangs for as long as a call may: what remains is for those that answer."""
    for account in fleet(40, 0):
        row(account, failure="Waiting: AWS does not answer.", created_at=NOW - timedelta(hours=1))
    fine = {account.pk for account in [factories.account(f"Fine {n}") for n in range(30)]}
    for pk in fine:
        row(Account.objects.get(pk=pk))
    chosen = [sync.account_id for sync in syncing.waiting(NOW)]
    assert len(chosen) == 32
    assert len([account for account in chosen if account in fine]) == 24


def test_what_runs_counts_and_what_pauses_after_an_outage_does_not() -> None:
    running, pausing, *others = fleet(42, 0)
    until = NOW + timedelta(seconds=30)
    for number in range(10):
        row(running, f"run-{number}", state=SyncState.RUNNING, lease_until=until)
        row(
            pausing,
            f"pause-{number}",
            state=SyncState.RUNNING,
            lease_until=until,
            checkpoint={"not_before": until.isoformat()},
            failure="Waiting: AWS does not answer.",
        )
    for account in others:
        row(account)
    assert len(syncing.waiting(NOW)) == 32 - 10


def test_what_a_person_asked_for_comes_first_and_one_function_always() -> None:
    accounts = fleet(50, 0)
    for account in accounts[:40]:
        row(account, created_at=NOW - timedelta(hours=2))
    asked = row(accounts[45], requested_as="ann@example.com", created_at=NOW - timedelta(minutes=1))
    function = factories.function("checkout")
    click = row(function.account, function.region, kind=SyncKind.FUNCTION, function=function)
    chosen = syncing.waiting(NOW)
    assert chosen[:2] == [click, asked]
    assert len(chosen) == 33


def test_a_person_who_asks_for_everything_floods_nothing(sent: list[str]) -> None:
    fleet(50, 3)
    reading.begin(syncing.request(by=Actor.of(factories.person("admin"))))
    assert len(sent) == 32
    assert Sync.objects.open().count() == 150


def test_what_is_due_longest_is_opened_first() -> None:
    accounts = fleet(80, 1)
    for number, account in enumerate(accounts):
        ended(account, "xx-place-0", NOW - timedelta(days=30, hours=number), total=3)
    new = fleet_of_one_more()
    assert new in [sync.account for sync in syncing.due(NOW)]
    opened = set(Sync.objects.open().values_list("account__number", flat=True))
    assert opened == {new.number, *(account.number for account in accounts[-63:])}


def fleet_of_one_more() -> Account:
    account = factories.account("New")
    factories.connection(account, regions=["us-east-1"])
    return account


def test_of_two_workers_that_end_a_sync_at_once_one_tells_of_the_next() -> None:
    sync = row(factories.account())
    others: list[list[Sync]] = []

    def meanwhile(execute: Any, *call: Any) -> Any:
        done = execute(*call)
        if not others:
            others.append([])
            others[0] = syncing.announce([sync], NOW)
        return done

    with connection.execute_wrapper(meanwhile):
        mine = syncing.announce([sync], NOW)
    assert sorted([mine, *others], key=len) == [[], [sync]]


@pytest.mark.parametrize(("hour", "quiet_now"), [(6, False), (7, True), (16, True), (17, False)])
def test_in_quiet_hours_the_schedule_begins_nothing(settings: Any, hour: int, quiet_now: bool) -> None:
    settings.QUIET_HOURS = quiet.parse("08:00-18:00 Europe/Berlin")
    now = NOW.replace(hour=hour)
    [account] = fleet(1, 2)
    row(factories.account("Begun before"), created_at=now - timedelta(hours=3))
    assert bool(syncing.due(now)) is not quiet_now
    assert bool(layers.due(now)) is not quiet_now
    assert Sync.objects.filter(account=account).exists() is not quiet_now
    asked = row(account, "asked", requested_as="ann@example.com", created_at=now - timedelta(minutes=1))
    assert asked in syncing.waiting(now)


@pytest.mark.parametrize(("hour", "quiet_now"), [(6, False), (7, True)])
def test_in_quiet_hours_no_weekly_check_is_made_but_one_after_a_revoke(settings: Any, hour: int, quiet_now: bool) -> None:
    settings.QUIET_HOURS = quiet.parse("08:00-18:00 Europe/Berlin")
    now, function = NOW.replace(hour=hour), factories.shareable()
    weekly, ended = (
        factories.grant(function, "111122223333", state=state, check_due_at=now - timedelta(minutes=1))
        for state in (GrantState.ACTIVE, GrantState.REVOKED)
    )
    checking.due(now)
    assert set(Check.objects.values_list("grant", flat=True)) == {ended.pk} | (set() if quiet_now else {weekly.pk})


@pytest.mark.parametrize(("hour", "quiet_now"), [(6, False), (7, True)])
def test_in_quiet_hours_an_organisation_is_read_only_when_somebody_asked_or_tested_its_role(
    settings: Any, hour: int, quiet_now: bool
) -> None:
    settings.QUIET_HOURS = quiet.parse("08:00-18:00 Europe/Berlin")
    now = NOW.replace(hour=hour)
    due = {"read_at": now - timedelta(days=1), "read_due_at": now}
    daily = factories.organization(organization_id="o-aaaaaaaaaa", **due)
    asked = factories.organization(organization_id="o-bbbbbbbbbb", **due, read_wanted_at=now)
    new = factories.organization(organization_id="o-cccccccccc", **due | {"read_at": None})
    tested = factories.organization(organization_id="o-dddddddddd", **due)
    Connection.objects.filter(organization=tested).update(tested_at=now)
    found = set(organizations.due(now))
    assert found == {asked.pk, new.pk, tested.pk} | (set() if quiet_now else {daily.pk})


@pytest.mark.parametrize(
    ("text", "now", "covered", "ends"),
    [
        ("08:00-18:00 Europe/Berlin", "2026-01-15T07:00+00:00", True, "2026-01-15T17:00+00:00"),
        ("08:00-18:00 Europe/Berlin", "2026-07-15T06:00+00:00", True, "2026-07-15T16:00+00:00"),  # an hour earlier in summer
        ("08:00-18:00 Europe/Berlin", "2026-07-15T16:00+00:00", False, "2026-07-16T16:00+00:00"),
        ("22:00-06:00 UTC", "2026-01-15T23:00+00:00", True, "2026-01-16T06:00+00:00"),
        ("22:00-06:00 UTC", "2026-01-15T05:59+00:00", True, "2026-01-15T06:00+00:00"),
        ("22:00-06:00 UTC", "2026-01-15T12:00+00:00", False, "2026-01-16T06:00+00:00"),
    ],
)
def test_quiet_hours_go_by_the_clocks_of_their_zone(text: str, now: str, covered: bool, ends: str) -> None:
    hours, moment = quiet.parse(text), datetime.fromisoformat(now)
    assert hours.covers(moment) is covered
    assert hours.ends(moment) == datetime.fromisoformat(ends)
