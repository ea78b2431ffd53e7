"""Findings: the list (by cause or one by one), the rules, the counts over time, and what has been seen."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from sharing.forms.findings import FindingFilter
from sharing.models import Actor, Finding, Weight
from sharing.policy.arn import unspaced
from sharing.policy.findings import RULES
from sharing.services import gaps
from sharing.services.findings import counting, listing, visiting
from sharing.services.findings.settling import title_of
from sharing.services.naming import account_names

from .finding_words import SEVERITIES, shown
from .fragments import by_htmx
from .paging import page_of
from .permitting import actor

KEPT = ("q", "status", "severity", "rule", "account", "since", "by", "owner", "cause")


@require_safe
def finding_list(request: HttpRequest) -> HttpResponse:
    """Grouped by cause, the new ones first; one by one with `by=finding` or within one cause."""
    me = actor(request)
    now = timezone.now()
    form = FindingFilter(request.GET, rules=listing.rules())
    valid = form.is_valid()
    asked = asked_of(form) if valid else listing.Asked()
    since = since_of(form, me, now)
    found = listing.find(me, asked, now=now) if valid else Finding.objects.none()
    grouped = form.cleaned_data.get("by") != "finding" and not asked.cause if valid else True
    context: dict[str, Any] = {
        "form": form,
        "asked": asked,
        "grouped": grouped,
        "narrowed": any(request.GET.get(name) for name in KEPT if name != "by"),
        "since": None if since == visiting.LONG_AGO else since,
        "tab": "list",
    }
    if grouped:
        groups = listing.Grouped(found, since=since, by=form.cleaned_data.get("by") or "cause")
        page = page_of(groups, request)
        shown_groups = listing.with_words(page.object_list, found, account_names())
        context |= {"page": page, "groups": [(one, SEVERITIES[one.worst]) for one in shown_groups]}
        whole = valid and asked == listing.Asked()
        summary = listing.summary_of(groups, me, now=now) if whole else listing.summary(me, since=since, now=now)
    else:
        summary = listing.summary(me, since=since, now=now, asked=asked)
        whole = valid and listing.is_summed(asked)
        page = page_of(listing.NewFirst(found, since=since, many=summary.open if whole else None), request)
        context |= {"page": page, "rows": [shown(one, since) for one in page.object_list]}
        if asked.cause:
            label = listing.cause_label(asked.cause, account_names())
            context["chosen"] = " · ".join(part for part in (title_of(asked.rule) if asked.rule else "", label) if part)
    context["summary"] = summary
    if not page.paginator.count:
        context["coverage"] = gaps.summary(me)
    return render(request, "findings/list.html", context, status=200 if valid else 422)


@require_POST
def finding_seen(request: HttpRequest) -> HttpResponse:
    """The person has the list before them (the page says so once it has loaded), or says that nothing is new any more."""
    me = actor(request)
    if request.POST.get("all"):
        visiting.seen_all(me, now=timezone.now())
    else:
        visiting.looked(me, now=timezone.now())
    return HttpResponse(status=204) if by_htmx(request) else redirect("finding-list")


@require_safe
def finding_trend(request: HttpRequest) -> HttpResponse:
    """Open and accepted findings day by day: a table, drawn as a chart where there is JavaScript."""
    days = counting.days(actor(request), now=timezone.now())
    return render(request, "findings/trend.html", {"days": days, "newest": list(reversed(days)), "tab": "trend"})


@require_safe
def finding_rules(request: HttpRequest) -> HttpResponse:
    """Every rule, the worst first."""
    rules = [(rule, SEVERITIES[rule.severity]) for rule in RULES.values()]
    return render(request, "findings/rules.html", {"rules": rules, "tab": "rules"})


@require_safe
def finding_rule(request: HttpRequest, code: str) -> HttpResponse:
    """One rule: what it means, why it matters, how it is repaired, what AWS does."""
    rule = RULES.get(code)
    if rule is None:
        raise Http404("No such rule.")
    me = actor(request)
    many = Finding.objects.visible_to(me).open().filter(rule=code).count()
    context = {"rule": rule, "severity": SEVERITIES[rule.severity], "many": many, "tab": "rules"}
    return render(request, "findings/rule.html", context)


def asked_of(form: FindingFilter) -> listing.Asked:
    """What a valid filter asks for."""
    given = form.cleaned_data
    account = given["account"].strip()
    digits = unspaced(account)
    return listing.Asked(
        text=given["q"],
        severity=int(given["severity"] or 0),
        rule=given["rule"],
        cause=given["cause"],
        account=digits if digits.isdigit() else account,
        owner=given["owner"].strip(),
        status=given["status"] or "open",
    )


def since_of(form: FindingFilter, me: Actor, now: datetime) -> datetime:
    """Since when a finding is new: the chosen day's beginning, or the last visit."""
    day = form.cleaned_data.get("since") if form.is_valid() else None
    if day:
        return timezone.make_aware(datetime.combine(day, time.min)) - timedelta(microseconds=1)
    return visiting.new_since(me, now=now)


def finding_card(me: Actor) -> dict[str, Any]:
    """What the overview's card needs."""
    now = timezone.now()
    found = listing.summary(me, since=visiting.new_since(me, now=now), now=now)
    weights = [
        (weight.value, word, many)
        for weight, (word, many) in zip(sorted(Weight, reverse=True), found.by_weight.items(), strict=True)
    ]
    return {"findings": found, "findings_by_weight": weights}
