"""Per-request habits: headers, the person's time zone, refusals as pages, htmx after a session ended."""

import zoneinfo
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import structlog
from django.conf import settings
from django.contrib.auth import logout
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils import timezone
from django.utils.cache import patch_cache_control

from sharing.models import Role, User
from sharing.services.errors import Refusal
from sharing.services.signing import factors, sessions, ways
from sharing.views import limiting, operations
from sharing.views.errors import refused
from sharing.views.signing.providers import PROVED_AT


class HeadersMiddleware:
    """What every answer tells the browser, whoever gave it: a page, an error, a redirect of Django's own, a static file.

    So it is the outermost but for the content security policy's. Pages stay in no cache, not even the browser's own: who
    signs out leaves nothing behind the Back button. Static files say themselves how long they keep.
    """

    ALWAYS: ClassVar[dict[str, str]] = {
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": ", ".join(
            (
                *(
                    f"{feature}=()"
                    for feature in (
                        "accelerometer",
                        "browsing-topics",
                        "camera",
                        "display-capture",
                        "geolocation",
                        "gyroscope",
                        "magnetometer",
                        "microphone",
                        "midi",
                        "payment",
                        "usb",
                    )
                ),
                "publickey-credentials-get=(self)",
                "publickey-credentials-create=(self)",
            )
        ),
    }

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Adds; what an answer says itself stays, but for caching."""
        response = self.get_response(request)
        for name, value in self.ALWAYS.items():
            response.headers.setdefault(name, value)
        if not request.path.startswith(settings.STATIC_URL) and "no-store" not in response.get("Cache-Control", ""):
            # What a form answered is kept for the back button alone: without it browsers ask to send the form again.
            kept = {"no_cache": True} if request.method == "POST" else {"no_store": True}
            patch_cache_control(response, private=True, **kept)
        return response


class QueryMiddleware:
    """Leaves NUL out of what an address asks: nobody types it, and PostgreSQL takes it in no text. Once, for every page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Before anybody reads the query."""
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query or "\x00" in query:
            request.META["QUERY_STRING"] = query.replace("%00", "").replace("\x00", "")
        return self.get_response(request)


class ProbesMiddleware:
    """Answers probes before anything else: they come to an address, not to a name, without https and without a session."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Every other address goes on."""
        return operations.answer(request) or self.get_response(request)


class RequestIdMiddleware:
    """Answers carry the id under which the log has the request, and whatever workers did because of it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The id is django-structlog's, made anew for each request: nobody outside chooses what the log says."""
        response = self.get_response(request)
        asked = structlog.contextvars.get_contextvars().get("request_id")
        if asked:
            response["X-Request-ID"] = asked
        return response


class PersonalSettingsMiddleware:
    """Shows times in the signed-in person's time zone, and notes that their session is in use."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Activate the zone for this request only."""
        if isinstance(request.user, User) and request.session.session_key:
            sessions.seen(request.session.session_key, request.user.session_seen_at)
        zone = getattr(request.user, "time_zone", "") or "UTC"
        try:
            override = timezone.override(zoneinfo.ZoneInfo(zone))
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            override = timezone.override(zoneinfo.ZoneInfo("UTC"))
        with override:
            return self.get_response(request)


class ConsumersMiddleware:
    """Consumers see their own pages; every other address is, to them, one that does not exist.

    A page is theirs by `@open_to_consumers`; without it nothing is, so that a page that is added later is closed to them.
    The QuerySets say the same once more: nothing is visible_to a consumer.
    """

    #: Views that are not ours: signing in and out, passwords, second factors. They serve whoever is signed in.
    LIBRARIES = ("allauth.",)

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing before the address is known."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], _args: tuple[Any, ...], _kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """The start page of a consumer is what is shared with them."""
        if not isinstance(request.user, User) or request.user.role != Role.CONSUMER:
            return None
        if getattr(view, "open_to_consumers", False) or not getattr(view, "login_required", True):
            return None
        if view.__module__.startswith(self.LIBRARIES):
            return None
        if request.resolver_match is not None and request.resolver_match.url_name == "overview":
            return redirect("shared-list")
        raise Http404


class SingleSignOnMiddleware:
    """SSO_ONLY: a session that began in another way, before the switch was turned, is over at its next click."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Costs no query: the person's role is enough."""
        only = settings.OIDC is not None and settings.OIDC.only
        if (
            only
            and isinstance(request.user, User)
            and PROVED_AT not in request.session
            and not ways.password_open(request.user)
        ):
            logout(request)
        return self.get_response(request)


class SecondFactorMiddleware:
    """REQUIRE_SECOND_FACTOR: whoever must have one and has none finds nothing but the pages at which one is set up.

    Sessions that the provider began pass: second factors are asked there.
    """

    #: URL names that stay open: setting one up, proving who one is, signing out.
    OPEN = ("mfa_", "account_", "sso-", "openid_connect_")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing before the address is known."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], _args: tuple[Any, ...], _kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """To the set-up page. Costs one query a request, and only where the setting asks for it."""
        if settings.REQUIRE_SECOND_FACTOR == "off" or not isinstance(request.user, User):
            return None
        name = (request.resolver_match.url_name if request.resolver_match else None) or ""
        if name.startswith(self.OPEN) or not getattr(view, "login_required", True) or PROVED_AT in request.session:
            return None
        if not factors.must_have_one(request.user) or factors.has_one(request.user):
            return None
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": resolve_url("mfa_index")})
        return redirect("mfa_index")


class LimitsMiddleware:
    """What costs much is asked so many times a minute by one person (sharing.views.limiting)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing before the address is known."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: Callable[..., HttpResponse], _args: tuple[Any, ...], _kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """The page that says when to try again."""
        return limiting.refused(request, (request.resolver_match.url_name if request.resolver_match else None) or "")


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
