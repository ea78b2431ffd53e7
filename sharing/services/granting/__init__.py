"""Deciding who may do what, and making AWS agree."""

from .approving import approval_digest, approve, decline, extend
from .consequences import consequences, consequences_of_statement
from .deciding import grant
from .planning import default_sid, plan
from .reconciling import due, reconcile
from .revoking import revoke, revoke_statement, way_in_problem
from .rights import require_change
from .settling import Outcome
from .shapes import Consequences, Covering, Plan, Problem, Restorable, Restored
from .targeting import Target, target_with_sid, targets_from
from .undoing import restore, undo, undo_plan, vanished_together

__all__ = [
    "Consequences",
    "Covering",
    "Outcome",
    "Plan",
    "Problem",
    "Restorable",
    "Restored",
    "Target",
    "approval_digest",
    "approve",
    "consequences",
    "consequences_of_statement",
    "decline",
    "default_sid",
    "due",
    "extend",
    "grant",
    "plan",
    "reconcile",
    "require_change",
    "restore",
    "revoke",
    "revoke_statement",
    "target_with_sid",
    "targets_from",
    "undo",
    "undo_plan",
    "vanished_together",
    "way_in_problem",
]
