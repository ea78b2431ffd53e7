"""Computing every seal again: from the database, or offline from an export; with public keys, and with heads kept outside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.db.models import QuerySet

from sharing.models import Erasure, Event, Seal

from .keys import PublicKey
from .lines import Line, Sealed, digest_of, line_of
from .making import MAY_APPEAR

ERASED = "person.erased"


@dataclass(frozen=True)
class Erased:
    """A name was replaced in a line: digests of the line before and after, and the event that tells of it."""

    event: str
    sequence: int
    before: str
    after: str


@dataclass(frozen=True)
class Head:
    """A seal as it was sent outside or printed."""

    number: int
    digest: str
    sent: str = ""


class Source(Protocol):
    """Where lines and seals come from."""

    def seals(self) -> Iterator[Sealed]:
        """In the order of their numbers."""

    def lines(self, first: int, last: int) -> list[Line]:
        """Lines with these numbers and those between, in order."""

    def numbered(self, numbers: Iterable[int]) -> list[Line]:
        """Lines with these numbers, in order."""

    def after(self, number: int) -> int:
        """How many lines have higher numbers."""

    def erased(self) -> list[Erased]:
        """In the order in which it was done."""

    def telling_of_erasures(self) -> list[Line]:
        """The lines that tell of erasures."""


@dataclass(frozen=True)
class Verified:
    """What looking at every seal found. `problems`: a sentence each, none when history is as it was sealed.

    signed: seals with a signature that was tried and fits. notes: what is no problem and has to be known.
    """

    seals: int
    events: int
    unsealed: int
    last: Sealed | None
    problems: tuple[str, ...]
    signed: int = 0
    notes: tuple[str, ...] = ()


def verify(source: Source | None = None, *, public: Sequence[PublicKey] = (), heads: Sequence[Head] = ()) -> Verified:
    """Compute every seal again from the lines as they are now.

    public: keys that signatures must fit; from the first signed seal on, each has to be. heads: seals that were kept
    outside: each has to be here and the same, or the history was cut off or made anew since.
    """
    source = source or FromDatabase()
    looking = _Looking(source, {key.name: key for key in public})
    for one in source.seals():
        looking.look(one)
    looking.end(heads)
    last = looking.last
    unsealed = source.after(last.last if last else 0)
    return Verified(
        looking.count, looking.events, unsealed, last, tuple(looking.problems), looking.signed, tuple(looking.notes)
    )


@dataclass
class _Looking:
    """From seal to seal."""

    source: Source
    public: Mapping[str, PublicKey]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    count: int = 0
    events: int = 0
    signed: int = 0
    last: Sealed | None = None
    digests: dict[int, str] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)
    has_signatures: bool = False

    def __post_init__(self) -> None:
        self.original, self.replaced = self._erasures()

    def look(self, one: Sealed) -> None:
        """One seal and its lines."""
        before = self.last.digest if self.last else ""
        self.count += 1
        self.events += one.count
        if self.last is not None and one.first != self.last.last + 1:
            self.problems.append(
                f"Seal {one.number} begins at line {one.first}, not after line {self.last.last}: a seal was removed."
            )
        gaps = set(one.gaps)
        self.missing = (self.missing | gaps) - set(one.late)
        sealed = [line for line in self.source.lines(one.first, one.last) if line.sequence not in gaps]
        late = self.source.numbered(one.late)
        expected = one.last - one.first + 1 - len(gaps)
        where = f"Lines {one.first} to {one.last}"
        if len(sealed) != expected or len(late) != len(one.late):
            self.problems.append(f"{where}: {_removed(one, sealed, late)}.")
        elif one.form == 1 and any(line.sequence in self.original for line in (*sealed, *late)):
            self.notes.append(f"{where} were sealed in the old form and cannot be verified: a name in them was erased since.")
        elif digest_of(before, (*sealed, *late), form=one.form, instead=self.original) != one.digest:
            self.problems.append(f"{where} are not as they were sealed: a line or the seal was changed.")
        for line in (*sealed, *late):
            if line.sequence in self.replaced and line.digest != self.replaced[line.sequence]:
                self.problems.append(f"Line {line.sequence} was changed after a name in it was erased.")
        self._look_at_signature(one)
        self.digests[one.number] = one.digest
        self.last = one

    def end(self, heads: Sequence[Head]) -> None:
        """What is seen only when every seal was looked at."""
        if self.last is not None:
            settled = self.last.at - MAY_APPEAR
            slipped = [line.sequence for line in self.source.numbered(self.missing) if line.at < settled]
            self.problems += [f"Line {number} was not there when its neighbours were sealed." for number in slipped]
        if self.public and self.count and not self.signed:
            self.problems.append("No seal is signed by a key that was given.")
        if self.has_signatures and not self.public:
            self.notes.append("The signatures of the seals were not tried: no public key was given.")
        for head in heads:
            kept = self.digests.get(head.number)
            sent = f" (sent {head.sent})" if head.sent else ""
            if kept is None:
                self.problems.append(f"Seal {head.number} is kept outside{sent} and is not here: the history was cut off.")
            elif kept != head.digest:
                self.problems.append(f"Seal {head.number} is another one than is kept outside{sent}: it was made anew.")
        if self.replaced:
            self.notes.append(f"In {len(self.replaced)} lines a person's name was erased; the history tells by whom.")

    def _look_at_signature(self, one: Sealed) -> None:
        self.has_signatures = self.has_signatures or bool(one.signature)
        if not self.public:
            return
        if not one.signature:
            if self.signed:
                self.problems.append(f"Seal {one.number} is not signed, though an earlier one is.")
        elif one.key not in self.public:
            self.problems.append(f"Seal {one.number} is signed by the key {one.key}, which was not given.")
        elif not self.public[one.key].fits(one.message, one.signature):
            self.problems.append(f"The signature of seal {one.number} does not fit it.")
        else:
            self.signed += 1

    def _erasures(self) -> tuple[dict[int, str], dict[int, str]]:
        """Digests of erased lines as they were sealed, and as they have to be now. Each erasure must be told of."""
        original: dict[int, str] = {}
        now: dict[int, str] = {}
        by_event: dict[str, list[Erased]] = {}
        for one in self.source.erased():
            by_event.setdefault(one.event, []).append(one)
            if one.sequence in now and now[one.sequence] != one.before:
                self.problems.append(f"Line {one.sequence} was changed between two erasures.")
            original.setdefault(one.sequence, one.before)
            now[one.sequence] = one.after
        told = {
            str(line.told["id"]): (line.told.get("detail") or {}).get("digest") for line in self.source.telling_of_erasures()
        }
        for event, erased in by_event.items():
            if told.get(event) != digest_of_erasures(erased):
                self.problems.append(
                    f"{len(erased)} lines were replaced as if a name had been erased, and history does not tell of it."
                )
        return original, now


def digest_of_erasures(erased: Iterable[Erased]) -> str:
    """What the event that tells of them holds."""
    text = "\n".join(f"{one.sequence} {one.before} {one.after}" for one in sorted(erased, key=lambda one: one.sequence))
    return hashlib.sha256(text.encode()).hexdigest()


def heads_in(text: str) -> list[Head]:
    """Heads from what was kept: a file that was appended to, lines of syslog, pasted mail. Other lines are passed over."""
    found = []
    for line in text.splitlines():
        start = line.find('{"fnshare"')
        if start < 0:
            continue
        try:
            said: Any = json.loads(line[start:])
            found.append(Head(int(said["seal"]), str(said["digest"]), str(said.get("sent", ""))))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _removed(seal: Sealed, sealed: Sequence[Line], late: Sequence[Line]) -> str:
    there = {line.sequence for line in (*sealed, *late)}
    wanted = [*(number for number in range(seal.first, seal.last + 1) if number not in set(seal.gaps)), *seal.late]
    gone = [str(number) for number in wanted if number not in there]
    if not gone:
        return "a line was added"
    shown = ", ".join(gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
    return f"line {shown} was removed" if len(gone) == 1 else f"lines {shown} were removed"


class FromDatabase:
    """The history of this installation."""

    def seals(self) -> Iterator[Sealed]:
        """As `Source`."""
        return (Sealed.of(row) for row in Seal.objects.order_by("number").iterator(chunk_size=200))

    def lines(self, first: int, last: int) -> list[Line]:
        """As `Source`."""
        return _lines(Event.objects.filter(sequence__gte=first, sequence__lte=last))

    def numbered(self, numbers: Iterable[int]) -> list[Line]:
        """As `Source`."""
        wanted = list(numbers)
        return _lines(Event.objects.filter(sequence__in=wanted)) if wanted else []

    def after(self, number: int) -> int:
        """As `Source`."""
        return Event.objects.filter(sequence__gt=number).count()

    def erased(self) -> list[Erased]:
        """As `Source`."""
        rows = Erasure.objects.order_by("pk").values_list("event", "sequence", "before", "after")
        return [Erased(str(event), sequence, before, after) for event, sequence, before, after in rows]

    def telling_of_erasures(self) -> list[Line]:
        """As `Source`."""
        return _lines(Event.objects.filter(verb=ERASED))


def _lines(events: QuerySet[Event]) -> list[Line]:
    return [line_of(event) for event in events.order_by("sequence")]
