"""Connecting every account of an organisation: one template, and workers that find the roles it made by themselves.

`start` → the organisation's admin deploys the template → (a worker) `run`, again and again: rows follow the members as last
read, and each active account is tried until its roles let fnshare in. What a role is worth its connection's test says.
"""

from .changing import start, take_in, try_again
from .listing import Access, Counts, access_of, counts_of, joiners_of
from .pausing import leave_out, pause, resume
from .running import due, run

__all__ = [
    "Access",
    "Counts",
    "access_of",
    "counts_of",
    "due",
    "joiners_of",
    "leave_out",
    "pause",
    "resume",
    "run",
    "start",
    "take_in",
    "try_again",
]
