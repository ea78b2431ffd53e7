"""Settings, trust: the accounts and organisations that are no strangers. Everybody reads it, admins change it."""

from __future__ import annotations

import uuid
from collections import Counter

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from sharing.forms.trust import TrustForm
from sharing.models import Account, Trusted
from sharing.services import trusting
from sharing.services.errors import Refusal
from sharing.services.organizations import known
from sharing.tasks import soon
from sharing.tasks.findings import refresh_findings
from sharing.views.errors import blame

from .paging import page_of
from .permitting import actor, for_admins


@require_safe
def trust_list(request: HttpRequest) -> HttpResponse:
    """The list, and for admins the form that adds to it."""
    return _page(request, TrustForm())


@for_admins
@require_POST
def trust_add(request: HttpRequest) -> HttpResponse:
    """Trust an account or an organisation."""
    form = TrustForm(request.POST)
    if form.is_valid():
        try:
            entry = trusting.add(form.cleaned_data["value"], by=actor(request), note=form.cleaned_data["note"])
        except Refusal as refusal:
            blame(form, refusal)
        else:
            soon(refresh_findings, "1", queue="sync")
            messages.success(request, f"{entry.value} is trusted. Answers show it from now on; nothing else changes.")
            return redirect("trust-list")
    return _page(request, form, status=422)


@for_admins
@require_POST
def trust_remove(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Trust it no longer."""
    entry = get_object_or_404(Trusted, pk=pk)
    trusting.remove(entry, by=actor(request))
    soon(refresh_findings, "1", queue="sync")
    messages.success(request, f"{entry.value} is not trusted any more.")
    return redirect("trust-list")


def _page(request: HttpRequest, form: forms.Form, *, status: int = 200) -> HttpResponse:
    asked = request.GET.get("q", "").strip()[:200]
    page = page_of(trusting.called(asked), request)
    entries = list(page.object_list)
    names = dict(Account.objects.filter(number__in=[one.value for one in entries]).values_list("number", "name"))
    sizes = Counter(known().homes.values())
    context = {
        "form": form,
        "page": page,
        "asked": asked,
        "entries": [(one, names.get(one.value, ""), sizes.get(one.value, 0)) for one in entries],
    }
    return render(request, "settings/trust.html", context, status=status)
