"""The lines of a timeline: an event as it was recorded, or a change seen between two reads with who made it, if known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sharing.models import Event, Grant, Policy, PolicyVersion
from sharing.policy import Document, Statement, Tool, origin_of, parse
from sharing.policy.following import Line

#: Verbs by which a worker says, after re-reading, that AWS holds a statement or holds it no more.
WRITTEN = ("grant.active",)
REMOVED = ("grant.revoked", "grant.expired", "grant.suspended")
#: A worker records what it saw in the transaction that keeps the read; its clock is a moment later than the read's.
_MOMENT = timedelta(minutes=2)


@dataclass(frozen=True)
class Doer:
    """Who made a change. `known`: a grant of fnshare did (`grant`, `event`); else `text` says what is known: nothing, or
    what the statement's Sid tells of the tool that owns it."""

    known: bool
    text: str
    grant: Grant | None = None
    event: Event | None = None


@dataclass(frozen=True)
class Change:
    """One change of one statement. `kind`: first-read, appeared, changed, disappeared.

    It happened after `since` (None: nothing was read before) and not after `until`.
    """

    kind: str
    key: str
    name: str
    policy: Policy
    version: PolicyVersion
    since: datetime | None
    until: datetime
    by: Doer
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One line of a timeline: an event, or the changes that one read of a policy showed."""

    at: datetime
    event: Event | None = None
    changes: tuple[Change, ...] = ()
    version: PolicyVersion | None = None
    since: datetime | None = None
    note: str = ""

    @property
    def all_known(self) -> bool:
        """Whether fnshare itself made every change, and saw it in a re-read of its own."""
        return bool(self.changes) and all(change.by.known for change in self.changes)

    @property
    def first_read(self) -> bool:
        """Whether nothing was read before, so that nothing is known of when it came."""
        return self.version is not None and self.since is None


def document_of(version: PolicyVersion | None) -> Document:
    """One content of a policy."""
    return parse(version.document or None if version is not None else None)


def outside(statement: Statement | None, kind: str) -> Doer:
    """Nobody here did it: what the statement tells by itself."""
    origin = origin_of(statement) if statement is not None and kind != "disappeared" else None
    if kind == "first-read":  # before anybody here looked: nothing tells that fnshare, or that nobody of it, did it
        return Doer(False, origin.text if origin is not None and origin.tool is not Tool.UNKNOWN else "")
    if origin is None or origin.tool is Tool.UNKNOWN:
        return Doer(False, "Outside fnshare; who, AWS's policies do not tell.")
    if origin.tool is Tool.FNSHARE:
        return Doer(False, "Its Sid says fnshare, but no grant here made it: another installation, or a restored copy.")
    return Doer(False, f"Outside fnshare. {origin.text}")


def doer(
    kind: str,
    *,
    statement: Statement | None,
    since: datetime | None,
    until: datetime,
    events: Iterable[Event],
    before: datetime | None = None,
) -> Doer:
    """Who made a change of one statement: the grant whose worker saw it happen, or somebody outside.

    events: those of its grants on that policy, oldest first. before: when the next change of the same statement was seen.
    """
    verbs = {"appeared": WRITTEN, "changed": WRITTEN, "first-read": WRITTEN, "disappeared": REMOVED}[kind]
    limit = min(until + _MOMENT, before) if before is not None else until + _MOMENT
    for event in events:
        grant = event.grant
        if event.verb not in verbs or grant is None or event.at > limit:
            continue
        if since is not None and event.at < since:
            continue
        return Doer(True, _by_grant(kind, grant, event), grant, event)
    return outside(statement, kind)


def _by_grant(kind: str, grant: Grant, event: Event) -> str:
    told = event.detail or {}  # of that time: a grant may be suspended and resumed again and again
    if event.verb == "grant.suspended":
        return f"Suspended by {told.get('suspended') or 'fnshare'}."
    if told.get("resumed"):
        return f"Resumed by {told['resumed']}."
    if kind == "disappeared":
        return f"Taken back by {grant.revoked_as or 'its end date'}."
    approved = f", approved by {grant.approved_by}" if grant.approved_by else ""
    return f"Shared by {grant.requested_as}{approved}."
