"""Auditors change nothing, by URL either. The table of addresses is the URL configuration itself."""

import uuid
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from sharing.models import Event, Role
from tests import factories

pytestmark = pytest.mark.django_db

# One's own business: signing in and out, one's own password, profile and sessions.
OWN = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_change_password",
    "profile",
    "session-end",
    "session-end-others",
    "account_reauthenticate",
    "mfa_index",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_login_webauthn",
    "mfa_authenticate",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "sso-start",
    "sso-again",
    "openid_connect_callback",
    "sso-logged-out",
    "finding-seen",
}
# A question whose words belong in no address: it is answered to everybody and changes nothing.
QUESTIONS = {"access-reason"}
# Answers everybody alike: there is no such page; or none without an invitation's link (tests/views/test_accepting.py).
LINKS = {
    f"invitation-{name}"
    for name in ("open", "join", "name", "role", "look", "proof", "template", "terraform", "accept", "results", "decline")
}
OPEN = {"account_signup", "outbox", "outbox-message", *LINKS}
# Asking shares nothing: owners decide. Who may look may ask, for what is theirs to ask for; these posts name nothing that is.
ASKING = {"request-new", "request-withdraw", "function-ask"}
ADMINS = {
    "person-list",
    "person-add",
    "person-detail",
    "person-link",
    "person-deactivate",
    "person-reactivate",
    "person-factors-reset",
    "person-unlink",
    "person-session-end",
    "person-sessions-end",
    "person-membership-end",
    "account-connect",
    "trust-add",
    "trust-remove",
    "connection-edit",
    "organisation-connect",
    "organisation-join",
    "organisation-join-template",
    "organisation-join-pause",
    "organisation-join-resume",
    "organisation-account-try",
    "organisation-account-leave-out",
    "organisation-account-take-in",
    "connection-pause",
    "connection-resume",
    "connection-rotate",
    "connection-disconnect",
    "limits-freeze",
    "limits-unfreeze",
}
SAMPLES = {
    "uuid": str(uuid.UUID(int=7)),
    "int": "7",
    "str": "text",
    "slug": "slug",
}


def addresses() -> Iterator[tuple[str, str]]:
    """Name and a sample address of every route; fails for a route without a name."""

    def walk(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns)
            else:
                yield pattern

    for pattern in walk(get_resolver().url_patterns):
        assert pattern.name, f"{pattern.pattern} has no name"
        if pattern.name in OWN:
            continue
        kinds = {name: type(converter).__name__ for name, converter in pattern.pattern.converters.items()}
        samples = {
            name: SAMPLES[kind.removesuffix("Converter").replace("String", "str").lower()] for name, kind in kinds.items()
        }
        yield pattern.name, reverse(pattern.name, kwargs=samples)


NAMED = list(addresses())


def test_the_table_is_not_empty() -> None:
    names = {name for name, _ in NAMED}
    assert names >= ADMINS
    assert "overview" in names


@pytest.mark.parametrize(("name", "address"), NAMED)
def test_an_auditor_posts_nowhere(client: Client, name: str, address: str) -> None:
    client.force_login(factories.person(Role.AUDITOR))
    before = Event.objects.count()
    response = client.post(address, {"reason": "because"})
    # 405: the address takes no POST from anybody.
    expected = {404} if name in OPEN else {200, 422} if name in QUESTIONS else {403, 405}
    if name in ASKING:
        expected = {403, 404}
    assert response.status_code in expected, f"{name} answers {response.status_code}"
    assert Event.objects.count() == before


@pytest.mark.parametrize(("name", "address"), [(name, address) for name, address in NAMED if name in ADMINS])
def test_an_owner_does_not_act_as_an_admin(client: Client, name: str, address: str) -> None:
    client.force_login(factories.person(Role.OWNER))
    assert client.post(address).status_code in {403, 405}
    assert client.get(address).status_code in {403, 405}


@pytest.mark.parametrize(("name", "address"), [(name, address) for name, address in NAMED if name not in OPEN])
def test_nobody_who_is_not_signed_in_gets_anywhere(client: Client, name: str, address: str) -> None:
    for response in (client.get(address), client.post(address)):
        assert response.status_code == 302, name
        assert response.headers["Location"].startswith("/login/")


@pytest.mark.parametrize(("name", "address"), NAMED)
def test_a_post_without_a_csrf_token_is_refused(name: str, address: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.person(Role.ADMIN))
    response = client.post(address)
    assert response.status_code in {403, 404, 405}
    if response.status_code == 403:
        assert "This form is out of date" in response.content.decode()
