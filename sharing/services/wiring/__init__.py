"""Wiring an event source to a shared function: asked for as rows, made so by a worker on our side, handed over on theirs.

Told is not seen, and said by a person is not seen either: each step says which it is.
"""

from .asking import TESTABLE, abandon, again, ask, say_done, say_not_done, sent, take_over, test, why_not_ours, why_not_tested
from .looking import GONE, NOT_THERE, look
from .planning import EVENTS, NotPlanned, plan, plan_of, sid_of
from .reconciling import reconcile
from .reminding import remind
from .settling import FOREIGN, SEEABLE
from .shapes import Outcome, WiringPlan
from .standing import due, looks_due, tests_due, theirs, wirings_for
from .trying import WHOSE, Tried, send_test
from .words import named, step_named

__all__ = [
    "EVENTS",
    "FOREIGN",
    "GONE",
    "NOT_THERE",
    "SEEABLE",
    "TESTABLE",
    "WHOSE",
    "NotPlanned",
    "Outcome",
    "Tried",
    "WiringPlan",
    "abandon",
    "again",
    "ask",
    "due",
    "look",
    "looks_due",
    "named",
    "plan",
    "plan_of",
    "reconcile",
    "remind",
    "say_done",
    "say_not_done",
    "send_test",
    "sent",
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
