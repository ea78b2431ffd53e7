"""What is handed to whoever acts on the other side: what to do, in words, and the same as text for each tool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..shapes import Side, Step


@dataclass(frozen=True, slots=True)
class Section:
    """A file for one tool, for one account. `tool`: "cli", "boto3", "cloudformation" or "terraform".

    `note`: what to know before it is used. `undo`: how the same file, or what else, takes it back.
    """

    title: str
    tool: str
    language: str
    filename: str
    text: str
    side: Side
    account: str
    note: str = ""
    undo: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """One step in words. `lines`: what to know or to set by hand. `fill_in`: texts that only the account knows."""

    step: Step
    where: str
    lines: tuple[str, ...] = ()
    fill_in: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What to do, and where."""
        return f"{' '.join(self.step.sentence.split()).rstrip('.')}, {self.where}."


@dataclass(frozen=True, slots=True)
class Pack:
    """Everything for the other side. `before`: what others do, in words: first, or in between."""

    title: str
    told: tuple[Told, ...]
    sections: tuple[Section, ...]
    fill_in: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_text(self) -> str:
        """All of it as one Markdown text, to keep or send on."""
        lines = [f"# {self.title}", ""]
        if not self.told:
            return "\n".join([*lines, "Nothing is left to do on this side.", ""])
        if self.before:
            lines += ["Done by others:", "", *(f"- {one}" for one in self.before), ""]
        for number, told in enumerate(self.told, start=1):
            lines += [f"{number}. {told.sentence}", *_of(told)]
        if self.fill_in:
            lines += ["", "Put in first, wherever it stands:", "", *(f"- `{one}`" for one in self.fill_in)]
        if self.notes:
            lines += ["", "To know:", "", *(f"- {one}" for one in self.notes)]
        for part in self.sections:
            lines += ["", f"## {part.title} ({part.filename})", ""]
            lines += [f"{line}\n" for line in (part.note, f"Taken back: {part.undo}") if line]
            lines += [f"```{part.language}", part.text.rstrip("\n"), "```"]
        return "\n".join([*lines, ""])


def _of(told: Told) -> list[str]:
    step = told.step
    said = [*told.lines]
    if step.needs:
        said.append(f"Needs: {', '.join(step.needs)}.")
    said += [f"Seen when: {step.seen.sentence}", f"Taken back: {step.undo.sentence}"]
    return [f"   - {line}" for line in said]


@dataclass(frozen=True, slots=True)
class Request:
    """One call of AWS. `settled`: error codes that mean it is so already. `count`: a number in the answer that must be 0."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    settled: tuple[str, ...] = ()
    count: str = ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is found by listing, and taken away one by one.

    `items`: the list in the answer; `where`: what an item must say; `value`: the field that goes into `parameter` of `then`.
    """

    listing: Request
    items: str
    where: Mapping[str, str]
    value: str
    then: Request
    parameter: str


@dataclass(frozen=True, slots=True)
class Act:
    """Calls that may be made twice, and what takes them back."""

    do: tuple[Request, ...]
    undo: tuple[Request | Lookup, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a document that AWS replaces whole. `rule`: "notification", "policy" or "alarm".

    `entry`: ours; `key`: by what it is found again. `read`: the call that gives the document; `empty`: the error code that
    means there is none. `write`: the call without the document; `slot`: the parameter that takes it. `erase`: the call
    that takes an empty document's place, where there is one. `lock`: the parameter for the revision that was read.
    """

    rule: str
    what: str
    key: str
    entry: Any
    read: Request
    write: Request
    slot: str
    empty: str = ""
    erase: Request | None = None
    leaves_something: bool = False
    lock: str = ""


Deed = Act | Change


@dataclass(frozen=True, slots=True)
class Done:
    """A step as deeds, and what is said of it."""

    step: Step
    deeds: tuple[Deed, ...] = ()
    lines: tuple[str, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
