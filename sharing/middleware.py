"""Per-request habits: the person's time zone, and sign-up that stays closed."""

import zoneinfo
from collections.abc import Callable

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest, HttpResponse
from django.utils import timezone


class InvitedOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """allauth's sign-up is open by default; people are added by an admin (`manage.py add-person`)."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody signs up by themselves."""
        return False


class PersonalSettingsMiddleware:
    """Shows times in the signed-in person's time zone."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Activate the zone for this request only."""
        zone = getattr(request.user, "time_zone", "") or "UTC"
        try:
            override = timezone.override(zoneinfo.ZoneInfo(zone))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            override = timezone.override(zoneinfo.ZoneInfo("UTC"))
        with override:
            return self.get_response(request)
