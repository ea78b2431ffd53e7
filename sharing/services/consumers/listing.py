"""The list of consumers: search, filters, order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from sharing.models import Verdict
from sharing.services.proofs import Standing

from .gathering import Consumer


class Kind(StrEnum):
    """What the list can be narrowed to."""

    PROVED = "proved"
    NOT_PROVED = "not-proved"
    FAILED = "failed"
    ENDING = "ending"
    OUTSIDE = "outside"
    UNSAFE = "unsafe"
    DENIED = "denied"
    INVITED = "invited"


#: Nothing that hangs on something unknown counts as proved: an overdue proof is not one.
_KINDS: Final[dict[Kind, Callable[[Consumer], bool]]] = {
    Kind.PROVED: lambda one: one.proof.standing is Standing.PROVED,
    Kind.NOT_PROVED: lambda one: one.proof.standing is not Standing.PROVED,
    Kind.FAILED: lambda one: one.proof.standing is Standing.FAILED,
    Kind.ENDING: lambda one: bool(one.shares.ending),
    Kind.OUTSIDE: lambda one: one.zone == "outside",
    Kind.UNSAFE: lambda one: bool(one.reach.not_safe),
    Kind.DENIED: lambda one: bool(one.shares.verdicts.get(Verdict.DENIED)),
    Kind.INVITED: lambda one: bool(one.invited or one.to_confirm),
}
_NEVER: Final = datetime(9000, 1, 1, tzinfo=UTC)
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
_WORST_FIRST: Final = (Standing.FAILED, Standing.OVERDUE, Standing.NONE, Standing.PROVED)

#: How the list can be ordered; ties stay by name.
ORDERS: Final[dict[str, Callable[[Consumer], Any]]] = {
    "name": lambda one: (one.account is None, one.label.casefold()),
    "functions": lambda one: (-one.reach.functions, -one.reach.latent),
    "unsafe": lambda one: -one.reach.not_safe,
    "proof": lambda one: _WORST_FIRST.index(one.proof.standing),
    "ends": lambda one: one.shares.ends_at or _NEVER,
    "checked": lambda one: -(one.shares.checked_at or _LONG_AGO).timestamp(),
}


@dataclass(frozen=True)
class Asked:
    """What the list is asked for. `text`: parts of name, digits or vendor; `kind` None: every consumer."""

    text: str = ""
    kind: Kind | None = None
    order: str = "name"

    @property
    def narrowed(self) -> bool:
        """Whether anything is left out."""
        return bool(self.text or self.kind)


def listed(consumers: Iterable[Consumer], asked: Asked) -> Sequence[Consumer]:
    """Those that are asked for, in order. No query."""
    found = [one for one in consumers if asked.kind is None or _KINDS[asked.kind](one)]
    text = asked.text.casefold()
    if digits := _digits(text):
        found = [one for one in found if digits in one.number or _holds(one, text)]
    elif text:
        found = [one for one in found if _holds(one, text)]
    return sorted(found, key=ORDERS[asked.order])


def _digits(text: str) -> str:
    """An account id or a part of it, however it is spaced."""
    plain = "".join(text.replace("-", " ").split())
    return plain if plain.isascii() and plain.isdigit() else ""


def _holds(one: Consumer, text: str) -> bool:
    words = f"{one.label} {one.number} {one.vendor.label if one.vendor else ''}".casefold()
    return all(word in words for word in text.split())
