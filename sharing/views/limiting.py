"""How often one person may ask for what costs much: files of everything, and questions over everything.

Doors that are open to strangers count by address and by whom they try (allauth: signing in, resetting passwords; link_holders:
invitations; providers: single sign-on). Those behind the sign-in count by person: an office shares its address. What writes is
limited where it is decided, in services: invitations, requests, test invokes, looks for a role.
"""

import math
import time

from allauth.core.internal import ratelimit
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

#: What may be asked how often; allauth's notation.
RATES = {"export": "20/m/user", "question": "120/m/user"}
#: Where it is counted: files in the database, for all web processes together; questions in each process' memory, because they
#: come with every few keystrokes and the database would be written each time.
STORES = {"export": "default", "question": "memory"}
#: URL names, beside every name that ends in `-export`.
QUESTIONS = {"search", "access", "access-compare", "access-reason", "access-reason-functions", "invitation-functions"}
#: What the longest of allauth's limits on guessing asks for: seconds. The shorter ones are over by then too.
GUESSED = 300


def kind_of(name: str) -> str:
    """Which rate an address falls under; "" for none."""
    return "export" if name.endswith("-export") else "question" if name in QUESTIONS else ""


def refused(request: HttpRequest, name: str) -> HttpResponse | None:
    """Count the request; the page that says when to try again once there were too many."""
    kind = kind_of(name)
    if not kind or not request.user.is_authenticated:
        return None
    seconds = _take(kind, str(request.user.pk))
    return too_many(request, seconds) if seconds else None


def too_many(request: HttpRequest, seconds: int, *, guessing: bool = False) -> HttpResponse:
    """429, with when to try again for people and for programs."""
    context = {"guessing": guessing, "minutes": math.ceil(seconds / 60) if seconds > 90 else 0, "seconds": seconds}
    response = render(request, "errors/429.html", context, status=429)
    response["Retry-After"] = str(seconds)
    return response


def _take(kind: str, person: str) -> int:
    """Seconds until the person may ask again; 0 when they may now, and it is counted."""
    (rate,) = ratelimit.parse_rates(RATES[kind])
    store = caches[STORES[kind]]
    key = f"limit:{kind}:{person}"
    now = time.time()
    allowed, history = ratelimit.apply_rate(store.get(key, []), now, rate)
    if allowed:
        store.set(key, history, rate.duration)
        return 0
    # The newest first: the oldest one makes room.
    free_at: float = history[-1] + rate.duration
    return max(1, math.ceil(free_at - now))
