"""Single sign-on, against a real provider process: who comes in, as what, and who loses what they had."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from allauth.account.internal.flows.login import record_authentication
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage import default_storage
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client, RequestFactory
from django.utils import timezone
from structlog.testing import capture_logs

from sharing.models import Actor, Event, Notice, Role, User
from sharing.services import people
from sharing.services.errors import Refusal
from sharing.services.signing import entering
from sharing.views.signing.adapters import InvitedOnlyAdapter
from tests import factories
from tests.provider import LiveProvider, running

pytestmark = [pytest.mark.django_db, pytest.mark.processes]


@pytest.fixture(scope="module")
def running_provider() -> Iterator[LiveProvider]:
    with running() as live:
        yield live


@pytest.fixture
def provider(running_provider: LiveProvider, settings: Any) -> LiveProvider:
    use(settings, running_provider)
    return running_provider


def use(settings: Any, provider: LiveProvider, **changes: Any) -> None:
    settings.OIDC = provider.configured(**changes)
    settings.SOCIALACCOUNT_PROVIDERS = settings.OIDC.as_allauth()


def test_a_new_person_comes_in_with_the_role_and_scope_of_their_groups(provider: LiveProvider, client: Client) -> None:
    account = factories.account("Platform", "444455556666")
    provider.say("olga", name="Olga", groups=["everybody", "platform"])
    assert "Sign in with Example SSO" in client.get("/login/?next=/functions/").content.decode()
    answer = provider.sign_in(client, "olga", start="/sso/login/?next=/functions/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/functions/")
    person = User.objects.get(email="olga@example.com")
    assert (person.role, person.name, person.every_account) == (Role.OWNER, "Olga", False)
    assert list(person.accounts.all()) == [account]
    assert not person.has_usable_password()
    assert client.get("/functions/").status_code == 200
    assert client.get("/settings/profile/").content.decode().count("Single sign-on") == 1
    verbs = set(Event.objects.values_list("verb", flat=True))
    assert verbs == {"person.added", "person.sso-linked", "person.signed-in"}


def test_the_highest_role_wins_on_all_accounts_of_that_role(provider: LiveProvider, client: Client) -> None:
    for number in ("444455556666", "666677778888"):
        factories.account(number=number)
    provider.say("pia", groups=["audit", "payments", "platform"])
    provider.sign_in(client, "pia")
    person = User.objects.get(email="pia@example.com")
    assert person.role == Role.OWNER
    assert {account.number for account in person.accounts.all()} == {"444455556666", "666677778888"}


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"groups": ["everybody"]}, "None of your groups"),
        ({"groups": None}, "None of your groups"),
        ({"groups": ["audit"], "email_verified": False}, "e-mail address is verified"),
        ({"groups": ["audit"], "email_verified": None}, "e-mail address is verified"),
        ({"groups": ["audit"], "email": None}, "e-mail address is verified"),
        ({"groups": ["platform"]}, "not connected"),
    ],
)
def test_who_may_not_come_in_is_told_why_and_whom_to_ask(
    provider: LiveProvider, client: Client, claims: dict[str, Any], words: str
) -> None:
    provider.say("nora", **claims)
    for _ in range(2):
        answer = provider.sign_in(client, "nora")
        assert answer.status_code == 403
        page = answer.content.decode()
        assert words in page
        assert "Ask" in page or "Verify it there" in page
    assert not User.objects.exists()
    assert client.get("/").status_code == 302
    assert Event.objects.get().verb == "person.sso-refused", "tried twice, told once"


def test_an_unverified_address_never_takes_over_somebody(provider: LiveProvider, client: Client) -> None:
    factories.person(Role.ADMIN, email="ada@example.com")
    provider.say("mallory", email="ada@example.com", email_verified=False, groups=["fnshare-admins"])
    assert provider.sign_in(client, "mallory").status_code == 403
    assert not SocialAccount.objects.exists()
    assert client.get("/").status_code == 302


def test_somebody_known_is_linked_with_a_mail_and_their_password_opens_nothing_any_more(
    provider: LiveProvider, client: Client
) -> None:
    person = factories.person(Role.AUDITOR, email="otto@example.com")
    before = Client()
    before.post("/login/", {"login": "otto@example.com", "password": factories.PASSWORD})
    provider.say("otto", groups=["audit"])
    assert provider.sign_in(client, "otto").status_code == 302
    assert Notice.objects.get(kind="sso-linked").to == "otto@example.com"
    assert SocialAccount.objects.get().user == person
    assert before.get("/").status_code == 302
    by_password = Client()
    wrong = by_password.post("/login/", {"login": "otto@example.com", "password": "wrong"}).content.decode()
    right = by_password.post("/login/", {"login": "otto@example.com", "password": factories.PASSWORD}).content.decode()
    assert ("not correct" in wrong, "not correct" in right) == (True, True)
    assert by_password.get("/").status_code == 302


def test_an_address_that_passed_to_somebody_else_is_not_that_person(provider: LiveProvider, client: Client) -> None:
    provider.say("first", email="sam@example.com", groups=["audit"])
    provider.sign_in(client, "first")
    provider.say("second", email="sam@example.com", groups=["fnshare-admins"])
    answer = provider.sign_in(Client(), "second")
    assert answer.status_code == 403
    assert "belongs to somebody else" in answer.content.decode()
    assert User.objects.get().role == Role.AUDITOR


def test_a_leaver_loses_every_session_at_the_next_sign_in_anywhere(provider: LiveProvider, client: Client) -> None:
    factories.account("Platform", "444455556666")
    provider.say("lea", groups=["platform"])
    provider.sign_in(client, "lea")
    assert client.get("/").status_code == 200
    provider.say("lea", groups=[])
    assert provider.sign_in(Client(), "lea").status_code == 403
    assert client.get("/").status_code == 302
    assert "1 session ended" in Event.objects.get(verb="person.sso-refused").text


def test_another_role_ends_the_sessions_that_had_the_old_one(provider: LiveProvider, client: Client) -> None:
    factories.person(Role.ADMIN)
    provider.say("rob", groups=["fnshare-admins"])
    provider.sign_in(client, "rob")
    assert client.get("/settings/people/").status_code == 200
    provider.say("rob", groups=["audit"])
    other = Client()
    assert provider.sign_in(other, "rob").status_code == 302
    assert client.get("/").status_code == 302
    assert other.get("/settings/people/").status_code == 403
    assert "is now auditor of every account; was admin" in Event.objects.get(verb="person.changed").text


def test_the_last_admin_is_not_made_less_and_does_not_come_in(provider: LiveProvider, client: Client) -> None:
    provider.say("ada", groups=["fnshare-admins"])
    provider.sign_in(client, "ada")
    provider.say("ada", groups=["audit"])
    answer = provider.sign_in(Client(), "ada")
    assert "last admin" in answer.content.decode()
    assert User.objects.get().role == Role.ADMIN
    assert client.get("/").status_code == 302


def test_a_deactivated_person_does_not_come_back_through_the_provider(provider: LiveProvider, client: Client) -> None:
    factories.person(Role.AUDITOR, email="gone@example.com", is_active=False)
    provider.say("gone", groups=["audit"])
    assert "deactivated" in provider.sign_in(client, "gone").content.decode()


def test_a_session_ends_after_its_hours_however_busy_it_is(provider: LiveProvider, client: Client) -> None:
    provider.say("olga", groups=["audit"])
    provider.sign_in(client, "olga")
    for hours in (2, 5, 7.9):
        with time_machine.travel(timezone.now() + timedelta(hours=hours), tick=False):
            assert client.get("/settings/profile/").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=8.1), tick=False):
        assert client.get("/settings/profile/").status_code == 302
    assert client.get("/").headers["Location"].startswith("/login/")


def test_with_sso_only_no_other_way_is_open_to_anybody_but_consumers_and_the_break_glass(
    provider: LiveProvider, client: Client, settings: Any
) -> None:
    use(settings, provider, only=True, break_glass="ada@example.com")
    factories.person(Role.ADMIN, email="ada@example.com")
    other = factories.person(Role.ADMIN, email="bea@example.com")
    factories.person(Role.OWNER, email="olga@example.com")
    factories.person(Role.CONSUMER, email="carl@example.com")
    opened = {}
    with capture_logs() as logs:
        for name in ("ada", "bea", "olga", "carl"):
            browser = Client()
            browser.post("/login/", {"login": f"{name}@example.com", "password": factories.PASSWORD})
            opened[name] = browser.get("/settings/profile/").status_code == 200
    assert [line["person"] for line in logs if line["log_level"] == "critical"] == ["ada@example.com"]
    assert opened == {"ada": True, "bea": False, "olga": False, "carl": True}
    assert Event.objects.get(verb="person.break-glass").actor == "ada@example.com"
    notice = Notice.objects.get(kind="break-glass")
    assert (notice.to, notice.person) == ("bea@example.com", other)
    use(settings, provider, break_glass="ada@example.com")
    client.force_login(other)
    assert "Break-glass login" in client.get("/").content.decode()
    assert entering.broke_glass_lately(Actor.of(other), timezone.now() + timedelta(hours=25)) is None
    client.force_login(User.objects.get(email="olga@example.com"))
    assert "Break-glass login" not in client.get("/").content.decode()


@pytest.mark.parametrize(("role", "opens"), [(Role.ADMIN, False), (Role.OWNER, False), (Role.CONSUMER, True)])
def test_with_sso_only_a_passkey_alone_opens_nothing_but_to_consumers(
    provider: LiveProvider, settings: Any, role: str, opens: bool
) -> None:
    use(settings, provider, only=True, break_glass="ada@example.com")
    person = factories.person(role, email="ada@example.com")
    request = RequestFactory().post("/login/passkey/")
    request.session = SessionStore()
    request.user = AnonymousUser()
    setattr(request, "_messages", default_storage(request))  # noqa: B010  # as the middleware does
    record_authentication(request, person, "mfa", type="webauthn", passwordless=True)
    asked = {"email_verification": "none", "signal_kwargs": None, "email": None, "signup": False, "redirect_url": None}
    answer = InvitedOnlyAdapter(request).pre_login(request, person, **asked)
    assert (answer is None) == opens
    assert bool(request.session.get("account_authentication_methods")) == opens, "nothing is left to go on with"


def test_turning_sso_only_on_ends_the_sessions_that_passwords_opened(
    provider: LiveProvider, client: Client, settings: Any
) -> None:
    people = {role: factories.person(role) for role in (Role.OWNER, Role.CONSUMER)}
    browsers = {role: Client() for role in people}
    for role, person in people.items():
        browsers[role].post("/login/", {"login": person.email, "password": factories.PASSWORD})
        assert browsers[role].get("/settings/profile/").status_code == 200
    use(settings, provider, only=True)
    assert browsers[Role.OWNER].get("/settings/profile/").status_code == 302
    assert browsers[Role.CONSUMER].get("/settings/profile/").status_code == 200


def test_with_sso_only_a_forgotten_password_is_not_replaced(
    provider: LiveProvider, client: Client, settings: Any, mailoutbox: list[Any]
) -> None:
    use(settings, provider, only=True)
    factories.person(Role.OWNER, email="olga@example.com")
    factories.person(Role.CONSUMER, email="carl@example.com")
    for email in ("olga@example.com", "nobody@example.com", "carl@example.com"):
        assert "Look into your mail" in client.post("/password/reset/", {"email": email}, follow=True).content.decode()
    assert [message.to for message in mailoutbox] == [["carl@example.com"]]


@pytest.mark.parametrize(
    ("break_glass", "words"),
    [("", "names no admin"), ("nobody@example.com", "nobody has added"), ("olga@example.com", "is no admin")],
)
def test_the_people_page_says_when_the_glass_could_not_be_broken(
    provider: LiveProvider, client: Client, settings: Any, break_glass: str, words: str
) -> None:
    use(settings, provider, only=True, break_glass=break_glass)
    factories.person(Role.OWNER, email="olga@example.com")
    admin = factories.person(Role.ADMIN)
    client.force_login(admin)
    session = client.session
    session["sso_proved_at"] = 0
    session.save()
    assert words in client.get("/settings/people/").content.decode()


def test_role_and_scope_that_come_from_groups_are_not_set_by_hand(provider: LiveProvider, client: Client) -> None:
    provider.say("olga", groups=["audit"])
    provider.sign_in(Client(), "olga")
    person = User.objects.get(email="olga@example.com")
    client.force_login(factories.person(Role.ADMIN))
    page = client.get(f"/settings/people/{person.pk}/").content.decode()
    assert "come from" in page
    assert re.search(r'name="role" value="admin"[^>]* disabled', page)
    client.post(f"/settings/people/{person.pk}/", {"role": "admin", "scope": "every", "name": "O."})
    person.refresh_from_db()
    assert (person.role, person.name) == (Role.AUDITOR, "O.")
    with pytest.raises(Refusal, match="come from their groups at Example SSO"):
        people.change_person(person, role=Role.ADMIN, every_account=True, by=Actor.at_shell("root"))


def test_unlinking_lets_the_same_address_come_with_another_identity(provider: LiveProvider, client: Client) -> None:
    provider.say("one", email="sam@example.com", groups=["audit"])
    provider.sign_in(client, "one")
    person = User.objects.get()
    admin = Client()
    admin.force_login(factories.person(Role.ADMIN))
    assert admin.post(f"/settings/people/{person.pk}/unlink/").status_code == 302
    assert client.get("/").status_code == 302
    provider.say("two", email="sam@example.com", groups=["audit"])
    assert provider.sign_in(client, "two").status_code == 302
    assert SocialAccount.objects.get().user == person


def test_changing_second_factors_asks_the_provider_again(provider: LiveProvider, client: Client) -> None:
    provider.say("olga", groups=["audit"])
    provider.sign_in(client, "olga")
    session = client.session
    session["sso_proved_at"] = 0  # the provider had a session of its own and asked nothing
    session.save()
    to_set_up = client.get("/settings/profile/factors/app/")
    assert to_set_up.headers["Location"].startswith("/sso/again/?next=")
    there = client.get(to_set_up.headers["Location"])
    assert "prompt=login" in there.headers["Location"]
    back = provider.sign_in(client, "olga", start=to_set_up.headers["Location"])
    assert back.headers["Location"] == "/settings/profile/factors/app/"
    assert client.get("/settings/profile/factors/app/").status_code == 200


def test_cancelling_a_forged_answer_and_a_dead_provider_are_pages(
    provider: LiveProvider, client: Client, settings: Any
) -> None:
    state = parse_qs(urlsplit(client.get("/sso/login/").headers["Location"]).query)["state"][0]
    cancelled = client.get(f"/sso/callback/?error=access_denied&state={state}")
    assert (cancelled.status_code, "You cancelled" in cancelled.content.decode()) == (200, True)
    for query in ("", "?code=abc&state=forged", "?state=%00", "?error=server_error"):
        forged = client.get(f"/sso/callback/{query}")
        assert forged.status_code == 502, query
        assert "Nothing was changed" in forged.content.decode()
    use(settings, provider, issuer="http://127.0.0.1:1")
    dead = client.get("/sso/login/")
    assert dead.status_code == 502
    assert "did not answer" in dead.content.decode()
    assert not UserSession.objects.exists()


def test_nobody_makes_this_machine_hammer_the_provider(provider: LiveProvider, client: Client) -> None:
    answers = [client.get("/sso/callback/?code=a&state=b").status_code for _ in range(32)]
    assert (answers[0], answers[-1]) == (502, 429)


@pytest.mark.parametrize("evil", ["https://evil.example", "//evil.example", "javascript:alert(1)", "/\\evil.example"])
def test_nobody_is_led_elsewhere_after_signing_in(provider: LiveProvider, client: Client, evil: str) -> None:
    provider.say("olga", groups=["audit"])
    answer = provider.sign_in(client, "olga", start=f"/sso/login/?next={evil}")
    assert answer.headers["Location"] == "/"


def test_without_a_provider_there_are_no_such_pages(client: Client) -> None:
    for address in ("/sso/login/", "/sso/callback/?code=a&state=b", "/sso/login/?process=connect"):
        assert client.get(address).status_code == 404
    assert client.post("/sso/logged-out/", {"logout_token": "x"}).status_code == 404
