"""Per-request habits: the person's time zone, refusals as pages, htmx after a session ended."""

import zoneinfo
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone

from sharing.services import people
from sharing.services.errors import Refusal
from sharing.views.errors import refused


class PersonalSettingsMiddleware:
    """Shows times in the signed-in person's time zone, and notes that their session is in use."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Activate the zone for this request only."""
        if request.user.is_authenticated and request.session.session_key:
            people.seen(request.session.session_key)
        zone = getattr(request.user, "time_zone", "") or "UTC"
        try:
            override = timezone.override(zoneinfo.ZoneInfo(zone))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            override = timezone.override(zoneinfo.ZoneInfo("UTC"))
        with override:
            return self.get_response(request)


class RefusalMiddleware:
    """A refusal that no view turned into a form error becomes a page: 403, 404 or 409, with the next step."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """An htmx request whose session ended loads the sign-in page whole, instead of swapping it into the page."""
        response = self.get_response(request)
        sign_in = resolve_url(settings.LOGIN_URL)
        if request.headers.get("HX-Request") and response.status_code == 302 and response["Location"].startswith(sign_in):
            shown = urlsplit(request.headers.get("HX-Current-URL", ""))
            back = f"{shown.path or '/'}{'?' if shown.query else ''}{shown.query}"
            return HttpResponse(status=204, headers={"HX-Redirect": f"{sign_in}?{urlencode({'next': back})}"})
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Only refusals: anything else is a 500."""
        return refused(request, exception) if isinstance(exception, Refusal) else None
