"""Everything that can wake a function, as far as what was read tells: what polls for it, who may push, its URLs.

For push sources the permission is known and nothing else: whether the bucket or the topic is wired is on its side, which
nobody reads. So no row of a push source ever says that events arrive.
"""

from .counting import recount
from .gathering import gather, of_function
from .keeping import FEW, VERSION, keep_due, note, note_all, unkept
from .letting_in import LetIn, let_in
from .listing import ORDERS, Asked, accounts_of, listed, problems_of
from .losing import losses, wirings_lost
from .polling import SETTLING
from .shapes import Problem, Trouble, Waker, Way
from .survey import Survey, survey, survey_of
from .unlooked import unlooked

__all__ = [
    "FEW",
    "ORDERS",
    "SETTLING",
    "VERSION",
    "Asked",
    "LetIn",
    "Problem",
    "Survey",
    "Trouble",
    "Waker",
    "Way",
    "accounts_of",
    "gather",
    "keep_due",
    "let_in",
    "listed",
    "losses",
    "note",
    "note_all",
    "of_function",
    "problems_of",
    "recount",
    "survey",
    "survey_of",
    "unkept",
    "unlooked",
    "wirings_lost",
]
