"""Sharing many at once: what is to be shared, the verdicts before anything is written, the progress, and what can be done."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.bulk import TakeBackForm
from sharing.models import Actor, Bulk, BulkItem, BulkState, Judgement, Wanted
from sharing.policy.arn import is_account_id
from sharing.services import bulk as bulks
from sharing.services import gaps
from sharing.services.access import exporting
from sharing.services.bulk import Outcome
from sharing.services.bulk.telling import COLUMNS, WORDS
from sharing.services.errors import Refusal
from sharing.services.granting.wording import doing
from sharing.tasks import begin

from .access import file
from .errors import blame
from .paging import page_of
from .permitting import actor, for_changing

Mark = tuple[str, str]  # tone, icon


@dataclass(frozen=True)
class Row:
    """One line as the pages show it. `name`: of the principal, "" where its own form says it all."""

    item: BulkItem
    tone: str
    icon: str
    words: str
    says: str = ""
    next: str = ""

    @property
    def name(self) -> str:
        """Whom people would say."""
        label = self.item.who_label
        return "" if label in (self.item.who, f"account {self.item.who}") else label

    @property
    def is_account(self) -> bool:
        """Whether it is an account's digits."""
        return is_account_id(self.item.who)

    @property
    def may(self) -> str:
        """What they may do with the function."""
        words = doing(self.item.action)
        return f"{words[:1].upper()}{words[1:]}".removesuffix(" of").removesuffix(" from")


VERDICTS: Final[dict[Judgement, Mark]] = {
    Judgement.OK: ("ok", "circle-check"),
    Judgement.SECOND: ("wait", "user-question"),
    Judgement.ALREADY: ("off", "check"),
    Judgement.DUPLICATE: ("off", "copy"),
    Judgement.FUNCTION: ("bad", "circle-x"),
    Judgement.PRINCIPAL: ("bad", "user-off"),
    Judgement.FULL: ("bad", "database"),
    Judgement.CLOSED: ("warn", "lock"),
    Judgement.INVALID: ("bad", "alert-circle"),
}
OUTCOMES: Final[dict[Outcome, Mark]] = {
    Outcome.ACTIVE: ("ok", "circle-check"),
    Outcome.SECOND: ("wait", "user-question"),
    Outcome.UNDER_WAY: ("busy", "loader-2"),
    Outcome.WAITING: ("wait", "clock"),
    Outcome.FAILED: ("bad", "circle-x"),
    Outcome.STILL: ("bad", "alert-circle"),
    Outcome.ALREADY: ("off", "check"),
    Outcome.OVER: ("off", "circle-minus"),
    Outcome.CANCELLED: ("off", "ban"),
    Outcome.SKIPPED: ("warn", "alert-triangle"),
}
STATES: Final[dict[str, Mark]] = {
    BulkState.DRAFT: ("plain", "eye"),
    BulkState.RUNNING: ("busy", "loader-2"),
    BulkState.PAUSED: ("warn", "player-pause"),
    BulkState.DONE: ("ok", "circle-check"),
}
_ENDED = (Outcome.ACTIVE, Outcome.SECOND, Outcome.FAILED, Outcome.STILL, Outcome.OVER, Outcome.CANCELLED)


@require_safe
def bulk_list(request: HttpRequest) -> HttpResponse:
    """What was shared many at once, and previews of one's own; the newest first."""
    me = actor(request)
    page = page_of(Bulk.objects.visible_to(me).select_related("requested_by"), request, size=25)
    rows = [(one, *STATES[one.state], one.get_state_display()) for one in page.object_list]
    return render(request, "bulk/list.html", {"page": page, "rows": rows, "tab": "bulk"})


@require_safe
def bulk_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The preview with a verdict for each line; once confirmed the progress with an outcome for each."""
    me = actor(request)
    bulk = _the_bulk(me, pk)
    verdict, outcome = request.GET.get("verdict", ""), request.GET.get("outcome", "")
    is_draft = bulk.state == BulkState.DRAFT
    page = page_of(bulks.items(bulk, verdict=verdict if is_draft else "", outcome="" if is_draft else outcome), request)
    context: dict[str, Any] = {"bulk": bulk, "page": page, "is_draft": is_draft, "state": STATES[bulk.state]}
    if is_draft:
        said = bulks.verdicts(bulk)
        context |= {
            "chips": [(one.value, *_verdict_mark(one, bulk), count, one == verdict) for one, count in said.items()],
            "rows": [_judged(item, bulk) for item in page.object_list],
            "written": said.get(Judgement.OK, 0) + said.get(Judgement.SECOND, 0),
            "second": said.get(Judgement.SECOND, 0),
            "left": sum(count for one, count in said.items() if one not in (Judgement.OK, Judgement.SECOND)),
            "total": sum(said.values()),
            "taking": bulk.wanted == Wanted.ABSENT,
        }
        return render(request, "bulk/preview.html", context)
    tally = bulks.tally(bulk)
    wanted = sum(count for one, count in tally.items() if one not in (Outcome.ALREADY, Outcome.SKIPPED))
    ended = sum(tally.get(one, 0) for one in _ENDED)
    if bulk.wanted == Wanted.ABSENT:
        ended -= tally.get(Outcome.ACTIVE, 0)
    busy = bulk.state == BulkState.RUNNING or bool(tally.get(Outcome.UNDER_WAY))
    context |= {
        "chips": [(one.value, WORDS[one], *OUTCOMES[one], count, one.value == outcome) for one, count in tally.items()],
        "rows": [_done_with(item) for item in page.object_list],
        "wanted": wanted,
        "ended": min(ended, wanted),
        "total": sum(tally.values()),
        "retryable": bulks.retryable(bulk) if bulk.state != BulkState.RUNNING or tally.get(Outcome.FAILED) else 0,
        "may_take_back": bulk.wanted == Wanted.PRESENT and bulk.group is None and any(tally.get(one) for one in _LIVE),
        "cancellable": tally.get(Outcome.WAITING, 0) if bulk.is_open else 0,
        "polls": busy,
        "taken_back": bulk.wanted == Wanted.ABSENT,
    }
    return render(request, "bulk/detail.html", context)


_BEGUN = "Sharing has begun. It goes on by itself when you leave this page."
_LIVE = (Outcome.ACTIVE, Outcome.SECOND, Outcome.UNDER_WAY, Outcome.WAITING, Outcome.STILL)


def _judged(item: BulkItem, bulk: Bulk) -> Row:
    verdict = Judgement(item.verdict)
    words, tone, icon = _verdict_mark(verdict, bulk)
    if verdict is Judgement.FUNCTION:
        words = bulks.verdict_words(item)
    return Row(item, tone, icon, words, item.says, item.next)


def _verdict_mark(judgement: Judgement, bulk: Bulk) -> tuple[str, str, str]:
    if judgement is Judgement.OK and bulk.wanted == Wanted.ABSENT:
        return "Will be taken back", "warn", "arrow-back-up"
    if judgement is Judgement.FUNCTION:  # all of them together
        return "No such function, or several", *VERDICTS[judgement]
    return str(judgement.label), *VERDICTS[judgement]


def _done_with(item: BulkItem) -> Row:
    outcome = bulks.outcome_of(item)
    return Row(item, *OUTCOMES[outcome], WORDS[outcome], *bulks.happened(item))


@require_safe
def bulk_export(request: HttpRequest, pk: uuid.UUID) -> StreamingHttpResponse:
    """Every line with its verdict and outcome, as CSV; how far everything was read comes first."""
    me = actor(request)
    bulk = _the_bulk(me, pk)
    head = [
        *gaps.summary(me),
        f"{bulk.title}: {bulk.get_state_display()}",
        f"Asked by {me.label} at {gaps.utc(timezone.now())}",
    ]
    name = exporting.file_name(f"bulk-{bulk.pk.hex[:8]}", "csv")
    return file(exporting.csv_text(head, COLUMNS, bulks.rows(bulk)), name)


@for_changing
@require_POST
def bulk_confirm(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Share what the preview said."""
    seen = parse_datetime(request.POST.get("judged", "")[:40]) if _is_moment(request.POST.get("judged", "")) else None
    return _done(request, pk, partial(bulks.confirm, judged_at=seen), _BEGUN)


@for_changing
@require_POST
def bulk_judge(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Make the verdicts of a preview anew."""
    return _done(request, pk, bulks.judge_again, "Every line was looked at again.")


@for_changing
@require_POST
def bulk_pause(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Begin nothing more for now."""
    return _done(request, pk, bulks.pause, "Paused. What has been begun is finished.")


@for_changing
@require_POST
def bulk_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Go on."""
    return _done(request, pk, bulks.resume, "It goes on where it was.")


@for_changing
@require_POST
def bulk_cancel(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Do not do what is left."""
    return _done(request, pk, bulks.cancel, "What was left is cancelled. What is done stays.")


@for_changing
@require_POST
def bulk_retry(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Try again what failed."""
    return _done(request, pk, bulks.retry, "What failed is to be tried again.")


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def bulk_take_back(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Asks, then takes back every share that this bulk made."""
    me = actor(request)
    bulk = _the_bulk(me, pk)
    form = TakeBackForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            bulks.take_back(bulk, by=me, reason=form.cleaned_data["reason"])
        except Refusal as refusal:
            blame(form, refusal)
        else:
            begin(bulk.pk)
            messages.info(request, "All of it is being taken back.")
            return redirect("bulk-detail", bulk.pk)
    tally = bulks.tally(bulk)
    context = {
        "bulk": bulk,
        "form": form,
        "dangerous": True,
        "shared": tally.get(Outcome.ACTIVE, 0) + tally.get(Outcome.STILL, 0) + tally.get(Outcome.UNDER_WAY, 0),
        "asked": tally.get(Outcome.SECOND, 0),
        "waiting": tally.get(Outcome.WAITING, 0),
        "already": tally.get(Outcome.ALREADY, 0),
    }
    return render(request, "bulk/take_back.html", context, status=422 if form.errors else 200)


def _done(request: HttpRequest, pk: uuid.UUID, act: Callable[..., Bulk], said: str) -> HttpResponse:
    """Do it, tell workers, and show the page."""
    me = actor(request)
    bulk = _the_bulk(me, pk)
    try:
        bulk = act(bulk, by=me)
    except Refusal as refusal:
        if refusal.code in ("not-found", "not-permitted"):
            raise
        messages.error(request, f"{refusal.message} {refusal.next}".strip())
    else:
        runs = bulk.state == BulkState.RUNNING
        if runs:
            begin(bulk.pk)
        messages.add_message(request, messages.INFO if runs else messages.SUCCESS, said)
    return redirect("bulk-detail", pk)


def _the_bulk(me: Actor, pk: uuid.UUID) -> Bulk:
    return get_object_or_404(Bulk.objects.visible_to(me).select_related("requested_by", "revoked_by", "group"), pk=pk)


def _is_moment(text: str) -> bool:
    try:
        return parse_datetime(text[:40]) is not None
    except ValueError:
        return False
