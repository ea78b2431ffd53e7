"""What people hand in: functions and principals picked or pasted, or a list with a line for each share."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sharing.policy.actions import ACTIONS, INVOKE
from sharing.services.errors import Refusal
from sharing.services.granting.moments import when

#: One bulk holds at most so many shares.
MOST = 10_000
#: A list may be at most so long, in bytes.
LONGEST = 5_000_000
COLUMNS = ("function", "qualifier", "principal", "action", "until", "reason")
_NEEDED = ("function", "principal")
_NAMES = {name.removeprefix("lambda:").lower(): name for name in ACTIONS}


@dataclass(frozen=True)
class Line:
    """One share as it was handed in. `wrong`: what cannot be read in it, with what to do; "" if it all can.

    `group`: whose member it is for. `share`: the share with a group that it belongs to.
    """

    number: int
    function: str
    who: str
    action: str = INVOKE
    ends_at: datetime | None = None
    reason: str = ""
    wrong: str = ""
    next: str = ""
    group: uuid.UUID | None = None
    share: uuid.UUID | None = None


def from_picks(
    functions: Iterable[str], who: Iterable[str], *, action: str, ends_at: datetime | None, reason: str
) -> list[Line]:
    """Each function with each principal, function by function. Raises Refusal when it is nothing, or too many."""
    places = list(dict.fromkeys(text for text in map(_trimmed, functions) if text))
    people = list(dict.fromkeys(text for text in map(_trimmed, who) if text))
    if not places:
        raise Refusal("No function is chosen.", next="Paste names or ARNs, or search and tick some.", field="functions")
    if not people:
        raise Refusal("Nobody is chosen.", next="Name accounts or other principals, one a line.", field="who")
    check_count(len(places) * len(people))
    pairs = [(place, one) for place in places for one in people]
    return [Line(number, place, one, action, ends_at, reason) for number, (place, one) in enumerate(pairs, start=1)]


def from_list(text: str, *, ends_at: datetime | None, reason: str) -> list[Line]:
    """A list with a heading: function, qualifier, principal, action, until, reason; only two of them must be there.

    Comma, semicolon or tab may part the columns; `who` is another name of principal. `ends_at`, `reason`: for lines that say
    none. Raises Refusal when it is no such list; a line that cannot be read is a Line that says so.
    """
    text = text.removeprefix("\ufeff").replace("\x00", "").strip("\r\n")
    if not text.strip():
        raise Refusal("The list is empty.", next=f"Its first line names the columns: {','.join(COLUMNS)}.", field="text")
    heading = text.split("\n", 1)[0]
    parted = max(",;\t", key=heading.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=parted))
    except csv.Error as problem:
        raise Refusal(f"The list cannot be read: {problem}.", next="Save it as CSV again.", field="text") from problem
    columns = [name.strip().strip("\"'").lower() for name in rows[0]]
    if "principal" not in columns:
        columns = ["principal" if name == "who" else name for name in columns]
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise Refusal(
            f"The first line names no column {' and none '.join(missing)}.",
            next=f"Begin with a line such as {','.join(COLUMNS)}.",
            field="text",
        )
    filled = [row for row in rows[1:] if any(cell.strip() for cell in row)]
    if not filled:
        raise Refusal("The list has a heading and no lines.", next="Add a line for each share.", field="text")
    check_count(len(filled))
    return [_line(number, dict(zip(columns, row, strict=False)), ends_at, reason) for number, row in enumerate(filled, start=1)]


def text_of(raw: bytes) -> str:
    """The text of a file. Raises Refusal when it is too long or no UTF-8."""
    if len(raw) > LONGEST:
        raise Refusal(f"The file has {len(raw):,} bytes; {LONGEST:,} are read.", next="Split it.", field="file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise Refusal(
            "The file is no UTF-8 text.", next="Save it as “CSV UTF-8”, then choose it again.", field="file"
        ) from problem


def _line(number: int, cells: dict[str, str], ends_at: datetime | None, reason: str) -> Line:
    given = {name: _trimmed(cells.get(name, "")) for name in COLUMNS}
    function = f"{given['function']}:{given['qualifier']}" if given["qualifier"] else given["function"]
    action, wrong, following = INVOKE, "", ""
    if given["action"]:
        action = _NAMES.get(given["action"].lower().removeprefix("lambda:"), "")
        if not action:
            wrong, following = f"“{given['action'][:60]}” is no action that can be shared.", "Write one such as InvokeFunction."
    if given["until"].lower() in ("never", "no end"):
        ends_at = None
    elif given["until"]:
        try:
            ends_at = when(given["until"]).at
        except ValueError as problem:
            wrong, following = str(problem), ""
    return Line(
        number,
        function[:400],
        given["principal"][:2048],
        action or given["action"][:100],
        ends_at,
        given["reason"] or reason,
        wrong,
        following,
    )


def _trimmed(text: str) -> str:
    """Without spaces around, and without the apostrophe that our own files put before a formula."""
    return " ".join(text.replace("\x00", "").split()).removeprefix("'").strip()


def check_count(count: int) -> None:
    if count > MOST:
        raise Refusal(f"That is {count:,} shares; {MOST:,} are done at once.", next="Do it in parts.", code="too-many")
