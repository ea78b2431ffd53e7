"""What the local AWS holds when it starts: a small estate with every kind of policy that real ones have."""

from collections.abc import Callable

from sharing.sandbox.seeding import Seeding
from sharing.sandbox.story import demo, other
from sharing.sandbox.story.demo import CANARY

__all__ = ["CANARY", "NAMES", "check", "load"]


def _none(_: Seeding) -> None:
    """An AWS without accounts."""


_STORIES: dict[str, Callable[[Seeding], None]] = {"demo": demo.load, "other": other.load, "none": _none}

NAMES = tuple(_STORIES)


def check(story: str) -> None:
    """Raise ValueError when there is no such story."""
    if story not in _STORIES:
        raise ValueError(f"There is no story {story!r}; there are {', '.join(NAMES)}.")


def load(story: str, sandbox: Seeding) -> None:
    """Put the story's accounts, roles, functions and policies into an empty sandbox."""
    check(story)
    _STORIES[story](sandbox)
