"""What a preview of taking an account out is made of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from sharing.models import Grant, LayerGrant, LayerVersion, Policy
from sharing.models import Mapping as EventMapping
from sharing.models.offboarding import OffboardingKind


@dataclass(frozen=True)
class Thing:
    """Something that lets this account in and nobody else. `refs`: fields of the OffboardingItem it becomes."""

    kind: OffboardingKind
    sentence: str
    where: str
    refs: dict[str, Any] = field(hash=False)

    @property
    def key(self) -> str:
        """What it is, for the mark of a preview."""
        return json.dumps([self.kind, *(f"{name}={getattr(one, 'pk', one)}" for name, one in sorted(self.refs.items()))])


@dataclass(frozen=True)
class Kept:
    """Something that lets in others too, or that is not this person's to end: shown, and left as it is.

    `following`: what can be done. At most one of the others says where: a grant, a statement's place, a way in; of a layer
    the version with the share or the statement (`content`, `index`) that lets it in, where that lets in nobody else.
    """

    sentence: str
    where: str
    following: str
    grant: Grant | None = None
    policy: Policy | None = None
    index: int = 0
    layer: LayerVersion | None = None
    layer_grant: LayerGrant | None = None
    content: int | None = None
    mapping: EventMapping | None = None
    how: str = ""


@dataclass(frozen=True)
class Preview:
    """Everything, before anything is done. `gaps`: what nobody could look at; it may be let in there too."""

    number: str
    name: str
    things: tuple[Thing, ...]
    kept: tuple[Kept, ...]
    gaps: tuple[str, ...]
    suspends: bool = False

    @property
    def layers(self) -> tuple[Kept, ...]:
        """Which layer versions stay shared with the account."""
        return tuple(one for one in self.kept if one.layer is not None)

    @property
    def others(self) -> tuple[Kept, ...]:
        """What else stays."""
        return tuple(one for one in self.kept if one.layer is None)

    @property
    def mark(self) -> str:
        """What a form carries: nothing is done that was not shown."""
        keys = [*sorted(one.key for one in self.things), *(["suspends"] if self.suspends else [])]
        return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]
