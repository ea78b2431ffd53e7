"""Settings, pace: how fast AWS is asked now, and what is read next."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sharing.services import pacing, syncing
from sharing.services.resting import resting
from sharing.views.paging import page_of
from sharing.views.permitting import actor


@require_safe
def pace(request: HttpRequest) -> HttpResponse:
    """Accounts by regions with their pace, those that AWS throttled lately first."""
    now = timezone.now()
    places, throttled = pacing.places(actor(request))
    page = page_of(places, request)
    context = {
        "page": page,
        "lines": pacing.lines(list(page), now),
        "known": throttled is not None,
        "throttled": throttled,
        "share": round(settings.AWS_PACE_SHARE * 100),
        "cadence": syncing.cadence(),
        "quiet": settings.QUIET_HOURS,
        "resting": resting(now),
        "quiet_until": settings.QUIET_HOURS.ends(now) if settings.QUIET_HOURS else None,
    }
    return render(request, "settings/pace.html", context)
