"""Whether htmx asks for a fragment, or a browser for a page; and in which tone either says what a click came to."""

from typing import Final

from django.contrib import messages
from django.http import HttpRequest

from sharing.models import Grant, LayerGrant

#: The level of a message for each tone of a toast.
LEVELS: Final = {"ok": messages.SUCCESS, "wait": messages.INFO, "bad": messages.ERROR}


def by_htmx(request: HttpRequest) -> bool:
    """Whether a fragment is wanted. Going back in the history wants the whole page, though htmx asks for it."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"


def wants(request: HttpRequest, target: str) -> bool:
    """Whether htmx asks for the contents of the element with this id."""
    return by_htmx(request) and request.headers.get("HX-Target") == target


def tone_of(grant: Grant | LayerGrant) -> str:
    """What a worker still has to do is not done, whatever the click was."""
    return "wait" if grant.is_unsettled else "ok"
