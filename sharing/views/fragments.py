"""Whether htmx asks for a fragment, or a browser for a page."""

from django.http import HttpRequest


def by_htmx(request: HttpRequest) -> bool:
    """Whether a fragment is wanted. Going back in the history wants the whole page, though htmx asks for it."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-History-Restore-Request") != "true"


def wants(request: HttpRequest, target: str) -> bool:
    """Whether htmx asks for the contents of the element with this id."""
    return by_htmx(request) and request.headers.get("HX-Target") == target
