"""One thing that can wake a function, and what is wrong with it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sharing.policy import Principal
from sharing.policy.wiring import SOURCES

from .sources import name_of


class Way(StrEnum):
    """How the function is woken."""

    PULL = "pull"  # Lambda polls the source; no statement is needed
    PUSH = "push"  # a service calls, let in by a statement
    URL = "url"  # whoever calls its address, let in by two statements


class Problem(StrEnum):
    """What can be wrong, the worst first."""

    FAILING = "failing"  # the last result of a mapping is a problem
    STUCK = "stuck"  # a mapping that two reads found on its way to another state
    ORPHAN_TRIGGER = "orphan-trigger"  # it is there, and what it needs to work is not
    OPEN = "open"  # any account can use it, for certain or perhaps
    ORPHAN_GRANT = "orphan-grant"  # a statement that wakes nothing
    DUPLICATE = "duplicate"  # the same source twice
    OFF = "off"  # a mapping that is switched off


#: Whom a statement names: the kind of principal, as exposures hold it, and its account.
Named = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Trouble:
    """One problem in a sentence."""

    problem: Problem
    sentence: str


@dataclass(frozen=True, slots=True)
class Place:
    """The function that wakes, and whose it is."""

    pk: uuid.UUID
    name: str
    arn: str
    region: str
    owner: str
    number: str


@dataclass(frozen=True, slots=True)
class Waker:
    """One row.

    `kind`: a key of sharing.policy.wiring.SOURCES, "url" or "other" (a service that is none of them). `sources`: the ARNs
    it is limited to, or the one that is polled; () where none is named. `whose`: the source's account, "" where nothing says
    it, with its `whose_name`. `organization`: whose accounts a service may call for. `service`: the principal of a push.
    `policy`, `statements`: where the statements stand that let it in, by index in the current version; for a URL all of them.
    `grant`: ours, whose statement AWS does not hold any more. `mapping`: the pull mapping's id; `state`, `result`: AWS's own
    words about it, "" where they are not known; `stuck_since`.
    `auth`: a URL's type, "" where URLs were not read; `callers`: whom it lets in, in words, and `named` as AWS reads them.
    `open`: whether any account can use it
    ("yes", "depends", "no"). `lacks`: what is missing before it can wake the function now, "" if nothing is known to be.
    `unread`: the policy a URL needs is not known as it is now. `wiring`: the one that fnshare does for this source, with its
    state, a value of WiringState ("" without one).
    """

    way: Way
    place: Place
    qualifier: str
    kind: str
    sources: tuple[str, ...] = ()
    whose: str = ""
    whose_name: str = ""
    organization: str = ""
    service: str = ""
    policy: uuid.UUID | None = None
    statements: tuple[int, ...] = ()
    grant: uuid.UUID | None = None
    mapping: uuid.UUID | None = None
    state: str = ""
    result: str = ""
    stuck_since: datetime | None = None
    auth: str = ""
    callers: tuple[str, ...] = ()
    named: tuple[Named, ...] = ()
    open: str = "no"
    by_token: bool = False
    lacks: str = ""
    unread: bool = False
    troubles: tuple[Trouble, ...] = ()
    wiring: uuid.UUID | None = None
    wiring_state: str = ""

    @property
    def form(self) -> str:
        """The function as callers name it: `label-uploads:live`."""
        return f"{self.place.name}:{self.qualifier}" if self.qualifier else self.place.name

    @property
    def arn(self) -> str:
        """The exact form that runs."""
        return f"{self.place.arn}:{self.qualifier}" if self.qualifier else self.place.arn

    @property
    def label(self) -> str:
        """What sort of source it is, in words."""
        return label_of(self.kind)

    @property
    def source(self) -> str:
        """The source by name: a bucket, a queue, a rule; for a URL its type; "" where none is named."""
        if self.way is Way.URL:
            return f"type {self.auth}" if self.auth else ""
        return ", ".join(name_of(one) for one in self.sources[:2]) + (
            f" and {len(self.sources) - 2:,} more" if len(self.sources) > 2 else ""
        )

    @property
    def words(self) -> str:
        """What a search looks through, but for names of accounts."""
        return (
            f"{self.arn} {self.place.name}:{self.qualifier} {self.label} {self.service} {' '.join(self.sources)} {self.whose}"
        )

    @property
    def worst(self) -> int:
        """How bad, 0 the worst; more than any problem where there is none."""
        order = list(Problem)
        return min((order.index(one.problem) for one in self.troubles), default=len(order))


def label_of(kind: str) -> str:
    """A kind of source in words."""
    if kind == "url":
        return "Function URL"
    known = SOURCES.get(kind)
    return known.label if known else "Another service"


def callers_of(named: Iterable[Named], names: Mapping[str, str]) -> tuple[str, ...]:
    """Whom they are in words, each once. `names`: what people call accounts, by their digits."""
    return tuple(dict.fromkeys(_who(*one, names) for one in named))


def _who(kind: str, principal: str, account: str, names: Mapping[str, str]) -> str:
    match kind:
        case "everyone":
            return "everyone"
        case "account":
            return names.get(account) or f"account {account}"
        case "organization":
            return f"organisation {principal}"
    return Principal.from_stored(principal).label(names)
