"""Everything that can wake a function, as far as what was read tells: what polls for it, who may push, its URLs.

For push sources the permission is known and nothing else: whether the bucket or the topic is wired is on its side, which
nobody reads. So no row of a push source ever says that events arrive.
"""

from .gathering import gather, of_function
from .letting_in import LetIn, let_in
from .listing import ORDERS, Asked, accounts_of, listed, problems_of
from .losing import losses, wirings_lost
from .polling import SETTLING
from .shapes import Problem, Trouble, Waker, Way
from .unlooked import unlooked

__all__ = [
    "ORDERS",
    "SETTLING",
    "Asked",
    "LetIn",
    "Problem",
    "Trouble",
    "Waker",
    "Way",
    "accounts_of",
    "gather",
    "let_in",
    "listed",
    "losses",
    "of_function",
    "problems_of",
    "unlooked",
    "wirings_lost",
]
