"""Single sign-on: to the provider and back, and what the provider says by itself when somebody signs out there."""

from typing import Any
from urllib.parse import urlsplit

import jwt
import structlog
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.openid_connect import views as openid
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe
from requests import RequestException

from sharing.environment import is_loopback
from sharing.provider import KEY, Provider
from sharing.services.errors import Refusal
from sharing.services.signing import sso
from sharing.views.permitting import P, View, open_to_consumers

log = structlog.get_logger(__name__)

#: In the session that the provider began: when the person last proved to it who they are (0: it did not ask).
PROVED_AT = "sso_proved_at"
#: An answer of the provider that makes no sense ends up as one of these in the middle of a library.
_NONSENSE = (KeyError, ValueError, TypeError, AttributeError, ImproperlyConfigured)
_SIGNED_BY = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_LOGOUT = "http://schemas.openid.net/event/backchannel-logout"


def _slowed(view: View[P]) -> View[P]:
    """Each of these pages asks the provider something: nobody makes this machine hammer it."""
    limited: View[P] = ratelimit.decorator(app="sharing", action="sso", config={"sso": "30/m/ip"}, limit_get=True)(view)
    return limited


@open_to_consumers
@login_not_required
@never_cache
@_slowed
@require_safe
def sso_start(request: HttpRequest) -> HttpResponse:
    """To the provider. A GET, because the content security policy lets no form lead there; it writes only the way back."""
    return _to_provider(request, {})


@open_to_consumers
@never_cache
@_slowed
@require_safe
def sso_again(request: HttpRequest) -> HttpResponse:
    """To the provider, to be asked again who one is, before second factors are changed."""
    return _to_provider(request, {"prompt": "login", "max_age": "0"})


@open_to_consumers
@login_not_required
@never_cache
@_slowed
@require_safe
def sso_callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Back from the provider."""
    _provider()
    try:
        response: HttpResponse = openid.callback(request, provider_id)
    except _NONSENSE as problem:
        return failed(request, None, problem)
    return response


@csrf_exempt
@login_not_required
@require_POST
def sso_logged_out(request: HttpRequest) -> HttpResponse:
    """OpenID Connect back-channel logout: the provider, not a browser, posts a token that it signed."""
    _provider()
    try:
        claims = _logout_claims(request, request.POST.get("logout_token", ""))
    except (jwt.PyJWTError, RequestException, *_NONSENSE) as problem:
        log.warning("logout_token_refused", problem=type(problem).__name__)
        return HttpResponse(status=400, headers={"Cache-Control": "no-store"})
    ended = sso.logged_out(str(claims.get("sub") or ""), str(claims.get("sid") or ""))
    log.info("logged_out_by_provider", sessions=ended)
    return HttpResponse(status=200, headers={"Cache-Control": "no-store"})


def identity_of(sociallogin: Any) -> tuple[sso.Identity, float]:
    """What the provider said, and when the person proved it (seconds since 1970, 0: unknown).

    Raises Refusal when the answer is not from this issuer, not about one person, or an old proof where a new one was asked.
    """
    said = sociallogin.account.extra_data or {}
    token, info = said.get("id_token") or {}, said.get("userinfo") or {}
    if str(token.get("iss", "")).rstrip("/") != _provider().issuer.rstrip("/"):
        raise Refusal(f"{_provider().name} answered as another issuer.", code="sso")
    if info and info.get("sub") != token.get("sub"):
        raise Refusal(f"{_provider().name} answered about two different people.", code="sso")
    asked_again = bool((sociallogin.state.get("data") or {}).get("again"))
    now = timezone.now().timestamp()
    proved_at = float(token.get("auth_time") or (now if asked_again else 0))
    if asked_again and now - proved_at > settings.ACCOUNT_REAUTHENTICATION_TIMEOUT:
        raise Refusal(f"{_provider().name} did not ask you again who you are.", code="sso")
    who = info if info.get("email") else token
    listed = info if _provider().groups_claim in info else token
    groups = listed.get(_provider().groups_claim) or ()
    identity = sso.Identity(
        issuer=str(token["iss"]),
        sub=str(token["sub"]),
        email=str(who.get("email") or ""),
        email_verified=who.get("email_verified") in (True, "true"),
        groups=tuple(str(group) for group in ([groups] if isinstance(groups, str) else groups)),
        name=str(who.get("name") or ""),
        sid=str(token.get("sid") or ""),
    )
    return identity, proved_at


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The person may not come in: why, and whom to ask."""
    return render(request, "account/sso_refused.html", {"refusal": refusal, "provider": _provider().name}, status=403)


def failed(request: HttpRequest, error: object, problem: object) -> HttpResponse:
    """The provider did not answer, or not in a way that can be believed; or the person changed their mind there."""
    cancelled = error == "cancelled"
    if not cancelled:
        log.warning("sso_failed", error=str(error or ""), problem=type(problem).__name__)
    context = {"provider": _provider().name, "cancelled": cancelled}
    return render(request, "account/sso_failed.html", context, status=200 if cancelled else 502)


def strict(session: Any) -> Any:
    """A requests session that speaks https only (http with this machine) and follows no redirect."""
    ask = session.request

    def request(method: str, url: str, **options: Any) -> Any:
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise RequestException(f"{parts.scheme}: is not https")
        return ask(method, url, **{**options, "allow_redirects": False})

    session.request = request
    return session


def _provider() -> Provider:
    if settings.OIDC is None:
        raise Http404
    return settings.OIDC


def _to_provider(request: HttpRequest, asking: dict[str, str]) -> HttpResponse:
    _provider()
    back = request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = ""
    try:
        provider = get_adapter(request).get_provider(request, KEY)
        response: HttpResponse = provider.redirect(
            request, process="login", next_url=back or None, data={"again": bool(asking)}, auth_params=dict(asking)
        )
    except ImmediateHttpResponse as answered:
        response = answered.response
    except (RequestException, *_NONSENSE) as problem:
        return failed(request, None, problem)
    return response


def _logout_claims(request: HttpRequest, token: str) -> dict[str, Any]:
    """The claims of a logout token, verified by the provider's keys; each token counts once."""
    if len(token) > 10_000:
        raise ValueError("too long")
    kid = jwt.get_unverified_header(token).get("kid")
    adapter = openid.OpenIDConnectOAuth2Adapter(request, KEY)
    key = _key(adapter, kid, again=False) or _key(adapter, kid, again=True)
    if key is None:
        raise ValueError("signed by an unknown key")
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=_SIGNED_BY,
        audience=_provider().client_id,
        issuer=[_provider().issuer, _provider().issuer.rstrip("/"), f"{_provider().issuer.rstrip('/')}/"],
        options={"require": ["iss", "aud", "iat", "jti"]},
    )
    if _LOGOUT not in (claims.get("events") or {}) or "nonce" in claims:
        raise ValueError("no logout token")
    if timezone.now().timestamp() - float(claims["iat"]) > 600 or not cache.add(f"sso-jti:{claims['jti']}"[:200], 1, 900):
        raise ValueError("old, or used already")
    return claims


def _key(adapter: Any, kid: str | None, *, again: bool) -> Any:
    """The provider's key of this id, kept for minutes; asked again at most once a minute, whoever posts nonsense here."""
    listed = cache.get("sso-keys")
    if again and not cache.add("sso-keys-asked", 1, 60):
        return None
    if listed is None or again:
        with get_adapter().get_requests_session() as session:
            listed = session.get(adapter.openid_config["jwks_uri"]).json()
        cache.set("sso-keys", listed, 600)
    for key in jwt.PyJWKSet.from_dict(listed).keys:
        if key.key_id == kid:
            return key
    return None
