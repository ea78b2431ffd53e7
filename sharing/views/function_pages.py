"""The pages of one function: who has access, checks, history, policies; and reading it again.

A GET never writes. Where the rarely read parts (versions' policies, tags, URLs) are old, the page posts a request to read
them as soon as it has loaded; without JavaScript the Re-read button does the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from sharing.forms.share import CheckForm
from sharing.models import Actor, Check, Function, Grant, Occasion, Policy, Qualifier, Reading, Sync
from sharing.policy.document import LIMIT
from sharing.services import access, checking, granting, inventory, invoking, owning, syncing, timelines
from sharing.services.errors import Refusal
from sharing.services.syncing.asking import FRESH
from sharing.tasks import soon
from sharing.tasks.reading import queue_of, run_sync
from sharing.tasks.sharing import run_check

from .access_rows import Mark, ShownRow, seconds_between_polls, shown
from .fragments import by_htmx, wants
from .paging import page_of
from .permitting import actor, for_changing

#: So many rows of who has access are shown at first.
FIRST = 25


@dataclass(frozen=True)
class Place:
    """One policy of the function, in words: the function itself, an alias or a version."""

    policy: Policy
    words: str
    kind: str
    points_to: str = ""

    @property
    def percent(self) -> int:
        """How full, of 100."""
        return min(100, round(100 * self.policy.size / LIMIT))

    @property
    def nearly_full(self) -> bool:
        """Little room for another statement."""
        return self.policy.size > LIMIT * 0.9

    @property
    def unread(self) -> bool:
        """Never read, or not readable any more."""
        return self.policy.reading == Reading.UNREAD or self.policy.unread_since is not None


def the_function(me: Actor, pk: uuid.UUID) -> Function:
    """The function, if it is in the actor's scope; else 404."""
    return get_object_or_404(Function.objects.visible_to(me).select_related("account"), pk=pk)


def places_of(function: Function) -> list[Place]:
    """Every policy that AWS still has: the function's, then aliases', then versions', newest version first."""
    qualifiers = {one.name: one for one in Qualifier.objects.filter(function=function)}
    found = []
    for policy in Policy.objects.filter(function=function, vanished_at=None).select_related("current"):
        policy.function = function
        known = qualifiers.get(policy.qualifier)
        if not policy.qualifier:
            found.append(Place(policy, "The function itself", "function"))
        elif known is not None and known.kind == "alias":
            target = f" → version {known.points_to}" if known.points_to else ""
            found.append(Place(policy, f"Alias {policy.qualifier}{target}", "alias", known.points_to))
        else:
            found.append(Place(policy, f"Version {policy.qualifier}", "version"))
    order = {"function": 0, "alias": 1, "version": 2}

    def place(one: Place) -> tuple[int, int, str]:
        number = int(one.policy.qualifier) if one.kind == "version" and one.policy.qualifier.isdigit() else 0
        return order[one.kind], -number, one.policy.qualifier

    return sorted(found, key=place)


def reading_of(function: Function) -> dict[str, Any]:
    """How old what we know is, and the read that is under way."""
    running = Sync.objects.open().filter(function=function).first()
    last = None if running else Sync.objects.filter(function=function).order_by("-created_at").first()
    return {
        "read_at": inventory.read_at(function),
        "reading": running,
        "reading_every": seconds_between_polls(running.created_at) if running else 0,
        "read_failed": last if last and last.state == "failed" else None,
        "details_stale": function.vanished_at is None
        and not running
        and _older(function.details_read_at)
        and _older(last.created_at if last else None),
    }


def _older(moment: datetime | None) -> bool:
    return moment is None or timezone.now() - moment > FRESH


def head_of(function: Function, tab: str) -> dict[str, Any]:
    """What the frame around every tab of a function shows."""
    may_invoke = SimpleLazyObject(lambda: invoking.is_on(function))
    about = {"function": function, "tab": tab, "owners": owning.owners(function), "may_invoke": may_invoke}
    return {**about, **reading_of(function)}


def list_of(request: HttpRequest, function: Function, me: Actor, *, focus: Grant | None = None) -> dict[str, Any]:
    """Who has access, and the policies it was read from. `focus`: the grant whose row takes the keyboard's focus.

    Of a long list the first rows, unless the page has all of them (`?all=1`) or the focus goes to a later one; `folded`: the
    others, `folded_marks` what there is to see about them.
    """
    rows = shown(access.of_function(function, by=me), function=function, me=me)
    many, later = len(rows), rows[FIRST:]
    whole = not later or _has_all(request) or (focus and any(row.of.grant and row.of.grant.pk == focus.pk for row in later))
    if not whole:
        rows = rows[:FIRST]
    return {
        "function": function,
        "rows": rows,
        "folded": [] if whole else later,
        "folded_marks": [] if whole else _seen_in(later),
        "whole": bool(whole and later),
        "many": many,
        "places_of_function": places_of(function),
        "vanished": granting.vanished_together(function, by=me),
        "limit": LIMIT,
        "focus": focus.pk if focus else None,
    }


def _has_all(request: HttpRequest) -> bool:
    """Whether the page that is asked for, or that htmx asks from, has every row."""
    address = request.headers.get("HX-Current-URL", "") if by_htmx(request) else request.get_full_path()
    return "all=1" in address.partition("#")[0].partition("?")[2].split("&")


def _seen_in(rows: Sequence[ShownRow]) -> list[Mark]:
    """What must not be overlooked in rows that are not shown, each once."""
    unread = [("warn", "eye-off", "Unread")] if any(row.of.kind == "unread" for row in rows) else []
    return list(dict.fromkeys([*unread, *(mark for row in rows for mark in row.marks if mark[0] in ("bad", "warn"))]))


@require_safe
@vary_on_headers("HX-Request", "HX-Current-URL")
def function_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Who has access: one list over the function, its aliases and its versions."""
    me = actor(request)
    function = the_function(me, pk)
    if wants(request, "access"):
        return render(request, "functions/detail.html#access", list_of(request, function, me))
    return render(request, "functions/detail.html", {**head_of(function, "access"), **list_of(request, function, me)})


@require_safe
def function_reading(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The line that says how old everything is; polled while a read is under way."""
    function = the_function(actor(request), pk)
    context = head_of(function, request.GET.get("tab", ""))
    response = render(request, "functions/frame.html#reading", context)
    if context["reading"] is None:
        # The read has ended: whatever shows what was read asks for itself again.
        response["HX-Trigger"] = "function-read"
    return response


@for_changing
@require_POST
def function_opened(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page has loaded and what it shows is old: ask for everything, unless somebody just did or nothing can be read."""
    me = actor(request)
    function = the_function(me, pk)
    sync = syncing.request_if_stale(function, by=me)
    if sync is not None:
        soon(run_sync, sync.pk, queue=queue_of(sync))
    return render(
        request, "functions/frame.html#reading", {**head_of(function, request.POST.get("tab", "")), "details_stale": False}
    )


@for_changing
@require_POST
def function_reread(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for everything about this function to be read again."""
    me = actor(request)
    function = the_function(me, pk)
    try:
        sync = syncing.request_function(function, by=me)
    except Refusal as refusal:
        if not by_htmx(request):
            raise
        context = {**head_of(function, request.POST.get("tab", "")), "details_stale": False}
        return render(request, "functions/reading.html", {**context, "said": f"{refusal.message} {refusal.next}".strip()})
    soon(run_sync, sync.pk, queue=queue_of(sync))
    if by_htmx(request):
        return render(request, "functions/frame.html#reading", head_of(function, request.POST.get("tab", "")))
    return redirect("function-detail", pk)


@require_safe
def function_checks(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every DryRun made on this function, newest first; `?as=` and `?on=` fill the form that asks for another."""
    me = actor(request)
    function = the_function(me, pk)
    form = CheckForm(
        initial={"as_": request.GET.get("as", ""), "qualifier": request.GET.get("on", "")}, places=choices_of(function)
    )
    return _checks(request, me, function, form)


@for_changing
@require_POST
def function_check(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask for a DryRun as somebody."""
    me = actor(request)
    function = the_function(me, pk)
    form = CheckForm(request.POST, places=choices_of(function))
    if form.is_valid():
        policy = get_object_or_404(
            function.policies.select_related("function__account", "current"), qualifier=form.cleaned_data["qualifier"]
        )
        try:
            check = checking.request(policy=policy, as_=form.cleaned_data["as_"], occasion=Occasion.CLICK, by=me)
        except Refusal as refusal:
            form.add_error("as_", f"{refusal.message} {refusal.next}".strip())
        else:
            soon(run_check, check.pk, queue="checks")
            return redirect("function-checks", pk)
    return _checks(request, me, function, form, status=422)


def _checks(request: HttpRequest, me: Actor, function: Function, form: CheckForm, *, status: int = 200) -> HttpResponse:
    checks = Check.objects.visible_to(me).filter(policy__function=function).select_related("policy", "grant")
    page = page_of(checks, request)
    waiting = Check.objects.open().filter(policy__function=function).order_by("created_at").first()
    context = {
        **head_of(function, "checks"),
        "form": form,
        "page": page,
        "asks": urlencode({"function": function.arn}),
        "open_checks": waiting is not None,
        "every": seconds_between_polls(waiting.created_at) if waiting else 0,
    }
    return render(request, "functions/checks.html", context, status=status)


def choices_of(function: Function) -> list[tuple[str, str]]:
    """The function itself, its aliases and versions, for a choice field."""
    return [(place.policy.qualifier, place.words) for place in places_of(function)]


@require_safe
def function_history(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Every event about this function and every change of its policies, newest first."""
    me = actor(request)
    function = the_function(me, pk)
    page = page_of(timelines.function_index(function, by=me), request)
    context = {"page": page, "entries": timelines.function_entries(page.object_list, by=me)}
    return render(request, "functions/history.html", {**head_of(function, "history"), **context})
