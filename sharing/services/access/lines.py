"""One way in (or one Deny) as every answer about access tells it: who, on what, by which statement, how widely."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import overload

from django.db.models import QuerySet

from sharing.models import Exposure as Kept
from sharing.models import Policy, PolicyVersion
from sharing.policy import Document, Exposure, parse
from sharing.policy.actions import ACTIONS
from sharing.services.trusting import Trust

from .principals import Names

_CHUNK = 500
HEAD = 6  # ways of each sort that are read and shown first, for all sorts together
_JOINED = ("policy__function__account", "policy__current")
_VIA_URL = "invokedviafunctionurl"
INVOKE = ("invoke", "invoke-url")


class Certainty(StrEnum):
    """How sure it is that a content was in AWS at the moment that is asked about."""

    KNOWN = "known"  # two reads around the moment saw the same content; for now: the last read saw it
    CHANGED = "changed"  # the moment lies between the last read of one content and the first of another
    UNREAD = "unread"  # not read yet, or not read since: what is told is the last that was known
    ABSENT = "absent"  # the function, alias or version was not there


@dataclass(frozen=True)
class Cited:
    """A statement by its place in the document."""

    index: int
    name: str


@dataclass(frozen=True)
class Line:
    """One way in. `effect` is "Deny" for one that a Deny shuts out.

    `public`, `external`, `open_service`: "yes", "no" or "depends" (not safe), on `depends_on`. `audience`: "internet" or
    "any_aws_account" for what is public. `zone`: owner, organisation, trusted or outside; it colours only. `latent`: why
    it cannot be used now. `stale`: why it may not be so any more, or not have been so then. `certainty` goes with it.
    """

    policy: Policy
    version: PolicyVersion | None
    kind: str
    principal: str
    account: str
    who: str
    action_class: str
    actions: tuple[str, ...]
    statements: tuple[Cited, ...]
    public: str = "no"
    external: str = "no"
    open_service: str = "no"
    audience: str = ""
    zone: str = ""
    conditions: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    latent: str = ""
    by_url: bool = False
    effect: str = "Allow"
    stale: str = ""
    certainty: Certainty = Certainty.KNOWN

    @property
    def safe(self) -> bool:
        """Nothing about it is public or open to any account, and nothing uncertain. Depends is not safe."""
        return self.public == self.open_service == "no" and self.certainty is Certainty.KNOWN and not self.stale

    @property
    def function_name(self) -> str:
        """The function's name with the alias or version."""
        name = self.policy.function.name
        return f"{name}:{self.policy.qualifier}" if self.policy.qualifier else name

    @property
    def may(self) -> str:
        """What it lets do, in words."""
        known = [ACTIONS[action].verb if action in ACTIONS else action for action in self.actions[:3]]
        more = f" and {len(self.actions) - 3} more" if len(self.actions) > 3 else ""
        return ", ".join(word.removesuffix(" of").removesuffix(" from") for word in known) + more

    @property
    def may_shown(self) -> str:
        """The same as the beginning of a line; an action that has no words stays as AWS writes it."""
        return self.may if ":" in self.may else f"{self.may[:1].upper()}{self.may[1:]}"

    @property
    def current(self) -> bool:
        """Whether its statements stand in the policy as it was last read (else only in an older content)."""
        return self.version is not None and self.version.pk == self.policy.current_id

    @property
    def key(self) -> tuple[object, ...]:
        """The same way in, whichever content of the policy it stands in."""
        return (self.policy.pk, self.effect, self.kind, self.principal, self.account, self.action_class, self.conditions)


def of_reduced(policy: Policy, version: PolicyVersion | None, one: Exposure, names: Names, *, past: bool = False) -> Line:
    """From the policy room's own exposure."""
    texts = (*one.conditions.narrowing, *one.conditions.other)
    return Line(
        policy,
        version,
        one.kind.value,
        one.principal,
        one.account or "",
        who(names, one.kind.value, one.principal, one.account or ""),
        one.action_class.value,
        one.actions,
        tuple(Cited(statement.index, statement.name) for statement in one.statements),
        public=one.public.value,
        external=one.external.value,
        open_service=one.open_service.value,
        audience=str(one.audience or ""),
        zone=one.zone.value,
        conditions=one.conditions.narrowing,
        depends_on=(*one.depends_on, *(("whether the function had a URL then",) if past and _by_url(one, texts) else ())),
        latent=one.latent or "",
        by_url=_by_url(one, texts),
    )


def _by_url(one: Exposure, texts: Iterable[str]) -> bool:
    return one.action_class.value == "invoke-url" or any(_VIA_URL in text.lower() for text in texts)


def of_kept(row: Kept, document: Document, names: Names, trust: Trust) -> Line:
    """From a kept exposure of a policy's current content. `row.policy` with function, account and version is loaded."""
    details = row.details
    places = [place for place in details.get("statements", []) if isinstance(place, int) and place < len(document.statements)]
    texts = (*details.get("narrowing", ()), *details.get("conditions", ()))
    return Line(
        row.policy,
        row.policy.current,
        row.kind,
        row.principal,
        row.account,
        who(names, row.kind, row.principal, row.account),
        row.action_class,
        tuple(row.actions),
        tuple(Cited(place, document.statements[place].name) for place in places),
        public=row.public,
        external=row.external,
        open_service=row.open_service,
        audience=details.get("audience", ""),
        zone=_zone(row, trust),
        conditions=tuple(details.get("narrowing", ())),
        depends_on=tuple(details.get("depends_on", ())),
        latent=details.get("latent", ""),
        by_url=row.action_class == "invoke-url" or any(_VIA_URL in text.lower() for text in texts),
    )


def _zone(row: Kept, trust: Trust) -> str:
    if row.account and row.account == row.policy.function.account.number:
        return "owner"
    root = (row.details.get("organization") or (row.principal if row.kind == "organization" else "")).split("/", 1)[0]
    return "trusted" if row.account in trust.accounts or root in trust.organizations else "outside"


def who(names: Names, kind: str, principal: str, account: str) -> str:
    """A principal in words; for a service also on whose behalf."""
    label = names.label(kind, principal, account)
    if kind == "service":
        behalf = names.texts.get(account) or (f"account {account}" if account else "any account")
        return f"{label} for {behalf}"
    return label


def named(rows: Sequence[Kept], trust: Trust) -> list[Line]:
    """Lines from kept rows (policy, function, account, version loaded). One query for the names; each document is read once."""
    names = Names.of(row.account for row in rows)
    documents: dict[object, Document] = {}
    for row in rows:
        if row.policy_id not in documents:
            current = row.policy.current
            documents[row.policy_id] = parse(current.document or None if current else None)
    return [of_kept(row, documents[row.policy_id], names, trust) for row in rows]


class Lines(Sequence[Line]):
    """Ways in that are at hand, then those in the database, read as they are asked for: a page, or chunk by chunk.

    `kept` is ordered; it is asked for keys only. `read` makes lines of its rows, loaded with policy, function and content.
    """

    def __init__(
        self,
        ready: Sequence[Line] = (),
        kept: QuerySet[Kept] | None = None,
        read: Callable[[Sequence[Kept]], list[Line]] | None = None,
        count: int | None = None,
    ) -> None:
        self._ready, self._kept, self._read, self._count = ready, kept, read, count
        self._head: list[Line] = []

    @property
    def begun(self) -> bool:
        """Whether all of it is at hand without another query."""
        return len(self) == len(self._ready) + len(self._head)

    def __len__(self) -> int:
        if self._count is None:
            self._count = self._kept.count() if self._kept is not None else 0
        return len(self._ready) + self._count

    @overload
    def __getitem__(self, place: int) -> Line: ...
    @overload
    def __getitem__(self, place: slice) -> list[Line]: ...
    def __getitem__(self, place: int | slice) -> Line | list[Line]:
        if isinstance(place, int):
            return self[place : place + 1][0]
        start, stop, _ = place.indices(len(self))
        found = list(self._ready[start:stop])
        ready = len(self._ready)
        if self._head and ready <= start and stop <= ready + len(self._head):
            return self._head[start - ready : stop - ready]
        if start < ready < stop <= ready + len(self._head):
            return found + self._head[: stop - ready]
        if self._kept is not None and self._read is not None and stop > ready:
            # Keys first: what is sorted to find a page should be narrow, and documents are not.
            keys = list(self._kept.values_list("pk", flat=True)[max(0, start - ready) : stop - ready])
            rows = {row.pk: row for row in Kept.objects.filter(pk__in=keys).select_related(*_JOINED)}
            found += self._read([rows[key] for key in keys if key in rows])
        return found

    def __iter__(self) -> Iterator[Line]:
        for start in range(0, len(self), _CHUNK):
            yield from self[start : start + _CHUNK]


def read_together(several: Sequence[Lines]) -> None:
    """Read some of each at once, to be shown first: one query for each one's keys, one for all rows, one for all names."""
    keys = {
        # The first that are found: putting all of them in order to show ten is what would cost most.
        place: list(one._kept.order_by("pk").values_list("pk", flat=True)[:HEAD])
        for place, one in enumerate(several)
        if one._kept is not None and one._count
    }
    if not keys:
        return
    rows = Kept.objects.filter(pk__in=[key for found in keys.values() for key in found]).select_related(*_JOINED)
    by_key = {row.pk: row for row in rows}
    read = next(one._read for one in several if one._read is not None)
    lines = dict(zip(by_key, read(list(by_key.values())), strict=True))
    for place, found in keys.items():
        head = [lines[key] for key in found if key in lines]
        several[place]._head = sorted(head, key=lambda line: (line.policy.function.name, line.policy.qualifier))


def marked(line: Line, certainty: Certainty, stale: str) -> Line:
    """The same line, as certain as this."""
    return replace(line, certainty=certainty, stale=stale)
