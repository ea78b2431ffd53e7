"""What is done to, and taken from, a whole list of findings: accepted or given to somebody in bulk; exported."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_safe

from sharing.forms.findings import AcceptForm, FindingFilter, OwnerForm
from sharing.models import Actor, Finding, User, Weight
from sharing.services import gaps
from sharing.services.access import exporting
from sharing.services.errors import Refusal
from sharing.services.findings import accepting, listing
from sharing.services.findings.exporting import item
from sharing.services.findings.settling import title_of
from sharing.services.naming import account_names

from .access import file
from .errors import blame
from .findings import asked_of
from .permitting import actor, for_changing

COLUMNS = (
    "id", "status", "severity", "certain", "rule", "title", "account", "account name", "region", "function", "qualifier",
    "statement id", "finding", "depends on", "let in", "first seen", "open since", "closed", "owner", "accepted until",
    "accepted by", "accepted because",
)  # fmt: skip
_SHOWN = 20


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def finding_accept_many(request: HttpRequest) -> HttpResponse:
    """Accept, or give to somebody, what was ticked (`finding=` many times) or all of one cause (`rule`, `cause`).

    `until_seen`: of a cause only what was open when the page was made, so that nobody accepts what they never saw.
    """
    me = actor(request)
    asked = request.POST if request.method == "POST" else request.GET
    chosen = _chosen(me, asked.getlist("finding"), asked.get("rule", ""), asked.get("cause", ""), asked.get("seen", ""))
    if not chosen.exists():
        messages.error(request, "Nothing is chosen that is still open: tick findings first, or choose a cause.")
        return redirect("finding-list")
    few = list(chosen.select_related("account", "function__account", "policy").order_by("-severity", "id")[: accepting.AT_ONCE])
    people = accepting.may_bear(few)
    posted = request.method == "POST"
    form = AcceptForm(request.POST if posted else None, people=people)
    only_given = OwnerForm(request.POST, people=people) if request.POST.get("step") == "assign" else None
    decided = only_given or form
    if posted and decided.is_valid():
        try:
            return _assign(request, me, few, only_given) if only_given else _accept(request, me, few, form)
        except Refusal as refusal:
            if refusal.code == "not-found":
                raise
            blame(decided, refusal)
    if only_given is not None:
        form = AcceptForm(people=people, initial=request.POST.dict())
        messages.error(request, " ".join(str(error) for errors in only_given.errors.values() for error in errors))
    label = listing.cause_label(asked.get("cause", ""), account_names())
    context: dict[str, Any] = {
        "form": form,
        "many": chosen.count(),
        "most": accepting.AT_ONCE,
        "own": len(accepting.granted_by(me, few)),
        "shown": few[:_SHOWN],
        "more": max(0, len(few) - _SHOWN),
        "ticked": [str(one.pk) for one in few] if asked.getlist("finding") else [],
        "rule": asked.get("rule", ""),
        "cause": asked.get("cause", ""),
        "words": " · ".join(part for part in (title_of(asked.get("rule", "")) if asked.get("rule") else "", label) if part),
        "seen": asked.get("seen", "") or timezone.now().isoformat(),
    }
    return render(request, "findings/accept.html", context, status=422 if posted else 200)


def _assign(request: HttpRequest, me: Actor, chosen: list[Finding], form: OwnerForm) -> HttpResponse:
    owner: User | None = form.cleaned_data["owner"]
    changed = accepting.assign([one.pk for one in chosen], owner, by=me)
    messages.success(request, f"{_many(changed)} given to {owner or 'nobody'}.")
    return redirect("finding-list")


def _accept(request: HttpRequest, me: Actor, chosen: list[Finding], form: AcceptForm) -> HttpResponse:
    keys = [one.pk for one in chosen]
    owner: User = form.cleaned_data["owner"]
    done = accepting.accept_many(keys, reason=form.cleaned_data["reason"], owner=owner, until=form.ends_at, by=me)
    said = f"{_many(done.done)} accepted until the end of {form.cleaned_data['until']:%d %b %Y}."
    if done.own:
        said += f" {_many(done.own)} left open: you granted or approved those shares yourself."
    messages.success(request, said)
    return redirect("finding-list")


def _many(count: int) -> str:
    return "1 finding is" if count == 1 else f"{count:,} findings are"


def _chosen(me: Actor, ticked: list[str], rule: str, cause: str, seen: str) -> QuerySet[Finding]:
    """What is meant, open and in scope. Text that is no id means nothing."""
    found = Finding.objects.visible_to(me).open()
    if ticked:
        return found.filter(pk__in=[key for text in ticked[:1000] if (key := _uuid(text)) is not None])
    if not rule or not cause or "\x00" in rule + cause:
        return found.none()
    found = found.filter(rule=rule, cause=cause)
    moment = _moment(seen)
    return found.filter(opened_at__lte=moment) if moment else found


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment is not None and timezone.is_aware(moment) else None


@require_safe
def finding_export(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The filtered list as CSV or JSON (`format`), what was not looked at first. Auditors may."""
    me = actor(request)
    form = FindingFilter(request.GET, rules=listing.rules())
    if not form.is_valid():
        return redirect("finding-list")
    now = timezone.now()
    found = listing.find(me, asked_of(form), now=now)
    rows = listing.in_order(found).select_related("account", "function", "policy", "owner").iterator(chunk_size=1000)
    head = (*gaps.summary(me), f"Exported {now:%Y-%m-%d %H:%M} UTC by {me.label}")
    if request.GET.get("format") == "json":
        pieces = exporting.json_text({"coverage": head}, "findings", map(item, rows))
        return file(pieces, exporting.file_name("findings", "json"))
    return file(exporting.csv_text(head, COLUMNS, map(_line, rows)), exporting.file_name("findings", "csv"))


def _line(one: Finding) -> list[str]:
    return [
        str(one.pk),
        one.status,
        Weight(one.severity).label.lower(),
        "yes" if one.certain else "depends",
        one.rule,
        title_of(one.rule),
        one.account.number if one.account else "",
        one.account.name if one.account else "",
        one.region or (one.function.region if one.function else ""),
        one.function.arn if one.function else "",
        one.policy.qualifier if one.policy else "",
        one.sid,
        one.text,
        "; ".join(one.detail.get("depends_on", [])),
        "; ".join(str(who[1]) for who in one.detail.get("who", [])),
        _at(one.first_seen_at),
        _at(one.opened_at),
        _at(one.closed_at),
        one.owner.email if one.owner else "",
        _at(one.accepted_until),
        one.accepted_as,
        one.accepted_reason,
    ]


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
