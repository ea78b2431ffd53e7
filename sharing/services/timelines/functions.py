"""A function's timeline: its events and, between them, what every read of its policies showed to have changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import CharField, F, Q, QuerySet, Value

from sharing.models import Actor, Event, Function, PolicyVersion

from .telling import Entry
from .versions import entries_of, with_previous

Row = tuple[datetime, str, int]
EVENT, VERSION = "event", "version"


def function_index(function: Function, *, by: Actor) -> QuerySet[Any, Row]:
    """What there is to tell, newest first: (moment, "event" or "version", key). To be paged, then told.

    `policy.changed` is told by the version it speaks of; the first read of a form without a policy tells nothing.
    """
    events = (
        Event.objects.visible_to(by)
        .filter(function=function)
        .exclude(verb="policy.changed")
        .order_by()
        .annotate(moment=F("at"), what=Value(EVENT, CharField()), number=F("sequence"))
        .values_list("moment", "what", "number")
    )
    versions = (
        PolicyVersion.objects.filter(policy__function=function)
        .exclude(Q(document="") & Q(last_seen_without=None))
        .order_by()
        .annotate(moment=F("first_seen_at"), what=Value(VERSION, CharField()), number=F("pk"))
        .values_list("moment", "what", "number")
    )
    return events.union(versions, all=True).order_by("-moment", "-what", "-number")


def function_entries(rows: Iterable[Row], *, by: Actor) -> list[Entry]:
    """The rows of one page, told. Five queries, however many rows."""
    wanted = list(rows)
    events = {
        event.pk: event
        for event in Event.objects.visible_to(by)
        .filter(pk__in=[key for _, kind, key in wanted if kind == EVENT])
        .select_related("grant")
    }
    versions = with_previous(
        PolicyVersion.objects.filter(pk__in=[key for _, kind, key in wanted if kind == VERSION]).select_related(
            "policy__function__account"
        )
    )
    changes = entries_of(versions, by=by)
    found = []
    for at, kind, key in wanted:
        if kind == EVENT and key in events:
            found.append(Entry(at, events[key]))
        elif kind == VERSION and key in changes:
            found.append(changes[key])
        elif kind == VERSION:
            found.append(Entry(at, note="The policy was written anew, with the same statements."))
    return found
