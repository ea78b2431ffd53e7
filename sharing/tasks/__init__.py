"""Celery's entries: one id in, one service call.

Rows are the outbox; a message only accelerates (`soon`), and `sweep` finds whatever was left behind.
"""

from . import pulses as pulses  # connects to the signals of worker and beat
from .bulk import begin, work_bulk
from .findings import refresh_findings
from .invoking import run_invocation
from .joining import join_accounts
from .mailing import send_notice
from .mapping import read_mapping, reconcile_mapping
from .offboarding import offboard
from .organizations import read_organization
from .proving import look_for_role
from .queueing import soon
from .reading import identify, read_layers, run_sync, test_connection
from .renewing import renew_kept
from .requesting import take_up_request
from .retaining import retain, ship_history
from .sharing import make_grants, reconcile_grant, reconcile_layer_grant, run_check
from .sweeping import sweep
from .wiring import look_at_wiring, reconcile_wiring, send_wiring_test

__all__ = [
    "begin",
    "identify",
    "join_accounts",
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
    "renew_kept",
    "retain",
    "run_check",
    "run_invocation",
    "run_sync",
    "send_notice",
    "send_wiring_test",
    "ship_history",
    "soon",
    "sweep",
    "take_up_request",
    "test_connection",
    "work_bulk",
]
