"""What one read of a policy showed to be different from the read before, statement by statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.db.models import OuterRef, QuerySet, Subquery

from sharing.models import Actor, Event, PolicyVersion
from sharing.policy import Document, Statement, compare
from sharing.policy.following import difference, statement_key

from .telling import REMOVED, WRITTEN, Change, Entry, document_of, doer

Changed = tuple[str, Statement, tuple[Statement, ...], tuple[Statement, ...]]


def with_previous(versions: QuerySet[PolicyVersion]) -> QuerySet[PolicyVersion]:
    """Each with `previous_id`, the content before it (None: the first read)."""
    earlier = PolicyVersion.objects.filter(policy=OuterRef("policy"), pk__lt=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    return versions.annotate(previous_id=Subquery(earlier))


def entries_of(
    versions: Iterable[PolicyVersion], *, by: Actor, about: Callable[[Statement], bool] | None = None
) -> dict[int, Entry]:
    """What each content changed, by its key; those that changed nothing (or nothing `about`) are left out.

    versions: from `with_previous`, with policy, function and account loaded. Two queries more, however many there are.
    """
    found = list(versions)
    wanted = {version.previous_id for version in found if version.previous_id}  # type: ignore[attr-defined]
    before = {one.pk: one for one in PolicyVersion.objects.filter(pk__in=wanted)}
    documents = {one.pk: document_of(one) for one in (*found, *before.values())}  # most are the one before of another
    changed: dict[int, list[Changed]] = {}
    for version in found:
        previous = documents.get(version.previous_id)  # type: ignore[attr-defined]
        differences = list(_differences(documents[version.pk], previous))
        if about is not None:
            differences = [one for one in differences if any(about(held) for held in (*one[2], *one[3]))]
        if differences:
            changed[version.pk] = differences
    shown = [version for version in found if version.pk in changed]
    events = _events(shown, changed, by)
    return {version.pk: _entry(version, changed[version.pk], events) for version in shown}


def _differences(document: Document, previous: Document | None) -> Iterable[Changed]:
    changes = compare(previous or document_of(None), document)
    came = "appeared" if previous is not None else "first-read"
    for one in changes.added:
        yield came, one, (), (one,)
    for old, new in changes.changed:
        yield "changed", new, (old,), (new,)
    for one in changes.removed:
        yield "disappeared", one, (one,), ()


def _events(
    versions: list[PolicyVersion], changed: dict[int, list[Changed]], by: Actor
) -> dict[tuple[object, str, str], list[Event]]:
    """What workers recorded about these statements, oldest first, by (function, qualifier, Sid). One query."""
    sids = {one.sid for version in versions for _, one, _, _ in changed[version.pk] if one.sid}
    functions = {version.policy.function_id for version in versions}
    found: dict[tuple[object, str, str], list[Event]] = {}
    events = (
        Event.objects.visible_to(by)
        .filter(function__in=functions, sid__in=sorted(sid[:100] for sid in sids), verb__in=(*WRITTEN, *REMOVED))
        .select_related("grant__approved_by")
        .order_by("sequence")
    )
    for event in events:
        found.setdefault((event.function_id, event.qualifier, event.sid), []).append(event)
    return found


def _entry(version: PolicyVersion, differences: list[Changed], events: dict[tuple[object, str, str], list[Event]]) -> Entry:
    policy = version.policy
    changes = []
    for kind, held, old, new in differences:
        by = doer(
            kind,
            statement=held,
            since=version.last_seen_without,
            until=version.first_seen_at,
            events=events.get((policy.function_id, policy.qualifier, held.sid or ""), ()),
        )
        changes.append(
            Change(
                kind,
                statement_key(held),
                held.name,
                policy,
                version,
                version.last_seen_without,
                version.first_seen_at,
                by,
                difference(old, new) if kind == "changed" else (),
            )
        )
    return Entry(version.first_seen_at, None, tuple(changes), version, version.last_seen_without)
