"""The one door to answers about access: what pages, exports and commands ask."""

from __future__ import annotations

from datetime import datetime

from sharing.models import Actor

from .about_function import about_function
from .about_who import about_who
from .answers import Answer
from .subjects import Subject, subject

__all__ = ["ask", "ask_about"]


def ask(text: str, *, by: Actor, at: datetime | None = None, how: str = "") -> Answer:
    """Answer a question in words: a function, account, role, organisation, service or everyone, in the actor's scope.

    `at`: an aware moment in the past; None asks about the policies as last read. `how`: only one way in, by its group's
    key. The number of queries depends on the kind of question only. Raises Unclear, with suggestions.
    """
    return ask_about(subject(text, by=by), by=by, at=at, how=how)


def ask_about(about: Subject, *, by: Actor, at: datetime | None = None, how: str = "") -> Answer:
    """The same for a subject that is known."""
    if about.function is not None:
        return about_function(about, by=by, at=at)
    return about_who(about, by=by, at=at, how=how)
