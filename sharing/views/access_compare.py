"""Access, two dates compared: who gained, who lost, what became wider or narrower, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sharing.models import Actor
from sharing.services import access, gaps
from sharing.services.access import comparing, exporting
from sharing.services.access.comparing import Change
from sharing.services.access.subjects import MOST
from sharing.services.errors import Refusal
from sharing.services.trusting import trust

from .access import file
from .paging import page_of
from .permitting import actor

_CHUNK = 200
COLUMNS = (
    "Function", "Alias or version", "Function ARN", "Change", "Who", "Principal", "May", "Statements before",
    "Statements after", "Not certain because", "Between which reads, by whom",
)  # fmt: skip


@require_safe
def access_compare(request: HttpRequest) -> HttpResponse:
    """The page: two moments (`since`, and `until`, by default now), all functions or one (`q`)."""
    me = actor(request)
    context: dict[str, Any] = {
        "asked": request.GET.get("q", "")[:MOST].strip(),
        "since": request.GET.get("since", "")[:40],
        "until": request.GET.get("until", "")[:40],
        "today": timezone.localdate(),
        "known": access.known_texts(by=me),
        "tab": "compare",
    }
    if not context["since"]:
        return render(request, "access/compare.html", context)
    try:
        since, until, function = _asked(request, me)
    except Refusal as refusal:
        return render(request, "access/compare.html", {**context, "refusal": refusal}, status=422)
    found = comparing.changed_policies(by=me, since=since, until=until, function=function)
    page = page_of(found, request)
    context |= {
        "page": page,
        "changes": comparing.changes(list(page.object_list), by=me, since=since, until=until),
        "from": since,
        "to": until,
        "function": function,
        "coverage": gaps.summary(me),
    }
    return render(request, "access/compare.html", context)


@require_safe
def compare_export(request: HttpRequest) -> HttpResponseBase:
    """Every change between the two moments as CSV or JSON."""
    me = actor(request)
    try:
        since, until, function = _asked(request, me)
    except Refusal as refusal:
        context = {"refusal": refusal, "known": access.known_texts(by=me), "tab": "compare"}
        return render(request, "access/compare.html", context, status=422)
    found = list(comparing.changed_policies(by=me, since=since, until=until, function=function))

    def every() -> Iterator[Change]:
        for start in range(0, len(found), _CHUNK):
            yield from comparing.changes(found[start : start + _CHUNK], by=me, since=since, until=until)

    head = [
        *gaps.summary(me),
        f"Compared: {gaps.utc(since)} with {gaps.utc(until) if until else 'the policies as last read'}",
        f"About: {function.arn if function else 'every function in scope'}",
        f"Asked by {me.label} at {gaps.utc(timezone.now())}",
        f"{trust().words}.",
    ]
    if request.GET.get("format") == "json":
        pieces = exporting.json_text({"coverage": head}, "changes", (_item(one) for one in every()))
        return file(pieces, exporting.file_name("compare", "json"))
    rows = (row for one in every() for row in _rows(one))
    return file(exporting.csv_text(head, COLUMNS, rows), exporting.file_name("compare", "csv"))


def _asked(request: HttpRequest, me: Actor) -> tuple[Any, Any, Any]:
    since = access.moment(request.GET.get("since", ""), by=me, field="since")
    until = access.moment(request.GET.get("until", ""), by=me, field="until")
    if since.at is None:
        raise Refusal("Say from which day in the past to compare.", next="Give the earlier of the two dates.", field="since")
    if until.at is not None and until.at <= since.at:
        raise Refusal("The second date is not after the first.", next="Swap them.", field="until")
    text = request.GET.get("q", "").strip()
    function = None
    if text:
        about = access.subject(text, by=me)
        if about.function is None:
            raise access.Unclear(
                f"{about.label[:1].upper()}{about.label[1:]} is no function.",
                next="Name a function, or leave the field empty to compare all of them.",
            )
        function = about.function
    return since.at, until.at, function


def _told(one: Change) -> Iterator[tuple[str, access.Line | None, access.Line | None]]:
    yield from (("gained", None, line) for line in one.gained)
    yield from (("lost", line, None) for line in one.lost)
    yield from (("wider", before, after) for before, after in one.wider)
    yield from (("narrower", before, after) for before, after in one.narrower)


def _why(one: Change) -> str:
    return " | ".join(f"{step.between}: {'; '.join(step.by)}" for step in one.steps)


def _rows(one: Change) -> Iterator[tuple[object, ...]]:
    policy = one.policy
    place = (policy.function.name, policy.qualifier, policy.arn)
    notes = " ".join(one.notes)
    found = list(_told(one))
    if not found:
        yield (*place, "not known" if notes else "nobody gained or lost", "", "", "", "", "", notes, _why(one))
    for change, before, after in found:
        line = after or before
        assert line is not None  # noqa: S101
        yield (*place, change, line.who, line.principal, line.may, _cited(before), _cited(after), notes, _why(one))


def _cited(line: access.Line | None) -> str:
    return ", ".join(one.name for one in line.statements) if line else ""


def _item(one: Change) -> dict[str, Any]:
    return {
        "function_arn": one.policy.arn,
        "changes": [
            {
                "change": change,
                "who": line.who,
                "principal": line.principal,
                "before": _side(before),
                "after": _side(after),
            }
            for change, before, after in _told(one)
            for line in (after or before,)
            if line is not None
        ],
        "notes": list(one.notes),
        "steps": [
            {"between": step.between, "added": step.added, "removed": step.removed, "changed": step.changed, "by": step.by}
            for step in one.steps
        ],
    }


def _side(line: access.Line | None) -> dict[str, Any] | None:
    if line is None:
        return None
    return {
        "statements": [one.name for one in line.statements],
        "public": line.public,
        "open_service": line.open_service,
        "external": line.external,
        "conditions": list(line.conditions),
        "actions": list(line.actions),
    }
