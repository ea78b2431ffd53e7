"""Who may open a door at all. Services ask again: a view is never the only guard.

Every view that accepts POST carries one of these (or is a person's own business, such as signing out); a test walks the
URL configuration and posts to each as an auditor.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from sharing.models import Actor, Role, User

P = ParamSpec("P")
Answer = TypeVar("Answer", bound=HttpResponseBase)
Opened = TypeVar("Opened", bound=Callable[..., object])
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def actor(request: HttpRequest) -> Actor:
    """The signed-in person, as services want them."""
    if not isinstance(request.user, User):
        raise PermissionDenied("Sign in first.")
    return Actor.of(request.user)


def open_to_consumers(view: Opened) -> Opened:
    """Pages that consumers may open too. All others do not exist for them (middleware.ConsumersMiddleware)."""
    view.open_to_consumers = True  # type: ignore[attr-defined]
    return view


def for_admins(view: View[P]) -> View[P]:
    """Admins only, for reading too: connecting accounts, people."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not actor(request).is_admin():
            raise PermissionDenied("Only an admin of fnshare can do this.")
        return view(request, *args, **kwargs)

    return guarded


def for_changing(view: Callable[Concatenate[HttpRequest, P], Answer]) -> Callable[Concatenate[HttpRequest, P], Answer]:
    """Owners and admins only: auditors see everything in their scope and change nothing."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> Answer:
        if not actor(request).may_change():
            raise PermissionDenied("Your role may look at everything in its scope, and change nothing.")
        return view(request, *args, **kwargs)

    return guarded


def for_acting(view: View[P]) -> View[P]:
    """Whoever may act for a consumer account, if they are a member of one: everybody but auditors, who change nothing."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if actor(request).role == Role.AUDITOR and request.method not in ("GET", "HEAD"):
            raise PermissionDenied("Your role may look at everything in its scope, and change nothing.")
        return view(request, *args, **kwargs)

    return guarded
