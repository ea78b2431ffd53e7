"""Many shares at once: read, judged line by line, confirmed once, and made into grants by workers."""

from .deciding import cancel, confirm, draft, forget, judge_again, pause, resume, retry, take_back
from .judging import judged
from .lines import COLUMNS, LONGEST, MOST, Line, from_list, from_picks, text_of
from .telling import Outcome, happened, items, outcome_of, retryable, rows, tally, verdict_words, verdicts, written
from .working import HANDS, due, work

__all__ = [
    "COLUMNS",
    "HANDS",
    "LONGEST",
    "MOST",
    "Line",
    "Outcome",
    "cancel",
    "confirm",
    "draft",
    "due",
    "forget",
    "from_list",
    "from_picks",
    "happened",
    "items",
    "judge_again",
    "judged",
    "outcome_of",
    "pause",
    "resume",
    "retry",
    "retryable",
    "rows",
    "take_back",
    "tally",
    "text_of",
    "verdict_words",
    "verdicts",
    "work",
    "written",
]
