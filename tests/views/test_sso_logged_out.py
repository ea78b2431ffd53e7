"""The provider posts that somebody signed out there: their sessions here end, if it was really the provider."""

import time
import uuid
from typing import Any

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.cache import cache
from django.test import Client

from sharing.models import Event, Role
from sharing.provider import KEY, Given, Provider
from tests import factories

pytestmark = pytest.mark.django_db

ISSUER = "https://login.example.com"
KEYS = {name: rsa.generate_private_key(public_exponent=65537, key_size=2048) for name in ("its", "mine")}
EVENTS: dict[str, dict[str, str]] = {"http://schemas.openid.net/event/backchannel-logout": {}}


@pytest.fixture(autouse=True)
def provider(settings: Any) -> None:
    """A provider whose keys were fetched a moment ago, so that nothing is asked of it."""
    settings.OIDC = Provider(ISSUER, "fnshare", "secret", "SSO", "groups", {"audit": Given("auditor")})
    settings.SOCIALACCOUNT_PROVIDERS = settings.OIDC.as_allauth()
    public = jwt.algorithms.RSAAlgorithm.to_jwk(KEYS["its"].public_key(), as_dict=True)
    cache.set("sso-keys", {"keys": [{**public, "kid": "k1", "use": "sig", "alg": "RS256"}]}, 600)
    cache.set("sso-keys-asked", 1, 60)


def signed_in(sub: str, sid: str = "s1") -> Client:
    """Somebody whom the provider let in."""
    person = factories.person(Role.AUDITOR, email=f"{sub}@example.com")
    SocialAccount.objects.create(user=person, provider=KEY, uid=sub)
    client = Client()
    client.force_login(person)
    UserSession.objects.create(
        user=person, session_key=client.session.session_key, ip="127.0.0.1", data={"method": "sso", "sid": sid}
    )
    return client


def post(*, key: str = "its", kid: str = "k1", algorithm: str = "RS256", **changes: Any) -> int:
    claims = {"iss": ISSUER, "aud": "fnshare", "iat": int(time.time()), "jti": uuid.uuid4().hex, "events": EVENTS, **changes}
    claims = {name: value for name, value in claims.items() if value is not None}
    secret: Any = "x" * 64 if algorithm == "HS256" else None if algorithm == "none" else KEYS[key]
    token = jwt.encode(claims, secret, algorithm=algorithm, headers={"kid": kid})
    answer = Client(enforce_csrf_checks=True).post("/sso/logged-out/", {"logout_token": token})
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code


@pytest.mark.parametrize("claims", [{"sub": "olga"}, {"sid": "s1"}, {"sub": "olga", "sid": "s1"}])
def test_a_sign_out_at_the_provider_ends_the_sessions_here(claims: dict[str, str]) -> None:
    client, other = signed_in("olga"), signed_in("otto", "s2")
    assert client.get("/settings/profile/").status_code == 200
    assert post(**claims) == 200
    assert client.get("/settings/profile/").status_code == 302
    assert other.get("/settings/profile/").status_code == 200
    assert "1 session of olga@example.com ended" in Event.objects.get(verb="person.sessions-ended").text


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "mine"},
        {"kid": "k2"},
        {"algorithm": "HS256"},
        {"algorithm": "none"},
        {"iss": "https://evil.example"},
        {"aud": "another"},
        {"iat": 1},
        {"iat": None},
        {"jti": None},
        {"events": {}},
        {"nonce": "n"},
    ],
)
def test_a_token_that_is_not_the_providers_ends_nothing(changes: dict[str, Any]) -> None:
    client = signed_in("olga")
    assert post(**{"sub": "olga", **changes}) == 400
    assert client.get("/settings/profile/").status_code == 200


def test_a_token_counts_once_and_nonsense_is_a_400() -> None:
    signed_in("olga")
    assert [post(sub="olga", jti="once"), post(sub="olga", jti="once")] == [200, 400]
    for nonsense in ("", "a.b.c", "\x00", "x" * 20_000):
        assert Client().post("/sso/logged-out/", {"logout_token": nonsense}).status_code == 400
