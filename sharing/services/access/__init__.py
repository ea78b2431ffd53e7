"""Who has access, judged by sharing.policy on the policies as last read: no page and no command computes it by itself."""

from .answers import Answer, Group
from .asking import ask, ask_about
from .finding import find_policy
from .invoking import Invocable, Way, who_can_invoke
from .lines import Certainty, Line
from .listing import of_function, of_grant
from .moments import Moment, moment
from .rows import AccessRow, Who
from .subjects import Subject, Suggestion, Unclear, known_texts, subject

__all__ = [
    "AccessRow",
    "Answer",
    "Certainty",
    "Group",
    "Invocable",
    "Line",
    "Moment",
    "Subject",
    "Suggestion",
    "Unclear",
    "Way",
    "Who",
    "ask",
    "ask_about",
    "find_policy",
    "known_texts",
    "moment",
    "of_function",
    "of_grant",
    "subject",
    "who_can_invoke",
]
