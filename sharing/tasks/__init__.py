"""Celery's entries: one id in, one service call.

Rows are the outbox; a message only accelerates (`soon`), and `sweep` finds whatever was left behind.
"""

from .findings import refresh_findings
from .queueing import soon
from .reading import identify, run_sync, test_connection
from .sharing import reconcile_grant, run_check
from .sweeping import sweep

__all__ = ["identify", "reconcile_grant", "refresh_findings", "run_check", "run_sync", "soon", "sweep", "test_connection"]
