"""An invited person shows that an account is theirs, and accepts for it (aws-facts 5.4).

`name_account` → (a worker) `look`, again and again → proved → `accept`. What is proved is that an administrator of the
account let this person's own ExternalId in; nothing of the account is known here, or changed, before they accept.
"""

from .accepting import Way, accept, ways
from .asking import look_again, name_account, of_person
from .joining import join
from .looking import Outcome, due, look
from .results import Result, results
from .roles import Recipes, recipes

__all__ = [
    "Outcome",
    "Recipes",
    "Result",
    "Way",
    "accept",
    "due",
    "join",
    "look",
    "look_again",
    "name_account",
    "of_person",
    "recipes",
    "results",
    "ways",
]
