"""Leases: people are reminded before one ends, and alarmed when one cannot be ended. The ending itself is granting's."""

from .alarming import alarm, overdue
from .people import consumers_of
from .reminding import remind

__all__ = ["alarm", "consumers_of", "overdue", "remind"]
