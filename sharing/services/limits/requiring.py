"""The gate before each write that gives access."""

from __future__ import annotations

import uuid

import structlog

from .counting import count
from .file import Unreadable, read
from .freezing import FROZEN, is_frozen
from .judging import LetsIn, why_not

log = structlog.get_logger(__name__)


class Stopped(Exception):
    """It must not be written. `sentence` and `next` are for people; `code` is kept on the row."""

    code = ""

    def __init__(self, sentence: str, following: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.next = following


class Frozen(Stopped):
    """Not now: it waits, unchanged, and goes on by itself once an admin ends the freeze."""

    code = FROZEN

    def __init__(self) -> None:
        super().__init__("Everything that gives access is frozen.", "It goes on by itself once an admin unfreezes.")


class Beyond(Stopped):
    """Refused: beyond what this installation's workers may write."""

    code = "limit"


def require(account: str, *, subject: uuid.UUID, lets_in: LetsIn | None = None) -> None:
    """Ask, just before a write to AWS that gives access, whether a worker may make it. Raises Frozen or Beyond.

    `account`: the 12 digits of the account that is written in. `subject`: the key of the row that the write is for; it
    counts once an hour towards `grants_per_hour`. `lets_in`: whom the write lets in, None where it names nobody.

    For workers only: it reads their file. Revokes, end dates and deletions do not ask.
    """
    if is_frozen():
        raise Frozen
    try:
        limits = read()
    except Unreadable as problem:
        log.critical("worker_limits_unreadable", problem=str(problem))
        raise Beyond(
            f"The workers' limits cannot be read, so nothing is shared. {problem}",
            "Ask whoever runs the workers to repair the file of WORKER_LIMITS, then ask again.",
        ) from None
    if limits is None:
        return
    if reason := why_not(limits, account, lets_in):
        log.error("worker_limit", account=account, subject=str(subject), reason=reason)
        raise Beyond(reason, "Only whoever runs the workers can change that: their limits are in no page of fnshare.")
    if limits.grants_per_hour is not None and count(subject, limits.grants_per_hour):
        raise Frozen
