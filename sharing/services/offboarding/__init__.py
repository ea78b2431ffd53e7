"""Offboarding, and its reversible kin, suspending: everything that lets one account in is found, shown, and taken away by one decision, thing by thing.

What lets in others too (an organisation, everyone, a list of principals, a service) is shown with what can be done about it,
and never touched here.
"""

from .deciding import UNDO_WITHIN, may_undo, start, undo
from .finding import Kept, Preview, Thing, preview
from .running import Told, due, run
from .telling import Standing, standing_of, status

__all__ = [
    "UNDO_WITHIN",
    "Kept",
    "Preview",
    "Standing",
    "Thing",
    "Told",
    "due",
    "may_undo",
    "preview",
    "run",
    "standing_of",
    "start",
    "status",
    "undo",
]
