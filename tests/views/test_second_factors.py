"""Second factors: set up, asked for, taken away; each change told. Passkeys are tried in a browser (tests/e2e)."""

import base64
import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.test import Client

from sharing.models import Actor, Event, Notice, Role, SignInFailure, User
from sharing.services import mailing
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.signing import factors
from tests import factories

pytestmark = pytest.mark.django_db

SET_UP = "/settings/profile/factors/app/"


def signed_in(person: User) -> Client:
    client = Client()
    assert client.post("/login/", {"login": person.email, "password": factories.PASSWORD}).status_code == 302
    return client


def code(secret: str, steps: int = 0) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps)))


def set_up(client: Client) -> tuple[str, list[str]]:
    """The app's secret, and the recovery codes as the page shows them."""
    page = client.get(SET_UP).content.decode()
    secret = client.session["mfa.totp.secret"]
    assert secret in page
    done = client.post(SET_UP, {"code": code(secret)}, follow=True)
    return secret, re.findall(r"<li>(\d{8})\s*</li>", done.content.decode())


@pytest.mark.parametrize("role", Role.values)
def test_everybody_sets_an_app_up_and_is_asked_for_its_code(role: str) -> None:
    person = factories.person(role)
    client = signed_in(person)
    assert "Set up an app" in client.get("/settings/profile/factors/").content.decode()
    secret, codes = set_up(client)
    assert len(codes) == 10
    assert codes[0] not in client.get("/settings/profile/factors/codes/").content.decode(), "shown once"
    other = Client()
    half = other.post("/login/", {"login": person.email, "password": factories.PASSWORD})
    assert half.headers["Location"] == "/login/second/"
    assert other.get("/settings/profile/").status_code == 302, "the password alone opens nothing"
    assert "Incorrect code" in other.post("/login/second/", {"code": "000000"}).content.decode()
    assert SignInFailure.objects.get(person=person).count == 1
    assert other.post("/login/second/", {"code": code(secret, 1)}).status_code == 302
    assert other.get("/settings/profile/").status_code == 200
    assert "Password and second factor" in other.get("/settings/profile/").content.decode()
    verbs = [event.verb for event in Event.objects.filter(verb__startswith="person.factor")]
    assert verbs == ["person.factor-added"]


def test_a_recovery_code_opens_once() -> None:
    person = factories.person()
    _, codes = set_up(signed_in(person))
    for expected in (200, 302):
        other = Client()
        other.post("/login/", {"login": person.email, "password": factories.PASSWORD})
        other.post("/login/second/", {"code": codes[0]})
        assert other.get("/settings/profile/").status_code == expected


def test_removing_the_last_factor_takes_the_codes_along_and_is_told_by_mail() -> None:
    person = factories.person()
    client = signed_in(person)
    set_up(client)
    assert "Remove the authenticator app?" in client.get(f"{SET_UP}remove/").content.decode()
    client.post(f"{SET_UP}remove/")
    assert not Authenticator.objects.exists()
    assert Event.objects.filter(verb="person.factor-removed").count() == 1
    said = [notice.detail["what"] for notice in Notice.objects.filter(kind="second-factor").order_by("created_at")]
    assert said == ["You added the authenticator app.", "You removed the authenticator app."]


def test_new_recovery_codes_replace_the_old_ones_and_are_told() -> None:
    person = factories.person()
    client = signed_in(person)
    _, old = set_up(client)
    page = client.post("/settings/profile/factors/codes/new/", follow=True).content.decode()
    new = re.findall(r"<li>(\d{8})\s*</li>", page)
    assert len(new) == 10
    assert set(new).isdisjoint(old)
    assert Event.objects.filter(verb="person.factor-added", text__contains="recovery codes").count() == 1
    assert not Event.objects.filter(verb="person.factor-removed").exists()


def test_an_old_session_proves_itself_before_it_changes_factors(settings: Any) -> None:
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    person = factories.person()
    client = signed_in(person)
    for address in (SET_UP, "/settings/profile/factors/passkeys/add/", "/settings/profile/factors/codes/new/"):
        assert client.get(address).headers["Location"].startswith("/login/again/?next="), address
        assert client.post(address, {"code": "1"}).headers["Location"].startswith("/login/again/?next="), address
    assert client.get("/login/again/").status_code == 200
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
    again = client.post("/login/again/", {"password": "wrong", "next": SET_UP})
    assert again.status_code == 200
    assert client.post("/login/again/", {"password": factories.PASSWORD, "next": SET_UP}).headers["Location"] == SET_UP


def test_the_secret_is_not_readable_in_the_database_and_another_key_makes_no_code_right(settings: Any) -> None:
    person = factories.person()
    secret, _ = set_up(signed_in(person))
    row = Authenticator.objects.get(type="totp")
    assert secret not in str(row.data)
    settings.SECRET_KEY = "another-key-" * 6
    other = Client()
    other.post("/login/", {"login": person.email, "password": factories.PASSWORD})
    for tried in (code(secret, 1), format_hotp_value(_of_nothing())):
        assert "Incorrect code" in other.post("/login/second/", {"code": tried}).content.decode()


def _of_nothing() -> int:
    """The code of an empty secret."""
    return int(hotp_value(base64.b32encode(b"").decode(), int(time.time()) // 30))


def test_an_admin_resets_the_factors_of_somebody_who_lost_them() -> None:
    person = factories.person(Role.OWNER, email="olga@example.com")
    set_up(signed_in(person))
    admin = factories.person(Role.ADMIN)
    client = signed_in(admin)
    address = f"/settings/people/{person.pk}/factors/"
    assert "they are told by mail" in client.get(address).content.decode()
    assert client.post(address).status_code == 302
    assert not Authenticator.objects.exists()
    assert Event.objects.get(verb="person.factors-reset").person == admin
    notice = Notice.objects.filter(kind="second-factor").latest("created_at")
    assert notice.to == "olga@example.com"
    assert client.post(address).status_code == 409
    signed_in(person).get("/settings/profile/")


def test_nobody_else_resets_factors_and_no_admin_their_own() -> None:
    person = factories.person(Role.OWNER)
    set_up(signed_in(person))
    for role in (Role.OWNER, Role.AUDITOR, Role.CONSUMER):
        with pytest.raises(NotPermitted):
            factors.reset(person, by=Actor.of(factories.person(role)))
    admin = factories.person(Role.ADMIN)
    with pytest.raises(Refusal, match="on your profile"):
        factors.reset(admin, by=Actor.of(admin))


@pytest.mark.parametrize(("setting", "taken"), [("off", set()), ("admins", {"admin"}), ("everyone", set(Role.values))])
def test_who_must_have_a_second_factor_is_taken_to_the_page_that_sets_one_up(
    settings: Any, setting: str, taken: set[str]
) -> None:
    settings.REQUIRE_SECOND_FACTOR = setting
    for role in Role.values:
        client = signed_in(factories.person(role))
        for address in ("/settings/profile/", "/nowhere/"):
            answer = client.get(address)
            if role in taken and address != "/nowhere/":
                assert answer.headers["Location"] == "/settings/profile/factors/"
            else:
                assert answer.status_code in (200, 404)
        if role in taken:
            assert "for a second factor" in client.get("/settings/profile/factors/").content.decode()
            assert client.post("/settings/profile/", {"name": "x"}).status_code == 302
            assert (
                client.get("/settings/profile/", headers={"HX-Request": "true"}).headers["HX-Redirect"]
                == "/settings/profile/factors/"
            )
            set_up(client)
            assert client.get("/settings/profile/").status_code == 200


def test_each_mail_about_signing_in_can_be_written(mailoutbox: list[Any]) -> None:
    person = factories.person()
    details: dict[str, dict[str, str]] = {
        "second-factor": {"what": "You added <b>this</b>."},
        "sso-linked": {"provider": "Example SSO"},
        "break-glass": {"email": "ada@example.com", "ip": "203.0.113.5", "at": "today"},
    }
    for kind, detail in details.items():
        notice = Notice.objects.create(kind=kind, to=person.email, person=person, detail=detail)
        assert mailing.send(notice.pk)
    html = mailoutbox[0].alternatives[0][0]
    assert "&lt;b&gt;this" in html
    assert "<b>this" not in html
    assert "203.0.113.5" in mailoutbox[2].body
