"""Settings, coverage: what was looked at and what was not, and the button that reads it again."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from sharing.models import Account
from sharing.services import gaps, syncing
from sharing.services.access import exporting
from sharing.services.errors import Refusal
from sharing.services.syncing import Covered
from sharing.tasks.reading import begin
from sharing.templatetags.ui import badge
from sharing.views.access import file
from sharing.views.paging import page_of
from sharing.views.permitting import actor, for_changing

_BADGES: dict[Covered, tuple[str, str, str]] = {
    Covered.READ: ("ok", "circle-check", "Read"),
    Covered.PARTLY: ("warn", "alert-triangle", "Partly read"),
    Covered.FAILED: ("bad", "circle-x", "Failed"),
    Covered.NEVER: ("warn", "circle-dashed", "Never read"),
    Covered.PAUSED: ("off", "player-pause", "Paused"),
    Covered.NOT_CONNECTED: ("bad", "plug-x", "Not connected"),
    Covered.NOT_READ: ("warn", "eye-off", "Not among the regions"),
}
_SYNCED = (Covered.READ, Covered.PARTLY, Covered.FAILED, Covered.NEVER)


@dataclass(frozen=True)
class Shown:
    """A line as the table has it: made here, since a page has fifty. `why`: why it is not fully read and what to do."""

    row: syncing.Coverage
    account: uuid.UUID
    name: str
    spaced: str
    url: str
    key: str
    where: str
    badge: SafeString
    why: str
    may_sync: bool


def _shown(lines: Iterable[gaps.Line]) -> Iterator[Shown]:
    badges = {covered: badge(*words) for covered, words in _BADGES.items()}
    urls: dict[uuid.UUID, str] = {}
    for line in lines:
        row, account, many = line.row, line.account, len(line.regions)
        if account.pk not in urls:
            urls[account.pk] = reverse("account-detail", args=[account.pk])
        yield Shown(
            row,
            account.pk,
            account.name,
            account.spaced,
            urls[account.pk],
            f"{account.number}-{row.region}",
            row.region if many == 1 else f"{many} regions",
            badges[line.covered],
            f"{line.reason} {line.next}" if line.reason and not row.running else "",
            line.covered in _SYNCED and not row.running,
        )


@require_safe
def coverage(request: HttpRequest) -> HttpResponse:
    """Accounts by regions, a page of them, or only the gaps (`?show=gaps`), of some accounts (`q`).

    The table alone while a sync runs and it polls.
    """
    me = actor(request)
    asked = _asked(request)
    survey = syncing.Survey(me, called=asked)
    only_gaps = request.GET.get("show") == "gaps"
    page = page_of(survey.gaps if only_gaps else survey.lines, request)
    counts = survey.counts
    context = {
        "lines": list(_shown(gaps.lines(survey, page.object_list, running=True, counted=True))),
        "may_change": me.may_change(),
        "page": page,
        "asked": asked,
        "only_gaps": only_gaps,
        "regions": counts.regions,
        "running": survey.running,
        "gaps": counts.regions - counts.complete,
        "organizations": gaps.unread_organizations(),
        # A long table is a long answer: ask for it less often.
        "every": "1s" if counts.regions <= 40 else "3s",
    }
    polls = request.headers.get("HX-Target") == "coverage"
    if polls and not survey.running:
        context["toast"] = f"Nothing {'of these accounts ' if asked else ''}is being read any more."
    return render(request, f"settings/coverage.html{'#table' if polls else ''}", context)


@require_safe
def coverage_export(request: HttpRequest) -> StreamingHttpResponse:
    """The same as CSV or JSON (`format`): accounts by regions (of some, `q`), last complete read, unread and why."""
    me = actor(request)
    asked = _asked(request)
    rows = syncing.coverage(me, called=asked)
    narrowed = [f"Narrowed to accounts called: {asked}"] if asked else []
    head = [*gaps.summary(me), *narrowed, f"Asked by {me.label} at {gaps.utc(timezone.now())}"]
    if request.GET.get("format") == "json":
        pieces = exporting.json_text({"coverage": head}, "regions", (_item(row) for row in rows))
        return file(pieces, exporting.file_name("coverage", "json"))
    columns = (
        "Account", "Account id", "Region", "Read", "Last complete read", "Functions", "Unread policies",
        "Functions whose aliases are unread", "Why", "What to do",
    )  # fmt: skip
    table = (tuple(_item(row).values()) for row in rows)
    return file(exporting.csv_text(head, columns, table), exporting.file_name("coverage", "csv"))


def _asked(request: HttpRequest) -> str:
    """Which accounts are looked for, by a part of their names or digits; "": every one."""
    return request.GET.get("q", "").strip()[:200]


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
        messages.info(request, f"{where} being read. You can leave this page; the sync goes on.")
    return redirect("coverage")


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        return uuid.UUID(int=0)
