"""Consumers' pages of the owners' side: the list, its files, one account, and what is done there."""

import csv
import io
import json
import re
import uuid
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.urls import resolve
from django.utils import timezone

from sharing.models import (
    Account,
    Connection,
    ConnectionState,
    Event,
    Finding,
    GrantState,
    Invitation,
    InvitationItem,
    Purpose,
    Role,
    Trusted,
    Verdict,
)
from sharing.services.findings import refreshing
from sharing.services.proofs import EVERY
from tests import factories
from tests.services.kept import ACME, GLOBEX, allow, counted, kept, owner
from tests.views.counting import queries
from tests.views.test_permitting import NAMED

pytestmark = pytest.mark.django_db

DATADOG = "464622532012"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def me(client: Client) -> Client:
    client.force_login(factories.person(Role.OWNER))
    return client


def signed_in(client: Client, role: str, *accounts: Account) -> Client:
    client.force_login(factories.person(role, accounts=list(accounts) if accounts else None))
    return client


def text(client: Client, address: str, status: int = 200, *, htmx: bool = False) -> str:
    response = client.get(address, headers={"HX-Request": "true"} if htmx else {})
    assert response.status_code == status, (address, response.status_code)
    return response.content.decode()


def checker(number: str = ACME, **fields: Any) -> Connection:
    account = Account.objects.filter(number=number).first() or factories.account("Acme Retail", number)
    fields = {"tested_at": timezone.now(), "proof_due_at": timezone.now() + EVERY, **fields}
    return factories.connection(account, Purpose.CHECKER, **fields)


FAILED = {
    "state": ConnectionState.REFUSED,
    "failure": "The role does not let fnshare in.",
    "failure_next": "Mend its trust policy.",
}


class TestTheList:
    def test_a_row_says_name_digits_proof_reach_shares_checks_and_people(self, me: Client) -> None:
        platform = owner()
        kept(factories.function("f", platform), allow(ACME))
        counted()
        checker()
        factories.membership(None, Account.objects.get(number=ACME))
        ends = timezone.now() + timedelta(days=2)
        factories.grant(to=ACME, verdict=Verdict.ALLOWED, checked_at=timezone.now(), ends_at=ends)
        page = text(me, "/consumers/")
        for words in (
            "Acme Retail",
            "1111 2222 3333",
            "Proved by its role",
            "1 function",
            "1 ends soon",
            "1 proved",
            "1 person",
        ):
            assert words in page
        assert "What was not looked at" in page
        assert 'aria-current="page"' in page

    def test_a_failed_proof_is_said_above_the_list(self, me: Client) -> None:
        checker(proof_failed_since=timezone.now(), **FAILED)
        page = text(me, "/consumers/")
        assert "1 not proved any more" in page
        assert "Proof failed" in page

    def test_a_vendor_is_marked_as_from_a_list_and_not_as_trusted(self, me: Client) -> None:
        factories.grant(to=DATADOG)
        for address in ("/consumers/", f"/consumers/{DATADOG}/"):
            page = text(me, address)
            assert "Vendor: Datadog (public list)" in page
            assert ">Trusted<" not in page
            assert "public list" in page
        assert not Trusted.objects.exists()

    def test_nobody_is_said_with_what_was_not_looked_at(self, me: Client) -> None:
        page = text(me, "/consumers/")
        assert "No consumer found" in page
        assert "What was not looked at" in page
        assert "No consumer matches" in text(me, "/consumers/?q=nothing")

    @pytest.mark.parametrize("query", ["q=%00", "show=nonsense", "sort=-x", "page=99999999999999999999", "page=-1"])
    def test_what_means_nothing_is_left_out(self, me: Client, query: str) -> None:
        factories.grant(to=ACME)
        assert "1111 2222 3333" in text(me, f"/consumers/?{query}")

    @pytest.mark.parametrize("query", ["q=" + "x" * 5000, "show=failed&page=-1"], ids=["5,000 letters", "failed"])
    def test_what_nobody_fits_leaves_nobody_on_whatever_page(self, me: Client, query: str) -> None:
        factories.grant(to=ACME)
        assert "No consumer matches" in text(me, f"/consumers/?{query}")

    def test_the_number_of_queries_does_not_grow(self, me: Client) -> None:
        def more(count: int, start: int) -> None:
            for place in range(count):
                number = f"{600_000_000_000 + start + place}"
                factories.grant(to=number)
                checker(number)

        more(2, 0)
        first = queries(me, "/consumers/")
        more(60, 100)
        assert queries(me, "/consumers/") == first

    def test_a_scoped_owner_sees_their_own(self, client: Client) -> None:
        mine = owner("Mine")
        factories.grant(factories.function("f", mine), to=ACME)
        factories.grant(to=GLOBEX)
        page = text(signed_in(client, Role.OWNER, mine), "/consumers/")
        assert "1111 2222 3333" in page
        assert "2222 3333 4444" not in page


class TestFiles:
    def rows(self, me: Client, query: str = "") -> tuple[str, list[list[str]]]:
        response = me.get(f"/consumers/export/?format=csv{query}")
        said = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
        found = list(csv.reader(io.StringIO(said)))
        return found[0][0], found[found.index([]) + 1 :]

    def test_coverage_is_the_first_line_and_digits_and_formulas_are_kept_safe(self, me: Client) -> None:
        factories.account("=cmd()", ACME)
        factories.grant(to=ACME)
        factories.grant(to=DATADOG)
        first, (head, *rows) = self.rows(me)
        assert first.startswith("Coverage: ")
        assert head[:3] == ["Account", "Account id", "Vendor by public list"]
        assert [row[:3] for row in rows] == [["'=cmd()", "1111 2222 3333", ""], ["", "4646 2253 2012", "Datadog"]]

    def test_filters_hold(self, me: Client) -> None:
        factories.grant(to=ACME)
        factories.grant(to=DATADOG)
        assert len(self.rows(me, "&q=datadog")[1]) == 2

    def test_json(self, me: Client) -> None:
        checker(proof_failed_since=timezone.now(), **FAILED)
        response = me.get("/consumers/export/?format=json")
        said = json.loads(b"".join(response.streaming_content))  # type: ignore[attr-defined]
        assert said["coverage"][0].startswith("Coverage: ")
        assert [(row["account_id"], row["proof"]) for row in said["consumers"]] == [(ACME, "failed")]

    def test_an_auditor_takes_them_too(self, client: Client) -> None:
        assert self.rows(signed_in(client, Role.AUDITOR))[0].startswith("Coverage: ")


class TestOneAccount:
    @pytest.mark.parametrize("number", ["12", "1234567890123", "abc", "１２３４５６７８９０１２", "111122223333%00"])
    def test_only_twelve_digits_are_an_address(self, me: Client, number: str) -> None:
        assert "There is nothing at this address" in text(me, f"/consumers/{number}/", 404)

    def test_what_is_out_of_scope_is_not_there(self, client: Client) -> None:
        factories.grant(to=ACME)
        me = signed_in(client, Role.OWNER, owner("Mine"))
        for address in ("", "proof/", "name/"):
            pages = [text(me, f"/consumers/{number}/{address}", 404) for number in (ACME, GLOBEX)]
            out, unknown = (re.sub(r"[A-Za-z0-9]{64}", "TOKEN", page) for page in pages)
            assert out == unknown
        assert me.post(f"/consumers/{ACME}/prove/").status_code == 404
        assert me.post(f"/consumers/{ACME}/name/", {"name": "X"}).status_code == 404
        assert not Account.objects.filter(number=ACME).exists()

    def test_it_tells_ways_shares_people_invitations_and_history(self, me: Client) -> None:
        platform = owner()
        on = factories.function("label-uploads", platform)
        kept(on, allow(ACME), allow(f"arn:aws:iam::{ACME}:role/app"))
        kept(factories.function("open-to-all", platform), allow("*"))
        counted()
        checker()
        factories.membership(factories.person(Role.CONSUMER, email="jo@acme.example"), Account.objects.get(number=ACME))
        factories.grant(on, to=ACME, ends_at=timezone.now() + timedelta(days=9))
        invitation = Invitation.objects.create(
            email="pending@acme.example", number=ACME, expires_at=timezone.now() + timedelta(days=7), created_as="x"
        )
        InvitationItem.objects.create(invitation=invitation, policy=on.policies.get(), action="lambda:InvokeFunction")
        page = text(me, f"/consumers/{ACME}/")
        for words in (
            "label-uploads", "The account itself", "role/app", "Wider ways in", "As everyone can", "jo@acme.example",
            "never signed in", "pending@acme.example", "Pending", "Extend", "Revoke", "Prove again now",
            "Not on the trust list", "What was not looked at", f"/accounts/{ACME}/",
        ):  # fmt: skip
            assert words in page, words
        assert "Its requests are paused" not in page

    def test_an_auditor_looks_and_changes_nothing(self, client: Client) -> None:
        factories.grant(to=ACME)
        checker()
        me = signed_in(client, Role.AUDITOR)
        page = text(me, f"/consumers/{ACME}/")
        for words in ("Prove again now", "Rename", "Revoke", "/end/"):
            assert words not in page
        assert me.post(f"/consumers/{ACME}/prove/").status_code == 403
        assert me.get(f"/consumers/{ACME}/name/").status_code in (200, 403)
        assert me.post(f"/consumers/{ACME}/name/", {"name": "X"}).status_code == 403

    def test_a_failed_proof_says_since_when_why_and_what_to_do(self, me: Client) -> None:
        checker(proof_failed_since=timezone.now(), **FAILED)
        page = text(me, f"/consumers/{ACME}/")
        for words in ("Proof failed", "Its requests are paused", FAILED["failure"], FAILED["failure_next"], "Prove again now"):
            assert words in page

    def test_one_that_only_had_shares_is_still_told(self, me: Client) -> None:
        factories.grant(to=ACME, state=GrantState.REVOKED)
        page = text(me, f"/consumers/{ACME}/")
        assert "No policy that was read lets" in page
        assert "<details open>" in page
        assert "No share with it was made here" in page
        assert "Revoked" in text(me, f"/consumers/{ACME}/?shares=over")

    def test_hostile_words_stay_words(self, me: Client) -> None:
        account = factories.account(HOSTILE, ACME)
        person = factories.person(Role.CONSUMER, name=HOSTILE)
        factories.membership(person, account)
        checker(proof_failed_since=timezone.now(), state=ConnectionState.REFUSED, failure=HOSTILE + "x" * 1000)
        for address in ("/consumers/", f"/consumers/{ACME}/", f"/consumers/{ACME}/name/"):
            assert HOSTILE not in text(me, address)

    def test_its_shares_are_paged_in_their_order(self, me: Client) -> None:
        platform = owner()
        for place in range(27):
            factories.grant(factories.function(f"share-{place:02}", platform), to=ACME)
        first, second = text(me, f"/consumers/{ACME}/"), text(me, f"/consumers/{ACME}/?page=2")
        assert re.findall(r'">(share-\d\d)</a>', first) == [f"share-{place:02}" for place in range(25)]
        assert re.findall(r'">(share-\d\d)</a>', second) == ["share-25", "share-26"]
        assert "1–25 of 27 shares" in first

    def test_the_number_of_queries_does_not_grow(self, me: Client) -> None:
        platform = owner()

        def more(count: int) -> None:
            for _ in range(count):
                on = factories.function("", platform)
                kept(on, allow(ACME), allow(f"arn:aws:iam::{ACME}:role/r{uuid.uuid4().hex[:8]}"))
                factories.grant(on, to=ACME)
                factories.membership(None, Account.objects.get(number=ACME))
            counted()

        checker()
        more(2)
        first = queries(me, f"/consumers/{ACME}/")
        more(12)
        assert queries(me, f"/consumers/{ACME}/") == first


class TestProvingAgain:
    def test_it_queues_the_test_once_and_the_page_polls_until_it_is_over(self, me: Client) -> None:
        role = checker()
        with mock.patch("sharing.views.consumer_pages.soon") as soon:
            for _ in range(2):
                response = me.post(f"/consumers/{ACME}/prove/")
                assert (response.status_code, response["Location"]) == (302, f"/consumers/{ACME}/#proof")
        assert [call.args[1] for call in soon.call_args_list] == [role.pk, role.pk]
        assert Event.objects.filter(verb="proof.requested").count() == 1
        assert "A new proof was asked for" in text(me, f"/consumers/{ACME}/")
        assert f'hx-get="/consumers/{ACME}/proof/"' in text(me, f"/consumers/{ACME}/")
        fragment = text(me, f"/consumers/{ACME}/proof/", htmx=True)
        assert "A worker is trying the role" in fragment
        assert "<h1" not in fragment
        Connection.objects.update(test_wanted_at=None)
        fragment = text(me, f"/consumers/{ACME}/proof/", htmx=True)
        assert "hx-get" not in fragment
        assert "proved by its role." in fragment

    def test_a_paused_one_has_no_button_and_says_so_when_asked(self, me: Client) -> None:
        checker(state=ConnectionState.PAUSED)
        assert "Prove again now" not in text(me, f"/consumers/{ACME}/")
        response = me.post(f"/consumers/{ACME}/prove/")
        assert response.status_code == 409
        assert "paused" in response.content.decode()

    def test_without_htmx_the_fragment_is_the_page(self, me: Client) -> None:
        checker()
        assert me.get(f"/consumers/{ACME}/proof/")["Location"] == f"/consumers/{ACME}/"


class TestNaming:
    def test_digits_get_a_name(self, me: Client) -> None:
        factories.grant(to=ACME)
        assert "Name account 1111 2222 3333" in text(me, f"/consumers/{ACME}/name/")
        response = me.post(f"/consumers/{ACME}/name/", {"name": "Acme Retail"})
        assert (response.status_code, response["Location"]) == (302, f"/consumers/{ACME}/")
        assert "Acme Retail" in text(me, f"/consumers/{ACME}/")

    @pytest.mark.parametrize("name", ["", "x" * 81, "a\x00b"])
    def test_a_bad_one_is_shown_again(self, me: Client, name: str) -> None:
        factories.grant(to=ACME)
        assert me.post(f"/consumers/{ACME}/name/", {"name": name}).status_code == 422
        assert not Account.objects.filter(number=ACME).exists()

    def test_a_vendor_s_name_is_not_taken_over_by_itself(self, me: Client) -> None:
        factories.grant(to=DATADOG)
        page = text(me, f"/consumers/{DATADOG}/name/")
        assert "A public list calls it" in page
        assert 'value="Datadog"' not in page


class TestEndingAMembership:
    def test_an_admin_ends_it_after_a_question(self, client: Client) -> None:
        membership = factories.membership(None, factories.account("Acme", ACME))
        me = signed_in(client, Role.ADMIN)
        address = f"/consumers/{ACME}/people/{membership.pk}/end/"
        assert address in text(me, f"/consumers/{ACME}/")
        assert "stays shared" in text(me, address)
        assert me.post(address)["Location"] == f"/consumers/{ACME}/"
        membership.refresh_from_db()
        assert membership.ended_at is not None
        assert me.post(address).status_code == 404

    def test_an_owner_does_not(self, me: Client) -> None:
        membership = factories.membership(None, factories.account("Acme", ACME))
        address = f"/consumers/{ACME}/people/{membership.pk}/end/"
        assert address not in text(me, f"/consumers/{ACME}/")
        assert me.post(address).status_code == 403

    def test_it_belongs_to_the_account_of_the_address(self, client: Client) -> None:
        membership = factories.membership()
        factories.membership(None, factories.account("Acme", ACME))
        assert signed_in(client, Role.ADMIN).post(f"/consumers/{ACME}/people/{membership.pk}/end/").status_code == 404


def test_a_finding_leads_to_the_consumer(me: Client) -> None:
    checker(proof_failed_since=timezone.now(), **FAILED)
    refreshing.refresh()
    finding = Finding.objects.get(rule="proof-failed")
    assert f'href="/consumers/{ACME}/"' in text(me, f"/findings/{finding.pk}/")


def test_a_stranger_s_finding_leads_to_where_it_gets_a_name(me: Client) -> None:
    kept(factories.function("f", owner()), allow(GLOBEX))
    counted()
    finding = Finding.objects.get(rule="unknown-account")
    assert f'href="/consumers/{GLOBEX}/"' in text(me, f"/findings/{finding.pk}/")
    assert "Name it" in text(me, f"/consumers/{GLOBEX}/")


@pytest.mark.parametrize(("name", "address"), [one for one in NAMED if one[1].startswith("/consumers/")])
def test_no_page_of_the_place_is_taken_for_an_account(name: str, address: str) -> None:
    assert resolve(address).url_name == name
