"""`kill -9` of the workers or of Valkey at every call to AWS that a grant and a revoke make, before and after AWS acted.

Whatever dies whenever: the click ends in its right state, proved, and AWS, database and history agree. A death is shared by
three clicks on functions of their own, each held at another call, so that all calls are tried in a few deaths.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.agreement import agree
from tests.faults.stage import WORKERS, Json, Stage
from tests.live import wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(400)]


@dataclass(frozen=True)
class Step:
    """One call to AWS. about: the role or function it names. number: which of the calls alike, from 0."""

    operation: str
    about: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.operation} {self.about} {self.number + 1}"


#: Every call, in order. That these are all is asked of the sandbox's journal below, so that no new call is forgotten.
GRANT = (
    Step("AssumeRole", "manager"),
    Step("GetPolicy", "function"),
    Step("AddPermission", "function"),
    Step("GetPolicy", "function", 1),
    Step("AssumeRole", "checker"),
    Step("Invoke", "function"),
)
REVOKE = (
    Step("AssumeRole", "manager"),
    Step("GetPolicy", "function"),
    Step("RemovePermission", "function"),
    Step("GetPolicy", "function", 1),
    Step("AssumeRole", "checker"),
    Step("Invoke", "function"),
)
VICTIMS = {"workers": WORKERS, "valkey": ("valkey",)}
WHEN = ("before", "after")

#: Functions that let no consumer in by themselves.
PLAIN = (
    *("hello_world", "session-cleanup", "photo-intake", "order-events"),
    *("nightly-report", "alarm-router", "invoice-archive", "skill-answers"),
)


@dataclass(frozen=True)
class Wish:
    """A consumer shall be let in to a function."""

    name: str
    consumer: str


class Deaths:
    """What dies when, once for all tests that ask about it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._consumers = {account["id"]: account for account in stage.consumers}
        # Every pair comes round, and clicks that share a death share neither a function nor a consumer.
        self._pairs = (Wish(*pair) for pair in zip(itertools.cycle(PLAIN), itertools.cycle(self._consumers), strict=False))
        self._done: dict[tuple[str, str, str], dict[Step, str] | Exception] = {}
        self._wishes: dict[str, Wish] = {}

    def target(self, wish: Wish, step: Step) -> str:
        """The ARN that a call of this step names."""
        named = {
            "function": self.stage.arn(wish.name),
            "manager": str(self.stage.owner["manager_role_arn"]),
            "checker": str(self._consumers[wish.consumer]["checker_role_arn"]),
        }
        return named[step.about]

    def share(self) -> tuple[Wish, str]:
        """Click for the next pair of function and consumer."""
        wish = next(self._pairs)
        grant = self.stage.share(wish.name, wish.consumer)
        self._wishes[grant] = wish
        return wish, grant

    def fresh_workers(self) -> None:
        """Workers that know no session yet, so that they have to enter the accounts."""
        self.stage.kill(*WORKERS)
        self.stage.come_up()

    def grants(self, when: str, victim: str) -> dict[Step, str]:
        """For each step the grant that was being made when the victim died."""
        return self._once("grants", when, victim)

    def revokes(self, when: str, victim: str) -> dict[Step, str]:
        """For each step the grant that was being taken back when the victim died."""
        return self._once("revokes", when, victim)

    def _once(self, what: str, when: str, victim: str) -> dict[Step, str]:
        key = (what, when, victim)
        if key not in self._done:
            try:
                self._done[key] = self._make(when, victim) if what == "grants" else self._take_back(when, victim)
            except Exception as problem:  # noqa: BLE001  # told to every test that asks, but tried once
                self._done[key] = problem
        found = self._done[key]
        if isinstance(found, Exception):
            raise AssertionError(f"{what} {when} {victim}: {found}") from found
        return found

    def _make(self, when: str, victim: str) -> dict[Step, str]:
        made: dict[Step, str] = {}
        for steps in (GRANT[:3], GRANT[3:]):
            for number, step in enumerate(steps, start=1):
                wish = next(self._pairs)
                self._hold(wish, step, when)
                made[step] = self.stage.share(wish.name, wish.consumer)
                self._wishes[made[step]] = wish
                self.stage.wait_until_held(number)
            self._die(victim)
            for step in steps:
                self.stage.settled(made[step], "active", "allowed")
        return made

    def _take_back(self, when: str, victim: str) -> dict[Step, str]:
        granted = list(self.grants(when, victim).values())
        taken: dict[Step, str] = {}
        self.fresh_workers()
        for steps in (REVOKE[:3], REVOKE[3:]):
            for number, step in enumerate(steps, start=1):
                taken[step] = granted.pop()
                self._hold(self._wishes[taken[step]], step, when)
                self.stage.revoke(taken[step])
                self.stage.wait_until_held(number)
            self._die(victim)
            for step in steps:
                self.stage.settled(taken[step], "revoked", "denied")
        return taken

    def _hold(self, wish: Wish, step: Step, when: str) -> None:
        target = self.target(wish, step)
        self.stage.demo.controls.fault(step.operation, when, "hold", target=target, skip=step.number)

    def _die(self, victim: str) -> None:
        """The victim dies while calls are held; then the calls go on, if anybody still waits for them."""
        names = VICTIMS[victim]
        before = {name: self.stage.demo.pid(name) for name in names}
        self.stage.kill(*names)
        self.stage.demo.controls.release()
        for name in names:
            wait_for(lambda name=name: self.stage.demo.pid(name) not in (0, before[name]), f"a new {name}")  # type: ignore[misc]

    def steps(self, wish: Wish) -> tuple[Step, ...]:
        """The calls that were made about it, as the journal has them; a step is named by how often it came before."""
        seen: list[Step] = []
        for call in self.stage.demo.controls.calls():
            about = [name for name in ("function", "manager", "checker") if call["target"] == self.target(wish, Step("", name))]
            if about:
                alike = sum(step.operation == call["operation"] and step.about == about[0] for step in seen)
                seen.append(Step(call["operation"], about[0], alike))
        return tuple(seen)


@pytest.fixture(scope="module")
def deaths(running_stage: Stage) -> Iterator[Deaths]:
    """Nothing is granted before (an equal grant would be shown instead of a new one), and nothing is left behind."""
    running_stage.come_up()
    running_stage.demo.controls.calm()
    running_stage.take_everything_back()
    yield Deaths(running_stage)
    running_stage.come_up()
    running_stage.demo.controls.calm()
    running_stage.take_everything_back()


def test_these_are_all_the_calls_of_a_grant_and_a_revoke(deaths: Deaths, stage: Stage) -> None:
    deaths.fresh_workers()
    stage.demo.controls.forget_calls()
    wish, grant = deaths.share()
    stage.settled(grant, "active", "allowed")
    assert deaths.steps(wish) == GRANT
    deaths.fresh_workers()
    stage.demo.controls.forget_calls()
    stage.revoke(grant)
    stage.settled(grant, "revoked", "denied")
    assert deaths.steps(wish) == REVOKE
    agree(stage)


@pytest.mark.parametrize("step", GRANT, ids=str)
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("victim", VICTIMS)
def test_a_grant_survives_a_death(deaths: Deaths, stage: Stage, step: Step, when: str, victim: str) -> None:
    grant = stage.grant(deaths.grants(when, victim)[step])
    assert written(stage, "AddPermission", grant) == 1
    agree(stage)


@pytest.mark.parametrize("step", REVOKE, ids=str)
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("victim", VICTIMS)
def test_a_revoke_survives_a_death(deaths: Deaths, stage: Stage, step: Step, when: str, victim: str) -> None:
    grant = stage.grant(deaths.revokes(when, victim)[step])
    assert grant["state"] == "revoked"
    assert written(stage, "RemovePermission", grant) == 1
    agree(stage)


def written(stage: Stage, operation: str, grant: Json) -> int:
    """How often AWS did it for this grant."""
    calls = stage.demo.controls.calls(operation)
    named = [call for call in calls if call["parameters_summary"].get("StatementId") == grant["sid"]]
    return sum(200 <= call["status"] < 300 for call in named)
