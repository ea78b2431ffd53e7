"""WHEN on a command line: an end date as people and scripts write it."""

from argparse import ArgumentTypeError

from sharing.services.granting.moments import When, when

__all__ = ["When", "when_type"]


def when_type(text: str) -> When:
    """An argparse type. A date means the end of that day, in UTC."""
    try:
        return when(text)
    except ValueError as problem:
        raise ArgumentTypeError(str(problem)) from None
