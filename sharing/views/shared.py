"""Shared with me: the consumers' side, as a list and for keeping.

Whoever acts for an account sees these pages, whatever their role. Everything comes out of `consuming.side_of`: it holds
nothing but what reaches the accounts that the person acts for.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from sharing.services import consuming
from sharing.services.access.exporting import file_name

from .access_rows import seconds_between_polls
from .paging import page_of
from .permitting import actor, open_to_consumers
from .shared_rows import TOLD, shown_share


@open_to_consumers
@never_cache
@require_safe
def shared_list(request: HttpRequest) -> HttpResponse:
    """What is shared with the accounts that the person acts for, or what was. Polled while something is being changed."""
    wanted = consuming.Wanted.of(request.GET.dict())
    everything = consuming.side_of(actor(request))
    side = consuming.only(everything, wanted.account)
    context: dict[str, Any] = {
        "side": everything,
        "wanted": wanted,
        "query": wanted.text,
        "kept": urlencode({"q": wanted.text, "account": wanted.account}) if wanted.narrowed else "",
    }
    if wanted.over:
        page = page_of(consuming.ended(side, wanted.text), request)
        rows = consuming.ended_rows(side, list(page.object_list))
        context |= {"page": page, "over": [(row, TOLD[row.grant.state]) for row in rows]}
        return render(request, "shared/list.html", context)
    page = page_of(consuming.find(side, wanted.text), request)
    found = consuming.page_rows(side, list(page.object_list))
    since = min((one.unsettled for one in found if one.unsettled), default=None)
    context |= {
        "page": page,
        "rows": [shown_share(one) for one in found],
        "every": seconds_between_polls(since) if since else 0,
    }
    return render(request, "shared/list.html", context)


@open_to_consumers
@never_cache
@require_safe
def shared_export(request: HttpRequest) -> StreamingHttpResponse:
    """The same list as CSV, or as JSON with ?format=json."""
    wanted = consuming.Wanted.of(request.GET.dict())
    side = consuming.only(consuming.side_of(actor(request)), wanted.account)
    as_json = request.GET.get("format") == "json"
    lines = consuming.shared_json(side, wanted.text) if as_json else consuming.shared_csv(side, wanted.text)
    response = StreamingHttpResponse(lines, content_type="application/json" if as_json else "text/csv; charset=utf-8")
    name = file_name("shared-with-me", "json" if as_json else "csv")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
