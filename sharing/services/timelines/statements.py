"""One statement over every content its policy had, joined with what fnshare did about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sharing.models import Actor, Event, Policy, PolicyVersion
from sharing.policy import Statement
from sharing.policy.following import by_key, difference, is_sid, same
from sharing.services.errors import NotFound
from sharing.services.syncing.storing import last_read_of

from .telling import Change, Entry, document_of, doer

_EVENTS = 1000
_VERSIONS = 2000


@dataclass(frozen=True)
class StatementStory:
    """Everything known about one statement, newest first. `now`: as it stands in the last read, () where it does not.

    `stale`: why that may be old; `read_at`: when the policy's content was last seen in AWS.
    """

    policy: Policy
    key: str
    name: str
    now: tuple[Statement, ...]
    entries: tuple[Entry, ...]
    stale: str
    read_at: datetime | None


def of_statement(policy: Policy, key: str, *, by: Actor) -> StatementStory:
    """The story of the statement with that Sid, or digest for one without (sharing.policy.following.statement_key).

    `policy.function.account` should be loaded. A constant number of queries. Raises NotFound, out of scope too.
    """
    if not by.sees(policy.function.account_id):
        raise NotFound("That statement")
    events = _events(policy, key, by)
    newest = policy.versions.order_by("-first_seen_at", "-pk").defer("revision_id", "size")[: _VERSIONS + 1]
    versions = list(reversed(newest))
    steps = _steps(versions, key)
    if not steps and not events:
        raise NotFound("That statement")
    changes = _changes(policy, key, steps, events)
    told = {change.by.event.pk for change in changes if change.by.event is not None}
    seen = {change.version.pk for change in changes}
    entries = [Entry(change.until, None, (change,), change.version, change.since) for change in changes]
    entries += [
        Entry(event.at, event)
        for event in events
        if event.pk not in told and not (event.verb == "policy.changed" and event.detail.get("version") in seen)
    ]
    now = by_key(document_of(versions[-1]) if versions else document_of(None), key)
    return StatementStory(
        policy=policy,
        key=key,
        name=key if is_sid(key) else _name(steps),
        now=now,
        entries=tuple(sorted(entries, key=_order, reverse=True)),
        stale=f"Not readable since {policy.unread_since:%Y-%m-%d %H:%M} UTC: {policy.unread_reason}"
        if policy.unread_since
        else "",
        read_at=last_read_of(policy),
    )


def _order(entry: Entry) -> tuple[datetime, int]:
    return entry.at, entry.event.sequence if entry.event is not None else 0


def _name(steps: list[Step]) -> str:
    held = next((one for step in steps for one in (*step.after, *step.before)), None)
    return held.name if held is not None else "A statement"


def _events(policy: Policy, key: str, by: Actor) -> list[Event]:
    """Oldest first. A statement without a Sid has none: nothing fnshare does can name it."""
    if not is_sid(key):
        return []
    found = Event.objects.visible_to(by).filter(function=policy.function_id, qualifier=policy.qualifier, sid=key)
    newest = found.select_related("grant__approved_by").order_by("-sequence")[:_EVENTS]
    return list(reversed(newest))


@dataclass(frozen=True)
class Step:
    """One content in which the statement is not what it was in the one before."""

    version: PolicyVersion
    before: tuple[Statement, ...]
    after: tuple[Statement, ...]


def _steps(versions: list[PolicyVersion], key: str) -> list[Step]:
    """What became of it, oldest first. Of more contents than are looked through, the oldest only says how it was then."""
    steps: list[Step] = []
    before: tuple[Statement, ...] = ()
    if len(versions) > _VERSIONS:
        before, versions = by_key(document_of(versions[0]), key), versions[1:]
    for version in versions:
        after: tuple[Statement, ...] = ()
        # A Sid in escapes would be missed by its text alone; keys of digests are looked for in every content.
        if not is_sid(key) or key in version.document or "\\u" in version.document:
            after = by_key(document_of(version), key)
        if not same(before, after):
            steps.append(Step(version, before, after))
        before = after
    return steps


def _changes(policy: Policy, key: str, steps: list[Step], events: list[Event]) -> list[Change]:
    found = []
    for place, step in enumerate(steps):
        version = step.version
        following = steps[place + 1].version.first_seen_at if place + 1 < len(steps) else None
        kind = "changed"
        if not step.before:
            kind = "first-read" if version.last_seen_without is None else "appeared"
        elif not step.after:
            kind = "disappeared"
        held = (step.after or step.before)[0]
        by = doer(
            kind,
            statement=held,
            since=version.last_seen_without,
            until=version.first_seen_at,
            events=events,
            before=following,
        )
        lines = difference(step.before, step.after)
        found.append(Change(kind, key, held.name, policy, version, version.last_seen_without, version.first_seen_at, by, lines))
    return found
