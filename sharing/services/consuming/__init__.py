"""The other side of sharing: what is shared with the accounts that a person acts for, and what they may do about it.

Nothing here reads policy documents for show, and nothing asks the owners' `visible_to`: what is theirs is read, filtered by
their memberships, and whatever they name is looked for in that. So what is not theirs costs what does not exist.
"""

from .exporting import shared_csv, shared_json
from .leaving import give_back, leave_account, what_stops
from .listing import Ended, Wanted, ended, ended_rows, find, only, page_rows
from .reaching import Side, side_of
from .telling import Shared, Tried, Way, deed
from .trying import Standing, ask, standing

__all__ = [
    "Ended",
    "Shared",
    "Side",
    "Standing",
    "Tried",
    "Wanted",
    "Way",
    "ask",
    "deed",
    "ended",
    "ended_rows",
    "find",
    "give_back",
    "leave_account",
    "only",
    "page_rows",
    "shared_csv",
    "shared_json",
    "side_of",
    "standing",
    "what_stops",
]
