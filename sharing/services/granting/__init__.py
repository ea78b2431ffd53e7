"""Deciding who may do what, and making AWS agree."""

from .approving import approval_digest, approve, decline, extend
from .deciding import grant
from .planning import default_sid, plan
from .revoking import revoke, revoke_statement, way_in_problem
from .shapes import Consequences, Covering, Plan, Problem, Restorable, Restored

__all__ = [
    "Consequences",
    "Covering",
    "Plan",
    "Problem",
    "Restorable",
    "Restored",
    "approval_digest",
    "approve",
    "decline",
    "default_sid",
    "extend",
    "grant",
    "plan",
    "revoke",
    "revoke_statement",
    "way_in_problem",
]
