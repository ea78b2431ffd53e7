"""Every fault at every call to AWS of everything people ask for, in process: then database, AWS and history agree.

The calls are found by doing each journey once without trouble. CI tries each call and each fault at least once a journey;
FAULTS=all tries every fault at every call (docs/development.md).
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction

from sharing import tasks
from sharing.aws import session
from sharing.aws.pace import Pace
from sharing.models import Actor, Check
from sharing.services import waking
from tests.faults.agreement import agree
from tests.faults.journeys import JOURNEYS, Journey
from tests.faults.trouble import TROUBLES, UNGUARDED, Call, bench
from tests.faults.world import World

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unpaced"), pytest.mark.timeout(900)]

#: So often a worker is woken after the trouble, each time later, before a journey counts as never ending.
ROUNDS = 14
#: Waking a worker again: past a dead worker's lease at first, then past the pauses of refused removals.
PAUSES = (50.0, 50.0, 50.0, 50.0, 320.0)
Cell = tuple[int, str]


@pytest.fixture
def world(sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("sharing.services.syncing.sweeping._THREADS", 1)
    alone = Pace()  # of this test: buckets remember the time, which every world begins anew
    monkeypatch.setattr("sharing.services.connecting.entering.pace", lambda: alone)
    made = World(sandbox)
    with bench(sandbox, made.clock, made.meddle) as made.bench:
        yield made


class Cells:
    """One journey, again and again from the same beginning."""

    def __init__(self, world: World, journey: Journey) -> None:
        self.world = world
        self.journey = journey
        world.bench.plan(None)
        self.state = journey.prepare(world)
        while waking.keep_due():
            pass
        self.picture = world.picture()
        self.picture["seed"] = {arn: self._without_ours(world.sandbox.policy(arn)) for arn in world.functions()}

    def _without_ours(self, document: Any) -> Any:
        if document is None:
            return None
        sids = {grant["sid"] for grant in self.world.grants()}
        return {**document, "Statement": [one for one in document["Statement"] if one["Sid"] not in sids]}

    def calls(self) -> list[Call]:
        """What it calls when nothing goes wrong."""
        with transaction.atomic():
            ended = self._do(None, -1)
            assert ended == self.journey.end
            self._check()
            transaction.set_rollback(True)
        return list(self.world.bench.calls)

    def try_(self, fault: str, at: int) -> None:
        """One cell. Raises AssertionError with what does not agree."""
        with transaction.atomic():
            try:
                ended = self._do(fault, at)
                assert self.world.bench.struck, "It never came to that call."
                # Where somebody else changes a whole document at the same time, a person has to look at both.
                whole = fault.startswith("edit") and "wiring" in self.journey.name
                refused = TROUBLES[fault].code == "AccessDeniedException" or whole
                fails = self.journey.fails if refused else ()
                well = (self.journey.end, self.journey.partly, *fails)
                assert ended in well or "*" in fails, f"It ended {ended}."
                self._check()
            finally:
                transaction.set_rollback(True)

    def _do(self, fault: str | None, at: int) -> str:
        world = self.world
        world.restore(self.picture)
        session.forget()
        world.bench.plan(TROUBLES[fault] if fault else None, at)
        end = self.journey.begin(world, self.state)
        world.bench.deliver(*self.journey.tasks)
        for number in range(ROUNDS):
            if end() in (self.journey.end, self.journey.partly) and not self._waits():
                break
            world.clock.move(PAUSES[min(number, len(PAUSES) - 1)])
            world.bench.run(tasks.sweep)
            world.bench.deliver(*self.journey.tasks)
        return end()

    def _waits(self) -> bool:
        unproved = Check.objects.exclude(state="done").exists()
        return unproved or any(not one["settled"] for one in self.world.inside.ask("intents", reads=True))

    def _check(self) -> None:
        agree(self.world, stale=self.world.edited)
        problems = self.world.others_touched()
        assert not problems, "\n".join(problems)
        # Whoever changed what wakes a function left a mark, or the list would show what was kept before.
        everything = waking.gather(Actor.system())
        shown = waking.survey(Actor.system(), waking.Asked()).rows[0 : len(everything) + 9]
        assert list(shown) == everything, "The list of mappings is not what reading everything gives."


def cells(calls: list[Call], *, kin: bool) -> list[Cell]:
    """Every fault at every call, or as many as it takes to have each call and each fault once."""
    every = [(at, fault) for at in range(len(calls)) for fault in TROUBLES if _fits(fault, calls, at)]
    if os.environ.get("FAULTS") == "all":
        return every
    chosen: list[Cell] = []
    for number, fault in enumerate([] if kin else TROUBLES):
        fitting = [at for at in range(len(calls)) if _fits(fault, calls, at)]
        if fitting:
            chosen.append((fitting[number % len(fitting)], fault))
    missing = sorted(set(range(len(calls))) - {at for at, _ in chosen})
    for at in missing:
        general = [fault for fault, trouble in TROUBLES.items() if not trouble.only and _fits(fault, calls, at)]
        chosen.append((at, general[at % len(general)]))
    if kin:
        chosen.append((len(calls) - 1, "denied"))  # AWS did it, and the look that would prove it is denied
    return chosen


def _fits(fault: str, calls: list[Call], at: int) -> bool:
    """Just after the read is just before the write: where a write takes no revision, an edit there cannot be helped."""
    just_before = fault == "edit after" and at + 1 < len(calls) and calls[at + 1].operation in UNGUARDED
    return TROUBLES[fault].fits(calls[at].operation) and not just_before


@pytest.mark.parametrize("journey", JOURNEYS, ids=str)
def test_whatever_goes_wrong_at_whichever_call_it_ends_right(world: World, journey: Journey) -> None:
    tried = Cells(world, journey)
    calls = tried.calls()
    assert calls, "nothing was asked of AWS"
    chosen = cells(calls, kin=journey.kin)
    problems = []
    for at, fault in chosen:
        try:
            tried.try_(fault, at)
        except Exception as problem:  # noqa: BLE001  # told with all the others
            problems.append(f"{journey}, {fault} at call {at + 1} ({calls[at]}): {type(problem).__name__}: {problem}")
    assert not problems, f"{len(problems)} of {len(chosen)}:\n" + "\n".join(problems)
