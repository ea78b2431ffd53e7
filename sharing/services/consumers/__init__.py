"""The consumers, as the owners' side sees them: accounts that functions in one's scope are shared with, or that are invited.

Who is let in is never decided here: counts are those of `tallying`, the ways in those of `access`, the proof is `proofs`'.
"""

from .acting import end_membership, give_name, may_name, prove_again
from .gathering import Consumer, find
from .listing import ORDERS, Asked, Kind, listed, totals
from .telling import Told, tell

__all__ = [
    "ORDERS",
    "Asked",
    "Consumer",
    "Kind",
    "Told",
    "end_membership",
    "find",
    "give_name",
    "listed",
    "may_name",
    "prove_again",
    "tell",
    "totals",
]
