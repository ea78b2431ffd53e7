"""Auditors change nothing, by URL either. The table of addresses is the URL configuration itself."""

import uuid
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from sharing.models import Event, Role, User
from tests import factories
from tests.views.walked import Story, undone
from tests.views.walked import addresses as of

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
#: What accounts are called is an address book that every owner and auditor reads: shares name accounts of others.
BOOK = {"access", "access-export", "account-story", "trust-list", "group-detail"}
#: Pages about one row of the owners' side that a GET shows; whoever has the row in scope finds it.
ROWS = {
    "function-detail",
    "function-reading",
    "function-checks",
    "function-history",
    "function-policy",
    "function-wakes",
    "statement-history",
    "grant-detail",
    "grant-row",
    "access-statement",
    "invitation-detail",
    "request-detail",
    "consumer-detail",
    "layer-detail",
    "layer-grant",
    "mapping-detail",
    "mapping-wish",
    "finding-detail",
    "account-detail",
    "connection-detail",
    "connection-status",
    "connection-template",
    "connection-commands",
    "connection-terraform",
}


def test_the_table_is_not_empty() -> None:
    names = {name for name, _ in NAMED}
    assert names >= ADMINS
    assert "overview" in names


@pytest.fixture
def story() -> Story:
    return Story()


def known(story: Story) -> list[tuple[str, str]]:
    """As NAMED, with the ids of rows that exist: a door that is closed only because nothing is behind it is none."""
    return [(name, address) for name, address in of(story) if name not in OWN]


def as_(person: User | None, *, strict: bool = False) -> Client:
    client = Client(enforce_csrf_checks=strict)
    if person is not None:
        client.force_login(person)
    return client


def status(client: Client, method: str, address: str) -> int:
    """What it answers; what it wrote is taken back, but an event is counted as a failure by those who look."""
    with undone():
        return int(getattr(client, method)(address, {"reason": "because"} if method == "post" else {}).status_code)


def test_an_auditor_posts_nowhere(story: Story) -> None:
    client = as_(factories.person(Role.AUDITOR))
    opened = []
    for name, address in known(story):
        if name in LINKS:
            continue  # whoever holds a link may use it
        # 405: the address takes no POST from anybody.
        expected = {404} if name in OPEN else {200, 422} if name in QUESTIONS else {403, 405}
        if name in ASKING:
            expected = {403, 404, 422}
        with undone():
            before = Event.objects.count()
            found = client.post(address, {"reason": "because"}).status_code
            if found not in expected or Event.objects.count() != before:
                opened.append((name, found))
    assert opened == []


def test_an_owner_does_not_act_as_an_admin(story: Story) -> None:
    client = as_(story.owner)
    for name, address in known(story):
        if name in ADMINS:
            assert {status(client, "get", address), status(client, "post", address)} <= {403, 405}, name


def test_nobody_who_is_not_signed_in_gets_anywhere(story: Story) -> None:
    client = as_(None)
    for name, address in known(story):
        if name not in OPEN:
            for response in (client.get(address), client.post(address)):
                assert response.status_code == 302, name
                assert response.headers["Location"].startswith("/login/"), name


def test_a_post_without_a_csrf_token_is_refused(story: Story) -> None:
    client = as_(factories.person(Role.ADMIN), strict=True)
    refused = 0
    for name, address in known(story):
        response = client.post(address)
        assert response.status_code in {403, 404, 405}, name
        if response.status_code == 403:
            refused += 1
            assert "This form is out of date" in response.content.decode(), name
    assert refused > 100


@pytest.mark.parametrize("role", [Role.OWNER, Role.AUDITOR])
def test_what_is_out_of_scope_is_neither_shown_nor_changed(story: Story, role: str) -> None:
    elsewhere = factories.connection(factories.account("Elsewhere", "999988887777")).account
    client = as_(factories.person(role, accounts=[elsewhere]))
    told, opened = [], []
    for name, address in known(story):
        if name in LINKS:
            continue
        with undone():
            before = Event.objects.count()
            asked = client.get(address)
            text = "" if asked.streaming else asked.content.decode()
            names = (story.account.number, story.acme.name) if name not in BOOK else ()
            if any(word in text for word in (story.function.name, *names)):
                told.append(name)
            if role == Role.OWNER and name not in ADMINS:  # the auditor's posts are tried above
                client.post(address, {"reason": "because", "function": str(story.function.pk)})
            if Event.objects.count() != before:
                opened.append(name)
        if name in ROWS:
            assert asked.status_code in {403, 404, 405}, name
    assert told == []
    assert opened == []


def test_a_second_owner_and_an_auditor_find_what_is_in_their_scope(story: Story) -> None:
    """Or the walks above would pass because the story's rows are not what the addresses want."""
    for person in (factories.person(Role.OWNER, accounts=[story.account]), factories.person(Role.AUDITOR)):
        client = as_(person)
        found = {name for name, address in known(story) if name in ROWS and status(client, "get", address) == 200}
        missing = ROWS - found
        assert missing == set(), person.role
