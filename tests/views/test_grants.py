"""A grant's pages: revoke, undo, another end date, checks, approval; who may and who may not; the row that is polled."""

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import (
    Account,
    Actor,
    Check,
    CheckState,
    Event,
    Function,
    Grant,
    GrantState,
    Policy,
    Role,
    User,
    Verdict,
    Wanted,
)
from sharing.services import granting, syncing
from tests import factories

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
ACTIONS = ("grant-revoke", "grant-undo", "grant-extend", "grant-check", "grant-approve")


@pytest.fixture
def ola() -> User:
    return factories.person(Role.OWNER, email="ola@example.com")


@pytest.fixture
def function() -> Function:
    account = factories.account("Platform", "111111111111")
    factories.connection(account)
    factories.account("Acme Retail", "222222222222")
    return factories.function("label-uploads", account)


@pytest.fixture
def owner(client: Client, ola: User) -> Client:
    client.force_login(ola)
    return client


def decided(function: Function, by: User, who: str = "222222222222", *, days: int | None = 90, **more: Any) -> Grant:
    policy = function.policies.select_related("function__account", "current").get(qualifier="")
    ends_at = timezone.now() + timedelta(days=days) if days is not None else None
    plan = granting.plan(policy=policy, who=who, by=Actor.of(by), ends_at=ends_at, **more)
    assert plan.ok, plan.problems
    return granting.grant(plan, reason="OPS-812", by=Actor.of(by))


def holds(function: Function, *statements: dict[str, Any]) -> Policy:
    """AWS is seen to hold these statements on the function."""
    policy = function.policies.get(qualifier="")
    text = json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": list(statements)})
    syncing.store_policy(policy, StoredPolicy(text, "revision"), read_at=timezone.now(), ours=[s["Sid"] for s in statements])
    return function.policies.select_related("current").get(qualifier="")


def active(function: Function, by: User, who: str = "222222222222", **more: Any) -> Grant:
    grant = decided(function, by, who, **more)
    Grant.objects.filter(pk=grant.pk).update(state=GrantState.ACTIVE, settled_at=timezone.now(), unsettled_since=None)
    holds(function, grant.statement)
    return Grant.objects.get(pk=grant.pk)


def address(grant: Grant, name: str = "grant-detail") -> str:
    return reverse(name, args=[grant.pk])


def text_of(response: Any) -> str:
    return html.unescape(response.content.decode())


class TestRevoke:
    def test_asks_first_and_says_what_follows(self, owner: Client, function: Function, ola: User) -> None:
        grant = active(function, ola)
        page = text_of(owner.get(address(grant, "grant-revoke")))
        assert "Nothing else in this policy lets them in afterwards" in page
        assert "Undo writes the same statement again" in page
        assert Grant.objects.get().wanted == Wanted.PRESENT

    def test_says_what_else_still_lets_them_in(self, owner: Client, function: Function, ola: User) -> None:
        grant = active(function, ola)
        holds(function, grant.statement, {**grant.statement, "Sid": "by-hand"})
        page = text_of(owner.get(address(grant, "grant-revoke")))
        assert "They stay allowed by something else" in page
        assert "by-hand" in page

    def test_takes_it_back_with_the_second_click_and_leads_to_undo(self, owner: Client, function: Function, ola: User) -> None:
        grant = active(function, ola)
        response = owner.post(address(grant, "grant-revoke"), {"reason": "no longer needed"})
        assert response["Location"] == address(grant)
        grant.refresh_from_db()
        assert (grant.state, grant.wanted) == (GrantState.REVOKING, Wanted.ABSENT)
        assert grant.revoke_reason == "no longer needed"
        Grant.objects.update(state=GrantState.REVOKED, settled_at=timezone.now())
        holds(function)
        assert f'action="{address(grant, "grant-undo")}"' in text_of(owner.get(address(grant)))
        assert f'action="{address(grant, "grant-undo")}"' in text_of(owner.get(reverse("function-detail", args=[function.pk])))

    def test_twice_is_once(self, owner: Client, function: Function, ola: User) -> None:
        grant = active(function, ola)
        for _ in range(2):
            assert owner.post(address(grant, "grant-revoke"), {}).status_code == 302
        assert Event.objects.filter(grant=grant, verb="grant.revoke-asked").count() == 1

    def test_shows_both_statements_when_another_tool_changed_it_and_then_obeys(
        self, owner: Client, function: Function, ola: User
    ) -> None:
        grant = active(function, ola)
        holds(function, {**grant.statement, "Action": "lambda:GetFunction"})
        page = text_of(owner.get(address(grant, "grant-revoke")))
        assert "Another tool changed this statement" in page
        assert '<input type="hidden" name="anyway"' in page
        assert owner.post(address(grant, "grant-revoke"), {}).status_code == 422
        assert owner.post(address(grant, "grant-revoke"), {"anyway": "true"}).status_code == 302
        assert "As AWS holds it now" in text_of(owner.get(address(grant)))

    def test_of_a_request_withdraws_it(self, owner: Client, function: Function, ola: User) -> None:
        grant = decided(function, ola, "everyone")
        assert "Withdraw the request" in text_of(owner.get(address(grant, "grant-revoke")))
        owner.post(address(grant, "grant-revoke"), {})
        grant.refresh_from_db()
        assert grant.state == GrantState.FAILED
        assert "Withdrawn" in text_of(owner.get(address(grant)))

    def test_that_cannot_be_done_says_what_to_do(self, owner: Client, function: Function, ola: User) -> None:
        grant = active(function, ola)
        function.account.connections.update(verbs={"read": True})
        response = owner.post(address(grant, "grant-revoke"), {"reason": "typed"})
        assert response.status_code == 422
        assert "may only read" in text_of(response)
        grant.refresh_from_db()
        assert grant.wanted == Wanted.PRESENT

    def test_with_htmx_answers_with_the_list(self, owner: Client, function: Function, ola: User) -> None:
        grant = active(function, ola)
        asked = owner.get(address(grant, "grant-revoke"), headers=HTMX)
        assert "<html" not in text_of(asked)
        assert "data-focus" in text_of(asked)
        page = text_of(owner.post(address(grant, "grant-revoke"), {}, headers=HTMX))
        assert 'id="access" hx-swap-oob="innerHTML"' in page
        assert "Taking it back." in page
        toast = page.partition("beforeend:#toasts")[2]
        assert "note-wait" in toast
        assert "note-ok" not in toast

    def test_without_htmx_says_that_it_is_not_done_yet(self, owner: Client, function: Function, ola: User) -> None:
        response = owner.post(address(active(function, ola), "grant-revoke"), {}, follow=True)
        said = text_of(response).partition('id="messages"')[2].partition("Taking it back.")[0]
        assert "note-wait" in said


class TestStatement:
    """Made elsewhere, taken back by its place in the version that was looked at."""

    def statement(self, function: Function, sid: str = "by-hand", **more: Any) -> dict[str, Any]:
        return {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
            "Action": "lambda:InvokeFunction",
            "Resource": function.arn,
            **more,
        }

    def address(self, policy: Policy, index: int = 0) -> str:
        return reverse("statement-revoke", args=[policy.pk, policy.current_id, index])

    def test_is_adopted_and_taken_back(self, owner: Client, function: Function) -> None:
        policy = holds(function, self.statement(function))
        page = text_of(owner.get(self.address(policy)))
        assert "Revoke access" in page
        response = owner.post(self.address(policy), {"reason": "leftover"})
        grant = Grant.objects.get()
        assert response["Location"] == address(grant)
        assert grant.adopted
        assert grant.wanted == Wanted.ABSENT

    def test_of_a_stale_page_is_refused_and_the_fresh_list_shown(self, owner: Client, function: Function) -> None:
        seen = holds(function, self.statement(function))
        holds(function, self.statement(function, sid="another"))
        for method in (owner.get, owner.post):
            response = method(self.address(seen))
            assert response["Location"] == reverse("function-detail", args=[function.pk])
        shown = text_of(owner.get(reverse("function-detail", args=[function.pk])))
        assert "Nothing was changed; the list shows what is there now" in shown
        assert not Grant.objects.exists()
        fragment = text_of(owner.post(self.address(seen), headers=HTMX))
        assert 'id="access"' in fragment
        assert "note-bad" in fragment

    def test_that_denies_is_never_removed(self, owner: Client, function: Function) -> None:
        policy = holds(function, self.statement(function, Effect="Deny"))
        page = text_of(owner.get(self.address(policy)))
        assert "removing it would widen access" in page
        assert "Revoke access" not in page
        assert owner.post(self.address(policy), {}).status_code == 422
        assert not Grant.objects.exists()

    def test_warns_where_it_could_not_be_written_back(self, owner: Client, function: Function) -> None:
        many = {"AWS": ["arn:aws:iam::222222222222:root", "arn:aws:iam::333333333333:root"]}
        policy = holds(function, self.statement(function, Principal=many))
        page = text_of(owner.get(self.address(policy)))
        assert "This cannot be undone here" in page
        assert "who all lose it" in page

    def test_is_on_the_list_with_its_tool_its_statement_and_no_end_date(self, owner: Client, function: Function) -> None:
        holds(function, self.statement(function), self.statement(function, sid="deny", Effect="Deny"))
        page = text_of(owner.get(reverse("function-detail", args=[function.pk])))
        assert "Acme Retail" in page
        assert "2222 2222 2222" in page
        assert "Not invoke" in page
        assert "no end date" not in page
        assert "#statement-" in page

    def test_auditors_and_strangers_cannot(self, client: Client, function: Function) -> None:
        policy = holds(function, self.statement(function))
        client.force_login(factories.person(Role.AUDITOR))
        assert client.post(self.address(policy)).status_code == 403
        client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
        assert client.post(self.address(policy)).status_code == 404
        assert not Grant.objects.exists()


class TestUndo:
    def revoked(self, function: Function, by: User, who: str = "222222222222", **more: Any) -> Grant:
        grant = active(function, by, who, **more)
        Grant.objects.filter(pk=grant.pk).update(
            state=GrantState.REVOKED, wanted=Wanted.ABSENT, settled_at=timezone.now(), revoked_as="ola@example.com"
        )
        holds(function)
        return Grant.objects.get(pk=grant.pk)

    def test_writes_the_same_statement_again_once_per_form(self, owner: Client, function: Function, ola: User) -> None:
        grant = self.revoked(function, ola)
        for _ in range(2):
            assert owner.post(address(grant, "grant-undo"), {"form_token": "one-form"}).status_code == 302
        again = Grant.objects.get(undo_of=grant)
        assert again.statement == grant.statement
        assert again.ends_at == grant.ends_at
        assert address(again) in text_of(owner.get(address(grant)))

    def test_asks_whether_a_role_is_still_the_one_that_is_meant(self, owner: Client, function: Function, ola: User) -> None:
        grant = self.revoked(function, ola, "arn:aws:iam::222222222222:role/deploy")
        response = owner.post(address(grant, "grant-undo"), {"form_token": "one-form"}, headers=HTMX)
        assert response.status_code == 422
        assert 'name="confirm_role"' in text_of(response)
        assert "arn:aws:iam::222222222222:role/deploy" in text_of(response)
        sent = {"form_token": "one-form", "confirm_role": "on"}
        assert owner.post(address(grant, "grant-undo"), sent).status_code == 302
        assert Grant.objects.filter(undo_of=grant).count() == 1

    def test_asks_for_the_secret_that_was_not_kept(self, owner: Client, function: Function, ola: User) -> None:
        grant = self.revoked(function, ola, "alexa-appkit.amazon.com", event_source_token="amzn1.ask.skill.one")
        response = owner.post(address(grant, "grant-undo"), {"form_token": "one-form"})
        assert response.status_code == 422
        assert 'type="password" name="event_source_token"' in text_of(response)
        sent = {"form_token": "one-form", "event_source_token": "amzn1.ask.skill.one"}
        assert owner.post(address(grant, "grant-undo"), sent).status_code == 302

    def test_of_what_has_ended_asks_for_another_end(self, owner: Client, function: Function, ola: User) -> None:
        grant = self.revoked(function, ola)
        Grant.objects.filter(pk=grant.pk).update(state=GrantState.EXPIRED, ends_at=timezone.now() - timedelta(days=1))
        response = owner.post(address(grant, "grant-undo"), {"form_token": "one-form"})
        assert response.status_code == 422
        assert 'name="until"' in text_of(response)
        sent = {"form_token": "one-form", "until": "30d"}
        assert owner.post(address(grant, "grant-undo"), sent).status_code == 302
        assert Grant.objects.get(undo_of=grant).ends_at > timezone.now()  # type: ignore[operator]

    def test_of_an_active_grant_is_refused(self, owner: Client, function: Function, ola: User) -> None:
        grant = active(function, ola)
        response = owner.post(address(grant, "grant-undo"), {"form_token": "one-form"})
        assert response.status_code == 422
        assert "Only what was taken back can be undone" in text_of(response)


class TestApproval:
    @pytest.fixture
    def asked(self, function: Function, ola: User) -> Grant:
        return decided(function, ola, "everyone")

    @pytest.fixture
    def second(self) -> User:
        return factories.person(Role.OWNER, email="sam@example.com")

    def digest(self, page: str) -> str:
        found = re.search(r'name="digest" value="([0-9a-f]+)"', page)
        assert found
        return found.group(1)

    def test_shows_exactly_what_is_written_and_until_when(self, client: Client, asked: Grant, second: User) -> None:
        client.force_login(second)
        page = text_of(client.get(address(asked, "grant-approve")))
        assert asked.sid in page
        assert "ola@example.com" in page
        assert "OPS-812" in page
        assert "until" in page
        response = client.post(
            address(asked, "grant-approve"), {"answer": "approve", "digest": self.digest(page), "reason": ""}
        )
        assert response.status_code == 302
        asked.refresh_from_db()
        assert asked.state == GrantState.PENDING
        assert asked.approved_by == second

    def test_is_bound_to_what_was_shown(self, client: Client, asked: Grant, second: User) -> None:
        client.force_login(second)
        page = text_of(client.get(address(asked, "grant-approve")))
        Grant.objects.filter(pk=asked.pk).update(ends_at=timezone.now() + timedelta(days=900))
        response = client.post(address(asked, "grant-approve"), {"answer": "approve", "digest": self.digest(page)})
        assert response.status_code == 422
        assert "not the one that was shown" in text_of(response)
        asked.refresh_from_db()
        assert asked.state == GrantState.REQUESTED

    def test_is_not_given_by_whoever_asked(self, owner: Client, asked: Grant) -> None:
        page = text_of(owner.get(address(asked, "grant-approve")))
        assert "You asked for this yourself" in page
        assert 'value="approve"' not in page
        response = owner.post(address(asked, "grant-approve"), {"answer": "approve", "digest": granting.approval_digest(asked)})
        assert response.status_code == 422
        asked.refresh_from_db()
        assert asked.state == GrantState.REQUESTED
        assert "Withdraw" in text_of(owner.get(address(asked)))

    def test_declining_needs_a_reason_and_tells_it(self, client: Client, asked: Grant, second: User) -> None:
        client.force_login(second)
        assert client.post(address(asked, "grant-approve"), {"answer": "decline"}).status_code == 422
        sent = {"answer": "decline", "reason": "Share with the partner's account instead."}
        assert client.post(address(asked, "grant-approve"), sent).status_code == 302
        assert "Share with the partner's account instead." in text_of(client.get(address(asked)))

    def test_of_something_settled_says_so(self, client: Client, function: Function, ola: User, second: User) -> None:
        client.force_login(second)
        grant = active(function, ola)
        assert "Nothing waits for approval here" in text_of(client.get(address(grant, "grant-approve")))


class TestExtend:
    def test_changes_the_end_date(self, owner: Client, function: Function, ola: User) -> None:
        grant = active(function, ola, days=7)
        assert owner.post(address(grant, "grant-extend"), {"until": "90d"}).status_code == 302
        assert Grant.objects.get().ends_at > timezone.now() + timedelta(days=80)  # type: ignore[operator]

    def test_says_what_is_wrong_at_the_field(self, owner: Client, function: Function, ola: User) -> None:
        grant = active(function, ola)
        response = owner.post(address(grant, "grant-extend"), {"until": "date", "until_date": "2020-02-02"})
        assert response.status_code == 422
        assert "in the past" in text_of(response)
        assert 'value="2020-02-02"' in text_of(response)


class TestRow:
    def test_polls_only_while_something_is_unsettled(self, owner: Client, function: Function, ola: User) -> None:
        grant = decided(function, ola)
        url = reverse("function-detail", args=[function.pk])
        page = text_of(owner.get(url))
        poll = re.search(r'hx-get="([^"]+/row/\?[^"]+)" hx-trigger="load delay:400ms, every (\d+)s"', page)
        assert poll
        assert poll.group(2) == "1"
        assert owner.get(poll.group(1), headers=HTMX).status_code == 204, "unchanged: nothing to swap"
        Grant.objects.filter(pk=grant.pk).update(state=GrantState.ACTIVE, settled_at=timezone.now())
        holds(function, grant.statement)
        settled = text_of(owner.get(poll.group(1), headers=HTMX))
        assert "Active" in settled
        assert "AWS holds the statement now" in settled
        assert "hx-trigger" not in settled.partition("</tr>")[0]
        assert "hx-trigger" not in text_of(owner.get(url)).partition("<table")[2]

    def test_says_in_a_toast_what_a_check_found_and_offers_undo_after_a_revoke(
        self, owner: Client, function: Function, ola: User
    ) -> None:
        grant = active(function, ola)
        Grant.objects.update(verdict=Verdict.ALLOWED, verdict_principal="arn:aws:iam::222222222222:role/checker")
        poll = {"seen": "before", "was": "active"}
        page = text_of(owner.get(address(grant, "grant-row"), poll, headers=HTMX))
        assert "Tried as role/checker: allowed." in page
        assert "AWS holds the statement now" not in page
        Grant.objects.update(state=GrantState.REVOKED, wanted=Wanted.ABSENT, settled_at=timezone.now())
        holds(function)
        page = text_of(owner.get(address(grant, "grant-row"), {"seen": "before", "was": "revoking"}, headers=HTMX))
        toast = page.partition("beforeend:#toasts")[2]
        assert address(grant, "grant-undo") in toast
        assert "<form" not in toast  # beside a row of a table a browser would empty it
        token = toast.partition('hx-vals=\'{"form_token": "')[2].partition('"')[0]
        owner.post(address(grant, "grant-undo"), {"form_token": token}, headers=HTMX)
        assert Grant.objects.get(undo_of=grant).wanted == Wanted.PRESENT

    def test_asks_more_rarely_when_old(self, owner: Client, function: Function, ola: User) -> None:
        grant = decided(function, ola)
        Grant.objects.filter(pk=grant.pk).update(unsettled_since=timezone.now() - timedelta(minutes=10))
        assert 'hx-trigger="every 15s"' in text_of(owner.get(address(grant, "grant-row"), headers=HTMX))

    def test_shows_the_verdict_beside_the_state(self, owner: Client, function: Function, ola: User) -> None:
        grant = active(function, ola)
        Grant.objects.update(
            verdict=Verdict.ALLOWED,
            verdict_principal="arn:aws:iam::222222222222:role/fnshare-checker",
            checked_at=timezone.now(),
        )
        page = text_of(owner.get(address(grant, "grant-row"), headers=HTMX))
        assert "Active" in page
        assert "Proved for role/fnshare-checker" in page


def test_checking_on_click_asks_a_worker(owner: Client, function: Function, ola: User) -> None:
    account = Account.objects.get(number="222222222222")
    factories.connection(account, "checker", role_arn="arn:aws:iam::222222222222:role/fnshare-checker")
    grant = active(function, ola)
    assert owner.post(address(grant, "grant-check")).status_code == 302
    check = Check.objects.get()
    assert check.state == CheckState.QUEUED
    assert "Queued" in text_of(owner.get(reverse("function-checks", args=[function.pk])))


def test_checking_as_somebody_unknown_is_said_at_the_field(owner: Client, function: Function) -> None:
    response = owner.post(reverse("function-check", args=[function.pk]), {"as_": "nobody at all", "qualifier": ""})
    assert response.status_code == 422
    assert 'id="id_as__error"' in text_of(response)


class TestRights:
    @pytest.mark.parametrize("name", ACTIONS)
    def test_auditors_change_nothing(self, client: Client, function: Function, ola: User, name: str) -> None:
        grant = active(function, ola)
        client.force_login(factories.person(Role.AUDITOR))
        before = Grant.objects.values().get()
        assert client.post(address(grant, name), {"form_token": "x", "until": "7d"}).status_code == 403
        assert Grant.objects.values().get() == before

    def test_auditors_see_everything_and_no_buttons(self, client: Client, function: Function, ola: User) -> None:
        grant = active(function, ola)
        client.force_login(factories.person(Role.AUDITOR))
        for url in (address(grant), reverse("function-detail", args=[function.pk])):
            page = text_of(client.get(url)).partition("<main")[2]
            assert "Acme Retail" in page
            for words in (">Revoke", "Undo", "Check now", "Change the end date", "<form"):
                assert words not in page

    @pytest.mark.parametrize("name", ["grant-detail", "grant-row", *ACTIONS])
    def test_out_of_scope_is_not_found(self, client: Client, function: Function, ola: User, name: str) -> None:
        grant = active(function, ola)
        client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
        method = client.post if name in ACTIONS else client.get
        assert method(address(grant, name)).status_code == 404


def test_the_function_page_takes_as_many_queries_with_many_rows_as_with_few(
    owner: Client, function: Function, ola: User
) -> None:
    url = reverse("function-detail", args=[function.pk])
    first = active(function, ola)
    owner.get(url)
    with CaptureQueriesContext(connection) as few:
        owner.get(url)
    statements = [
        {**first.statement, "Sid": f"by-hand-{number}", "Principal": {"AWS": f"arn:aws:iam::{300000000000 + number}:root"}}
        for number in range(60)
    ]
    holds(function, first.statement, *statements)
    for number in range(20):
        factories.account(f"Partner {number}", f"{300000000000 + number}")
    with CaptureQueriesContext(connection) as many:
        page = text_of(owner.get(url))
    assert "Partner 19" in page
    assert len(many) == len(few)
