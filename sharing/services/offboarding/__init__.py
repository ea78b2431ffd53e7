"""Offboarding: everything that lets one account in is found, shown, and taken away by one decision, thing by thing.

Its reversible kin is suspending: only what can be given back exactly is taken away, and is given back when it is resumed.

What lets in others too (an organisation, everyone, a list of principals, a service) is shown with what can be done about it,
and never touched here.
"""

from .deciding import UNDO_WITHIN, coming_back, may_undo, start, undo
from .finding import preview, staying_layers
from .running import Told, due, run
from .shapes import Kept, Preview, Thing
from .telling import Standing, standing_of, status, suspended_by_others

__all__ = [
    "UNDO_WITHIN",
    "Kept",
    "Preview",
    "Standing",
    "Thing",
    "Told",
    "coming_back",
    "due",
    "may_undo",
    "preview",
    "run",
    "standing_of",
    "start",
    "status",
    "staying_layers",
    "suspended_by_others",
    "undo",
]
