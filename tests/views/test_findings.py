"""The pages of findings: grouped, filtered, paged, in scope; accepted and repaired by those who may."""

import csv
import json
import uuid
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from sharing.models import Event, Finding, FindingCount, FindingVisit, Function, Role, User
from sharing.policy.findings import RULES
from sharing.services.findings import visiting
from tests import factories
from tests.policy.documents import STRANGER, root, service
from tests.services.test_findings import statement, stored
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

LIST = reverse("finding-list")
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def ann(client: Client) -> User:
    person = factories.person(Role.OWNER, email="ann@example.com", name="Ann")
    client.force_login(person)
    return person


@pytest.fixture
def open_service() -> Finding:
    made = factories.function("invoice")
    factories.connection(made.account)
    stored(made, statement(made, service(), "wide"))
    return Finding.objects.get()


def page(client: Client, address: str = LIST, code: int = 200, **query: Any) -> str:
    response = client.get(address, query)
    assert response.status_code == code
    return response.content.decode()


def accepted(client: Client, finding: Finding, **given: Any) -> Any:
    until = (timezone.localdate() + timedelta(days=30)).isoformat()
    asked = {"reason": "Batch job", "owner": User.objects.get(email="ann@example.com").pk, "until": until, **given}
    return client.post(reverse("finding-accept", args=[finding.pk]), asked)


class TestTheList:
    def test_groups_by_cause_with_how_many_and_new_ones_first(self, client: Client, ann: User) -> None:
        now = timezone.now()
        FindingVisit.objects.create(person=ann, at=now - timedelta(hours=2))
        for _ in range(3):
            factories.finding(opened_at=now - timedelta(days=3))
        factories.finding(rule="no-sid", cause="no-sid", severity=1)
        html = page(client)
        assert html.index(RULES["no-sid"].title + "</a>") < html.index("Open service (confused deputy): Amazon S3</a>")
        assert '<td data-label="How many" class="number">3</td>' in html
        assert "4 open" in html
        assert "1 new" in html

    def test_one_by_one_and_within_a_cause(self, client: Client, ann: User) -> None:
        one = factories.finding()
        factories.finding(rule="no-sid", cause="no-sid", text="Another")
        assert one.text in page(client, by="finding")
        inside = page(client, rule=one.rule, cause=one.cause)
        assert one.text in inside
        assert "Another" not in inside
        assert RULES["no-sid"].title + "</a>" in page(client, by="rule")

    @pytest.mark.parametrize(
        ("query", "shown"),
        [
            ({}, {"plain"}),
            ({"status": "accepted"}, {"borne"}),
            ({"status": "closed"}, {"over"}),
            ({"status": "all"}, {"plain", "borne", "over"}),
            ({"status": "all", "severity": "1"}, {"over"}),
            ({"status": "all", "rule": "ghost"}, {"borne"}),
            ({"status": "all", "q": "PLAIN"}, {"plain"}),
            ({"status": "all", "q": "nothing"}, set()),
            ({"status": "all", "owner": "ann@example.com"}, {"borne"}),
            ({"account": "111100001111"}, {"plain"}),
            ({"account": "1111 0000 1111"}, {"plain"}),
            ({"account": "plat"}, {"plain"}),
        ],
    )
    def test_filters(self, client: Client, ann: User, query: dict[str, Any], shown: set[str]) -> None:
        now = timezone.now()
        on = factories.function(of=factories.account("Platform", "111100001111"))
        factories.finding(on, text="It is plain")
        borne: dict[str, Any] = {"accepted_until": now + timedelta(days=1), "accepted_at": now, "accepted_reason": "x"}
        factories.finding(rule="ghost", text="It is borne", owner=ann, **borne)
        factories.finding(severity=1, text="It is over", state="closed", closed_at=now)
        html = page(client, by="finding", **query)
        assert {word for word in ("plain", "borne", "over") if f"It is {word}" in html} == shown

    def test_nothing_is_said_only_together_with_what_was_not_looked_at(self, client: Client, ann: User) -> None:
        factories.connection(regions=["us-east-1"])
        html = page(client)
        assert "Nothing is open" in html
        assert "Coverage: 0 of 1 region" in html

    def test_is_paged(self, client: Client, ann: User) -> None:
        for number in range(51):
            factories.finding(cause=f"service:{number}")
        assert "1–50 of 51" in page(client)
        assert "51–51 of 51" in page(client, page="2")

    @pytest.mark.parametrize("by", ["cause", "rule", "finding"])
    def test_costs_the_same_number_of_queries_at_any_size(self, client: Client, ann: User, by: str) -> None:
        def add(many: int) -> None:
            for number in range(many):
                factories.finding(cause=f"service:{number}", owner=ann)
                factories.finding(cause=f"service:{number}")

        add(2)
        few = queries(client, f"{LIST}?by={by}")
        add(12)
        assert queries(client, f"{LIST}?by={by}") == few

    @pytest.mark.parametrize(
        "query",
        ["q=%00", "account=%00", "rule=%00", "rule=nonsense", "cause=%00", "severity=9", "severity=x", "page=" + "9" * 20,
         "since=nonsense", "since=0001-01-01", "since=9999-12-31", "status=x", "owner=%00", "by=x", "q=" + "x" * 500,
         "account=" + "9" * 70],
    )  # fmt: skip
    def test_survives_what_people_type_into_addresses(self, client: Client, ann: User, query: str) -> None:
        factories.finding()
        assert client.get(f"{LIST}?{query}").status_code in (200, 422)
        assert client.get(f"{reverse('finding-export')}?{query}").status_code in (200, 302)

    def test_hides_what_is_out_of_scope(self, client: Client) -> None:
        mine, other = factories.finding(text="It is mine"), factories.finding(text="It is another's")
        assert mine.account is not None
        client.force_login(factories.person(Role.AUDITOR, accounts=[mine.account]))
        html = page(client, by="finding")
        assert "It is mine" in html
        assert "another&#x27;s" not in html
        assert "1 open" in html
        assert client.get(reverse("finding-detail", args=[other.pk])).status_code == 404

    def test_escapes_what_policies_name(self, client: Client, ann: User) -> None:
        one = factories.finding(
            text=EVIL, cause=f"ghost:{EVIL}", sid=EVIL, detail={"who": [["ghost", EVIL, ""]], "others": [EVIL]}
        )
        for address in (LIST, f"{LIST}?by=finding", reverse("finding-detail", args=[one.pk])):
            html = page(client, address)
            assert "<script>alert" not in html
            assert "&lt;script&gt;alert" in html

    def test_the_side_bar_counts_what_is_open_and_nobody_accepted(self, client: Client, ann: User) -> None:
        factories.finding()
        now = timezone.now()
        factories.finding(accepted_until=now + timedelta(days=1), accepted_at=now, accepted_reason="x")
        assert '<span class="place-count" title="Open findings that nobody accepted">1<' in page(client, reverse("activity"))


class TestWhatIsNew:
    def test_a_get_writes_nothing_and_the_page_says_that_it_was_seen(self, client: Client, ann: User) -> None:
        factories.finding()
        page(client)
        assert not FindingVisit.objects.exists()
        assert client.post(reverse("finding-seen"), headers={"HX-Request": "true"}).status_code == 204
        assert FindingVisit.objects.get().person == ann
        assert "1 new" in page(client)  # the visit goes on

    def test_the_next_visit_begins_where_this_one_ended(self, client: Client, ann: User) -> None:
        factories.finding(opened_at=timezone.now() - timedelta(hours=3))
        FindingVisit.objects.create(person=ann, at=timezone.now() - timedelta(hours=1))
        assert "0 new" in page(client)
        client.post(reverse("finding-seen"))
        visit = FindingVisit.objects.get()
        assert visit.before is not None
        assert visit.at - visit.before > visiting.ONE_VISIT

    def test_all_can_be_said_to_be_seen_and_a_date_chosen(self, client: Client, ann: User) -> None:
        factories.finding()
        assert client.post(reverse("finding-seen"), {"all": "1"}).status_code == 302
        assert "0 new" in page(client)
        assert "1 new" in page(client, since=timezone.localdate().isoformat())


class TestAFinding:
    def test_shows_the_statement_who_is_let_in_and_why(self, client: Client, ann: User, open_service: Finding) -> None:
        html = page(client, reverse("finding-detail", args=[open_service.pk]))
        assert "&quot;Sid&quot;: &quot;wide&quot;" in html
        assert "s3.amazonaws.com" in html
        assert escape(RULES["open-service"].matters) in html
        assert str(open_service.pk) in html

    def test_costs_the_same_queries_however_many_people_and_findings_there_are(
        self, client: Client, ann: User, open_service: Finding
    ) -> None:
        address = reverse("finding-detail", args=[open_service.pk])
        few = queries(client, address)
        for _ in range(5):
            factories.person(Role.OWNER, accounts=[factories.account()])
            factories.finding(open_service.function)
        assert queries(client, address) == few

    def test_is_accepted_and_withdrawn(self, client: Client, ann: User, open_service: Finding) -> None:
        assert accepted(client, open_service).status_code == 302
        open_service.refresh_from_db()
        assert (open_service.status, open_service.owner) == ("accepted", ann)
        html = page(client, reverse("finding-detail", args=[open_service.pk]))
        assert "“Batch job”" in html
        assert "Risk accepted until" in html
        client.post(reverse("finding-withdraw", args=[open_service.pk]))
        open_service.refresh_from_db()
        assert open_service.status == "open"

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"reason": ""}, "Say why the risk can be borne."),
            ({"owner": ""}, "Choose who bears the risk."),
            ({"owner": str(uuid.UUID(int=3))}, "valid choice"),
            ({"owner": "x\x00"}, "Who bears it</a>: "),
            ({"until": ""}, "Choose a day"),
            ({"until": "2001-01-01"}, "in the past"),
            ({"until": "2199-01-01"}, "a year at most"),
            ({"until": "nonsense"}, "Write the date"),
        ],
    )
    def test_bad_input_is_said_on_the_form(
        self, client: Client, ann: User, open_service: Finding, given: dict[str, str], words: str
    ) -> None:
        response = accepted(client, open_service, **given)
        assert response.status_code == 422
        assert words in response.content.decode()
        open_service.refresh_from_db()
        assert open_service.status == "open"

    def test_whoever_granted_it_is_told_who_decides(self, client: Client, ann: User, open_service: Finding) -> None:
        factories.grant(open_service.function, sid="wide", requested_by=ann)
        html = page(client, reverse("finding-detail", args=[open_service.pk]))
        assert "You granted or approved this share yourself." in html
        assert reverse("finding-accept", args=[open_service.pk]) not in html
        assert accepted(client, open_service).status_code == 422

    def test_is_given_to_somebody_and_to_nobody(self, client: Client, ann: User, open_service: Finding) -> None:
        address = reverse("finding-assign", args=[open_service.pk])
        assert client.post(address, {"owner": ann.pk}).status_code == 302
        open_service.refresh_from_db()
        assert open_service.owner == ann
        assert client.post(address, {"owner": ""}).status_code == 302
        open_service.refresh_from_db()
        assert open_service.owner is None
        assert client.post(address, {"owner": "nonsense"}).status_code == 422

    def test_an_auditor_sees_all_and_changes_nothing(self, client: Client, open_service: Finding) -> None:
        client.force_login(factories.person(Role.AUDITOR))
        html = page(client, reverse("finding-detail", args=[open_service.pk]))
        assert "Accept the risk" not in html
        assert "Take the statement back" not in html
        for name in ("accept", "withdraw", "assign"):
            assert client.post(reverse(f"finding-{name}", args=[open_service.pk]), {"reason": "x"}).status_code == 403
        assert client.get(reverse("finding-repair", args=[open_service.pk])).status_code == 403
        assert client.post(reverse("finding-accept-many"), {"finding": open_service.pk}).status_code == 403
        assert not Event.objects.filter(verb__startswith="finding.").exists()

    @pytest.mark.parametrize("rule", sorted(RULES))
    def test_every_rule_has_a_page_and_a_finding_of_it_opens(self, client: Client, ann: User, rule: str) -> None:
        one = factories.finding(rule=rule, grant=factories.grant() if rule in ("share-stuck", "check-denied") else None)
        assert escape(RULES[rule].fact) in page(client, reverse("finding-rule", args=[rule]))
        page(client, reverse("finding-detail", args=[one.pk]))

    def test_a_rule_that_does_not_exist_is_not_found(self, client: Client, ann: User) -> None:
        assert client.get(reverse("finding-rule", args=["nonsense"])).status_code == 404
        page(client, reverse("finding-rules"))


class TestRepairs:
    def offered(self, client: Client, finding: Finding) -> str:
        return page(client, reverse("finding-detail", args=[finding.pk])).replace("&amp;", "&")

    def test_what_can_be_removed_leads_to_the_revoke_page_of_that_statement(self, client: Client, ann: User) -> None:
        on = factories.function()
        factories.connection(on.account)
        stored(on, statement(on, root(STRANGER), "other"), statement(on, {"AWS": "AROAEXAMPLE7Q2LKXABC"}, "ghost"))
        one = Finding.objects.get(rule="ghost")
        policy = on.policies.get()
        address = reverse("statement-revoke", args=[policy.pk, policy.current_id, 1])
        html = self.offered(client, one)
        assert address in html
        assert f"{reverse('function-share', args=[on.pk])}?action=lambda%3AInvokeFunction" in html
        assert "AROAEXAMPLE7Q2LKXABC" in page(client, address)

    def test_what_cannot_be_removed_says_why(self, client: Client, ann: User) -> None:
        on = factories.function()
        stored(on, {key: value for key, value in statement(on, root(on.account.number)).items() if key != "Sid"})
        html = self.offered(client, Finding.objects.get(rule="no-sid"))
        assert "This statement has no Sid" in html
        assert "statement-revoke" not in html
        assert "Take the statement back" not in html

    def test_a_statement_that_is_gone_offers_nothing_stale(self, client: Client, ann: User, open_service: Finding) -> None:
        Finding.objects.filter(pk=open_service.pk).update(statement_digest="0" * 64)
        assert "The policy has changed since" in self.offered(client, open_service)

    def test_half_of_a_url_fills_in_the_other_half(self, client: Client, ann: User) -> None:
        on = factories.function(urls={"": "NONE"})
        factories.connection(on.account)
        half = statement(on, "*", "half", Action="lambda:InvokeFunctionUrl")
        half["Condition"] = {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}
        stored(on, half)
        html = self.offered(client, Finding.objects.get(rule="url-half"))
        assert f"{reverse('function-share', args=[on.pk])}?who=everyone&action=lambda%3AInvokeFunction&via_url=on" in html

    def test_an_open_service_is_narrowed_in_two_steps(self, client: Client, ann: User, open_service: Finding) -> None:
        on = open_service.function
        assert on is not None
        address = reverse("finding-repair", args=[open_service.pk])
        policy = on.policies.get()
        remove = reverse("statement-revoke", args=[policy.pk, policy.current_id, 0])
        html = page(client, address)
        assert remove not in html  # not before there is a limited one
        assert page(client, address, 422, step="share").count("Give the account") >= 1
        response = client.get(address, {"step": "share", "source_account": STRANGER, "source_arn": ""})
        assert response.status_code == 302
        target = urlsplit(response.headers["Location"])
        assert target.path == reverse("function-share", args=[on.pk])
        asked = {name: values[0] for name, values in parse_qs(target.query).items()}
        assert (asked["who"], asked["action"], asked["source_account"]) == (
            "s3.amazonaws.com",
            "lambda:InvokeFunction",
            STRANGER,
        )
        form = page(client, response.headers["Location"])
        assert f'value="{STRANGER}"' in form
        assert '<details id="share-limits" class="limits" open>' in form
        limited = statement(on, service(), "narrow", Condition={"StringEquals": {"AWS:SourceAccount": STRANGER}})
        stored(on, statement(on, service(), "wide"), limited)
        policy = on.policies.get()
        html = page(client, address)
        assert "AWS holds it" in html
        assert reverse("statement-revoke", args=[policy.pk, policy.current_id, 0]) in html

    def test_only_an_open_service_is_narrowed(self, client: Client, ann: User) -> None:
        one = factories.finding(rule="ghost")
        assert client.get(reverse("finding-repair", args=[one.pk])).status_code == 302

    @pytest.mark.parametrize("value", ["x\x00y", "x" * 5000, EVIL])
    def test_the_share_form_takes_what_an_address_fills_in_as_text(self, client: Client, ann: User, value: str) -> None:
        on = factories.function()
        html = page(client, reverse("function-share", args=[on.pk]), who=value, source_arn=value, action=value, via_url=value)
        assert "<script>alert" not in html


class TestInBulk:
    ADDRESS = reverse("finding-accept-many")

    def decided(self, client: Client, ann: User, **given: Any) -> Any:
        until = (timezone.localdate() + timedelta(days=30)).isoformat()
        return client.post(self.ADDRESS, {"reason": "Baseline", "owner": ann.pk, "until": until, "step": "accept", **given})

    def test_those_ticked_are_accepted_and_no_others(self, client: Client, ann: User) -> None:
        one, two, three = (factories.finding() for _ in range(3))
        html = page(client, f"{self.ADDRESS}?finding={one.pk}&finding={two.pk}")
        assert "2 open findings" in html
        assert self.decided(client, ann, finding=[one.pk, two.pk]).status_code == 302
        assert list(Finding.objects.open()) == [three]

    def test_all_of_a_cause_are_accepted_but_for_what_came_since(self, client: Client, ann: User) -> None:
        one = factories.finding()
        factories.finding()
        other = factories.finding(cause="service:sns.amazonaws.com")
        html = page(client, self.ADDRESS, rule=one.rule, cause=one.cause)
        seen = html.split('name="seen" value="')[1].split('"')[0].replace("&#x2B;", "+").replace("&#43;", "+")
        late = factories.finding()
        assert self.decided(client, ann, rule=one.rule, cause=one.cause, seen=seen).status_code == 302
        assert set(Finding.objects.open()) == {other, late}

    def test_many_are_given_to_somebody_without_a_reason(self, client: Client, ann: User) -> None:
        one = factories.finding()
        factories.finding()
        response = client.post(self.ADDRESS, {"rule": one.rule, "cause": one.cause, "owner": ann.pk, "step": "assign"})
        assert response.status_code == 302
        assert Finding.objects.open().filter(owner=ann).count() == 2
        html = page(client)
        assert '<td data-label="Owner">Ann</td>' in html

    def test_one_s_own_shares_are_left_and_said(self, client: Client, ann: User, open_service: Finding) -> None:
        factories.grant(open_service.function, sid="wide", requested_by=ann)
        other = factories.finding()
        assert "1 of them is a share" in page(client, f"{self.ADDRESS}?finding={open_service.pk}&finding={other.pk}")
        self.decided(client, ann, finding=[open_service.pk, other.pk])
        assert list(Finding.objects.open()) == [open_service]

    @pytest.mark.parametrize("query", ["", "finding=nonsense", "finding=%00", "rule=x&cause=y", "rule=%00&cause=y"])
    def test_nothing_chosen_goes_back_to_the_list(self, client: Client, ann: User, query: str) -> None:
        factories.finding()
        response = client.get(f"{self.ADDRESS}?{query}")
        assert (response.status_code, response.headers.get("Location")) == (302, LIST)

    @pytest.mark.parametrize(
        "given", [{"reason": ""}, {"owner": ""}, {"until": "2001-01-01"}, {"owner": "x", "step": "assign"}, {"reason": "\x00"}]
    )
    def test_bad_input_is_said_and_nothing_is_accepted(self, client: Client, ann: User, given: dict[str, str]) -> None:
        one = factories.finding()
        assert self.decided(client, ann, finding=[one.pk], seen="nonsense", **given).status_code == 422
        assert Finding.objects.open().count() == 1

    def test_what_is_out_of_scope_is_not_taken(self, client: Client) -> None:
        mine, other = factories.finding(), factories.finding()
        assert mine.account is not None
        narrow = factories.person(Role.OWNER, accounts=[mine.account])
        client.force_login(narrow)
        self.decided(client, narrow, finding=[mine.pk, other.pk])
        assert list(Finding.objects.open()) == [other]


class TestExportAndTrend:
    def rows(self, client: Client, **query: str) -> list[list[str]]:
        response = client.get(reverse("finding-export"), query)
        assert response.headers["Content-Type"].startswith("text/csv")
        text = b"".join(response.streaming_content).decode("utf-8-sig") if response.streaming else ""  # type: ignore[attr-defined]
        return list(csv.reader(text.splitlines()))

    def test_coverage_comes_first_and_no_cell_is_a_formula(self, client: Client) -> None:
        client.force_login(factories.person(Role.AUDITOR))
        one = factories.finding(text="=HYPERLINK(1)", sid="+x", detail={"depends_on": ["@x"], "who": [["account", "-1", ""]]})
        rows = self.rows(client)
        assert rows[0][0].startswith("Coverage: ")
        head = next(row for row in rows if row[:1] == ["id"])
        line = dict(zip(head, rows[-1], strict=True))
        assert line["id"] == str(one.pk)
        assert (line["finding"], line["statement id"], line["depends on"], line["let in"]) == (
            "'=HYPERLINK(1)",
            "'+x",
            "'@x",
            "'-1",
        )

    def test_the_export_is_what_the_list_is_narrowed_to(self, client: Client, ann: User) -> None:
        factories.finding()
        ghost = factories.finding(rule="ghost")
        assert [row[0] for row in self.rows(client, rule="ghost") if row][-1] == str(ghost.pk)
        assert len([row for row in self.rows(client, rule="ghost") if len(row) > 5]) == 2

    def test_programs_read_the_same_as_json_under_a_name_that_says_where_it_is_from(self, client: Client, ann: User) -> None:
        factories.finding(rule="ghost")
        one = factories.finding(text="=HYPERLINK(1)", detail={"depends_on": ["@x"], "who": [["account", "-1", ""]]})
        response = client.get(reverse("finding-export"), {"format": "json", "rule": one.rule})
        assert response.headers["Content-Type"] == "application/json"
        today = f"{timezone.now():%Y-%m-%d}"
        assert response.headers["Content-Disposition"] == f'attachment; filename="fnshare-findings-{today}.json"'
        told = json.loads(b"".join(response.streaming_content))  # type: ignore[attr-defined]
        assert told["coverage"][0].startswith("Coverage: ")
        (only,) = told["findings"]
        assert (only["id"], only["text"], only["depends_on"]) == (str(one.pk), "=HYPERLINK(1)", ["@x"])
        assert only["who"] == [{"kind": "account", "principal": "-1", "account": ""}]
        as_csv = client.get(reverse("finding-export")).headers["Content-Disposition"]
        assert as_csv == f'attachment; filename="fnshare-findings-{today}.csv"'

    def test_the_counts_over_time_are_a_table_whose_last_day_is_now(self, client: Client, ann: User) -> None:
        factories.finding(severity=4)
        yesterday = timezone.now().date() - timedelta(days=1)
        FindingCount.objects.create(day=yesterday, severity=3, open=7, accepted=2000)
        html = page(client, reverse("finding-trend"))
        assert '<td class="number" data-label="High">7</td>' in html
        assert '<td class="number" data-label="Accepted">2,000</td>' in html
        assert '<td class="number" data-label="Critical">1</td>' in html
        assert html.index(f'data-day="{timezone.now().date():%Y-%m-%d}"') < html.index(f'data-day="{yesterday:%Y-%m-%d}"')


def test_the_overview_says_how_many_are_open_and_new(client: Client, ann: User) -> None:
    on: Function = factories.function()
    factories.finding(on)
    html = page(client, reverse("overview"))
    assert "1 new since you last looked" in html
    assert f'href="{LIST}?severity=3"' in html
