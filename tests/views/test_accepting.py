"""The page of an invitation: readable with the link alone, changed by forms alone, and nothing for whoever guesses."""

import io
import json
import logging
import re
from datetime import timedelta
from typing import Any

import pytest
import structlog
import time_machine
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.html import escape

from sharing import logs
from sharing.models import (
    Account,
    Actor,
    Connection,
    Event,
    Grant,
    Invitation,
    InvitationState,
    Membership,
    Policy,
    Proving,
    ProvingState,
    Purpose,
    Role,
    User,
    Verdict,
)
from sharing.services import inviting, proving
from sharing.views.accepting import invitation_open
from sharing.views.link_holders import WRONG_LINKS
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

EMAIL = "dev@umbrella.example"
UMBRELLA = "666677778888"
PASSWORD = "a long enough one"


@pytest.fixture(autouse=True)
def _no_misses() -> None:
    cache.clear()


def offered(count: int = 1) -> list[Policy]:
    owner = factories.connection().account
    return [factories.function(of=owner).policies.get(qualifier="") for _ in range(count)]


class Sent:
    """An invitation and the link that its mail would have."""

    def __init__(self, meant: str = "", note: str = "", count: int = 1, email: str = EMAIL) -> None:
        self.owner = factories.person(Role.OWNER, name="Robin Vega")
        offers = [inviting.Offer(policy) for policy in offered(count)]
        self.invitation = inviting.invite(email, offers=offers, by=Actor.of(self.owner), meant=meant, note=note)
        self.token = inviting.renew(self.invitation)
        self.path = inviting.path_of(self.token)

    def page(self, client: Client, status: int = 200, below: str = "") -> str:
        response = client.get(f"{self.path}{below}")
        assert response.status_code == status
        return response.content.decode()

    def dev(self, client: Client, role: str = Role.CONSUMER) -> User:
        person = factories.person(role, email=EMAIL)
        client.force_login(person)
        return person

    def named(self, client: Client, number: str = UMBRELLA) -> Proving:
        response = client.post(f"{self.path}account/", {"number": number})
        assert (response.status_code, response["Location"]) == (302, f"{self.path}?account={number}")
        return Proving.objects.get(number=number)

    def now(self) -> Invitation:
        return Invitation.objects.get(pk=self.invitation.pk)


def proved(row: Proving) -> None:
    Proving.objects.filter(pk=row.pk).update(state=ProvingState.PROVED, proved_at=timezone.now())


# Reading


def test_anybody_with_the_link_reads_who_invites_to_what_until_when_and_what_to_do(client: Client) -> None:
    sent = Sent(count=2)
    page = sent.page(client)
    assert "Robin Vega shares 2 AWS Lambda functions with you" in page
    assert f"mailto:{sent.owner.email}" in page
    for item in sent.invitation.items.all():
        assert item.policy.arn in page
    assert "You may invoke it (lambda:InvokeFunction), with no end date" in page
    assert "in 7 days" in page
    assert f"Make a login for {EMAIL}" in page


def test_a_get_changes_nothing_whatever_opens_it(client: Client) -> None:
    sent = Sent()
    before = (Event.objects.count(), User.objects.count(), Proving.objects.count())
    for below in ("", "decline/", "proof/", "results/"):
        for _ in range(3):
            client.get(f"{sent.path}{below}")
            client.head(f"{sent.path}{below}")
    for below in ("join/", "account/", "role/", "look/", "accept/"):
        assert client.get(f"{sent.path}{below}").status_code == 405
    assert (Event.objects.count(), User.objects.count(), Proving.objects.count()) == before
    assert sent.now().state == InvitationState.PENDING


def test_nothing_is_cached_and_the_address_is_told_to_nobody(client: Client) -> None:
    sent = Sent()
    for path in (sent.path, f"{sent.path}decline/", "/invitation/guessed/"):
        response = client.get(path)
        assert "no-store" in response["Cache-Control"]
        assert response["Referrer-Policy"] == "strict-origin"
        assert "noindex" in response["X-Robots-Tag"]
        # Every address on the page is our own: nothing is loaded from, and no link leads, anywhere else.
        addresses = re.findall(r'(?:href|src|action|hx-get)="([^"]*)"', response.content.decode())
        assert [one for one in addresses if not one.startswith(("/", "#", "?", "mailto:"))] == []


def test_a_note_is_text(client: Client) -> None:
    note = "<script>alert(1)</script> see https://evil.example/?a=1 or www.evil.example, me@evil.example\n{{ 7|add:1 }}"
    page = Sent(note=note).page(client)
    assert escape(note) in page
    assert "<script>alert" not in page
    assert 'href="https://evil' not in page
    assert "mailto:me@evil" not in page


# Guessing


def test_every_link_that_opens_nothing_gets_the_same_page_by_the_same_work(client: Client) -> None:
    sent = Sent()
    replaced = sent.path
    inviting.renew(sent.invitation)
    pages, work = set(), set()
    for path in (replaced, "/invitation/guessed/", f"{sent.path[:-2]}/", f"/invitation/{'x' * 2000}/", "/invitation/%00%ff/"):
        with CaptureQueriesContext(connection) as asked:
            response = client.get(path)
        assert response.status_code == 404
        pages.add(response.content.decode())
        work.add(len([query for query in asked if "sharing_invitation" in query["sql"]]))
    assert len(pages) == 1
    assert "This link opens nothing" in pages.pop()
    assert work == {1}


def test_thousands_of_guesses_end_at_a_closed_door_that_says_nothing_of_the_right_one(client: Client) -> None:
    sent = Sent()
    factory = RequestFactory()  # without the middleware: thousands of answers within seconds

    def guessed(number: int) -> int:
        request = factory.get(f"/invitation/guess-{number}/")
        request.user = AnonymousUser()
        return invitation_open(request, f"guess-{number}").status_code

    answers = [guessed(number) for number in range(3000)]
    assert answers == [404] * WRONG_LINKS + [429] * (3000 - WRONG_LINKS)
    for below in ("", "decline/", "join/"):
        response = client.post(f"{sent.path}{below}") if below == "join/" else client.get(f"{sent.path}{below}")
        assert response.status_code == 429
        assert "Yours still works then" in response.content.decode()
    elsewhere = Client(REMOTE_ADDR="203.0.113.9")
    assert elsewhere.get(sent.path).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        assert client.get(sent.path).status_code == 200


def test_the_token_is_in_no_log(client: Client) -> None:
    sent = Sent()
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.formatter())
    root = logging.getLogger()
    root.addHandler(handler)
    before = root.level
    root.setLevel(logging.INFO)
    try:
        structlog.get_logger("test").info("request_started", request=f"GET {sent.path}join/")
        client.get(sent.path)
        client.get(f"/login/?next={sent.path.replace('/', '%2F')}")
        client.post(f"{sent.path}join/", {"name": ""})  # 422: Django itself logs the address of what it refuses
        Client(enforce_csrf_checks=True).post(f"{sent.path}join/")
        client.get(f"{sent.path}nowhere/")
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert any("/invitation/.../join/" in json.dumps(line) for line in lines)
    assert sent.token not in written.getvalue()


# The four ends


@pytest.mark.parametrize("end", ["cancel", "decline", "expire", "overdue"])
def test_an_invitation_that_is_over_says_so_and_whom_to_ask(client: Client, end: str) -> None:
    sent = Sent()
    words = {"cancel": "was cancelled", "decline": "was declined", "expire": "has expired", "overdue": "has expired"}[end]
    if end == "cancel":
        inviting.cancel(sent.invitation, by=Actor.of(factories.person(Role.ADMIN)))
    elif end == "decline":
        inviting.decline(sent.invitation)
    with time_machine.travel(timezone.now() + timedelta(days=8 if end in ("expire", "overdue") else 0), tick=False):
        if end == "expire":
            inviting.expire(timezone.now())
        page = sent.page(client)
        assert f"This invitation {words}" in page
        assert f'Write to Robin Vega (<a href="mailto:{sent.owner.email}"' in page
        assert sent.invitation.items.get().policy.arn not in page  # what was offered is not told any more
        answer = client.post(f"{sent.path}join/", {"name": "Dee", "password": PASSWORD})
        assert answer.status_code in (409, 422)
    assert not User.objects.filter(email=EMAIL).exists()


# Signing in


def test_a_login_is_made_on_the_page_and_is_signed_in(client: Client) -> None:
    sent = Sent()
    weak = client.post(f"{sent.path}join/", {"name": "Dee", "password": "short"})
    assert weak.status_code == 422
    assert "too short" in weak.content.decode()
    joined = client.post(f"{sent.path}join/", {"name": "Dee", "password": PASSWORD})
    assert (joined.status_code, joined["Location"]) == (302, sent.path)
    person = User.objects.get(email=EMAIL)
    assert client.session["_auth_user_id"] == str(person.pk)
    assert "Which AWS account will call it?" in sent.page(client)
    # The other tab's form, sent later: a login is there, and nobody is signed in by it.
    other = Client()
    late = other.post(f"{sent.path}join/", {"name": "Dee", "password": "another long one"})
    assert late.status_code == 422
    assert f"Sign in as {EMAIL}" in late.content.decode()
    assert "_auth_user_id" not in other.session


def test_who_has_a_login_signs_in_and_comes_back(client: Client) -> None:
    sent = Sent()
    factories.person(Role.CONSUMER, email=EMAIL)
    page = sent.page(client)
    match = re.search(r'href="(/login/\?next=[^"]+)"', page)
    assert match is not None
    answer = client.post(match[1], {"login": EMAIL, "password": factories.PASSWORD})
    assert answer["Location"] == sent.path
    assert "Which AWS account" in sent.page(client)


def test_a_login_that_is_switched_off_cannot_accept(client: Client) -> None:
    sent = Sent()
    factories.person(Role.CONSUMER, email=EMAIL, is_active=False)
    assert "is switched off" in sent.page(client)
    assert client.post(f"{sent.path}join/", {"name": "Dee", "password": PASSWORD}).status_code == 422


def test_a_forwarded_link_says_whom_it_is_for_and_lets_nobody_else_act(client: Client) -> None:
    sent = Sent()
    client.force_login(factories.person(Role.OWNER))
    page = sent.page(client)
    assert "You are signed in with another address" in page
    assert f"<strong>{EMAIL}</strong>" in page
    for below, body in (("account/", {"number": UMBRELLA}), ("accept/", {"account": UMBRELLA}), ("look/", {})):
        assert client.post(f"{sent.path}{below}", body).status_code in (404, 409, 422)
    assert not Proving.objects.exists()
    signed_out = client.post("/logout/", {"next": sent.path})
    assert signed_out["Location"] == sent.path


def test_nobody_acts_without_signing_in(client: Client) -> None:
    sent = Sent()
    for below in ("account/", "look/", "accept/", "role/"):
        assert client.post(f"{sent.path}{below}", {"number": UMBRELLA, "role": "x", "account": UMBRELLA}).status_code == 403
    for below in ("template/", "terraform/"):
        assert client.get(f"{sent.path}{below}?account={UMBRELLA}").status_code == 403
    assert not Proving.objects.exists()


def test_an_auditor_is_told_why_not(client: Client) -> None:
    sent = Sent()
    sent.dev(client, Role.AUDITOR)
    assert "Auditors do not accept" in sent.page(client)
    assert client.post(f"{sent.path}account/", {"number": UMBRELLA}).status_code == 403


# Proving


def test_the_page_hands_out_what_to_run_and_waits(client: Client) -> None:
    sent = Sent()
    sent.dev(client)
    row = sent.named(client)
    page = sent.page(client, below=f"?account={UMBRELLA}")
    for text in (row.external_id, "aws iam create-role", "AWSTemplateFormatVersion", "aws_iam_role", "delete-role"):
        assert text in page
    assert "could call the functions for real" in page
    assert 'hx-trigger="every 1s"' in page
    for below, kind in (("template/", "application/json"), ("terraform/", "text/plain")):
        answer = client.get(f"{sent.path}{below}?account={UMBRELLA}")
        assert answer["Content-Type"].startswith(kind)
        assert row.external_id in answer.content.decode()
        assert client.get(f"{sent.path}{below}?account=111122223333").status_code == 404


@pytest.mark.parametrize("number", ["", "12", "444455556666\x00", "9" * 5000, "<b>", "'; --"])
def test_bad_digits_are_said_on_the_form(client: Client, number: str) -> None:
    sent = Sent()
    sent.dev(client)
    assert client.post(f"{sent.path}account/", {"number": number}).status_code == 422
    assert client.post(f"{sent.path}look/", {"account": number}).status_code in (404, 409)
    assert client.post(f"{sent.path}accept/", {"account": number}).status_code == 409
    assert client.get(sent.path, {"account": number}).status_code == 200
    assert client.get(f"{sent.path}proof/", {"account": number, "seen": number}).status_code == 204


def test_the_waiting_page_asks_and_gets_only_what_changed(client: Client) -> None:
    sent = Sent()
    sent.dev(client)
    row = sent.named(client)
    address = f"{sent.path}proof/?account={UMBRELLA}"
    assert client.get(f"{address}&seen=waiting-").status_code == 204
    Proving.objects.filter(pk=row.pk).update(seen="unsafe")
    changed = client.get(f"{address}&seen=waiting-").content.decode()
    assert "The role ignores the ExternalId" in changed
    assert "seen=waiting-unsafe" in changed
    assert "<html" not in changed
    proved(row)
    done = client.get(f"{address}&seen=waiting-unsafe")
    assert (done["HX-Retarget"], done["HX-Reswap"]) == ("#step", "outerHTML")
    assert "Accept for this account" in done.content.decode()
    assert "hx-get" not in done.content.decode()


def test_an_invitation_cancelled_while_the_page_waits_makes_it_load_anew(client: Client) -> None:
    sent = Sent()
    sent.dev(client)
    sent.named(client)
    inviting.cancel(sent.invitation, by=Actor.of(factories.person(Role.ADMIN)))
    answer = client.get(f"{sent.path}proof/?account={UMBRELLA}&seen=waiting-")
    assert (answer.status_code, answer["HX-Refresh"]) == (204, "true")
    assert "was cancelled" in sent.page(client)
    assert client.post(f"{sent.path}look/", {"account": UMBRELLA}).status_code == 409


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ("closed", "AWS gives one answer for all of these"),
        ("unsafe", "ignores the ExternalId"),
        ("elsewhere", "another account&#x27;s"),
        ("no-answer", "AWS gives no answer"),
        ("", "Looking for the role"),
    ],
)
def test_each_thing_that_is_seen_has_its_way_out(client: Client, seen: str, words: str) -> None:
    sent = Sent()
    sent.dev(client)
    Proving.objects.filter(pk=sent.named(client).pk).update(seen=seen, tried_at=timezone.now())
    page = sent.page(client).replace("account's", "account&#x27;s")
    assert words in page
    assert "Look again" in page


def test_look_again_is_a_form_and_says_when_the_hour_is_over(client: Client) -> None:
    sent = Sent()
    sent.dev(client)
    row = sent.named(client)
    Proving.objects.filter(pk=row.pk).update(state=ProvingState.OVER)
    page = sent.page(client)
    assert "fnshare looked for an hour" in page
    assert "hx-get" not in page
    assert client.post(f"{sent.path}look/", {"account": UMBRELLA}).status_code == 302
    row.refresh_from_db()
    assert row.state == ProvingState.WAITING


def test_an_account_that_others_act_for_looks_like_one_that_nobody_knows(client: Client) -> None:
    account = factories.account("Umbrella Secret Lab", UMBRELLA)
    factories.connection(account, Purpose.CHECKER, external_id="fnshare-checker-of-a-colleague")
    factories.membership(account_=account)
    factories.grant(to=UMBRELLA)
    sent = Sent()
    sent.dev(client)

    def shown(number: str) -> str:
        row = sent.named(client, number)
        page = sent.page(client, below=f"?account={number}")
        for text in (row.external_id, number, f"{number[:4]} {number[4:8]} {number[8:]}"):
            page = page.replace(text, "-")
        return re.sub(r'value="[A-Za-z0-9]{64}"|csrf[^>]*|X-CSRFToken[^}]*', "", page)

    assert shown(UMBRELLA) == shown("777700001111")
    assert "Secret Lab" not in sent.page(client, below=f"?account={UMBRELLA}")


def test_another_persons_proof_is_not_on_my_page(client: Client) -> None:
    sent, other = Sent(), Sent(email="else@umbrella.example")
    someone = factories.person(Role.CONSUMER, email="else@umbrella.example")
    theirs = proving.name_account(other.invitation, person=someone, number=UMBRELLA)
    sent.dev(client)
    page = sent.page(client, below=f"?account={UMBRELLA}")
    assert theirs.external_id not in page
    assert client.get(f"{sent.path}template/?account={UMBRELLA}").status_code == 404
    assert client.post(f"{sent.path}look/", {"account": UMBRELLA}).status_code == 404


# Yes and no


def test_accepting_twice_is_one_answer_and_the_page_says_what_became_of_it(client: Client) -> None:
    sent = Sent(meant=UMBRELLA)
    sent.dev(client)
    proved(sent.named(client))
    for _ in range(2):
        assert client.post(f"{sent.path}accept/", {"account": UMBRELLA})["Location"] == sent.path
    assert Event.objects.filter(verb="invitation.accepted").count() == 1
    page = sent.page(client)
    assert f"You accepted for account {UMBRELLA[:4]} {UMBRELLA[4:8]} {UMBRELLA[8:]}" in page
    assert "It is made in a moment" in page
    assert 'href="/shared/"' in page
    inviting.make_grants(sent.invitation.pk)
    grant = Grant.objects.get(principal=UMBRELLA)
    told = client.get(f"{sent.path}results/").content.decode()
    assert "AWS is being told" in told
    assert "hx-get" in told
    detail = "Proved for it. It is let in by statement secret-sid as well."
    Grant.objects.filter(pk=grant.pk).update(
        state="active", verdict=Verdict.ALLOWED, verdict_principal="arn:aws:iam::1:role/fnshare-checker", verdict_detail=detail
    )
    told = client.get(f"{sent.path}results/").content.decode()
    assert "Active" in told
    assert "Proved for fnshare-checker" in told.replace("role/", "")
    assert "hx-get" not in told
    assert "secret-sid" not in told


def test_active_is_not_proved(client: Client) -> None:
    sent = Sent(meant=UMBRELLA)
    sent.dev(client)
    proved(sent.named(client))
    client.post(f"{sent.path}accept/", {"account": UMBRELLA})
    inviting.make_grants(sent.invitation.pk)
    Grant.objects.update(state="active", verdict=Verdict.DENIED, verdict_principal="arn:aws:iam::1:role/x")
    page = sent.page(client)
    assert "Denied for" in page
    assert "Proved" not in page


def test_an_item_that_failed_tells_nothing_of_the_owners_side(client: Client) -> None:
    sent = Sent(meant=UMBRELLA)
    sent.dev(client)
    proved(sent.named(client))
    client.post(f"{sent.path}accept/", {"account": UMBRELLA})
    sent.invitation.items.update(failure="The policy has 20,480 bytes; statement for-globex could go.", failure_next="Merge.")
    page = sent.page(client)
    assert "Not shared" in page
    assert "globex" not in page


def test_a_role_that_was_for_the_proof_alone_is_said_to_be_spare_once_they_are_a_member(client: Client) -> None:
    account = factories.account("Umbrella", UMBRELLA)
    standing = factories.connection(account, Purpose.CHECKER)
    sent = Sent(meant=UMBRELLA)
    sent.dev(client)
    row = sent.named(client)
    client.post(f"{sent.path}role/", {"account": UMBRELLA, "role": "mine-alone"})
    proved(row)
    client.post(f"{sent.path}accept/", {"account": UMBRELLA})
    assert sent.now().connection == standing
    assert "delete-role --role-name mine-alone" in sent.page(client)
    Invitation.objects.update(confirmed_at=None)
    assert "mine-alone" not in sent.page(client)


def test_two_tabs_with_two_accounts_accept_one(client: Client) -> None:
    sent = Sent()
    sent.dev(client)
    for number in (UMBRELLA, "777700001111"):
        proved(sent.named(client, number))
        assert "Accept for this account" in sent.page(client, below=f"?account={number}")
    assert client.post(f"{sent.path}accept/", {"account": UMBRELLA}).status_code == 302
    late = client.post(f"{sent.path}accept/", {"account": "777700001111"})
    assert late.status_code == 409
    assert "already" in late.content.decode()
    assert "Waits for their confirmation" in sent.page(client)


def test_a_replayed_link_after_acceptance_tells_whoever_did_not_accept_nothing(client: Client) -> None:
    sent = Sent(meant=UMBRELLA)
    sent.dev(client)
    proved(sent.named(client))
    client.post(f"{sent.path}accept/", {"account": UMBRELLA})
    stranger = Client()
    signed_in = Client()
    signed_in.force_login(factories.person(Role.OWNER))
    for visitor in (stranger, signed_in):
        page = sent.page(visitor)
        assert "This invitation was accepted" in page
        assert UMBRELLA[:4] + " " + UMBRELLA[4:8] not in page
        assert sent.invitation.items.get().policy.arn not in page
        assert visitor.get(f"{sent.path}results/").status_code == 204
        assert visitor.post(f"{sent.path}accept/", {"account": UMBRELLA}).status_code in (403, 409)


def test_declining_asks_first_needs_no_login_and_ends_it(client: Client) -> None:
    sent = Sent()
    assert "Decline the invitation?" in sent.page(client, below="decline/")
    assert sent.now().state == InvitationState.PENDING
    assert client.post(f"{sent.path}decline/", {"reason": "x" * 501}).status_code == 422
    for _ in range(2):
        assert client.post(f"{sent.path}decline/", {"reason": "<b>not ours</b>"})["Location"] == sent.path
    assert (sent.now().state, sent.now().ended_reason) == (InvitationState.DECLINED, "<b>not ours</b>")
    assert "was declined" in sent.page(client)
    assert not Grant.objects.filter(principal=UMBRELLA).exists()
    assert client.get(f"{sent.path}decline/").status_code == 302


def test_two_invitations_to_one_address_are_two_and_one_proof_serves_both(client: Client) -> None:
    one, two = Sent(meant=UMBRELLA), Sent(meant=UMBRELLA)
    one.dev(client)
    proved(one.named(client))
    assert client.post(f"{one.path}accept/", {"account": UMBRELLA}).status_code == 302
    page = two.page(client)
    assert "You act for it already" in page
    assert client.post(f"{two.path}accept/", {"account": UMBRELLA}).status_code == 302
    assert Connection.objects.filter(purpose=Purpose.CHECKER).count() == 1
    assert Membership.objects.count() == 1


def test_a_form_without_its_token_changes_nothing() -> None:
    sent = Sent()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(factories.person(Role.CONSUMER, email=EMAIL))
    for below in ("account/", "role/", "look/", "accept/", "decline/"):
        assert strict.post(f"{sent.path}{below}", {"number": UMBRELLA, "account": UMBRELLA}).status_code == 403
    assert sent.now().state == InvitationState.PENDING


def test_a_page_costs_the_same_for_one_function_and_for_many(client: Client) -> None:
    few, many = Sent(count=1), Sent(count=20)
    few.dev(client)
    assert queries(client, few.path) == queries(client, many.path)
    few.named(client)
    assert queries(client, f"{few.path}?account={UMBRELLA}") == queries(client, f"{many.path}?account={UMBRELLA}")


def test_no_account_begins_before_somebody_accepts(client: Client) -> None:
    sent = Sent()
    sent.dev(client)
    before: Any = Account.objects.count()
    proved(sent.named(client))
    sent.page(client)
    assert Account.objects.count() == before
    assert settings.PUBLIC_URL not in sent.page(client)
