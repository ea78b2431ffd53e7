"""What workers may not do whoever asks: the limits of a file that only they read, and freezes.

`require` is called just before each write to AWS that gives somebody access. Taking access away asks nobody: revokes, ends
and deletions always stay possible.
"""

from .counting import prune
from .file import Limits, Unreadable, parse, read
from .freezing import FREEZES, freeze, is_frozen, standing, unfreeze
from .judging import LetsIn, why_not
from .requiring import Beyond, Frozen, Stopped, require
from .telling import tell

__all__ = [
    "FREEZES",
    "Beyond",
    "Frozen",
    "LetsIn",
    "Limits",
    "Stopped",
    "Unreadable",
    "freeze",
    "is_frozen",
    "parse",
    "prune",
    "read",
    "require",
    "standing",
    "tell",
    "unfreeze",
    "why_not",
]
