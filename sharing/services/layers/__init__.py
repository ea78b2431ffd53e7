"""Layers: versions shared by policy, read on a schedule of their own, listed, granted, taken back, audited.

Everything is by layer *version*: each has a policy of its own. AWS offers no DryRun for layers, so nothing here is ever
proved: AWS was told, and a re-read said so. Functions that use a version keep it after a revoke (aws-facts 7).
"""

from .attending import Attention, attention
from .deciding import approval_digest, approve, decline, look_again, share
from .listing import Exposed, Gap, Summary, gaps, open_reads, places, summaries, versions
from .planning import LayerPlan, document_of, plan, remaining, way_in_problem
from .reconciling import due_grants, reconcile
from .revoking import adopted, revoke, revoke_statement, statement_at
from .storing import last_read_of
from .syncing import due, may_read, request, run, waiting
from .using import Using, earlier, users
from .wording import KEPT, named

__all__ = [
    "KEPT",
    "Attention",
    "Exposed",
    "Gap",
    "LayerPlan",
    "Summary",
    "Using",
    "adopted",
    "approval_digest",
    "approve",
    "attention",
    "decline",
    "document_of",
    "due",
    "due_grants",
    "earlier",
    "gaps",
    "last_read_of",
    "look_again",
    "may_read",
    "named",
    "open_reads",
    "places",
    "plan",
    "reconcile",
    "remaining",
    "request",
    "revoke",
    "revoke_statement",
    "run",
    "share",
    "statement_at",
    "summaries",
    "users",
    "versions",
    "waiting",
    "way_in_problem",
]
