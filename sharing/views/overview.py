"""The first page: what needs somebody, what is under way, ending, open or unread, and what to do next."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from sharing.services import following, inviting, layers
from sharing.services import overview as first_page
from sharing.services.signing.entering import broke_glass_lately
from sharing.views.findings import finding_card
from sharing.views.permitting import actor


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The overview; its body alone while something is under way and the page polls."""
    me = actor(request)
    context = {"shown": first_page.overview(by=me), "layers": layers.attention(by=me), **finding_card(me)}
    context["differing"] = following.differing(by=me)
    context["invitations"] = inviting.attention(by=me)
    context["broke_glass"] = broke_glass_lately(me, timezone.now())
    polls = request.headers.get("HX-Target") == "overview"
    return render(request, f"overview/overview.html{'#body' if polls else ''}", context)
