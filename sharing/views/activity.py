"""Activity: the whole history in the person's scope, newest first, filtered and paged by sequence number."""

import datetime
import uuid
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sharing.forms.activity import ActivityFilter
from sharing.models import Account, Event, Seal
from sharing.views.permitting import actor

SIZE = 50


@require_safe
def activity(request: HttpRequest) -> HttpResponse:
    """One page of events: `?before=N` those older than number N, `?after=N` those newer. Three queries at any size."""
    me = actor(request)
    form = ActivityFilter(request.GET, accounts=Account.objects.visible_to(me))
    valid = form.is_valid()
    found = _filtered(Event.objects.visible_to(me), form.cleaned_data) if valid else Event.objects.none()
    events, older, newer = _page(found, request)
    asked = {name: value for name, value in request.GET.items() if value and name not in ("before", "after")}
    context = {
        "form": form,
        "events": events,
        "older": older,
        "newer": newer,
        "narrowed": bool(asked),
        "verb": form.cleaned_data.get("verb", ""),
        "seal": Seal.objects.last(),
    }
    return render(request, "activity/activity.html", context, status=200 if valid else 422)


def _filtered(events: "QuerySet[Event, Event]", asked: dict[str, Any]) -> "QuerySet[Event, Event]":
    wanted = Q()
    if asked["verb"]:
        wanted &= Q(verb=asked["verb"])
    elif asked["kind"]:
        wanted &= Q(verb__startswith=f"{asked['kind']}.")
    if asked["who"]:
        wanted &= Q(actor__icontains=asked["who"].strip())
    if asked["account"] is not None:
        one, *others = asked["account"].values_list("pk", flat=True)[:2]
        # One account's events are an index in their order.
        wanted &= Q(account__in=asked["account"].order_by().values("pk")) if others else Q(account=one)
    if asked["function"]:
        wanted &= _function(asked["function"].strip())
    if asked["since"]:
        wanted &= Q(at__gte=_day(asked["since"]))
    if asked["until"]:
        wanted &= Q(at__lt=_day(asked["until"]) + datetime.timedelta(days=1))
    return events.filter(wanted)


def _function(text: str) -> Q:
    try:
        return Q(function=uuid.UUID(text))
    except ValueError:
        # A pasted ARN may carry a qualifier; anything else is a part of the name.
        return Q(function__arn=":".join(text.split(":")[:7])) if text.startswith("arn:") else Q(function__name__icontains=text)


def _day(day: datetime.date) -> datetime.datetime:
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time.min))


def _page(found: "QuerySet[Event, Event]", request: HttpRequest) -> tuple[list[Event], int | None, int | None]:
    """The events, and the numbers for the links to older and newer ones (None: there are none)."""
    before, after = _number(request.GET.get("before")), _number(request.GET.get("after"))
    rows = found.select_related("account", "function__account", "layer__account")
    if after is not None:
        page = list(rows.filter(sequence__gt=after).order_by("sequence")[: SIZE + 1])
        more = len(page) > SIZE
        page = page[:SIZE][::-1]
        return page, (page[-1].sequence if page else after + 1), (page[0].sequence if more else None)
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    page = list(rows[: SIZE + 1])
    more = len(page) > SIZE
    page = page[:SIZE]
    newer = None
    if before is not None:
        newer = page[0].sequence if page else before - 1
    return page, (page[-1].sequence if more else None), newer


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
