"""Event sources, on their own side: what their account holds of events and policy, looked at and changed.

Never through a manager, checker or invoker role: a source role, made for named sources, is what opens this (aws-facts 3).
"""

from .calls import NotASource, Sources
from .narrow import Absent
from .statements import COMPOSITE, KINDS, TESTS, kind_of, test_statements, wiring_statements

__all__ = [
    "COMPOSITE",
    "KINDS",
    "TESTS",
    "Absent",
    "NotASource",
    "Sources",
    "kind_of",
    "test_statements",
    "wiring_statements",
]
