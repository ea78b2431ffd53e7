"""Deciding who may do what, and making AWS agree."""

from .approving import approval_digest, approve, decline, extend, waiting_end
from .consequences import consequences, consequences_of_statement, left_after
from .deciding import grant
from .pausing import why_paused
from .planning import default_sid, plan
from .reconciling import due, ending, reconcile
from .revoking import give_back, revoke, revoke_statement, way_in_problem
from .rights import require_change
from .settling import Outcome
from .shapes import Consequences, Covering, Plan, Problem, Restorable, Restored
from .suspending import Resuming, resume, resume_due, resume_or_say, resuming, suspend, why_not_suspended
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
    "Resuming",
    "Target",
    "approval_digest",
    "approve",
    "consequences",
    "consequences_of_statement",
    "decline",
    "default_sid",
    "due",
    "ending",
    "extend",
    "give_back",
    "grant",
    "left_after",
    "plan",
    "reconcile",
    "require_change",
    "restore",
    "resume",
    "resume_due",
    "resume_or_say",
    "resuming",
    "revoke",
    "revoke_statement",
    "suspend",
    "target_with_sid",
    "targets_from",
    "undo",
    "undo_plan",
    "vanished_together",
    "waiting_end",
    "way_in_problem",
    "why_not_suspended",
    "why_paused",
]
