"""Mappings: everything that can wake a function, the list, its files, and one function's picture."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sharing.forms.narrowing import AccountText
from sharing.policy.wiring import SOURCES
from sharing.services import gaps, waking
from sharing.services.access import exporting
from sharing.services.waking import ORDERS, Asked, LetIn, Problem, Waker, Way

from .access import file
from .function_pages import head_of, the_function
from .paging import page_of
from .permitting import actor
from .waking_rows import PROBLEM_WORDS, drawn, shown
from .wiring import list_of, under_way

WAYS: Final = ((Way.PULL, "Pull: Lambda polls it"), (Way.PUSH, "Push: a service may call"), (Way.URL, "Function URL"))
ORDER_WORDS: Final = (("function", "Function"), ("problem", "Worst problem"), ("source", "Source’s account"))
_CHUNK = 200


@require_safe
def mapping_list(request: HttpRequest) -> HttpResponse:
    """Search, filters, order, pages; `?wirings=all` is the list of what was wired here."""
    me = actor(request)
    if request.GET.get("wirings") == "all":
        return list_of(request, me)
    asked = asked_of(request.GET)
    found = waking.survey(me, asked)
    narrowing = AccountText(request.GET)
    if narrowing.is_valid() and not found.known:
        narrowing.add_error("account", narrowing.nobody())
    above, under = under_way(me)
    page = page_of(found.rows, request)
    rows: list[Waker] = list(page.object_list)
    context = {
        "asked": asked,
        "every": found.every,
        "page": page,
        "rows": shown(rows, waking.let_in(rows)),
        "problems": [(one, PROBLEM_WORDS[one][2], count) for one, count in found.problems.items()],
        "ways": WAYS,
        "kinds": sorted(found.kinds.items(), key=lambda one: one[1].casefold()),
        "narrowing": narrowing,
        "orders": ORDER_WORDS,
        "blind_spots": waking.unlooked(me),
        "above": above,
        "under": under,
    }
    return render(request, "mappings/list.html", context, status=422 if narrowing.errors else 200)


@require_safe
def mapping_export(request: HttpRequest) -> StreamingHttpResponse:
    """The list as it is filtered, whole, as CSV or JSON (`format`); what was not looked at comes first."""
    me = actor(request)
    asked = asked_of(request.GET)
    found = waking.survey(me, asked)
    narrowed = " ".join(one for one in (asked.way, asked.kind, asked.account, asked.problem, asked.text) if one)
    head = [
        *gaps.summary(me),
        *(f"Not looked at: {line}" for line in waking.unlooked(me)),
        f"Mappings: {found.many:,}" + (f", narrowed to: {narrowed}" if asked.narrowed else ""),
        f"Asked by {me.label} at {gaps.utc(timezone.now())}",
    ]
    if request.GET.get("format") == "json":
        pieces = exporting.json_text({"coverage": head}, "mappings", _items(found.rows))
        return file(pieces, exporting.file_name("mappings", "json"))
    columns = tuple(name.replace("_", " ").capitalize() for name in _COLUMNS)
    rows = (tuple(one.values()) for one in _items(found.rows))
    return file(exporting.csv_text(head, columns, rows), exporting.file_name("mappings", "csv"))


@require_safe
def function_wakes(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One function: each source, what lets it in, and the form that runs, as a picture and in words."""
    me = actor(request)
    function = the_function(me, pk)
    every = waking.survey_of(function, by=me)
    page = page_of(every, request)
    rows: list[Waker] = list(page.object_list)
    context = {
        **head_of(function, "wakes"),
        "page": page,
        "forms": drawn(shown(rows, waking.let_in(rows))),
        "blind_spots": waking.unlooked(me, function),
    }
    return render(request, "functions/wakes.html", context)


def asked_of(query: Mapping[str, str]) -> Asked:
    """What the address asks for; anything that means nothing is left out."""
    way, kind, problem, order = (query.get(name, "") for name in ("way", "kind", "problem", "sort"))
    return Asked(
        text=query.get("q", "").strip()[:400],
        way=Way(way) if way in {one.value for one in Way} else None,
        kind=kind if kind in SOURCES or kind in ("url", "other") else "",
        account=query.get("account", "").strip()[:400],
        problem=problem if problem == "any" or problem in {one.value for one in Problem} else "",
        order=order if order in ORDERS else "function",
    )


_COLUMNS: Final = (
    "function", "alias_or_version", "function_arn", "account", "account_id", "region", "way", "kind", "source",
    "source_account", "source_account_id", "source_organization", "service", "url_type", "url_lets_in", "let_in_by",
    "grant_state", "until", "state", "last_result", "lacks", "problems", "said",
)  # fmt: skip


def _items(found: Iterable[Waker]) -> Iterator[dict[str, Any]]:
    rows = iter(found)
    while chunk := list(islice(rows, _CHUNK)):
        for one, let_in in zip(chunk, waking.let_in(chunk), strict=True):
            yield dict(zip(_COLUMNS, _values(one, let_in), strict=True))


def _values(one: Waker, let_in: Sequence[LetIn]) -> tuple[object, ...]:
    place = one.place
    ends = [grant.ends_at.isoformat() for grant in (item.grant for item in let_in) if grant is not None and grant.ends_at]
    return (
        place.name,
        one.qualifier,
        one.arn,
        place.owner,
        place.number,
        place.region,
        one.way.value,
        one.label,
        " ".join(one.sources),
        one.whose_name,
        one.whose,
        one.organization,
        one.service,
        one.auth,
        ", ".join(one.callers),
        "needs no statement" if one.way is Way.PULL else ", ".join(item.name for item in let_in),
        ", ".join(item.grant.get_state_display().lower() for item in let_in if item.grant),
        ", ".join(ends),
        one.state
        or (f"wiring {one.wiring_state}" if one.wiring_state and one.lacks else "")
        or ("policy unread" if one.unread or any(item.stale for item in let_in) else ""),
        one.result,
        one.lacks,
        ", ".join(trouble.problem.value for trouble in one.troubles),
        " ".join(trouble.sentence for trouble in one.troubles),
    )
