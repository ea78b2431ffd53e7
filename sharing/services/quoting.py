"""Text that somebody else typed, made fit to stand beside ours: it keeps its words and loses what hides or turns them."""

from __future__ import annotations

import unicodedata

#: Joiners belong to the writing of some languages, and to many emoji.
_KEPT = frozenset("\u200c\u200d")
_BREAKS = str.maketrans({"\u2028": "\n", "\u2029": "\n", "\x0b": "\n", "\x0c": "\n", "\x85": "\n", "\t": " "})


def without_marks(text: str) -> str:
    """The text with its line breaks, without control characters and without marks that hide text or turn its direction."""
    broken = text.replace("\r\n", "\n").replace("\r", "\n").translate(_BREAKS)
    return "".join(char for char in broken if char == "\n" or char in _KEPT or unicodedata.category(char) not in _HIDDEN)


#: Control, format (bidirectional overrides, invisible letters) and lone surrogates.
_HIDDEN = frozenset({"Cc", "Cf", "Cs"})


def one_line(text: str, most: int = 100) -> str:
    """The text in one line, fit for a subject or a name; cut with an ellipsis after `most` characters."""
    line = " ".join(without_marks(text).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def paragraphs(text: str) -> list[str]:
    """The lines of a note, without trailing blanks, never more than one empty line in a row."""
    found: list[str] = []
    for line in without_marks(text).strip().split("\n"):
        if line.strip() or (found and found[-1]):
            found.append(line.rstrip())
    return found
