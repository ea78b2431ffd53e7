"""Many shares: workers make exactly one grant of each item, with as few calls as there can be, however often they die."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from sharing.models import Account, Actor, Bulk, BulkPlace, BulkState, Event, Grant, GrantState
from sharing.services import bulk as bulks
from sharing.services import granting
from sharing.services.bulk import Outcome, working
from tests.services.estate import Estate
from tests.services.kept import allow

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced")]

FUNCTIONS = ("hello_world", "invoice-render")
PEOPLE = [f"{700_000_000_000 + n}" for n in range(3)]


EMPTY = {"Version": "2012-10-17", "Id": "default"}


class Killed(BaseException):
    """A worker died."""


@pytest.fixture
def estate(sandbox: "Sandbox") -> Estate:
    for number in PEOPLE:
        Account.objects.create(number=number, name=number)
    return Estate(sandbox)


def started(estate: Estate, *, action: str = "lambda:GetFunctionConfiguration", by: Actor | None = None) -> Bulk:
    """Two functions with three accounts, confirmed. Reading the settings is proved by no check."""
    for name in FUNCTIONS:
        estate.read(estate.policy(name))
    lines = bulks.from_picks(FUNCTIONS, PEOPLE, action=action, ends_at=None, reason="They need it")
    bulk = bulks.draft(lines, title="Two with three", reason="They need it", by=by or estate.by)
    assert set(bulks.verdicts(bulk)) == {"ok"} or action != "lambda:GetFunctionConfiguration"
    return bulks.confirm(bulk, by=by or estate.by, judged_at=bulk.judged_at)


def work(bulk: Bulk) -> None:
    while bulks.work(bulk.pk).more:
        pass
    bulk.refresh_from_db()


def calls(sandbox: "Sandbox") -> Counter[str]:
    return Counter(call.operation for call in sandbox.journal if call.service == "lambda")


def ours(estate: Estate, name: str) -> list[str]:
    return [sid for sid in estate.sids(estate.policy(name)) if sid.startswith("fnshare-")]


def test_each_item_becomes_one_grant_for_one_read_more_than_there_are_of_them(estate: Estate, sandbox: "Sandbox") -> None:
    bulk = started(estate)
    sandbox.journal.clear()
    work(bulk)
    assert bulk.state == BulkState.DONE
    assert bulks.tally(bulk) == {Outcome.ACTIVE: 6}
    assert calls(sandbox) == {"GetPolicy": 2 * 4, "AddPermission": 6}
    for name in FUNCTIONS:
        assert len(ours(estate, name)) == 3
    assert Event.objects.filter(verb="grant.active").count() == 6
    assert Event.objects.filter(verb="bulk.finished").count() == 1


@pytest.mark.parametrize("when", ["before-add", "after-add", "before-mark"])
def test_killed_anywhere_it_goes_on_where_it_was(
    estate: Estate, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    bulk = started(estate)
    dies = iter(range(100))
    at = {0, 2, 4}

    def deadly(done: Callable[..., object], *, first: bool) -> Callable[..., object]:
        def act(*args: object, **kwargs: object) -> object:
            if next(dies) in at:
                if not first:
                    done(*args, **kwargs)
                raise Killed
            return done(*args, **kwargs)

        return act

    if when == "before-mark":
        monkeypatch.setattr(working, "_mark", deadly(working._mark, first=True))
    else:
        monkeypatch.setattr(granting.door.Door, "add", deadly(granting.door.Door.add, first=when == "before-add"))
    killed = 0
    for _ in range(40):
        try:
            if not bulks.work(bulk.pk).more:
                break
        except Killed:
            killed += 1
    bulk.refresh_from_db()
    assert killed == 3
    assert bulks.tally(bulk) == {Outcome.ACTIVE: 6}
    assert Grant.objects.count() == 6
    for name in FUNCTIONS:
        assert len(ours(estate, name)) == len(set(ours(estate, name))) == 3


def test_what_another_tool_adds_on_the_way_is_neither_lost_nor_in_the_way(
    estate: Estate, sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch
) -> None:
    bulk = started(estate)
    add = granting.door.Door.add
    added: list[str] = []

    def meddling(door: granting.door.Door, *args: object, **kwargs: object) -> object:
        if len(added) < 2:
            added.append(f"theirs-{len(added)}")
            policy = door._policy
            theirs = {**allow("555566667777"), "Sid": added[-1], "Resource": policy.arn}
            sandbox.put_policy(policy.arn, {**EMPTY, "Statement": [*estate.held(policy), theirs]})
        return add(door, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(granting.door.Door, "add", meddling)
    work(bulk)
    assert bulks.tally(bulk) == {Outcome.ACTIVE: 6}
    held = [sid for name in FUNCTIONS for sid in estate.sids(estate.policy(name))]
    assert set(added) <= set(held)


def test_an_item_that_fails_stops_no_other_and_can_be_tried_again(estate: Estate, sandbox: "Sandbox") -> None:
    bulk = started(estate)
    sandbox.faults.add("AddPermission", "before", "error", code="AccessDeniedException", status=403, times=1)
    work(bulk)
    assert bulks.tally(bulk) == {Outcome.ACTIVE: 5, Outcome.FAILED: 1}
    (failed,) = bulks.items(bulk, outcome="failed")
    assert all(bulks.happened(failed))
    bulks.retry(bulk, by=estate.by)
    work(bulk)
    assert bulks.tally(bulk) == {Outcome.ACTIVE: 6}


def test_all_of_it_is_taken_back_and_nothing_else(estate: Estate, sandbox: "Sandbox") -> None:
    other = estate.shared(estate.policy("hello_world"), "888877776666")
    bulk = started(estate)
    work(bulk)
    bulks.take_back(bulk, by=estate.by, reason="Over")
    sandbox.journal.clear()
    work(bulk)
    assert bulk.state == BulkState.DONE
    assert bulks.tally(bulk) == {Outcome.OVER: 6}
    assert calls(sandbox) == {"GetPolicy": 2 * 4, "RemovePermission": 6}
    assert [sid for name in FUNCTIONS for sid in ours(estate, name)] == [other.sid]


def test_taken_back_while_a_worker_shares_leaves_nothing_behind(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    bulk = started(estate)
    mark, marked = working._mark, []

    def interrupted(*args: object) -> None:
        marked.append(1)
        if len(marked) == 4:
            bulks.take_back(bulk, by=estate.by, reason="Over")
        mark(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(working, "_mark", interrupted)
    work(bulk)
    assert bulks.tally(bulk) == {Outcome.OVER: 4, Outcome.CANCELLED: 2}
    assert not [sid for name in FUNCTIONS for sid in ours(estate, name)]


def test_a_second_person_is_asked_for_each_that_needs_one(estate: Estate) -> None:
    bulk = started(estate, action="lambda:UpdateFunctionCode")
    work(bulk)
    assert bulks.tally(bulk) == {Outcome.SECOND: 6}
    assert not Grant.objects.exclude(state=GrantState.REQUESTED).exists()
    bulks.take_back(bulk, by=estate.by, reason="No")
    work(bulk)
    assert bulks.tally(bulk) == {Outcome.OVER: 6}


def test_who_lost_the_right_shares_nothing_any_more(estate: Estate) -> None:
    bulk = started(estate)
    estate.ann.role = "auditor"
    estate.ann.save()
    work(bulk)
    assert bulks.tally(bulk) == {Outcome.FAILED: 6}
    assert not Grant.objects.exists()


def test_a_policy_that_somebody_else_writes_to_keeps_no_other_waiting(estate: Estate) -> None:
    bulk = started(estate)
    first = BulkPlace.objects.get(bulk=bulk, number=1)
    with granting.lease.held(first.policy_id):
        for _ in range(3):
            bulks.work(bulk.pk)
    assert bulks.tally(bulk) == {Outcome.ACTIVE: 3, Outcome.WAITING: 3}
    first.refresh_from_db()
    assert first.next_try_at is not None
    assert first.held_until is None
