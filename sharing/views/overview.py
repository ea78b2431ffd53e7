"""The first page: what is unsettled, ending, public or unread, and what to do next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The overview."""
    return render(request, "overview/overview.html")
