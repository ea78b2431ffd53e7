"""What the planner answers with: ordered steps for each side, or a refusal that names the way round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..arn import FunctionArn
from ..permission import Permission


class Side(StrEnum):
    """Whose account a step is done in. Where both are one account, everything is the owner's."""

    OWNER = "owner"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Undo:
    """How a step is taken back: in words, and the call with its parameters ("" where there is only a manual way)."""

    sentence: str
    call: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """How one sees that a step took: the reading call, what must be in its answer, in words."""

    sentence: str
    call: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do.

    `call` is service:Operation as the API names it; `parameters` are its request in boto3's words. A parameter that only
    the account itself can tell is a text in capital letters between angle brackets, listed in `fill_in`. `needs`: the IAM
    actions whoever does it must have. `ours`: whether we can act on that side. `merges`: the call replaces more than this
    step is about, so what is there must be read just before and kept. `notes`: what is not verified (aws-facts 9), in words.
    """

    key: str
    side: Side
    account: str
    sentence: str
    call: str
    parameters: Mapping[str, Any]
    needs: tuple[str, ...]
    undo: Undo
    seen: Seen
    ours: bool = False
    merges: bool = False
    fill_in: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The way from a source to a function. `permission`: what the function's policy must hold, if anything.

    `source` is its ARN, or what stands for one. `notes`: what a person should know of the whole, unverified facts included.
    """

    function: FunctionArn
    kind: str
    label: str
    source: str
    source_account: str
    crosses_accounts: bool
    steps: tuple[Step, ...]
    permission: Permission | None = None
    notes: tuple[str, ...] = ()

    @property
    def theirs(self) -> tuple[Step, ...]:
        """The steps somebody else has to do: what the hand-off pack holds."""
        return tuple(step for step in self.steps if not step.ours)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why it cannot be wired, and the ways round that do exist. `code` is stable, for programs; `field` which input."""

    code: str
    sentence: str
    ways: tuple[str, ...] = ()
    field: str = "source"
