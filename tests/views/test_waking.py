"""Mappings: the list, its files, what wakes one function, and what a revoke says first."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import Account, Event, Function, GrantState, Mapping, Reading, Role
from sharing.services import waking
from sharing.services.waking import gathering
from sharing.views import waking as views
from tests import factories
from tests.services.kept import ACME, GLOBEX, allow, kept, owner
from tests.services.test_waking import BUCKET, QUEUE, TOPIC, mapping, service, url
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def function() -> Function:
    factories.account("Acme Retail", ACME)
    now = timezone.now()
    return factories.function("f", owner(), urls={}, details_read_at=now, mappings_read_at=now)


@pytest.fixture
def me(client: Client) -> Client:
    client.force_login(factories.person(Role.OWNER))
    return client


def text(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status, (address, response.status_code)
    return response.content.decode()


class TestTheList:
    def test_a_row_says_source_account_function_what_lets_it_in_and_how_it_stands(self, me: Client, function: Function) -> None:
        kept(function, service("s3", BUCKET, ACME), service("sns", TOPIC))
        mapping(function, qualifier="live", state="Disabled")
        grant = factories.grant(function, sid="s1")
        page = text(me, "/mappings/")
        for words in (
            "S3 bucket uploads",
            "Acme Retail",
            "1111 2222 3333",
            "May call, wiring not looked at",
            "SQS queue jobs",
            "f:live",
            "Disabled",
            "Needs none here",
            "SNS topic orders",
            f"/grants/{grant.pk}/",
            "Grant made here",
            "no end date",
            "/statements/s0/",
            f"/functions/{function.pk}/wakes/",
            'aria-current="page"',
        ):
            assert words in page, words

    def test_nothing_found_is_said_with_what_was_not_looked_at(self, me: Client) -> None:
        factories.function("g")
        page = text(me, "/mappings/")
        assert "Nothing found that wakes a function" in page
        assert "Event source mappings were not read yet for 1 function." in page
        assert "Function URLs were not read yet for 1 function." in page
        assert "really sends its events is not looked at" in page
        assert "No mapping matches" in text(me, "/mappings/?q=nothing")

    @pytest.mark.parametrize(
        ("query", "there", "away"),
        [
            ("way=pull", "SQS queue jobs", "SNS topic orders"),
            ("kind=sns", "SNS topic orders", "SQS queue jobs"),
            (f"account={GLOBEX}", "S3 bucket uploads", "SNS topic orders"),
            ("problem=off", "SQS queue jobs", "SNS topic orders"),
            ("problem=any", "SQS queue jobs", "SNS topic orders"),
            ("q=orders", "SNS topic orders", "SQS queue jobs"),
        ],
    )
    def test_it_is_narrowed(self, me: Client, function: Function, query: str, there: str, away: str) -> None:
        kept(function, service("s3", BUCKET, GLOBEX), service("sns", TOPIC))
        mapping(function, state="Disabled")
        page = text(me, f"/mappings/?{query}")
        assert there in page
        assert away not in page

    @pytest.mark.parametrize(
        "query",
        [
            "q=%00",
            "way=nonsense",
            "kind=%00",
            "problem=-1",
            "sort=-x",
            "page=99999999999999999999",
            "q=" + "x" * 5000,
        ],
    )
    def test_what_means_nothing_is_left_out(self, me: Client, function: Function, query: str) -> None:
        mapping(function)
        text(me, f"/mappings/?{query}")
        assert me.get(f"/mappings/export/?{query}").status_code == 200

    def test_another_s_functions_are_not_in_it(self, client: Client, function: Function) -> None:
        mapping(function)
        kept(function, service("sns", TOPIC), *url())
        client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
        page = text(client, "/mappings/")
        assert "Nothing found that wakes a function" in page
        for address in ("/mappings/export/", "/mappings/export/?format=json"):
            assert "orders" not in b"".join(client.get(address)).decode()
        text(client, f"/functions/{function.pk}/wakes/", 404)

    def test_a_consumer_has_no_such_page(self, client: Client, function: Function) -> None:
        mapping(function)
        client.force_login(factories.person(Role.CONSUMER))
        for address in ("/mappings/", "/mappings/export/", f"/functions/{function.pk}/wakes/"):
            assert "jobs" not in client.get(address, follow=True).content.decode()

    def test_an_auditor_sees_it_and_nothing_to_press(self, client: Client, function: Function) -> None:
        mapping(function)
        client.force_login(factories.person(Role.AUDITOR))
        before = Event.objects.count()
        assert "SQS queue jobs" in text(client, "/mappings/")
        assert "Let it poll a source" not in text(client, f"/functions/{function.pk}/wakes/")
        assert Event.objects.count() == before

    def test_hostile_names_are_text(self, me: Client, function: Function) -> None:
        Account.objects.filter(number=ACME).update(name=HOSTILE)
        kept(function, service("events", f"arn:aws:events:us-east-1:{ACME}:rule/{HOSTILE}{'x' * 900}"))
        mapping(function, f"arn:aws:sqs:us-east-1:{ACME}:{HOSTILE}", state=HOSTILE)
        for address in ("/mappings/", f"/functions/{function.pk}/wakes/"):
            page = text(me, address)
            assert HOSTILE not in page
            assert "&lt;script&gt;" in page

    def test_the_number_of_queries_does_not_depend_on_how_much_there_is(self, me: Client, function: Function) -> None:
        def more(many: int) -> int:
            for _ in range(many):
                made = factories.function("", function.account, urls={"": "NONE"})
                kept(made, service("sns", TOPIC), service("s3", BUCKET, ACME), *url())
                factories.grant(made, sid="s0")
                mapping(made, qualifier="live")
            return queries(me, "/mappings/")

        more(1)
        assert more(1) == more(15)


class TestTheFiles:
    def rows(self, me: Client, query: str = "") -> tuple[list[str], list[dict[str, str]]]:
        told = b"".join(me.get(f"/mappings/export/?{query}")).decode("utf-8-sig")
        head, _, table = told.partition("\r\n\r\n")
        return head.splitlines(), list(csv.DictReader(io.StringIO(table)))

    def test_what_was_not_looked_at_comes_first(self, me: Client, function: Function) -> None:
        mapping(function)
        head, rows = self.rows(me)
        assert head[0].startswith(("Coverage:", '"Coverage:'))
        assert any("really sends its events is not looked at" in line for line in head)
        assert [row["Let in by"] for row in rows] == ["needs no statement"]

    def test_rows_are_read_as_the_file_is_written(
        self, me: Client, function: Function, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(3):
            mapping(function, f"{QUEUE}-{number}")
        assert waking.keep_due()
        asked: list[object] = []

        def let_in(rows: list[waking.Waker]) -> list[tuple[waking.LetIn, ...]]:
            asked.append(rows)
            return [()]

        monkeypatch.setattr(gathering, "_gather", lambda *asked: pytest.fail("everything is read first"))
        monkeypatch.setattr(views, "_CHUNK", 1)
        monkeypatch.setattr(waking, "let_in", let_in)
        response = me.get("/mappings/export/?format=json")
        assert not asked
        pieces = iter(response)
        next(pieces)
        assert b"jobs-0" in next(pieces)
        assert len(asked) == 1
        assert len(list(pieces)) == 3

    def test_a_file_holds_what_the_list_is_narrowed_to_whole(self, me: Client, function: Function) -> None:
        for number in range(60):
            mapping(function, f"{QUEUE}-{number}")
        kept(function, service("sns", TOPIC), service("sqs", QUEUE))
        grant = factories.grant(function, sid="s0", state=GrantState.ACTIVE)
        assert len(self.rows(me, "way=pull")[1]) == 60
        told: dict[str, Any] = json.loads(b"".join(me.get("/mappings/export/?format=json&kind=sns")))
        (row,) = told["mappings"]
        assert (row["source"], row["source_account"], row["let_in_by"]) == (TOPIC, "Acme Retail", "s0")
        assert row["grant_state"] == grant.state
        assert (
            json.loads(b"".join(me.get("/mappings/export/?format=json&problem=orphan-grant")))["mappings"][0]["kind"]
            == "SQS queue"
        )

    def test_a_policy_that_is_not_readable_any_more_is_said_in_its_rows(self, me: Client, function: Function) -> None:
        kept(function, service("sns", TOPIC))
        function.policies.update(reading=Reading.UNREAD, unread_since=timezone.now())
        assert [row["State"] for row in self.rows(me)[1]] == ["policy unread"]

    def test_no_cell_is_a_formula(self, me: Client, function: Function) -> None:
        Account.objects.filter(number=ACME).update(name="=1+1")
        mapping(function, state="@SUM(A1)")
        (row,) = self.rows(me)[1]
        assert (row["Source account"], row["State"]) == ("'=1+1", "'@SUM(A1)")
        assert row["Source account id"] == "1111 2222 3333"


class TestOneFunction:
    def test_each_form_has_its_sources_in_boxes_and_in_words(self, me: Client, function: Function) -> None:
        Function.objects.update(urls={"": "NONE"})
        function.refresh_from_db()
        kept(function, *url())
        kept(function, service("s3", BUCKET, ACME), qualifier="live")
        mapping(function)
        page = text(me, f"/functions/{function.pk}/wakes/")
        assert page.count('class="wakes-form"') == 2
        for words in (
            "SQS queue jobs is polled for f.",
            "S3 bucket uploads may wake f:live; whether it is wired is not looked at.",
            "Who calls the URL wakes f.",
            "lets in everyone",
            "What wakes it",
        ):
            assert words in page, words

    def test_a_url_whose_policy_is_unread_says_so(self, me: Client, function: Function) -> None:
        Function.objects.update(urls={"": "NONE"})
        function.policies.update(reading=Reading.UNREAD)
        page = text(me, f"/functions/{function.pk}/wakes/")
        assert "Policy unread" in page
        assert "403" not in page

    def test_nothing_found_points_to_who_has_access(self, me: Client, function: Function) -> None:
        page = text(me, f"/functions/{function.pk}/wakes/")
        assert "Nothing found that wakes it" in page
        assert "Whether a bucket, topic, rule or alarm really sends" in page

    def test_a_function_that_is_gone_is_woken_by_nothing(self, me: Client, function: Function) -> None:
        mapping(function)
        Function.objects.update(vanished_at=timezone.now())
        assert "nothing wakes it" in text(me, f"/functions/{function.pk}/wakes/")

    def test_it_costs_the_same_however_much_wakes_it(self, me: Client, function: Function) -> None:
        address = f"/functions/{function.pk}/wakes/"
        kept(function, service("sns", TOPIC))
        mapping(function)
        queries(me, address)  # the first one also looks at the session
        before = queries(me, address)
        kept(function, *(service("sns", f"{TOPIC}-{number}") for number in range(8)))
        Mapping.objects.bulk_create([Mapping(function=function, source_arn=f"{QUEUE}-{number}") for number in range(30)])
        assert queries(me, address) == before


class TestRevoking:
    def test_the_confirmation_says_first_what_will_not_arrive_any_more(self, me: Client, function: Function) -> None:
        policy = kept(function, service("s3", BUCKET, ACME), allow(GLOBEX))
        asks = f"/policies/{policy.pk}/{policy.current_id}"
        page = text(me, f"{asks}/0/revoke/")
        assert "What will not wake it any more" in page
        assert "Events from S3 bucket uploads of Acme Retail will not arrive any more" in page
        assert "What will not wake it any more" not in text(me, f"{asks}/1/revoke/")
