"""What a finding is, before anybody keeps it: which rule, how bad, what it says, which statement decides."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property
from typing import Any, Final

from sharing.policy import services
from sharing.policy.arn import FunctionArn
from sharing.policy.document import Document
from sharing.policy.exposure import Exposure, Kind
from sharing.policy.principal import Principal
from sharing.policy.statement import Statement, repr_key

#: Ids are made from rule and subject alone, so that they are the same after every re-read and on every machine.
NAMESPACE: Final = uuid.UUID("0c0b6f3e-6f2b-5a0e-9d0a-7f6d3b1f8a11")


class Severity(IntEnum):
    """How soon somebody should look. Ordered: the worst is the greatest."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        """As it is written on pages, in exports and on the command line."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason to look: `code` never changes once it was published. `severity`: the usual one, see each finding's own.

    The page of explanation: `means`, `matters`, `repair`, and `fact`, what AWS does that makes it so.
    """

    code: str
    title: str
    severity: Severity
    means: str
    matters: str
    repair: str
    fact: str


@dataclass(frozen=True, slots=True)
class Who:
    """Somebody who is let in (or named), as the policy room reduced it: `kind` is one of exposure.Kind."""

    kind: str
    principal: str
    account: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """One finding.

    `key` tells findings of one rule and place apart, and with rule and place makes the id. `cause`: what many findings
    have in common (`everyone`, an account, a service); findings of one rule and cause are one group. `certain` False:
    it depends, on `depends_on`, and counts as not safe. `statement`: the one that decides, None for the whole place.
    `others`: names of further statements that matter.
    """

    rule: str
    text: str
    severity: Severity
    key: str = ""
    cause: str = ""
    certain: bool = True
    depends_on: tuple[str, ...] = ()
    who: tuple[Who, ...] = ()
    statement: Statement | None = None
    others: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def statement_digest(self) -> str:
        """SHA-256 of the deciding statement, "" for none."""
        return digest_of(self.statement) if self.statement is not None else ""

    @property
    def says(self) -> str:
        """A digest of what somebody who accepts it has seen: the statement, who is let in, whether that is certain."""
        seen = [self.statement_digest, self.certain, sorted([one.kind, one.principal, one.account] for one in self.who)]
        return hashlib.sha256(json.dumps(seen).encode("utf-8", "surrogatepass")).hexdigest()

    def id_at(self, place: str) -> uuid.UUID:
        """The stable id. `place`: the ARN of the policy's function, alias or version, an account, an account and region..."""
        return uuid.uuid5(NAMESPACE, "\n".join((self.rule, place, self.key)).encode("utf-8", "replace").decode())


@dataclass(frozen=True)
class Facts:
    """Everything the rules about one policy may look at; nothing else.

    `exposures`: of `document`, coloured with the trust list. `url_auth`: as for `exposures`. `size`: bytes as AWS counts
    them (a masked document is shorter). `known`: account ids that people named, connected or trust, the owner's among them.
    """

    document: Document
    function: FunctionArn
    owner: str
    exposures: tuple[Exposure, ...]
    url_auth: str | None
    size: int
    known: Collection[str] = ()
    trusted_organizations: Collection[str] = ()

    @property
    def name(self) -> str:
        """The function, alias or version as people say it: `hello_world:live`."""
        return f"{self.function.name}:{self.function.qualifier}" if self.function.qualifier else self.function.name

    @cached_property
    def by_statement(self) -> dict[int, list[Exposure]]:
        """What each statement lets in."""
        found: dict[int, list[Exposure]] = {}
        for one in self.exposures:
            for statement in one.statements:
                found.setdefault(statement.index, []).append(one)
        return found


def digest_of(statement: Statement) -> str:
    """SHA-256 of a stored statement, in hex: the order of keys does not count."""
    try:
        text = json.dumps(statement.raw, sort_keys=True, separators=(",", ":"))
    except (RecursionError, ValueError, TypeError):
        text = repr_key(statement.raw)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def who_of(one: Exposure) -> Who:
    """Whom an exposure lets in."""
    return Who(str(one.kind), one.principal, one.account or "")


def joined(found: list[Found]) -> Found:
    """Findings with one id as one: the worst severity, everybody let in, everything it depends on; certain if one is."""
    worst = max(found, key=lambda one: (one.severity, one.certain))
    if len(found) == 1:
        return worst
    return replace(
        worst,
        certain=any(one.certain for one in found),
        depends_on=tuple(dict.fromkeys(reason for one in found for reason in one.depends_on)),
        who=tuple(dict.fromkeys(who for one in found for who in one.who)),
    )


def name_of(one: Exposure) -> str:
    """Whom an exposure lets in, at the beginning of a sentence; accounts by their digits."""
    match one.kind:
        case Kind.EVERYONE:
            return "Everyone"
        case Kind.ACCOUNT:
            return f"Account {one.principal}"
        case Kind.ORGANIZATION:
            return f"Organisation {one.principal}"
        case Kind.SERVICE:
            label = services.label(one.principal)
            return f"{label} for account {one.account}" if one.account else label
    name = Principal.from_stored(one.principal).label()
    return f"{name[:1].upper()}{name[1:]}"
