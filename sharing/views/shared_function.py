"""One function that is shared with somebody: how to use it first, then who may what, and whether it works."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from sharing.policy import handing_over
from sharing.policy.actions import INVOKE
from sharing.services import consuming, invoking
from sharing.services.access.exporting import file_name
from sharing.services.errors import Refusal
from sharing.tasks import soon
from sharing.tasks.sharing import run_check

from .access_rows import seconds_between_polls
from .fragments import by_htmx, wants
from .permitting import actor, for_acting, open_to_consumers
from .shared_rows import shown_way


def the_share(request: HttpRequest, pk: uuid.UUID) -> tuple[consuming.Side, consuming.Shared]:
    """What reaches the person's accounts, by the policy's id; 404 for all else, which is not even asked for."""
    side = consuming.side_of(actor(request))
    if not side.reaches(pk):
        raise Http404
    return side, consuming.page_rows(side, [pk])[0]


def standing_of(side: consuming.Side, found: consuming.Shared, said: str = "") -> dict[str, Any]:
    """What the polled part shows: the ways in and the checks."""
    standing = consuming.standing(side, found.policy)
    waiting = standing.waiting
    since = min((at for at in (found.unsettled, waiting.at if waiting else None) if at), default=None)
    return {
        "found": found,
        "policy": found.policy,
        "function": found.policy.function,
        "ways": [shown_way(way, found) for way in found.ways],
        "standing": standing,
        "several": len(side.accounts) > 1,
        "every": seconds_between_polls(since) if since else 0,
        "said": said,
    }


def pack_of(request: HttpRequest, found: consuming.Shared) -> dict[str, Any]:
    """How to use one of the actions that they have: the asked one, else the first."""
    arn, actions = found.arn, found.actions
    asked = request.GET.get("action", "")
    action = asked if asked in actions else next(iter(actions), "")
    if arn is None or not action:
        return {"parts": (), "actions": [], "action": ""}
    caller, kind = next((way.caller for way in found.ways if way.action == action and way.caller[0]), ("", "role"))
    if any(way.is_account for way in found.ways if way.action == action):
        caller, kind = "", "role"
    return {
        "parts": handing_over.pack(arn, action, caller=caller, kind=kind),
        "actions": [(name, consuming.deed(name)) for name in actions],
        "action": action,
        "calls": action == INVOKE,
    }


@open_to_consumers
@never_cache
@require_safe
@vary_on_headers("HX-Request")
def shared_function(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page of one function, alias or version; for htmx its polled part.

    What ends while its page is open leads back to the list, as whatever does not exist does.
    """
    try:
        side, found = the_share(request, pk)
    except Http404:
        if not wants(request, "standing"):
            raise
        return HttpResponse(status=404, headers={"HX-Redirect": reverse("shared-list")})
    context = standing_of(side, found)
    context["may_invoke"] = SimpleLazyObject(lambda: bool(invoking.consumer_doors(found.policy, by=actor(request))))
    if wants(request, "standing"):
        return render(request, "shared/function.html#standing", context)
    return render(request, "shared/function.html", {**context, **pack_of(request, found)})


@open_to_consumers
@for_acting
@require_POST
def shared_check(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Try it as the checker role of one of their accounts."""
    side, found = the_share(request, pk)
    number = request.POST.get("account", "")
    account = next((one for one in found.accounts if one.number == number), None)
    if account is None:
        raise Http404
    said = ""
    try:
        check = consuming.ask(side, found, account)
    except Refusal as refusal:
        said = f"{refusal.message} {refusal.next}".strip()
    else:
        soon(run_check, check.pk, queue="checks")
    if by_htmx(request):
        return render(request, "shared/function.html#standing", standing_of(side, found, said))
    if said:
        messages.warning(request, said)
    return redirect("shared-function", pk)


@open_to_consumers
@require_safe
def shared_pack(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The hand-off pack as one text."""
    _, found = the_share(request, pk)
    context = pack_of(request, found)
    if found.arn is None or not context["parts"]:
        raise Http404
    text = handing_over.markdown(found.arn, context["action"], context["parts"])
    response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name(found.arn.name, "md")}"'
    return response
