"""Wirings: the list, and one with its picture, its steps and what can be done about each. A GET writes nothing."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from sharing.models import Actor, Event, Wiring, WiringStep
from sharing.models.wiring import OPEN_WIRINGS, StepState, WiringState
from sharing.policy.arn import is_account_id
from sharing.policy.wiring import SOURCES, Plan
from sharing.policy.wiring.packs import Pack, pack
from sharing.services import wiring
from sharing.services.access.exporting import file_name
from sharing.services.mapping import options_in_words, place, role_command
from sharing.services.waking.sources import name_of
from sharing.services.wiring.planning import mapping_options

from .access_rows import seconds_between_polls
from .fragments import by_htmx
from .paging import page_of
from .permitting import actor
from .waking_rows import ICONS
from .wiring_rows import STATES, TESTS, Mark, ShownStep, compared, names_of, notes_in, picture_of, steps_of

#: Events of one wiring's page, and wirings above the list of mappings.
SHOWN, ABOVE = 40, 5
#: Filters of the list: what the address says, the words, the states.
SHOWS: Final = (
    ("all", "All", tuple(WiringState.values)),
    ("open", "Under way", OPEN_WIRINGS),
    ("waiting", "Waits for the other side", (WiringState.WAITING,)),
    ("trouble", "Failed or stuck", (WiringState.FAILED, WiringState.STUCK)),
    ("placed", "In place", (WiringState.IN_PLACE, WiringState.PROVED, WiringState.SAID)),
    ("undone", "Taken back", (WiringState.UNDONE,)),
)


@dataclass(frozen=True)
class Row:
    """One wiring of the list."""

    of: Wiring
    icon: str
    source: str
    kind: str
    place: str
    account_name: str
    mark: Mark


def the_wiring(me: Actor, pk: uuid.UUID) -> Wiring:
    """The wiring with its function, if that is in the actor's scope; else 404."""
    related = ("function__account", "requested_by", "undone_by")
    return get_object_or_404(Wiring.objects.visible_to(me).select_related(*related), pk=pk)


def the_step(me: Actor, pk: uuid.UUID) -> WiringStep:
    """The step, if its wiring's function is in the actor's scope; else 404."""
    found = WiringStep.objects.filter(wiring__in=Wiring.objects.visible_to(me))
    return get_object_or_404(found.select_related("wiring__function__account"), pk=pk)


@require_safe
def wiring_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One wiring: picture, steps, the pack for the other side, test, history."""
    me = actor(request)
    one = the_wiring(me, pk)
    return render(request, "wiring/detail.html", {**shown(one, me), **_around(one, me)})


@require_safe
def wiring_steps(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The polled part alone; 204 while nothing it shows has changed (`?seen=`)."""
    me = actor(request)
    one = the_wiring(me, pk)
    if not by_htmx(request):
        return redirect("wiring-detail", pk)
    context = shown(one, me)
    if request.GET.get("seen") == context["seen"] and context["every"]:
        return HttpResponse(status=204)
    context |= {"polled": True, "events": _events(one, me)}
    return render(request, "wiring/detail.html#steps", context)


@require_safe
def wiring_pack(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """What the other side has to do, as one text; `?file=` one of its files alone."""
    one = the_wiring(actor(request), pk)
    plan = plan_of(one)
    if plan is None or not plan.theirs:
        raise Http404
    return download(request, pack_of(plan), f"wiring-{one.function.name}")


def download(request: HttpRequest, found: Pack, name: str) -> HttpResponse:
    """The pack as a file; `?file=` names one of its sections."""
    asked = request.GET.get("file", "")
    if not asked:
        text, named, kind = found.as_text(), file_name(name, "md"), "text/markdown"
    else:
        section = next((one for one in found.sections if one.filename == asked), None)
        if section is None:
            raise Http404
        text, named, kind = section.text, section.filename, "text/plain"
    response = HttpResponse(text, content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{named}"'
    return response


def plan_of(one: Wiring) -> Plan | None:
    """The plan's words of a wiring; None for one that today's planner would refuse."""
    try:
        return wiring.plan_of(one)
    except LookupError:
        return None


def pack_of(plan: Plan) -> Pack:
    """The hand-off pack of the steps that are not ours, with the accounts by name."""
    return pack(plan, names=names_of({plan.source_account, plan.function.account}))


def shown(one: Wiring, me: Actor) -> dict[str, Any]:
    """Everything that may change by itself."""
    rows = list(one.steps.select_related("grant", "mapping_change", "said_by").all())
    for row in rows:
        row.wiring = one  # its function is known already
    plan = plan_of(one)
    names = names_of({one.source_account, one.function.account.number, *(row.account for row in rows)})
    steps = steps_of(plan, names, rows) if plan else []
    polls = one.is_open or any(row.is_open for row in rows)
    waits = one.state == WiringState.WAITING and not any(row.is_open for row in rows)
    mine = me.may_change() and one.state != WiringState.UNDONE
    return {
        "wiring": one,
        "function": one.function,
        "state": STATES.get(one.state, ("off", "help-circle", one.get_state_display())),
        "rows": rows,
        "steps": [(step, _acts(step, one) if mine else {}, compared(step.row)) for step in steps],
        "picture": picture_of(plan, one.function, one.qualifier, steps, names, tone=_tone(one)) if plan else None,
        "left": one.abandoned_at is not None and any(row.state == StepState.KEPT and not row.ours for row in rows),
        "test": TESTS.get(one.test_state, TESTS[""]),
        "testable": mine and not wiring.why_not_tested(one),
        "every": (15 if waits else max(2, seconds_between_polls(one.created_at))) if polls else 0,
        "seen": digest(one, rows),
        "may_abandon": mine and one.abandoned_at is None,
    }


def _around(one: Wiring, me: Actor) -> dict[str, Any]:
    """What does not change by itself: head, options, pack, history."""
    kind = SOURCES.get(one.kind)
    plan = plan_of(one)
    return {
        "kind": kind,
        "icon": ICONS.get(one.kind, "cloud"),
        "named": wiring.named(one),
        "notes": notes_in(plan.notes) if plan else (),
        "options": options_of(one),
        "pack": pack_of(plan) if plan and plan.theirs else None,
        "role_command": role_command(one.function.arn) if plan and any(step.fill_in for step in plan.theirs) else "",
        "events": _events(one, me),
    }


def _events(one: Wiring, me: Actor) -> QuerySet[Event]:
    """What was done about it, newest first."""
    found = Event.objects.visible_to(me).filter(function=one.function, verb__startswith="wiring.")
    return found.filter(detail__wiring=str(one.pk))[:SHOWN]


def options_of(one: Wiring) -> list[tuple[str, str]]:
    """What was chosen beside the source, in words."""
    given = one.options
    found: list[tuple[str, str]] = []
    if one.kind == "s3":
        found.append(("Events", ", ".join(given.get("events") or ())))
    for name, label in (("prefix", "Keys begin with"), ("suffix", "Keys end with"), ("filter_policy", "Filter policy"),
                        ("caller_role", "Role that calls"), ("execution_role", "Execution role")):  # fmt: skip
        if given.get(name):
            found.append((label, str(given[name])))
    if one.kind == "sns":
        found.append(("Subscribed by", "the function’s account" if given.get("owner_subscribes") else "the topic’s account"))
    if given.get("mapping"):
        found += options_in_words(mapping_options(given).parameters())
    return found


def _acts(step: ShownStep, one: Wiring) -> dict[str, bool]:
    """The buttons of a step, by its state."""
    row = step.row
    if row is None:
        return {}
    handed = not row.ours and one.abandoned_at is None
    return {
        "again": row.state == StepState.FAILED,
        "done": row.state == StepState.FAILED or (not row.ours and row.state == StepState.ASKED),
        "undone": row.state == StepState.SAID,
        "ours": handed and row.state in (StepState.ASKED, StepState.SAID) and not wiring.why_not_ours(row),
    }


def _tone(one: Wiring) -> str:
    if one.state in (WiringState.IN_PLACE, WiringState.PROVED):
        return "ok"
    return "off" if one.state in (WiringState.UNDONE, WiringState.UNDOING) else ""


def digest(one: Wiring, rows: Iterable[WiringStep]) -> str:
    """A mark of what is shown of it: the same while nothing has changed."""
    told: list[object] = [one.state, one.test_state, one.test_runs, one.test_failure]
    for row in rows:
        told += [
            row.pk,
            row.state,
            row.ours,
            row.evidence,
            row.failure,
            row.failure_next,
            row.seen_at,
            row.said_at,
            row.grant_id,
        ]
        told += [row.grant.state if row.grant else "", row.mapping_change.state if row.mapping_change else ""]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def list_of(request: HttpRequest, me: Actor) -> HttpResponse:
    """The list of all: search, filters, pages."""
    text = request.GET.get("q", "").strip()[:400]
    show = request.GET.get("show", "all")
    states = next((states for name, _, states in SHOWS if name == show), None)
    show, states = (show, states) if states else ("all", SHOWS[0][2])
    kind = request.GET.get("kind", "") if request.GET.get("kind", "") in SOURCES else ""
    account = "".join(request.GET.get("account", "").split())
    account = account if is_account_id(account) else ""
    found = Wiring.objects.visible_to(me).filter(state__in=states)
    if kind:
        found = found.filter(kind=kind)
    if account:
        found = found.filter(Q(source_account=account) | Q(function__account__number=account))
    for word in text.split():
        found = found.filter(_holds(word))
    page = page_of(found.select_related("function__account"), request)
    context = {
        "page": page,
        "rows": rows_of(page.object_list),
        "text": text,
        "show": show,
        "shows": [(name, words) for name, words, _ in SHOWS],
        "kind": kind,
        "kinds": sorted(((key, one.label) for key, one in SOURCES.items()), key=lambda pair: pair[1].casefold()),
        "account": account,
        "narrowed": bool(text or kind or account or show != "all"),
    }
    return render(request, "wiring/list.html", context)


def _holds(word: str) -> Q:
    return Q(source_arn__icontains=word) | Q(function__name__icontains=word) | Q(requested_as__icontains=word)


def under_way(me: Actor) -> tuple[list[Row], int]:
    """The newest wirings that are not settled or went wrong, and how many there are: two queries, three with names."""
    found: QuerySet[Wiring] = Wiring.objects.visible_to(me).filter(state__in=(*OPEN_WIRINGS, WiringState.FAILED))
    return rows_of(found.select_related("function__account")[:ABOVE]), found.count()


def rows_of(found: Iterable[Wiring]) -> list[Row]:
    """Wirings in words; one query for the names of their sources' accounts."""
    every = list(found)
    names = names_of(one.source_account for one in every)
    return [
        Row(
            one,
            ICONS.get(one.kind, "cloud"),
            name_of(one.source_arn),
            SOURCES[one.kind].label if one.kind in SOURCES else one.kind,
            place(one.function, one.qualifier),
            names.get(one.source_account, ""),
            STATES.get(one.state, ("off", "help-circle", one.state)),
        )
        for one in every
    ]
