"""Doors that open to whoever holds an invitation's link: what they share, and what keeps guessers out."""

from collections.abc import Callable
from contextlib import suppress
from functools import wraps

from allauth.account.adapter import get_adapter
from allauth.core.internal.ratelimit import truncate_ip
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from sharing.models import Invitation
from sharing.services import inviting
from sharing.services.errors import Refusal

from .errors import STATUS
from .permitting import open_to_consumers

View = Callable[[HttpRequest, str], HttpResponse]
Door = Callable[[HttpRequest, Invitation], HttpResponse]

#: So many links that open nothing, from one address of the network, within so many seconds.
WRONG_LINKS, WITHIN = 30, 300


def for_link_holders(door: Door) -> View:
    """The view's token becomes its invitation. Whatever opens none gets one and the same page, and after some, none at all.

    Nothing is cached, and no address of these pages is told to any other: not by a referrer, not in logs (sharing.logs).
    """

    @login_not_required
    @open_to_consumers
    @wraps(door)
    def view(request: HttpRequest, token: str) -> HttpResponse:
        return _private(_answer(request, token))

    def _answer(request: HttpRequest, token: str) -> HttpResponse:
        misses = f"wrong-links:{truncate_ip(get_adapter().get_client_ip(request))}"
        if cache.get(misses, 0) >= WRONG_LINKS:
            return render(request, "accepting/too_many.html", status=429)
        invitation = inviting.find(token)
        if invitation is None:
            if not cache.add(misses, 1, WITHIN):
                with suppress(ValueError):  # it ended at this very moment
                    cache.incr(misses)
            return render(request, "accepting/nothing.html", status=404)
        try:
            return door(request, invitation)
        except Refusal as refusal:
            context = {"refusal": refusal, "back": reverse("invitation-open", args=[token])}
            return render(request, "accepting/refused.html", context, status=STATUS.get(refusal.code, 409))

    return view


def _private(response: HttpResponse) -> HttpResponse:
    add_never_cache_headers(response)
    # Never the path, to nobody. "no-referrer" would do the same, but browsers then send forms with "Origin: null", which
    # Django refuses as forged.
    response["Referrer-Policy"] = "strict-origin"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
