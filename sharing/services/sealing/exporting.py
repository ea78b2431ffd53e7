"""The whole history as a file of JSON lines, and the file as a source to verify, without any database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from sharing.models import Erasure, Event, Seal

from .lines import Line, Sealed, line_of
from .verifying import ERASED, Erased

FORMAT: Final = 1


class BadExport(Exception):
    """The file is none of ours, or is damaged; `str()` says where."""


def export(to: IO[str]) -> tuple[int, int]:
    """Write every line, then every seal, then erasures. How many lines and seals. Nothing is held in memory."""
    _write(to, {"fnshare-history": FORMAT})
    lines = seals = 0
    for event in Event.objects.order_by("sequence").iterator(chunk_size=1000):
        _write(to, {"line": json.loads(line_of(event).text)})
        lines += 1
    for row in Seal.objects.order_by("number").iterator(chunk_size=1000):
        one = Sealed.of(row)
        _write(to, {"seal": {**one.__dict__, "at": one.at.timestamp()}})
        seals += 1
    for erasure in Erasure.objects.order_by("pk").iterator(chunk_size=1000):
        told = {name: getattr(erasure, name) for name in ("sequence", "before", "after")}
        _write(to, {"erased": {"event": str(erasure.event), **told}})
    return lines, seals


def _write(to: IO[str], record: dict[str, Any]) -> None:
    to.write(json.dumps(record, ensure_ascii=True, separators=(",", ":")) + "\n")


class FromExport:
    """An export, read once for where its lines lie; lines are read again when they are needed. Raises BadExport."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._places: dict[int, int] = {}
        self._seals: list[Sealed] = []
        self._erased: list[Erased] = []
        self._telling: list[int] = []
        number = place = 0
        for number, raw in enumerate(self._file, start=1):
            try:
                record = json.loads(raw)
                if number == 1:
                    if record["fnshare-history"] != FORMAT:
                        raise BadExport("It was written by another version of fnshare.")
                else:
                    self._take(record, place)
            except (ValueError, KeyError, TypeError):
                raise BadExport(f"Line {number} of the file is no line of an exported history.") from None
            place += len(raw)
        if not number:
            raise BadExport("The file is empty.")
        self._seals.sort(key=lambda one: one.number)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _take(self, record: dict[str, Any], place: int) -> None:
        if "line" in record:
            line = Line(record["line"])
            if line.sequence in self._places:
                raise BadExport(f"Line {line.sequence} of the history is there twice.")
            self._places[line.sequence] = place
            if line.told["verb"] == ERASED:
                self._telling.append(line.sequence)
        elif "seal" in record:
            told = record["seal"]
            at = datetime.fromtimestamp(float(told["at"]), UTC)
            self._seals.append(Sealed(**{**told, "at": at, "gaps": tuple(told["gaps"]), "late": tuple(told["late"])}))
        else:
            self._erased.append(Erased(**record["erased"]))

    def seals(self) -> Iterator[Sealed]:
        """As `Source`."""
        return iter(self._seals)

    def lines(self, first: int, last: int) -> list[Line]:
        """As `Source`."""
        return self.numbered(range(first, last + 1))

    def numbered(self, numbers: Iterable[int]) -> list[Line]:
        """As `Source`."""
        found = []
        for number in sorted(numbers):
            if number in self._places:
                self._file.seek(self._places[number])
                found.append(Line(json.loads(self._file.readline())["line"]))
        return found

    def after(self, number: int) -> int:
        """As `Source`."""
        return sum(1 for one in self._places if one > number)

    def erased(self) -> list[Erased]:
        """As `Source`."""
        return self._erased

    def telling_of_erasures(self) -> list[Line]:
        """As `Source`."""
        return self.numbered(self._telling)
