"""Event source mappings in the owner's account: asked for as rows (`MappingChange`), made so by a worker, looked at again.

SQS, Kinesis and DynamoDB Streams have their whole life here; other sources are only shown. Told is not done: a change is
done when AWS says so after it was looked at again.
"""

from .applying import ROLE_MAY_NOT_READ
from .asking import again, change, create, delete, differences, pause, problems_of, resume, sent
from .handing_over import HandOff, hand_offs, role_command
from .planning import MappingPlan, plan, steps_of, way_in_problem
from .reconciling import due, reconcile
from .refreshing import is_stale, read, reads_due, want
from .wording import doing, is_ours_to_change, named, options_in_words, place, state_in_words

__all__ = [
    "ROLE_MAY_NOT_READ",
    "HandOff",
    "MappingPlan",
    "again",
    "change",
    "create",
    "delete",
    "differences",
    "doing",
    "due",
    "hand_offs",
    "is_ours_to_change",
    "is_stale",
    "named",
    "options_in_words",
    "pause",
    "place",
    "plan",
    "problems_of",
    "read",
    "reads_due",
    "reconcile",
    "resume",
    "role_command",
    "sent",
    "state_in_words",
    "steps_of",
    "want",
    "way_in_problem",
]
