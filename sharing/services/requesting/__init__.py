"""Requests for access: a consumer or a colleague asks, the function's owners decide, granting does the rest."""

from .asking import LONGEST, acts_still, ask, grants_asked_about, withdraw
from .deciding import Decided, approve, decline
from .previewing import plan_of, policy_of, require_open
from .taking_up import due, take_up

__all__ = [
    "LONGEST",
    "Decided",
    "acts_still",
    "approve",
    "ask",
    "decline",
    "due",
    "grants_asked_about",
    "plan_of",
    "policy_of",
    "require_open",
    "take_up",
    "withdraw",
]
