"""Celery's entries: one id in, one service call.

Rows are the outbox; a message only accelerates (`soon`), and `sweep` finds whatever was left behind.
"""

from .bulk import begin, work_bulk
from .findings import refresh_findings
from .invoking import run_invocation
from .mailing import send_notice
from .mapping import read_mapping, reconcile_mapping
from .offboarding import offboard
from .organizations import read_organization
from .proving import look_for_role
from .queueing import soon
from .reading import identify, read_layers, run_sync, test_connection
from .requesting import take_up_request
from .sharing import make_grants, reconcile_grant, reconcile_layer_grant, run_check
from .sweeping import sweep
from .wiring import look_at_wiring, reconcile_wiring, send_wiring_test

__all__ = [
    "begin",
    "identify",
    "look_at_wiring",
    "look_for_role",
    "make_grants",
    "offboard",
    "read_layers",
    "read_mapping",
    "read_organization",
    "reconcile_grant",
    "reconcile_layer_grant",
    "reconcile_mapping",
    "reconcile_wiring",
    "refresh_findings",
    "run_check",
    "run_invocation",
    "run_sync",
    "send_notice",
    "send_wiring_test",
    "soon",
    "sweep",
    "take_up_request",
    "test_connection",
    "work_bulk",
]
