"""Seats of the worker for clicks: accounts whose AWS hangs leave room for the others, and nothing is left behind."""

import contextvars
import itertools
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

import pytest
import structlog
from celery.signals import worker_shutting_down

from sharing.celery import app
from sharing.models import Actor, Grant
from sharing.running import programs
from sharing.services import mailing, wiring
from sharing.tasks import look_at_wiring, reading, reconcile_wiring, seats, send_notice, send_wiring_test
from sharing.tasks.seats import Seats
from tests import factories

HANGING, BUSY, OTHER = (uuid.UUID(int=number) for number in (1, 2, 3))
WAIT = 10.0


class Workers:
    """A worker's threads at Seats of a fake clock; what they do is held until it is let go."""

    def __init__(self, threads: int = 8) -> None:
        self.now = 0.0
        self.seats = Seats(threads, clock=lambda: self.now)
        self.pool = ThreadPoolExecutor(threads)
        self.done: list[str] = []
        self.gates: list[threading.Event] = []

    def held(self, account: uuid.UUID, name: str) -> "Future[None]":
        """Work that hangs until the gates open; returns once it has a seat or was left."""
        begun, gate = threading.Event(), threading.Event()
        self.gates.append(gate)

        def do() -> None:
            begun.set()
            assert gate.wait(WAIT)
            self.done.append(name)

        future = self.pool.submit(self.seats.work, account, ("task", name), do)
        while not begun.is_set() and not future.done():
            begun.wait(0.005)
        return future

    def quick(self, account: uuid.UUID, name: str) -> None:
        self.pool.submit(self.seats.work, account, ("task", name), lambda: self.done.append(name)).result(WAIT)

    def let_go(self) -> None:
        for gate in self.gates:
            gate.set()


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers()
    yield workers
    workers.let_go()
    workers.pool.shutdown()


def test_an_account_that_hangs_delays_nobody_else(workers: Workers) -> None:
    """A hundred clicks on it: two threads of eight hang, the others serve whoever comes."""
    hanging = [workers.held(HANGING, f"hangs {number}") for number in range(100)]
    assert sum(not future.done() for future in hanging) == 2
    assert workers.seats.left == 98
    workers.quick(OTHER, "other")
    assert workers.done == ["other"]


def test_any_number_of_accounts_that_hang_share_a_quarter(workers: Workers) -> None:
    accounts = [uuid.UUID(int=100 + number) for number in range(50)]
    for account in accounts[:2]:
        workers.held(account, str(account))
    workers.now = 6.0  # by now they are known
    for account in accounts[:2]:
        workers.held(account, f"{account} again")
    assert workers.seats.left == 2
    for account in accounts[2:]:
        workers.quick(account, f"answers {account}")
    assert len(workers.done) == 48


def test_a_mail_server_that_hangs_leaves_room_for_clicks(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    workers.gates.append(answers)
    monkeypatch.setattr(seats, "_seats", workers.seats)
    monkeypatch.setattr(mailing, "send", lambda _pk: answers.wait(WAIT))
    mails = [workers.pool.submit(send_notice, str(number)) for number in range(8)]
    assert len(list(itertools.islice(as_completed(mails, WAIT), 6))) == 6
    assert workers.seats.left == 6
    workers.quick(OTHER, "other")
    assert workers.done == ["other"]


def test_what_was_left_is_done_in_turns_by_who_gets_up(workers: Workers) -> None:
    futures = [workers.held(BUSY, f"busy {number}") for number in range(2)]
    for number in range(3):
        workers.quick(BUSY, f"left {number}")
    assert workers.done == []
    workers.let_go()
    for future in futures:
        future.result(WAIT)
    assert sorted(workers.done) == ["busy 0", "busy 1", "left 0", "left 1", "left 2"]
    assert workers.seats.left == 0


def test_the_same_work_is_left_once(workers: Workers) -> None:
    for number in range(2):
        workers.held(BUSY, f"busy {number}")
    for _ in range(20):
        workers.quick(BUSY, "again")
    assert workers.seats.left == 1


def test_an_error_is_its_own_tasks_and_stops_nothing_that_was_left(workers: Workers) -> None:
    def wrong() -> None:
        workers.done.append("wrong")
        raise ValueError("no")

    held = [workers.held(BUSY, f"busy {number}") for number in range(2)]
    workers.pool.submit(workers.seats.work, BUSY, ("task", "left wrong"), wrong).result(WAIT)
    workers.quick(BUSY, "left after")
    workers.let_go()
    for future in held:
        assert future.exception(WAIT) is None
    assert {"wrong", "left after"} <= set(workers.done)
    with pytest.raises(ValueError, match="no"):
        workers.seats.work(BUSY, ("task", "own"), wrong)


def test_what_was_left_is_logged_as_what_its_own_click_led_to(workers: Workers) -> None:
    seen: list[str | None] = []

    def note() -> None:
        seen.append(structlog.contextvars.get_contextvars().get("request_id"))

    def asked(request: str) -> None:
        structlog.contextvars.bind_contextvars(request_id=request)
        workers.seats.work(BUSY, ("task", request), note)

    held = [workers.held(BUSY, f"busy {number}") for number in range(2)]
    workers.pool.submit(contextvars.copy_context().run, asked, "of this click").result(WAIT)
    assert workers.seats.left == 1
    workers.let_go()
    for future in held:
        future.result(WAIT)
    assert seen == ["of this click"]


def test_a_worker_that_is_asked_to_end_begins_nothing_that_was_left(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "_seats", workers.seats)
    monkeypatch.setattr(reading, "_stopping", threading.Event())
    held = [workers.held(BUSY, f"busy {number}") for number in range(2)]
    workers.quick(BUSY, "left")
    worker_shutting_down.send(sender="worker", sig="TERM", how="Warm", exitcode=0)
    workers.let_go()
    for future in held:
        future.result(WAIT)
    assert sorted(workers.done) == ["busy 0", "busy 1"]
    assert workers.seats.left == 1


def test_an_account_that_answers_again_is_trusted_again(workers: Workers) -> None:
    future = workers.held(HANGING, "slow")
    workers.now = 7.0
    workers.let_go()
    future.result(WAIT)
    assert HANGING in workers.seats._slow
    workers.now = 70.0
    workers.quick(HANGING, "fine")
    assert HANGING not in workers.seats._slow


class Noting:
    """Seats that are always free, and who sat on them."""

    def __init__(self) -> None:
        self.sat: list[Any] = []

    def work(self, account: uuid.UUID | str, key: tuple[str, str], do: Callable[[], None]) -> None:
        self.sat.append((account, key))
        do()


@pytest.mark.django_db
def test_a_task_sits_at_its_accounts_place(monkeypatch: pytest.MonkeyPatch) -> None:
    noting = Noting()
    monkeypatch.setattr(seats, "_seats", noting)
    did: list[str] = []

    @seats.seated(Grant, "policy__function__account_id")
    def task(pk: str) -> None:
        did.append(pk)

    grant = factories.grant()
    task(str(grant.pk))
    task(str(uuid.UUID(int=9)))  # a row that is gone: no account's
    assert did == [str(grant.pk), str(uuid.UUID(int=9))]
    assert noting.sat == [(grant.policy.function.account_id, ("task", str(grant.pk)))]


@pytest.mark.django_db
def test_what_is_done_at_a_source_sits_at_the_place_of_the_sources_account(monkeypatch: pytest.MonkeyPatch) -> None:
    function, by = factories.shareable(), Actor.of(factories.person("owner"))
    plan = wiring.plan(function, "arn:aws:s3:::uploads", by=by, source_account="111122223333")
    made = wiring.ask(plan, by=by, form_token="one")
    permission, notification = made.steps.all()
    noting = Noting()
    monkeypatch.setattr(seats, "_seats", noting)
    for step in (permission, notification):
        reconcile_wiring(str(step.pk))
    look_at_wiring(str(made.pk))
    send_wiring_test(str(made.pk))
    assert [account for account, _ in noting.sat] == [function.account.number, *["111122223333"] * 3]


def test_there_are_as_many_seats_as_the_worker_for_clicks_has_threads() -> None:
    assert programs.WORKERS["worker-clicks"][1] == seats.SEATS


def test_a_worker_that_is_started_without_options_is_the_same_kind_of_worker() -> None:
    assert (app.conf.worker_pool, app.conf.worker_concurrency) == ("threads", seats.SEATS)
