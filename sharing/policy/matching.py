"""Comparing texts with the wildcards of IAM, in three values where the documentation leaves two readings.

`*` stands for any run of characters, `?` for exactly one. No regular expression is built from a policy's text: a
hostile pattern could make it backtrack for hours, these loops take at most pattern times text.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: True, False, or None for "cannot be judged".
Truth = bool | None

#: Stand-ins for a literal `*` and `?` (from `${*}`, `${?}` or a substituted variable); private-use characters.
LITERAL: Final = {"*": "\ue000", "?": "\ue001"}


def has_wildcard(pattern: str) -> bool:
    """Whether a pattern holds `*` or `?`."""
    return "*" in pattern or "?" in pattern


def glob_matches(pattern: str, text: str) -> bool:
    """Whether `text` matches `pattern` as a whole; `*` passes over every character, colons and slashes included."""
    if "*" not in pattern:
        return pattern == text if "?" not in pattern else len(pattern) == len(text) and _same(pattern, text)
    first, *middle, last = pattern.split("*")
    if len(text) < len(first) + len(last):
        return False
    if not _same(first, text[: len(first)]) or not _same(last, text[len(text) - len(last) :]):
        return False
    start, end = len(first), len(text) - len(last)
    for piece in middle:
        found = _find(piece, text, start, end)
        if found < 0:
            return False
        start = found + len(piece)
    return True


def arn_matches(pattern: str, text: str) -> Truth:
    """Whether an ARN matches: each of its six parts is compared by itself (IAM: ARN condition operators, Resource).

    None where a comparison by parts says no and one over the whole text says yes, such as `arn:aws:lambda:*`.
    """
    if pattern == "*":
        return True
    if not glob_matches(pattern, text):
        return False
    if not has_wildcard(pattern):
        return True
    patterns, parts = pattern.split(":", 5), text.split(":", 5)
    if len(patterns) == len(parts) and all(map(glob_matches, patterns, parts)):
        return True
    return None


def covers(wide: str, narrow: str) -> bool:
    """Whether every text that matches `narrow` matches `wide`; False also when that could not be shown."""
    if wide in ("*", narrow):
        return True
    # `wide` reads `narrow` as text in which only a `*` may take in a `*`.
    reach = {0}
    for position, char in enumerate(wide):
        if char == "*":
            reach = set(range(min(reach), len(narrow) + 1)) if reach else reach
        elif char == "?":
            reach = {at + 1 for at in reach if at < len(narrow) and narrow[at] != "*"}
        else:
            reach = {at + 1 for at in reach if at < len(narrow) and narrow[at] == char}
        if not reach:
            return False
        if position > 2048:
            return False
    return len(narrow) in reach


def overlap(one: str, other: str) -> bool:
    """Whether some text matches both patterns."""
    if not has_wildcard(one):
        return glob_matches(other, one)
    if not has_wildcard(other):
        return glob_matches(one, other)
    row = [True] + [False] * len(other)
    for column, char in enumerate(other, start=1):
        row[column] = row[column - 1] and char == "*"
    for char in one:
        above, row = row, [row[0] and char == "*"] + [False] * len(other)
        for column, second in enumerate(other, start=1):
            if char == "*" or second == "*":
                row[column] = above[column] or row[column - 1] or above[column - 1]
            else:
                row[column] = above[column - 1] and (char == second or "?" in (char, second))
    return row[-1]


def any_of(truths: Iterable[Truth]) -> Truth:
    """Three-valued OR: True if one is True, else None if one is None, else False."""
    found: Truth = False
    for truth in truths:
        if truth:
            return True
        if truth is None:
            found = None
    return found


def all_of(truths: Iterable[Truth]) -> Truth:
    """Three-valued AND: False if one is False, else None if one is None, else True."""
    found: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            found = None
    return found


def negate(truth: Truth) -> Truth:
    """Three-valued NOT."""
    return None if truth is None else not truth


def _same(piece: str, text: str) -> bool:
    """Equality where `?` in `piece` equals any one character; lengths are already equal."""
    if "?" not in piece:
        return piece == text
    return all(char in ("?", other) for char, other in zip(piece, text, strict=True))


def _find(piece: str, text: str, start: int, end: int) -> int:
    if "?" not in piece:
        return text.find(piece, start, end)
    for at in range(start, end - len(piece) + 1):
        if _same(piece, text[at : at + len(piece)]):
            return at
    return -1
