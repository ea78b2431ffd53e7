"""One function's pages: who has access in one list, what could not be read, how old it is, reading again, the stored policy."""

import html
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from sharing.aws.functions import StoredPolicy
from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Event,
    Function,
    Grant,
    Policy,
    Qualifier,
    QualifierKind,
    Reading,
    Role,
    Sync,
    SyncKind,
    SyncState,
)
from sharing.services import granting, syncing
from sharing.views.function_pages import FIRST
from tests import factories
from tests.views.test_functions_share import filled, seen_in, share

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def function() -> Function:
    account = factories.account("Platform", "111111111111")
    factories.connection(account)
    factories.account("Acme Retail", "222222222222")
    made = factories.function("label-uploads", account, description="Labels pictures")
    Qualifier.objects.create(function=made, kind=QualifierKind.ALIAS, name="live", points_to="7")
    Qualifier.objects.create(function=made, kind=QualifierKind.VERSION, name="7")
    for qualifier in ("live", "7"):
        Policy.objects.create(function=made, qualifier=qualifier, reading=Reading.NONE, read_at=timezone.now())
    return made


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(factories.person(Role.OWNER, email="ola@example.com"))
    return client


def address(function: Function, name: str = "function-detail") -> str:
    return reverse(name, args=[function.pk])


def text_of(response: Any) -> str:
    return html.unescape(str(response.content.decode()))


def holds(function: Function, *statements: dict[str, Any], qualifier: str = "") -> Policy:
    policy = function.policies.get(qualifier=qualifier)
    text = json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": list(statements)})
    syncing.store_policy(policy, StoredPolicy(text, "revision"), read_at=timezone.now())
    return policy


def statement(function: Function, sid: str, principal: Any, **more: Any) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": "lambda:InvokeFunction",
        "Resource": function.arn,
        **more,
    }


class TestALongList:
    @pytest.fixture
    def long(self, function: Function) -> Function:
        """27 statements on the function, of which the last is for everyone; then an alias."""
        named = [statement(function, f"s{n:02}", {"AWS": f"arn:aws:iam::{300_000_000_000 + n}:root"}) for n in range(26)]
        holds(function, *named, statement(function, "open", "*"))
        return function

    def test_has_the_first_rows_and_says_what_is_in_the_others(self, owner: Client, long: Function) -> None:
        Policy.objects.filter(function=long, qualifier="live").update(reading=Reading.UNREAD, unread_reason="Denied.")
        page = text_of(owner.get(address(long)))
        assert page.count('<tr id="row-') == FIRST
        assert "s24" in page
        assert "s25" not in page
        folded = re.search(r'<p class="more">(.*?)</p>', page, re.DOTALL)
        assert folded is not None
        link = re.search(r'<a href="([^"#]*)#(row-[^"]*)">Show all 28</a>', folded[1])
        assert link is not None
        for words in ("3 more, among them", "Public", "Unread"):
            assert words in folded[1]
        whole = text_of(owner.get(link[1]))
        assert whole.count('<tr id="row-') == 28
        assert f'<tr id="{link[2]}"' in whole
        assert 'class="more"' not in whole

    def test_stays_as_long_as_the_page_has_it_when_it_comes_anew(self, owner: Client, long: Function) -> None:
        for query, many in (("", FIRST), ("?all=1", 27), ("?x=1&all=1#row-1", 27), ("?all=11", FIRST), ("]://[", FIRST)):
            headers = {**HTMX, "HX-Target": "access", "HX-Current-URL": f"https://fnshare.example{address(long)}{query}"}
            assert text_of(owner.get(address(long), headers=headers)).count('<tr id="row-') == many, query

    def test_is_whole_where_the_row_in_focus_is_a_later_one(self, owner: Client, long: Function) -> None:
        plain = share(owner, long, filled(qualifier="7"))
        grant = Grant.objects.get()
        assert plain.headers["Location"] == f"{address(long)}?all=1#row-{grant.pk.hex}"
        fields = filled(qualifier="live")
        seen = seen_in(text_of(owner.post(address(long, "function-share"), {**fields, "step": "preview"})))
        sent = {**fields, "step": "grant", "seen": seen}
        answer = owner.post(address(long, "function-share"), sent, headers=HTMX)
        newest = Grant.objects.latest("created_at")
        assert answer.headers["HX-Replace-Url"] == f"{address(long)}?all=1"
        assert re.search(rf'<tr id="row-{newest.pk.hex}"[^>]* data-focus', text_of(answer))


class TestList:
    def test_is_one_over_function_aliases_and_versions(self, owner: Client, function: Function) -> None:
        holds(function, statement(function, "one", {"AWS": "arn:aws:iam::222222222222:root"}))
        holds(function, statement(function, "two", {"Service": "s3.amazonaws.com"}), qualifier="live")
        holds(function, statement(function, "three", "*"), qualifier="7")
        page = text_of(owner.get(address(function)))
        for words in ("Acme Retail", "2222 2222 2222", "Amazon S3", "Everyone", "on alias live → version 7", "on version 7"):
            assert words in page
        assert "Open service" in page
        assert "Public" in page

    def test_shows_findings_beside_the_state_never_as_one(self, owner: Client, function: Function) -> None:
        holds(function, statement(function, "gone", {"AWS": "AROAEXAMPLE7Q2LKX4MAB"}))
        page = text_of(owner.get(address(function)))
        assert "In the policy" in page
        assert "Ghost: deleted role or user" in page

    def test_says_of_a_request_what_it_would_let_in_not_what_it_lets_in(self, owner: Client, function: Function) -> None:
        asker = Actor.of(factories.person(Role.OWNER))
        end = timezone.now() + timedelta(days=7)
        plan = granting.plan(policy=function.policies.get(qualifier=""), who="everyone", ends_at=end, by=asker)
        asked = granting.grant(plan, reason="a demonstration", by=asker)
        page = text_of(owner.get(address(function)))
        assert "Would be public" in page
        assert "Public</span>" not in page
        granting.decline(asked, reason="no", by=Actor.of(factories.person(Role.OWNER)))
        assert "public" not in text_of(owner.get(address(function))).lower().replace("make public", "")

    def test_says_the_limits_of_a_service_and_marks_unknown_accounts(self, owner: Client, function: Function) -> None:
        limits = {"StringEquals": {"AWS:SourceAccount": "222222222222"}, "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::acme"}}
        holds(
            function,
            statement(function, "s3", {"Service": "s3.amazonaws.com"}, Condition=limits),
            statement(function, "other", {"AWS": "arn:aws:iam::999999999999:root"}),
        )
        page = text_of(owner.get(address(function)))
        assert "for account 2222 2222 2222" in page
        assert "from arn:aws:s3:::acme" in page
        assert "Not a known account" in page

    def test_says_once_who_somebody_is_that_has_no_name(self, owner: Client, function: Function) -> None:
        inside = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
        holds(
            function,
            statement(function, "other", {"AWS": "arn:aws:iam::999999999999:root"}),
            statement(function, "all", {"AWS": "*"}, Condition=inside),
        )
        page = text_of(owner.get(address(function)))
        assert '<span class="name">Unknown account</span><code class="principal">9999 9999 9999</code>' in page
        assert "Account 999999999999 on the function itself" in page  # of its controls, which are not beside its digits
        assert page.count(">Organisation o-a1b2c3d4e5</span></span>") == 1
        assert "in organisation o-a1b2c3d4e5" not in page

    def test_says_the_organisation_that_narrows_somebody_else(self, owner: Client, function: Function) -> None:
        inside = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}
        holds(function, statement(function, "acme", {"AWS": "arn:aws:iam::222222222222:root"}, Condition=inside))
        assert "in organisation o-a1b2c3d4e5" in text_of(owner.get(address(function)))

    def test_masks_the_event_source_token(self, owner: Client, function: Function) -> None:
        secret = {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.canary"}}
        holds(function, statement(function, "skill", {"Service": "alexa-appkit.amazon.com"}, Condition=secret))
        for name in ("function-detail", "function-policy"):
            page = text_of(owner.get(address(function, name)))
            assert "skill" in page
            assert "canary" not in page

    def test_never_takes_unread_for_empty(self, owner: Client, function: Function) -> None:
        function.policies.filter(qualifier="live").update(
            reading=Reading.UNREAD, unread_since=timezone.now(), unread_reason="AWS denied GetPolicy to the manager role."
        )
        page = text_of(owner.get(address(function)))
        assert "Unread: nobody knows" in page
        assert "AWS denied GetPolicy to the manager role." in page
        assert "Nobody outside its account has access" not in page

    def test_says_nobody_together_with_what_was_not_looked_at(self, owner: Client, function: Function) -> None:
        page = text_of(owner.get(address(function)))
        assert "Nobody outside its account has access" in page
        assert "the policies of its published versions were not read yet" in page
        Function.objects.update(details_read_at=timezone.now())
        assert "were not read yet" not in text_of(owner.get(address(function)))

    def test_measures_every_policy(self, owner: Client, function: Function) -> None:
        function.policies.filter(qualifier="live").update(size=19_000, reading=Reading.PRESENT)
        page = text_of(owner.get(address(function)))
        assert "19,000 of 20,480 bytes" in page
        assert "nearly full" in page

    def test_comes_alone_when_it_asks_for_itself_again(self, owner: Client, function: Function) -> None:
        response = owner.get(address(function), headers={**HTMX, "HX-Target": "access"})
        assert "<html" not in text_of(response)
        assert "The function itself" in text_of(response)
        back = owner.get(address(function), headers={**HTMX, "HX-Target": "access", "HX-History-Restore-Request": "true"})
        assert "<html" in text_of(back)
        assert "HX-Request" in response["Vary"]


class TestReading:
    def test_opening_writes_nothing_and_asks_by_a_post_of_its_own(self, owner: Client, function: Function) -> None:
        page = text_of(owner.get(address(function)))
        assert not Sync.objects.exists()
        assert f'hx-post="{address(function, "function-opened")}"' in page
        fragment = text_of(owner.post(address(function, "function-opened"), {"tab": "access"}, headers=HTMX))
        sync = Sync.objects.get()
        assert sync.kind == SyncKind.FUNCTION
        assert "Reading…" in fragment
        assert 'hx-trigger="every 1s"' in fragment
        assert f'hx-post="{address(function, "function-opened")}"' not in text_of(owner.get(address(function)))

    def test_is_not_asked_for_again_while_it_is_fresh(self, owner: Client, function: Function) -> None:
        Function.objects.update(details_read_at=timezone.now())
        assert address(function, "function-opened") not in text_of(owner.get(address(function)))
        owner.post(address(function, "function-opened"), headers=HTMX)
        assert not Sync.objects.exists()

    def test_ends_the_poll_and_tells_the_list(self, owner: Client, function: Function) -> None:
        owner.post(address(function, "function-reread"), headers=HTMX)
        running = owner.get(address(function, "function-reading"), {"tab": "access"}, headers=HTMX)
        assert "hx-trigger" in text_of(running)
        assert "HX-Trigger" not in running
        Sync.objects.update(state=SyncState.DONE, finished_at=timezone.now())
        Function.objects.update(read_at=timezone.now(), details_read_at=timezone.now())
        ended = owner.get(address(function, "function-reading"), {"tab": "access"}, headers=HTMX)
        assert ended["HX-Trigger"] == "function-read"
        assert "every" not in text_of(ended)
        assert "just now" in text_of(ended)

    def test_twice_joins(self, owner: Client, function: Function) -> None:
        for _ in range(2):
            assert owner.post(address(function, "function-reread")).status_code == 302
        assert Sync.objects.count() == 1

    def test_that_cannot_be_done_says_why(self, owner: Client, function: Function) -> None:
        Connection.objects.update(state=ConnectionState.PAUSED)
        answer = text_of(owner.post(address(function, "function-reread"), headers=HTMX))
        assert "paused" in answer
        assert "toasts" in answer
        assert owner.post(address(function, "function-reread")).status_code == 409

    def test_that_failed_is_told_with_its_reason(self, owner: Client, function: Function) -> None:
        Sync.objects.create(
            account=function.account,
            region=function.region,
            kind=SyncKind.FUNCTION,
            function=function,
            state=SyncState.FAILED,
            failure="AWS did not answer in time.",
            requested_as="ola@example.com",
        )
        assert "AWS did not answer in time." in text_of(owner.get(address(function)))

    @pytest.mark.parametrize("name", ["function-reread", "function-opened", "function-check"])
    def test_auditors_ask_for_nothing(self, client: Client, function: Function, name: str) -> None:
        client.force_login(factories.person(Role.AUDITOR))
        assert client.post(address(function, name)).status_code == 403
        assert not Sync.objects.exists()
        assert "hx-post" not in text_of(client.get(address(function))).partition("<main")[2]


def test_a_vanished_function_says_so_and_offers_nothing(owner: Client, function: Function) -> None:
    Function.objects.update(vanished_at=timezone.now() - timedelta(days=2))
    page = text_of(owner.get(address(function)))
    assert "Gone from AWS" in page
    assert "2 days ago" in page
    assert address(function, "function-share") not in page
    assert "Re-read" not in page


def test_the_policy_page_shows_each_statement_as_stored_and_the_whole_to_copy(owner: Client, function: Function) -> None:
    policy = holds(
        function,
        statement(function, "one", {"AWS": "arn:aws:iam::222222222222:root"}),
        {key: value for key, value in statement(function, "", "*").items() if key != "Sid"},
    )
    page = text_of(owner.get(address(function, "function-policy")))
    assert f'id="statement-{policy.pk}-0"' in page
    assert "statement 2" in page, "one without Sid is named by its place"
    assert f'data-copy-from="json-{policy.pk}"' in page
    assert "Alias live → version 7" in page
    assert "AWS has no policy here" in page


def test_a_policy_that_nobody_understands_is_shown_as_it_is(owner: Client, function: Function) -> None:
    policy = function.policies.get(qualifier="")
    syncing.store_policy(policy, StoredPolicy("not json <b>at all</b>", "revision"), read_at=timezone.now())
    raw = owner.get(address(function, "function-policy")).content.decode()
    assert "cannot be read" in raw
    assert "&lt;b&gt;at all" in raw


def test_the_history_tells_who_what_and_why_newest_first(owner: Client, function: Function) -> None:
    for number in range(60):
        Event.objects.create(
            verb="grant.decided",
            text=f"Decision {number}",
            actor="ola@example.com",
            account=function.account,
            function=function,
            reason=f"Ticket {number}",
            request_id=f"request-{number}",
        )
    page = text_of(owner.get(address(function, "function-history")))
    assert page.index("Decision 59") < page.index("Decision 58")
    assert "Ticket 59" in page
    assert "request-59" in page
    assert "Decision 9<" not in page
    assert "Decision 9<" in text_of(owner.get(address(function, "function-history"), {"page": "2"}))


def test_the_checks_page_asks_as_whom(owner: Client, function: Function) -> None:
    account = Account.objects.get(number="222222222222")
    factories.connection(account, "checker", role_arn="arn:aws:iam::222222222222:role/fnshare-checker")
    page = text_of(owner.get(address(function, "function-checks"), {"as": "222222222222", "on": "live"}))
    assert 'value="222222222222"' in page
    assert '<option value="live" selected>' in page
    sent = {"as_": "Acme Retail", "qualifier": "live"}
    assert owner.post(address(function, "function-check"), sent).status_code == 302
    page = text_of(owner.get(address(function, "function-checks")))
    assert "Queued" in page
    assert 'hx-trigger="every 1s"' in page
