"""What happened, to a statement, a function or an account: who did it where fnshare or the statement's origin knows, and
"outside fnshare, between two reads" where nobody does."""

from .accounts import AccountStory, of_account
from .functions import function_entries, function_index
from .statements import StatementStory, of_statement
from .telling import Change, Doer, Entry

__all__ = [
    "AccountStory",
    "Change",
    "Doer",
    "Entry",
    "StatementStory",
    "function_entries",
    "function_index",
    "of_account",
    "of_statement",
]
