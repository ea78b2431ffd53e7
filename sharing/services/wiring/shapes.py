"""What planning a wiring answers with, and how one run of a worker ended: plain frozen shapes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from sharing.models import Function, Grant, MappingChange, Wiring, WiringStep
from sharing.policy.wiring import Plan, Refusal, Step
from sharing.services import granting
from sharing.services.granting import Problem


@dataclass(frozen=True)
class WiringPlan:
    """A wiring, thought through and not written: everything the preview shows.

    `plan`: the planner's steps; None where `refusal` says why not, and the ways round. `problems` block, `warnings` inform.
    `grant`: the share that the permission step would be, as its own preview tells it (size, second person); None where
    nothing needs to be let in. `already`: an equal Wiring (it blocks), or a live grant that is used instead of a new one.
    `wiring_id`: what the row's id will be, so that Sids are as shown. `options`: what was chosen, as the row keeps it.
    `seen`: a mark of exactly this, so that what is confirmed is what was shown.
    """

    function: Function
    qualifier: str
    source: str
    source_account: str
    source_region: str
    kind: str
    plan: Plan | None
    refusal: Refusal | None
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    options: dict[str, Any]
    wiring_id: uuid.UUID
    seen: str
    already: Wiring | Grant | None = None
    grant: granting.Plan | None = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether it can be asked for."""
        return self.plan is not None and not self.problems

    @property
    def theirs(self) -> tuple[Step, ...]:
        """The steps that are handed over."""
        return self.plan.theirs if self.plan else ()


@dataclass(frozen=True)
class Outcome:
    """How one run ended. `again_in`: seconds after which to come back, None when nothing is left to do for this step.

    `ready`: steps that wait for a worker now. `grant`, `change`: rows that carry the step and wait for their own worker.
    """

    step: WiringStep
    again_in: float | None = None
    ready: tuple[uuid.UUID, ...] = ()
    grant: Grant | None = None
    change: MappingChange | None = None
