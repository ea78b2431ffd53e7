"""The shape of an answer about access: sentences, the ways in by how, and what was not looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sharing.services.trusting import Trust

from .lines import Line, Lines
from .past import Content
from .polling import Polled
from .subjects import Subject


@dataclass(frozen=True)
class Group:
    """Ways in of one sort. `functions`, `count`: how many functions and ways. `public`, `opened`, `unsure`: how many of
    the ways are public, open to any account through a service, or hang on something, for certain or perhaps.
    `by_url`: functions whose URL is a way in; `paper`: ways that
    cannot be used now and count for no function. `note`: on what all of it hangs, or why it is told apart.
    """

    key: str
    title: str
    lines: Lines
    functions: int
    public: int = 0
    opened: int = 0
    unsure: int = 0
    by_url: int = 0
    paper: int = 0
    note: str = ""
    perhaps: bool = False

    @property
    def count(self) -> int:
        """How many ways."""
        return len(self.lines)


@dataclass(frozen=True)
class Unread:
    """A policy nobody knows the content of, and why. `gap`: it changed between two reads, both contents are told."""

    content: Content
    reason: str
    gap: bool = False


@dataclass(frozen=True)
class Answer:
    """An answer and everything that qualifies it.

    `sentences`: the answer in words, what is not safe first. `counts`: public, opened, unsure, unread, changed. `unread`
    holds the first of `counts["unread"] + counts["changed"]` policies. `not_looked_at` is never empty: "nobody" is said only
    together with it. `unlisted`: there are versions or aliases nobody looked at. `at` None: by the policies as last read.
    `only`: the one way in that was asked for; "" for all.
    `coverage`: the first lines of every export. `polled`: event source mappings as last read: what arrives in their sources
    makes the function run, by no statement.
    """

    subject: Subject
    asked_by: str
    asked_at: datetime
    at: datetime | None
    sentences: tuple[str, ...]
    groups: tuple[Group, ...]
    counts: Mapping[str, int]
    unread: tuple[Unread, ...]
    not_looked_at: tuple[str, ...]
    coverage: Sequence[str]
    trust: Trust
    contents: tuple[Content, ...] = ()
    unlisted: bool = False
    only: str = ""
    polled: tuple[Polled, ...] = ()

    def __post_init__(self) -> None:
        assert self.not_looked_at, "No answer without what was not looked at."  # noqa: S101

    @property
    def question(self) -> str:
        """The question as a person asks it."""
        could = "could" if self.at else "can"
        if self.subject.kind == "function":
            return f"Who {could} invoke {self.subject.label}?"
        return f"What {could} {self.subject.label} invoke?"

    @property
    def gaps(self) -> tuple[str, ...]:
        """Why the answer is not complete even for policies and what is read of them; empty when it is."""
        found = []
        if self.counts["unread"]:
            found.append(f"{counted(self.counts['unread'], 'policy', 'policies')} unread")
        if self.counts["changed"]:
            found.append(f"{counted(self.counts['changed'], 'policy', 'policies')} changed between two reads")
        if self.unlisted:
            found.append("versions or aliases whose policies were never read")
        if len(self.coverage) > 1 or "completely read" not in self.coverage[0]:
            found.append("gaps of coverage")
        return tuple(found)

    @property
    def safe(self) -> bool:
        """Nothing public or open, nothing that hangs on something unknown, nothing unread."""
        return not any(self.counts.values())

    def every_line(self) -> Iterator[tuple[Group, Line]]:
        """All ways in, group by group, read as they are asked for."""
        for group in self.groups:
            for line in group.lines:
                yield group, line


def listed(words: Iterable[str], most: int = 8) -> str:
    """`A, B and C`; of many the first, then how many more."""
    found = list(dict.fromkeys(words))
    if len(found) > most:
        found = [*found[: most - 1], f"{len(found) - most + 1} more"]
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}" if found else ""


def counted(number: int, one: str, many: str = "") -> str:
    """`1 function`, `1,200 functions`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
