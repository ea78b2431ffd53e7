"""Signing in and out, new passwords, and the sign-up that does not exist."""

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.test import Client
from django.urls import Resolver404, URLPattern, URLResolver, get_resolver, resolve

from sharing.models import Event, Role
from sharing.services import people
from tests import factories

pytestmark = pytest.mark.django_db


class DeadMail(BaseEmailBackend):
    """A mail server that refuses every connection."""

    def send_messages(self, email_messages: Any) -> int:
        raise ConnectionRefusedError


def sign_in(client: Client, email: str, password: str = factories.PASSWORD) -> int:
    return client.post("/login/", {"login": email, "password": password}).status_code


def test_every_page_asks_to_sign_in_first(client: Client) -> None:
    for address in ("/", "/settings/profile/", "/settings/people/", "/search/?q=x"):
        response = client.get(address)
        assert response.status_code == 302
        assert response.headers["Location"].startswith("/login/?next=")


def test_a_person_signs_in_with_address_in_any_case_and_out_again(client: Client) -> None:
    factories.person(Role.OWNER, email="olga@example.com")
    assert sign_in(client, "Olga@Example.com") == 302
    assert client.get("/").status_code == 200
    assert client.post("/logout/").status_code == 302
    assert client.get("/").status_code == 302


def test_a_wrong_password_is_said_without_telling_whether_the_person_exists(client: Client) -> None:
    factories.person(Role.OWNER, email="olga@example.com")
    known = client.post("/login/", {"login": "olga@example.com", "password": "wrong"}).content.decode()
    unknown = client.post("/login/", {"login": "nobody@example.com", "password": "wrong"}).content.decode()
    said = re.compile(r'role="alert".*?</div>\s*</div>', re.DOTALL)
    assert said.search(known) is not None
    assert said.findall(known) == said.findall(unknown)


@pytest.mark.parametrize("address", ["/sign-up/", "/signup/", "/email/", "/login/code/"])
def test_nobody_signs_up_by_themselves(client: Client, address: str) -> None:
    assert client.get(address).status_code == 404
    factories.person(Role.ADMIN, email="ada@example.com")
    sign_in(client, "ada@example.com")
    assert client.get(address).status_code == 404
    assert client.post(address, {"email": "x@example.com", "password1": "p" * 12, "password2": "p" * 12}).status_code == 404


def test_a_forgotten_password_is_set_anew_through_the_mailed_link(client: Client) -> None:
    person = factories.person(Role.OWNER, email="olga@example.com")
    other = Client()
    sign_in(other, "olga@example.com")
    response = client.post("/password/reset/", {"email": "olga@example.com"}, headers={"host": "localhost"}, follow=True)
    assert "Look into your mail" in response.content.decode()
    link = re.search(r"http://localhost:8000(/password/\S+)", str(mail.outbox[0].body))
    assert link is not None
    form = client.get(link[1], follow=True)
    target = form.redirect_chain[-1][0]
    weak = client.post(target, {"password1": "short", "password2": "short"})
    assert "at least 10" in weak.content.decode()
    done = client.post(target, {"password1": "another long one", "password2": "another long one"}, follow=True)
    assert "Your password is set" in done.content.decode()
    assert sign_in(client, "olga@example.com", "another long one") == 302
    assert other.get("/").status_code == 302, "sessions opened with the old password are over"
    assert Event.objects.get(verb="person.password-set").person == person
    assert "does not work any more" in Client().get(link[1], follow=True).content.decode(), "a link works once"


def test_an_unknown_address_gets_the_same_answer_and_no_mail(client: Client) -> None:
    response = client.post("/password/reset/", {"email": "nobody@example.com"}, follow=True)
    assert "Look into your mail" in response.content.decode()
    assert mail.outbox == []


def test_a_dead_mail_server_breaks_no_page(client: Client, settings: Any) -> None:
    settings.EMAIL_BACKEND = "tests.views.test_signing.DeadMail"
    factories.person(Role.ADMIN, email="ada@example.com")
    response = client.post("/password/reset/", {"email": "ada@example.com"}, follow=True)
    assert "Look into your mail" in response.content.decode()
    sign_in(client, "ada@example.com")
    added = client.post(
        "/settings/people/add/", {"email": "new@example.com", "role": "owner", "scope": "every"}, follow=True
    ).content.decode()
    assert "the mail could not be sent" in added
    assert "Make a link to set a password" in added


def test_a_new_person_sets_the_first_password_with_the_link_of_the_command(client: Client) -> None:
    from sharing.models import Actor

    person = people.add_person("new@example.com", role=Role.AUDITOR, by=Actor.at_shell("root"))
    path = people.password_link(person).removeprefix("http://localhost:8000")
    target = client.get(path, follow=True).redirect_chain[-1][0]
    client.post(target, {"password1": "another long one", "password2": "another long one"})
    assert sign_in(client, "new@example.com", "another long one") == 302


def test_guessing_is_slowed_down_with_a_page_of_ours(client: Client) -> None:
    factories.person(Role.ADMIN, email="ada@example.com")
    answers = [client.post("/login/", {"login": "ada@example.com", "password": f"wrong {n}"}) for n in range(12)]
    assert "Too many" in answers[-1].content.decode()


def test_the_password_is_changed_from_the_profile(client: Client) -> None:
    factories.person(Role.OWNER, email="olga@example.com")
    sign_in(client, "olga@example.com")
    page = client.get("/password/change/")
    assert page.status_code == 200
    form = {"oldpassword": factories.PASSWORD, "password1": "another long one", "password2": "another long one"}
    assert client.post("/password/change/", {**form, "oldpassword": "wrong"}).status_code == 200
    response = client.post("/password/change/", form)
    assert response.headers["Location"] == "/settings/profile/"
    assert client.get("/").status_code == 302
    assert sign_in(client, "olga@example.com", "another long one") == 302


def test_an_htmx_request_after_the_session_ended_loads_the_sign_in_page_whole(client: Client) -> None:
    response = client.get("/", headers={"hx-request": "true", "hx-current-url": "http://localhost/functions/?q=a"})
    assert response.status_code == 204
    assert response.headers["HX-Redirect"] == "/login/?next=%2Ffunctions%2F%3Fq%3Da"


#: What of allauth is open, by URL name. Everything else of it (sign-up, change of address, connections) has no address.
OF_ALLAUTH = {
    "account_logout",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "account_reauthenticate",
    "mfa_authenticate",
    "mfa_login_webauthn",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_add_webauthn",
    "mfa_edit_webauthn",
    "mfa_remove_webauthn",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
}


def test_of_allauth_only_what_is_named_here_has_an_address() -> None:
    routes = [pattern for pattern in get_resolver().url_patterns if isinstance(pattern, URLPattern)]
    assert {route.name for route in routes if route.callback.__module__.startswith("allauth.")} == OF_ALLAUTH


def test_no_usual_address_of_allauth_leads_to_it() -> None:
    paths = sorted(_paths(import_module("allauth.urls").urlpatterns, ""))
    assert any("3rdparty/signup" in path for path in paths), "the walk goes deep enough"
    for path in paths:
        for address in (f"/{path}", f"/accounts/{path}", f"/auth/{path}"):
            try:
                found = resolve(address)
            except Resolver404:
                continue
            assert found.url_name in OF_ALLAUTH or not found.func.__module__.startswith("allauth."), address


def _paths(patterns: Any, before: str) -> Iterator[str]:
    for pattern in patterns:
        text = re.sub(r"<[^>]*>|\(\?P<\w+>[^)]*\)", "1", str(pattern.pattern)).strip("^$")
        if isinstance(pattern, URLResolver):
            yield from _paths(pattern.url_patterns, before + text)
        else:
            yield before + text
