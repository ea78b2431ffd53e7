"""Settings, coverage: what was looked at and what was not, and the button that reads it again."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from sharing.models import Account
from sharing.services import gaps, syncing
from sharing.services.errors import Refusal
from sharing.tasks import soon
from sharing.tasks.reading import run_sync
from sharing.views.permitting import actor, for_changing


@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    """Accounts by regions; the table alone while a sync runs and the page polls."""
    rows = syncing.coverage(actor(request))
    running = [row.running for row in rows if row.running is not None]
    context = {
        "lines": gaps.lines(rows),
        "running": len(running),
        "gaps": sum(1 for row in rows if not row.complete),
        # A long table is a long answer: ask for it less often.
        "every": "1s" if len(rows) <= 40 else "3s",
    }
    polls = request.headers.get("HX-Target") == "coverage"
    if polls and not running:
        context["toast"] = "Nothing is being read any more."
    return render(request, f"settings/coverage.html{'#table' if polls else ''}", context)


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
        for sync in syncs:
            soon(run_sync, sync.pk, queue="sync")
        where = "One region is" if len(syncs) == 1 else f"{len(syncs)} regions are"
        messages.success(request, f"{where} being read. You can leave this page; the sync goes on.")
    return redirect("coverage")


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)
