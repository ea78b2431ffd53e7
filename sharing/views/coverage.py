"""Settings, coverage: what was looked at and what was not, and the button that reads it again."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from sharing.models import Account
from sharing.services import gaps, syncing
from sharing.services.access import exporting
from sharing.services.errors import Refusal
from sharing.tasks.reading import begin
from sharing.views.access import file
from sharing.views.paging import page_of
from sharing.views.permitting import actor, for_changing


@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    """Accounts by regions, a page of them, or only the gaps (`?show=gaps`); the table alone while a sync runs and it polls."""
    rows = syncing.coverage(actor(request))
    running = [row.running for row in rows if row.running is not None]
    only_gaps = request.GET.get("show") == "gaps"
    page = page_of(gaps.lines([row for row in rows if not row.complete] if only_gaps else rows), request)
    context = {
        "lines": page.object_list,
        "page": page,
        "only_gaps": only_gaps,
        "regions": len(rows),
        "running": len(running),
        "gaps": sum(1 for row in rows if not row.complete),
        "organizations": gaps.unread_organizations(),
        # A long table is a long answer: ask for it less often.
        "every": "1s" if len(rows) <= 40 else "3s",
    }
    polls = request.headers.get("HX-Target") == "coverage"
    if polls and not running:
        context["toast"] = "Nothing is being read any more."
    return render(request, f"settings/coverage.html{'#table' if polls else ''}", context)


@require_safe
def coverage_export(request: HttpRequest) -> StreamingHttpResponse:
    """The same as CSV or JSON (`format`): accounts by regions, last complete read, unread and why."""
    me = actor(request)
    rows = syncing.coverage(me)
    head = [*gaps.summarized(rows), *gaps.beside_regions(), f"Asked by {me.label} at {gaps.utc(timezone.now())}"]
    if request.GET.get("format") == "json":
        pieces = exporting.json_text({"coverage": head}, "regions", (_item(row) for row in rows))
        return file(pieces, exporting.file_name("coverage", "json"))
    columns = (
        "Account", "Account id", "Region", "Read", "Last complete read", "Functions", "Unread policies",
        "Functions whose aliases are unread", "Why", "What to do",
    )  # fmt: skip
    table = (tuple(_item(row).values()) for row in rows)
    return file(exporting.csv_text(head, columns, table), exporting.file_name("coverage", "csv"))


def _item(row: syncing.Coverage) -> dict[str, Any]:
    return {
        "account": row.account.name,
        "account_id": row.account.number,
        "region": row.region,
        "covered": row.covered.value,
        "read_at": row.read_at.isoformat() if row.read_at else "",
        "functions": row.functions,
        "unread_policies": row.unread_policies,
        "unread_functions": row.unread_functions,
        "reason": row.reason,
        "next": row.next,
    }


@for_changing
@require_POST
def sync_start(request: HttpRequest) -> HttpResponse:
    """Read again: everything in scope, one account (`account`), or one region of it (`region`). Joins what runs."""
    me = actor(request)
    account = None
    if request.POST.get("account"):
        account = get_object_or_404(Account.objects.visible_to(me), pk=_uuid(request.POST["account"]))
    try:
        syncs = syncing.request(account=account, region=request.POST.get("region", "")[:30], by=me)
    except Refusal as refusal:
        messages.error(request, f"{refusal.message} {refusal.next}".strip())
    else:
        begin(syncs)
        where = "One region is" if len(syncs) == 1 else f"{len(syncs)} regions are"
        messages.success(request, f"{where} being read. You can leave this page; the sync goes on.")
    return redirect("coverage")


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)
