"""Event source mappings in an answer: no policy lets anybody in there, and still what arrives in a source runs a function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from sharing.models import Mapping

from .principals import Names

#: Mappings in one answer at most; how many more there are is said.
MOST = 50


@dataclass(frozen=True)
class Polled:
    """One mapping in words. `whose`: the account of the source by name, or its digits; "" where the ARN tells none."""

    mapping: Mapping
    whose: str

    @property
    def words(self) -> str:
        """`SQS queue uploads of Globex`, and its state where it does not run."""
        off = "" if self.mapping.runs else f" ({self.mapping.state.lower()})"
        return f"{self.mapping.source}{f' of {self.whose}' if self.whose else ''}{off}"

    @property
    def arn(self) -> str:
        """The exact form of the function that runs."""
        function, qualifier = self.mapping.function, self.mapping.qualifier
        return f"{function.arn}:{qualifier}" if qualifier else function.arn


def polled(mappings: QuerySet[Mapping]) -> tuple[tuple[Polled, ...], int]:
    """The first of these mappings that AWS still lists, and how many there are. Three queries."""
    found = mappings.filter(vanished_at=None, function__vanished_at=None)
    rows = list(found.select_related("function__account").order_by("function__name", "source_arn", "pk")[: MOST + 1])
    many = found.count() if len(rows) > MOST else len(rows)
    names = Names.of(row.source_account for row in rows).texts if rows else {}
    return tuple(Polled(row, names.get(row.source_account) or row.source_account) for row in rows[:MOST]), many


def sources(found: Iterable[Polled]) -> list[str]:
    """Their sources in words, each once."""
    return list(dict.fromkeys(one.words for one in found))
