"""Celery's entries: one id in, one service call.

Rows are the outbox; a message only accelerates (`soon`), and `sweep` finds whatever was left behind.
"""

from .queueing import soon
from .sharing import reconcile_grant, run_check
from .sweeping import sweep

__all__ = ["reconcile_grant", "run_check", "soon", "sweep"]
