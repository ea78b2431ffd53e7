"""Shared with me: the consumers' side."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sharing.models import Membership

from .permitting import actor, open_to_consumers


@open_to_consumers
@require_safe
def shared_list(request: HttpRequest) -> HttpResponse:
    """The accounts the person acts for."""
    memberships = Membership.objects.of(actor(request)).select_related("account")
    return render(request, "shared/list.html", {"memberships": memberships})
