"""The shapes a policy is read into: statement and condition, exactly as stored and never invented.

See `statement` for the reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from .principal import Principal

ALLOW: Final = "Allow"
DENY: Final = "Deny"


class Doubled(dict[str, Any]):
    """A JSON object that named some key twice. What AWS would make of it is not documented, so nothing is guessed."""


class Condition(NamedTuple):
    """One `operator: {key: values}` entry. `operator` and `key` as written, `values` as strings (true → "true")."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def text(self) -> str:
        """The condition for people, a shared secret masked."""
        if self.key.lower() == "lambda:eventsourcetoken":
            return f"{self.operator} {self.key} = ••••••••"
        return f"{self.operator} {self.key} = {', '.join(self.values)}"

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True, unsafe_hash=True)
class Statement:
    """One statement; to be treated as immutable (freezing it would double the time of reading a policy).

    Of each pair (`principals`/`not_principals` and so on) at most one is filled. `raw` is the JSON value as stored.
    `problem` is None, or a sentence saying what cannot be judged; then the parsed fields hold what was readable and
    `doubts` names the elements ("Principal", "Condition"...) that must not be relied on; "Statement" means none may.
    `index` is the place in its document. `usual`: one principal, action and resource each, all of it understood.
    """

    sid: str | None
    effect: str
    principals: tuple[Principal, ...]
    not_principals: tuple[Principal, ...]
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    conditions: tuple[Condition, ...]
    index: int = 0
    problem: str | None = None
    doubts: frozenset[str] = frozenset()
    raw: Any = field(default=None, compare=False, repr=False)
    usual: bool = field(default=False, compare=False, repr=False)

    @property
    def is_allow(self) -> bool:
        return self.effect == ALLOW

    @property
    def is_deny(self) -> bool:
        return self.effect == DENY

    @property
    def name(self) -> str:
        """How to point at it: its Sid, or its place for one without Sid."""
        return self.sid if self.sid else f"statement {self.index + 1}"
