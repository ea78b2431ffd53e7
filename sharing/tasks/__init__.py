"""Celery's entries: one id in, one service call.

Rows are the outbox; a message only accelerates (`soon`), and `sweep` finds whatever was left behind.
"""

from .queueing import soon
from .sweeping import sweep

__all__ = ["soon", "sweep"]
