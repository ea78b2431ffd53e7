"""Wiring an event source to a shared function: asked for as rows, made so by a worker on our side, handed over on theirs.

Told is not seen, and said by a person is not seen either: each step says which it is.
"""

from .asking import TESTABLE, abandon, again, ask, say_done, say_not_done, take_over, test, why_not_ours, why_not_tested
from .planning import EVENTS, plan, plan_of, sid_of
from .settling import FOREIGN, SEEABLE
from .shapes import Outcome, WiringPlan
from .standing import due, looks_due, tests_due, theirs, wirings_for
from .words import named, step_named

__all__ = [
    "EVENTS",
    "FOREIGN",
    "SEEABLE",
    "TESTABLE",
    "Outcome",
    "WiringPlan",
    "abandon",
    "again",
    "ask",
    "due",
    "looks_due",
    "named",
    "plan",
    "plan_of",
    "say_done",
    "say_not_done",
    "sid_of",
    "step_named",
    "take_over",
    "test",
    "tests_due",
    "theirs",
    "why_not_ours",
    "why_not_tested",
    "wirings_for",
]
