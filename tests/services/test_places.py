"""How far everything was read, by kept rows, is what all syncs and connections say, whatever happened to them."""

import importlib
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Function,
    Joiner,
    Joining,
    Policy,
    Purpose,
    ReadPlace,
    Sync,
    SyncState,
)
from sharing.services import connecting, gaps, joining, places, syncing
from sharing.services.access.account_matrix import Facts
from sharing.services.access.blind_spots import ALWAYS, blind_spots
from sharing.services.connecting import testing
from sharing.services.connecting.reports import Report, Result
from sharing.services.errors import Refusal
from sharing.services.operating import restoring, retention
from sharing.services.organizations import stopping
from sharing.services.overview import SHOWN, overview
from sharing.services.syncing import Coverage, Covered, Survey, running
from tests import factories
from tests.services import in_full

pytestmark = pytest.mark.django_db

REGIONS = ("us-east-1", "eu-west-1", "ap-south-1", "eu-central-1")
WORST = ("failed", "not-connected", "partly", "never", "paused", "not-read")
_COLUMNS = ("account", "region", "connection", "position", "aside", "read_at", "failed", "failure", "failure_next")


def same(by: Actor) -> list[Coverage]:
    """Whether what is said of all that this actor sees is what reading in full gives; that."""
    wanted = in_full.coverage(by)
    assert syncing.coverage(by) == wanted
    assert tuple(gaps.summary(by)) == (*in_full.summary(wanted), *gaps.unread_organizations())
    return wanted


def same_on_pages(by: Actor, wanted: list[Coverage]) -> None:
    """Whether every page says it, too, of a part of it."""
    survey = Survey(by)
    lines = in_full.lines(wanted)
    told = gaps.lines(survey, survey.lines, running=True, counted=True)
    assert [(one.covered, one.regions, one.reason, one.next, one.row) for one in told] == [
        (one.covered, one.regions, one.reason, one.next, one.row) for one in lines
    ]
    lacking = [one for one in lines if one.covered != Covered.READ]
    assert [one.regions for one in gaps.lines(survey, survey.gaps)] == [one.regions for one in lacking]
    counts = survey.counts
    assert (counts.regions, counts.complete) == (len(wanted), sum(one.complete for one in wanted))
    assert (counts.lines, counts.gaps) == (len(lines), len(lacking))
    assert survey.running == sum(one.running is not None for one in wanted)
    for row in wanted[::5]:
        alone = replace(row, left_out=())
        said = (*in_full.summary([alone]), *gaps.unread_organizations())
        assert tuple(gaps.summary(by, within={(row.account.pk, row.region)})) == said
    shown = overview(by=by)
    worst = sorted(lacking, key=lambda line: WORST.index(line.covered))
    assert [one.regions for one in shown.gaps.rows] == [one.regions for one in worst[:SHOWN]]  # type: ignore[attr-defined]
    assert (shown.gaps.count, shown.unread_regions) == (len(lacking), counts.regions - counts.complete)
    accounts = list(Account.objects.visible_to(by))
    assert blind_spots(accounts, Facts()) == [*in_full.blind_spots(accounts, wanted), ALWAYS]


def kept() -> list[tuple[object, ...]]:
    """The rows that tell something."""
    rows = ReadPlace.objects.order_by("account", "region").values_list(*_COLUMNS)
    return [row for row in rows if row[2] or row[5] or row[6]]


class Life:
    """An installation to which things happen, by chance: each method does one of them through what the product does."""

    def __init__(self, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.chance = random.Random(seed)
        self.now = timezone.now()
        self.admin = Actor.of(factories.person("admin"))
        self.accounts = [factories.account(f"Account {'cab'[at]}") for at in range(3)]
        self.organization = factories.organization(*(one.number for one in self.accounts))
        self.joining = self.choose()
        self.result = Result(Report())
        monkeypatch.setattr(timezone, "now", lambda: self.now)
        monkeypatch.setattr(testing, "_worker_arn", lambda: "arn:aws:iam::777788889999:role/worker")
        monkeypatch.setattr(testing, "_examine", lambda *_: self.result)
        for ways_into_aws in ("functions", "layers"):  # nothing here asks AWS
            monkeypatch.setattr(running, ways_into_aws, lambda *_, **__: SimpleNamespace(calls=0))

    def live(self, way: Callable[[], object]) -> None:
        self.now += timedelta(seconds=self.chance.choice((0, 1, 3600)))
        way()

    def some(self) -> list[str]:
        return self.chance.sample(REGIONS, self.chance.randint(1, 3))

    def standing(self, *states: ConnectionState) -> Connection | None:
        found = list(Connection.objects.standing().filter(purpose=Purpose.MANAGER, state__in=states or ConnectionState))
        return self.chance.choice(found) if found else None

    def connect(self) -> None:
        account = self.chance.choice(self.accounts)
        regions = self.some() if self.chance.random() < 0.8 else []
        held = connecting.prepare(
            number=account.number, name=account.name, purpose=Purpose.MANAGER, regions=regions, by=self.admin
        )
        role = self.chance.choice(("one", "other"))
        connecting.register(held, role_arn=f"arn:aws:iam::{account.number}:role/{role}", by=self.admin)

    def adopt(self) -> None:
        number = self.chance.choice(self.accounts).number
        adopted = connecting.adopt(
            number=number,
            name=number,
            partition="aws",
            purpose=Purpose.MANAGER,
            role_arn=f"arn:aws:iam::{number}:role/fnshare-manager",
            external_id=self.joining.external_id(Purpose.MANAGER, number),
            regions=self.joining.regions,
        )
        Joiner.objects.update_or_create(
            joining=self.joining,
            number=number,
            defaults={"member": self.organization.members.get(number=number), "connected_at": adopted.created_at},
        )

    def choose(self) -> Joining:
        return joining.start(self.organization, manager=True, checker=False, regions=self.some(), by=self.admin)

    def test(self) -> None:
        enabled = None if self.chance.random() < 0.2 else self.chance.sample(REGIONS, 3)
        refused = ("It is refused.", "Mend it.") if self.chance.random() < 0.2 else None
        self.result = Result(Report(), {"read": True}, refused, self.some(), enabled)
        for held in Connection.objects.standing().filter(test_wanted_at__isnull=False):
            connecting.run_test(held.pk)

    def pause(self) -> None:
        if held := self.standing(ConnectionState.CONNECTED):
            connecting.pause(held, by=self.admin)

    def resume(self) -> None:
        if held := self.standing(ConnectionState.PAUSED):
            connecting.resume(held, by=self.admin)

    def disconnect(self) -> None:
        if held := self.standing():
            connecting.disconnect(held, by=self.admin)

    def leave_and_return(self) -> None:
        numbers = [self.chance.choice(self.accounts).number]
        self.chance.choice((lambda: stopping.stop(numbers, "It left."), lambda: stopping.go_on(numbers)))()

    def sync(self) -> None:
        try:
            syncing.request(by=self.admin)
        except Refusal:
            return

    def end(self) -> None:
        for sync in list(Sync.objects.open().order_by("pk")):
            if self.chance.random() < 0.3:
                continue
            state = self.chance.choice((SyncState.DONE, SyncState.PARTIAL, SyncState.FAILED))
            failure = {"failure": f"Denied at {self.now}.", "following": "Permit it."} if state == SyncState.FAILED else {}
            if claimed := running.claim(sync.pk):
                running.run_slice(claimed, lambda run: run.finish(state, **failure), lambda: False)  # noqa: B023

    def unread(self) -> None:
        account = self.chance.choice(self.accounts)
        one = factories.function(of=account, region=self.chance.choice(REGIONS))
        if self.chance.random() < 0.5:
            Function.objects.filter(pk=one.pk).update(aliases_failure=self.chance.choice(("", "Denied.")))
        else:
            syncing.mark_unread(one.policies.get(), "Denied.", self.now)

    def read(self) -> None:
        Function.objects.update(aliases_failure="")
        for one in Policy.objects.unread():
            syncing.store_policy(one, None, read_at=self.now)

    def retain(self) -> None:
        retention.retain(self.now + timedelta(days=40))

    def restore(self) -> None:
        restoring.after_restore(by=Actor.at_shell("ops"))


def test_whatever_happens_what_is_said_is_what_reading_everything_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(2, monkeypatch)
    every, some = Actor.system(), Actor.of(factories.person("owner", accounts=life.accounts[:2]))
    ways: list[Callable[[], object]] = [
        *[life.connect, life.test, life.sync, life.end] * 4,
        *[life.pause, life.resume, life.disconnect, life.leave_and_return, life.unread, life.read, life.adopt, life.choose] * 2,
        *[life.retain, life.restore],
    ]
    seen = set()
    begun = (life.connect, life.connect, life.test, life.sync, life.end)
    for number, way in enumerate((*begun, *life.chance.choices(ways, k=30))):
        life.live(way)
        rows = same(every)
        seen |= {row.covered for row in rows}
        if number % 5 == 0:
            same_on_pages(every, rows)
            same_on_pages(some, same(some))
    assert len(seen) > 5, "this life was too quiet to tell anything"
    before = kept()
    ReadPlace.objects.all().delete()
    places.keep_all()
    assert kept() == before
    ReadPlace.objects.all().delete()  # as an installation that is upgraded
    importlib.import_module("sharing.migrations.0032_read_places").keep(apps, None)
    assert kept() == before


def test_a_read_that_is_rolled_up_leaves_what_is_said_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    held = factories.connection()
    for hours in (50, 49, 48, 1):
        at = timezone.now() - timedelta(hours=hours)
        factories.sweep(held.account, started_at=at, finished_at=at + timedelta(minutes=1))
    before = same(Actor.system())
    assert retention.retain(timezone.now() + timedelta(days=40)).quiet_syncs
    assert same(Actor.system()) == before


def test_what_seldom_happens_is_followed_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    life, every = Life(1, monkeypatch), Actor.system()
    life.adopt()
    assert {row.region for row in same(every)} == set(life.joining.regions)
    joining.start(life.organization, manager=True, checker=False, regions=REGIONS, by=life.admin)
    assert len(same(every)) == len(REGIONS)
    held = Connection.objects.get(purpose=Purpose.MANAGER)
    life.result = Result(Report(), {"read": True}, None, [], [*REGIONS, "sa-east-1"])
    connecting.run_test(held.pk)
    assert {row.covered for row in same(every)} == {Covered.NEVER, Covered.NOT_READ}
    life.sync()
    life.restore()
    assert {row.covered for row in same(every)} == {Covered.FAILED, Covered.NOT_READ}
    connecting.disconnect(held, by=life.admin)
    assert same(every) == []
