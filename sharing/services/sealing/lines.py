"""What a seal is made of: a line as text that is the same on every database and in an export, and digests over lines."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sharing.models import Event, Seal

FIELDS: Final = (
    "sequence", "id", "at", "verb", "text", "person_id", "actor", "account_id", "function_id", "qualifier", "grant_id",
    "layer_id", "sid", "reason", "request_id", "error_code", "detail",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One line of history. told: its fields as JSON has them, `at` in seconds since 1970."""

    told: Mapping[str, Any]

    @property
    def sequence(self) -> int:
        """Its number."""
        return int(self.told["sequence"])

    @property
    def at(self) -> datetime:
        """When."""
        return datetime.fromtimestamp(float(self.told["at"]), UTC)

    @property
    def text(self) -> str:
        """Keys in order, nothing but ASCII."""
        return json.dumps(self.told, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)

    @property
    def digest(self) -> str:
        """SHA-256, 64 hex digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Sealed:
    """A seal, from a row or from an export (see models.Seal)."""

    number: int
    at: datetime
    first: int
    last: int
    gaps: tuple[int, ...]
    late: tuple[int, ...]
    count: int
    digest: str
    form: int = 2
    signature: str = ""
    key: str = ""

    @classmethod
    def of(cls, row: Seal) -> Sealed:
        """From a row."""
        return cls(
            row.number, row.at, row.first, row.last, tuple(row.gaps), tuple(row.late), row.count, row.digest, row.form,
            row.signature, row.key,
        )  # fmt: skip

    @property
    def message(self) -> bytes:
        """What is signed."""
        at = round(self.at.timestamp() * 1_000_000)
        return f"fnshare history {self.first} {self.last} {self.count} {at} {self.form} {self.digest}".encode()


def line_of(event: Event) -> Line:
    """From a row: times in UTC to the microsecond."""
    told = {name: getattr(event, name) for name in FIELDS}
    told["at"] = event.at.timestamp()
    return Line(told)


def digest_of(before: str, lines: Iterable[Line], *, form: int = 2, instead: Mapping[int, str] | None = None) -> str:
    """The digest of a seal over the seal before it and these lines. instead: digests of lines as they were, by number."""
    digest = hashlib.sha256(before.encode())
    for line in lines:
        digest.update(b"\n")
        if form == 1:
            digest.update(line.text.encode())
        else:
            digest.update((instead or {}).get(line.sequence, line.digest).encode())
    return digest.hexdigest()
