"""Timelines: one statement over every read of its policy, and one account in everything the reader may see."""

from __future__ import annotations

import datetime
import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from sharing.forms.timelines import SpanForm
from sharing.policy.arn import is_account_id
from sharing.services import timelines

from .function_pages import head_of
from .function_policy import pretty
from .paging import page_of
from .permitting import actor
from .statements import the_policy

# Moments that every database and time zone can hold.
FIRST_YEAR, LAST_YEAR = 2000, 9000


@require_safe
def statement_history(request: HttpRequest, pk: uuid.UUID, key: str) -> HttpResponse:
    """When one statement came, changed and went, and who did it where that is known. `key`: its Sid, or `~` and a digest."""
    me = actor(request)
    policy = the_policy(me, pk)
    story = timelines.of_statement(policy, key, by=me)
    context = {
        **head_of(policy.function, "history"),
        "story": story,
        "place": f"{policy.function.name}:{policy.qualifier}" if policy.qualifier else "the function itself",
        "texts": [pretty(one.raw) for one in story.now],
        "page": page_of(story.entries, request),
    }
    return render(request, "functions/statement.html", context)


@require_safe
def account_story(request: HttpRequest, number: str) -> HttpResponse:
    """Everything about twelve digits, newest first: `?since=`, `?until=` are days, `?before=` where the next page begins."""
    if not is_account_id(number):
        raise Http404("An account has twelve digits.")
    me = actor(request)
    form = SpanForm(request.GET)
    valid = form.is_valid()
    days = form.cleaned_data if valid else {}
    since, until = days.get("since"), days.get("until")
    story = timelines.of_account(
        number,
        by=me,
        since=_day(since) if since else None,
        until=_day(until + datetime.timedelta(days=1)) if until else None,
        before=_moment(request.GET.get("before", "")),
    )
    context = {
        "form": form,
        "story": story,
        "narrowed": bool(since or until),
        "later": "before" in request.GET,
        "older": story.older.isoformat() if story.older else "",
    }
    return render(request, "accounts/story.html", context, status=200 if valid else 422)


def _day(day: datetime.date) -> datetime.datetime:
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time.min))


def _moment(text: str) -> datetime.datetime | None:
    """The moment in the address; None for anything else, which then means the newest page."""
    try:
        found = parse_datetime(text[:40])
    except ValueError:
        return None
    if found is None or timezone.is_naive(found) or not FIRST_YEAR <= found.year <= LAST_YEAR:
        return None
    return found
