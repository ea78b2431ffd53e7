"""Who has access, judged by sharing.policy on the policies as last read: no page and no command computes it by itself."""

from .answers import Answer, Group
from .asking import ask, ask_about
from .denials import Explained, why_denied
from .finding import find_policy
from .invoking import Invocable, Way, who_can_invoke
from .lines import Certainty, Line
from .listing import of_function, of_grant
from .moments import Moment, moment
from .questioning import Question, question, suggestions
from .reasoning import Reasoned, reason
from .repairs import Cause, Repair
from .rows import AccessRow, Who
from .subjects import Subject, Suggestion, Unclear, known_texts, subject

__all__ = [
    "AccessRow",
    "Answer",
    "Cause",
    "Certainty",
    "Explained",
    "Group",
    "Invocable",
    "Line",
    "Moment",
    "Question",
    "Reasoned",
    "Repair",
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
    "question",
    "reason",
    "subject",
    "suggestions",
    "who_can_invoke",
    "why_denied",
]
