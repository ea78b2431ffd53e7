"""One event source mapping: what it is, how it does, and asking for a change of it.

A GET never writes: a page that shows something old posts a request to read it once it has loaded. Every change is a row
that a worker takes to AWS; its page says how far it is, and stops asking when it has settled.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from sharing.models import Account, Actor, Event, Mapping, MappingChange
from sharing.models.mapping import filters_of
from sharing.services import mapping as mappings
from sharing.tasks import read_mapping, soon

from .access_rows import seconds_between_polls
from .permitting import actor, for_changing

#: Events and changes on a mapping's page.
SHOWN = 30
# Tone and icon of AWS's words; another word is shown as it is.
STATES = {
    "Enabled": ("ok", "circle-check"),
    "Disabled": ("off", "player-pause"),
    "Creating": ("busy", "loader-2"),
    "Enabling": ("busy", "loader-2"),
    "Disabling": ("busy", "loader-2"),
    "Updating": ("busy", "loader-2"),
    "Deleting": ("busy", "loader-2"),
}
CHANGE_STATES = {
    "queued": ("wait", "hourglass"),
    "told": ("busy", "loader-2"),
    "stuck": ("bad", "alert-octagon"),
    "done": ("ok", "circle-check"),
    "failed": ("bad", "circle-x"),
}


def the_mapping(me: Actor, pk: uuid.UUID) -> Mapping:
    """The mapping, if its function is in the actor's scope; else 404."""
    return get_object_or_404(Mapping.objects.visible_to(me).select_related("function__account"), pk=pk)


def the_change(me: Actor, pk: uuid.UUID) -> MappingChange:
    """The change, if its function is in the actor's scope; else 404."""
    related = ("function__account", "mapping__function", "requested_by")
    return get_object_or_404(MappingChange.objects.visible_to(me).select_related(*related), pk=pk)


def head_of(one: Mapping | MappingChange) -> dict[str, Any]:
    """What every page about a mapping shows: from where to where, and whose each is."""
    source_arn = one.source_arn
    parts = source_arn.split(":", 5)
    number = parts[4] if len(parts) == 6 and parts[4].isdigit() else ""
    return {
        "function": one.function,
        "qualifier": one.qualifier,
        "place": mappings.place(one.function, one.qualifier),
        "source": one.source if isinstance(one, Mapping) else Mapping(source_arn=source_arn).source,
        "source_arn": source_arn,
        "source_number": number,
        "source_account": Account.objects.filter(number=number).first() if number else None,
        "crosses": bool(number) and number != one.function.account.number,
    }


@require_safe
def mapping_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One mapping: source and function, state and last result with their age, options, changes."""
    me = actor(request)
    mapping = the_mapping(me, pk)
    changes = list(mapping.changes.select_related("function__account", "mapping")[:SHOWN])
    open_change = next((one for one in changes if one.is_open), None)
    reading = mapping.read_wanted_at is not None
    failed = mapping.read_failure  # such a look is not repeated by itself: the page would ask for ever
    since = open_change.created_at if open_change else mapping.read_wanted_at
    polls = open_change is not None or reading
    ours = mappings.is_ours_to_change(mapping.source_arn)
    way = mappings.way_in_problem(mapping.function) if ours and mapping.vanished_at is None else None
    about = Q(detail__mapping=str(mapping.pk)) | Q(detail__change__in=[str(one.pk) for one in changes])
    context = {
        **head_of(mapping),
        "mapping": mapping,
        "state": STATES.get(mapping.state, ("plain", "help-circle")),
        "state_words": mappings.state_in_words(mapping.state),
        "options": mappings.options_in_words(mapping.options),
        "filters": filters_of(mapping.options),
        "change": open_change,
        "last": changes[0] if changes else None,
        "change_state": CHANGE_STATES.get(changes[0].state) if changes else None,
        "changeable": ours and mapping.vanished_at is None and open_change is None and way is None and me.may_change(),
        "ours": ours,
        "way": way,
        "stale": not (mapping.vanished_at or reading or failed) and mappings.is_stale(mapping, now=timezone.now()),
        "reading": reading,
        "polls": polls,
        "every": max(2, seconds_between_polls(since)) if polls else 0,
        "events": Event.objects.visible_to(me)
        .filter(function=mapping.function, verb__startswith="mapping.")
        .filter(about)[:SHOWN],
    }
    return render(request, "mappings/detail.html", context)


@for_changing
@require_POST
def mapping_opened(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page has loaded and what it shows is old, or somebody asks: have it read, unless that was just asked for."""
    me = actor(request)
    mapping = the_mapping(me, pk)
    if mappings.want(mapping, by=me, anyway=request.POST.get("again") == "1"):
        soon(read_mapping, mapping.pk)
    return redirect("mapping-detail", pk)


@require_safe
def mapping_wish(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One change: what was asked for, how far AWS is, and what others have to do where AWS refused it."""
    me = actor(request)
    change = the_change(me, pk)
    missing = change.failure_code == mappings.ROLE_MAY_NOT_READ
    steps = mappings.steps_of(change) if missing else ()
    exists = None
    if change.failure_code == "exists":
        same = Mapping.objects.present().filter(function=change.function, qualifier=change.qualifier)
        exists = same.filter(source_arn=change.source_arn).first()
    there = change.kind == "create" and (change.mapping_id or exists)
    context = {
        **head_of(change),
        "change": change,
        "sentence": mappings.doing(change),
        "change_state": CHANGE_STATES.get(change.state, ("plain", "help-circle")),
        "hand_offs": mappings.hand_offs(steps, function_arn=change.function.arn),
        "role_command": mappings.role_command(change.function.arn),
        "options": mappings.options_in_words(change.options),
        "filters": filters_of(change.options),
        "again": change.state == "failed" and not there and me.may_change(),
        "exists": exists,
        "every": max(2, seconds_between_polls(change.created_at)) if change.is_open else 0,
        "events": Event.objects.visible_to(me).filter(function=change.function, detail__change=str(change.pk))[:SHOWN],
    }
    return render(request, "mappings/wish.html", context)


def follow(request: HttpRequest, change: MappingChange, said: str) -> HttpResponse:
    """To where the change is shown: its mapping, or its own page while there is none."""
    messages.success(request, said)
    return redirect("mapping-detail", change.mapping_id) if change.mapping_id else redirect("mapping-wish", change.pk)
