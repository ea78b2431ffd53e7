"""The Access pages: asking, exporting, comparing, statements of the past; the trust list; coverage as a file."""

import csv
import io
import json
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone

from sharing.models import Account, Actor, Function, Role, Trusted
from sharing.services import history, sealing
from sharing.services.access.exporting import cell
from tests import factories, policies
from tests.policies import ACME, ago, read, swept
from tests.views.counting import queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def platform() -> Account:
    made = factories.account("Platform", "444455556666")
    factories.account("Acme", ACME)
    factories.connection(made)
    for days in (20, 15, 10, 5):
        swept(made, ago(days=days))
    swept(made, ago(hours=1))
    return made


@pytest.fixture
def labels(platform: Account) -> Function:
    made = policies.function("label-uploads", platform, since=ago(days=20))
    read(made, ago(days=20), policies.account("acme"))
    read(made, ago(days=10), policies.account("acme-2"), policies.everyone("all"))
    return made


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(factories.person(Role.AUDITOR))
    return client


def text(response: HttpResponseBase) -> str:
    """Also of what is streamed."""
    content: bytes = b"".join(response) if response.streaming else response.content  # type: ignore[attr-defined]
    return content.decode()


def test_an_auditor_reads_who_through_which_statement_and_whether_that_is_complete(pages: Client, labels: Function) -> None:
    page = pages.get("/access/?q=label-uploads").content.decode()
    policy = labels.policies.get()
    for words in (
        "Who can invoke label-uploads?",
        "label-uploads can be invoked by Acme and by everyone.",
        f"/functions/{labels.pk}/policy/#statement-{policy.pk}-0",
        "Is that complete?",
        "For policies, yes",
        "Coverage: 1 of 1 region completely read",
        "Who may write to a source",
        "Public: any AWS account",
    ):
        assert words in page, words
    past = pages.get(f"/access/?q=label-uploads&as_of={ago(days=17):%Y-%m-%d}").content.decode()
    version = policy.versions.order_by("first_seen_at").first()
    assert version
    assert "label-uploads could be invoked by Acme." in past
    assert f"/access/statement/{policy.pk}/{version.pk}/0/" in past
    assert "Read with this content at" in past
    shown = pages.get(f"/access/statement/{policy.pk}/{version.pk}/0/").content.decode()
    assert "Statement acme" in shown
    assert "It was seen until" in shown


def test_the_page_without_a_question_and_from_a_functions_page(pages: Client, labels: Function) -> None:
    assert "What can everyone invoke?" in pages.get("/access/").content.decode()
    assert f"/access/?function={labels.pk}" in pages.get(f"/functions/{labels.pk}/").content.decode()
    page = pages.get(f"/access/?function={labels.pk}").content.decode()
    assert "Who can invoke label-uploads?" in page
    assert f'value="{labels.arn}"' in page


def test_what_was_not_looked_at_folds_but_never_beside_nobody(pages: Client, labels: Function, platform: Account) -> None:
    read(policies.function("alone", platform, since=ago(days=9)), ago(days=9))
    folded, open_ = (
        "<details><summary>What was not looked at</summary>",
        "<details open><summary>What was not looked at</summary>",
    )
    assert folded in pages.get("/access/?q=label-uploads").content.decode()
    assert open_ in pages.get("/access/?q=alone").content.decode()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("q=lable-uploads", "Did you mean"),
        ("q=label-uploads&as_of=2999-01-01", "has not come yet"),
        ("q=label-uploads&as_of=1999-01-01", "Nothing was read before"),
        ("q=label-uploads&as_of=soon", "is no date"),
        ("as_of=soon", "is no date"),
        ("q=%00x%00", "Nothing here is called"),
        ("q=" + "9" * 500, "Nothing here is called"),
        ("function=not-a-uuid", "Nothing here is called"),
    ],
)
def test_bad_questions_are_answered_with_the_form_and_what_to_do(
    pages: Client, labels: Function, asked: str, said: str
) -> None:
    response = pages.get(f"/access/?{asked}")
    assert response.status_code == 422
    assert said in response.content.decode()
    exported = pages.get(f"/access/export/?{asked}")
    assert exported.status_code == 422


def test_pages_that_do_not_exist_are_no_error(pages: Client, labels: Function) -> None:
    for more in ("page=0", "page=99999999999999999999", "how=everyone&page=x", "how=%00", "how=nothing", "as_of=%00"):
        assert pages.get(f"/access/?q=everyone&{more}").status_code == 200, more
    policy = labels.policies.get()
    assert pages.get(f"/access/statement/{policy.pk}/99999999999999999999/0/").status_code == 404
    assert pages.get(f"/access/statement/{policy.pk}/{policy.current_id}/77/").status_code == 404


def test_out_of_scope_is_a_404(client: Client, labels: Function) -> None:
    client.force_login(factories.person(Role.AUDITOR, accounts=[factories.account()]))
    policy = labels.policies.get()
    assert client.get(f"/access/?function={labels.pk}").status_code == 404
    assert client.get(f"/access/export/?function={labels.pk}").status_code == 404
    assert client.get(f"/access/statement/{policy.pk}/{policy.current_id}/0/").status_code == 404
    assert client.get("/access/?q=label-uploads").status_code == 422
    assert "label-uploads" not in text(client.get("/access/export/?q=everyone&format=csv"))
    assert "label-uploads" not in client.get(f"/access/compare/?since={ago(days=17):%Y-%m-%d}", follow=True).content.decode()


def test_csv_says_coverage_first_and_holds_every_way(pages: Client, labels: Function, platform: Account) -> None:
    for number in range(40):
        read(policies.function(f"f-{number}", platform, since=ago(days=9)), ago(days=9), policies.everyone("all"))
    response = pages.get("/access/export/?q=everyone&format=csv")
    assert response["Content-Disposition"].startswith('attachment; filename="fnshare-everyone-')
    body = text(response)
    assert body.startswith("\ufeffCoverage: 1 of 1 region completely read")
    rows = list(csv.reader(io.StringIO(body.removeprefix("\ufeff"))))
    begins = next(place for place, row in enumerate(rows) if row[:1] == ["Function"])
    assert any(row and row[0].startswith("Not looked at:") for row in rows[:begins])
    assert any(row and row[0].startswith("Asked by auditor") for row in rows[:begins])
    assert len(rows) - begins - 1 == 41
    assert rows[begins + 1][4] == "4444 5555 6666"


def test_one_way_in_is_never_taken_for_the_whole_answer(pages: Client, labels: Function) -> None:
    assert "Only this way in is told here" in pages.get("/access/?q=everyone&how=everyone").content.decode()
    assert "Only this way in was asked about: As everyone can" in text(pages.get("/access/export/?q=everyone&how=everyone"))
    assert "Only this way in" not in pages.get("/access/?q=everyone").content.decode()


def test_json_is_one_object_with_coverage_first(pages: Client, labels: Function) -> None:
    found = json.loads(text(pages.get("/access/export/?q=label-uploads&format=json")))
    assert next(iter(found)) == "coverage"
    assert found["counts"]["public"] == 1
    assert found["as_of"] is None
    assert {way["name"] for way in found["ways"]} == {"Acme", "everyone"}
    assert found["ways"][0]["statements"] == [{"index": 1, "name": "all"}]
    assert found["not_looked_at"]
    assert found["trust"] == "Nobody is on the trust list"


def test_an_answer_is_not_buried_under_a_long_trust_list(pages: Client, labels: Function) -> None:
    Trusted.objects.bulk_create(
        Trusted(kind="account", value=f"{number}", added_as="x") for number in range(10**11, 10**11 + 9)
    )
    page = text(pages.get(f"/access/?q={labels.arn}"))
    assert "Trusted: 9 accounts. " in page
    assert "100000000004" not in page
    assert "100000000004" in text(pages.get(f"/access/export/?q={labels.arn}&format=report"))


def test_the_report_is_evidence(pages: Client, labels: Function) -> None:
    history.record("test.sealed", "A line", by=Actor.system())
    sealed = sealing.seal(timezone.now() + timedelta(minutes=5))
    assert sealed is not None
    page = pages.get(f"/access/export/?q=label-uploads&as_of={ago(days=17):%Y-%m-%d}&format=report").content.decode()
    assert page.index("Coverage: 1 of 1") < page.index("<h1>Who could invoke label-uploads?")
    for words in (
        "Asked by",
        "auditor",
        "acme",
        "Nobody is on the trust list",
        "Read with this content at",
        "What was not looked at",
        sealed.digest,
    ):
        assert words in page, words
    assert "<script" not in page


@pytest.mark.parametrize("begins", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1"])
def test_no_cell_is_a_formula(begins: str) -> None:
    assert cell(begins) == f"'{begins}"


def test_digits_stay_digits_and_words_words() -> None:
    assert cell("012345678901") == "0123 4567 8901"
    assert cell("label-uploads") == "label-uploads"
    assert cell("arn:aws:iam::012345678901:root") == "arn:aws:iam::012345678901:root"
    assert cell(None) == ""
    assert cell(0) == "0"


def test_hostile_names_are_shown_as_text(pages: Client, platform: Account) -> None:
    factories.account("=HYPERLINK(1)<script>", "222233334444")
    made = policies.function("prices", platform, since=ago(days=20))
    read(made, ago(days=20), policies.account("<script>alert(1)</script>", "222233334444"))
    page = pages.get("/access/?q=prices").content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    rows = text(pages.get("/access/export/?q=prices&format=csv"))
    assert "'=HYPERLINK(1)" in rows
    assert ",=HYPERLINK" not in rows


def test_two_dates_are_compared_on_a_page_and_as_files(pages: Client, labels: Function) -> None:
    assert "Choose two dates" in pages.get("/access/compare/").content.decode()
    asked = f"since={ago(days=17):%Y-%m-%d}&until={ago(days=7):%Y-%m-%d}"
    page = pages.get(f"/access/compare/?{asked}&q=label-uploads").content.decode()
    for words in ("Gained", "Everyone", "outside fnshare, between two reads", "Coverage: 1 of 1"):
        assert words in page, words
    assert "Nothing changed, by what was read" in pages.get(f"/access/compare/?since={ago(days=8):%Y-%m-%d}").content.decode()
    rows = text(pages.get(f"/access/compare/export/?{asked}&format=csv"))
    assert rows.startswith("\ufeffCoverage:")
    assert "gained,everyone" in rows
    found = json.loads(text(pages.get(f"/access/compare/export/?{asked}&format=json")))
    assert [one["change"] for one in found["changes"][0]["changes"]] == ["gained"]
    for bad in (
        "since=soon",
        "since=2999-01-01",
        f"{asked}&q=Acme",
        f"{asked}&q=nothing",
        "since=%00x",
        f"since={ago(days=7):%Y-%m-%d}&until={ago(days=17):%Y-%m-%d}",
    ):
        for path in ("compare/", "compare/export/"):
            assert pages.get(f"/access/{path}?{bad}").status_code == 422, bad


def test_the_pages_cost_the_same_queries_at_any_size(pages: Client, labels: Function, platform: Account) -> None:
    since = quote(f"{ago(days=17):%Y-%m-%dT%H:%M:%SZ}")
    addresses = [f"/access/?q={what}" for what in (labels.arn, ACME, "everyone", "everyone&how=everyone")]
    addresses += [f"/access/?q={ACME}&as_of={since}", f"/access/compare/?since={since}"]
    before = [queries(pages, address) for address in addresses]
    for number in range(60):
        made = policies.function(f"f-{number}", platform, since=ago(days=20))
        read(made, ago(days=20), policies.account("acme"))
        read(made, ago(days=10), policies.account("acme"), policies.everyone("all"))
    assert [queries(pages, address) for address in addresses] == before
    assert max(before) <= 40
    numbers = pages.get("/access/?q=everyone&how=everyone").content.decode().partition('aria-label="Pages"')[2]
    assert 'href="?q=everyone&amp;how=everyone&amp;page=2"' in numbers.partition("</nav>")[0]


def test_everybody_reads_the_trust_list_and_admins_change_it(client: Client) -> None:
    factories.account("Acme", ACME)
    client.force_login(factories.person(Role.ADMIN))
    assert "Nobody is on the trust list" in client.get("/settings/trust/").content.decode()
    client.post("/settings/trust/add/", {"value": "1111 2222 3333", "note": "partner"})
    wrong = client.post("/settings/trust/add/", {"value": "123"})
    assert wrong.status_code == 422
    assert "12 digits" in wrong.content.decode()
    entry = Trusted.objects.get()
    client.force_login(factories.person(Role.AUDITOR))
    page = client.get("/settings/trust/").content.decode()
    assert "Search the list" not in page
    assert "No entry matches" in client.get("/settings/trust/?q=nobody").content.decode()
    assert "1111 2222 3333" in client.get("/settings/trust/?q=partner").content.decode()
    assert "Acme" in page
    assert "partner" in page
    assert "Add somebody" not in page
    assert client.post(f"/settings/trust/{entry.pk}/remove/").status_code == 403
    client.force_login(factories.person(Role.ADMIN))
    client.post(f"/settings/trust/{entry.pk}/remove/")
    assert not Trusted.objects.exists()


def test_coverage_is_a_file_too(pages: Client, platform: Account) -> None:
    factories.connection(factories.account("Other", "222233334444"), regions=["eu-west-1"], state="paused")
    body = text(pages.get("/settings/coverage/export/?format=csv"))
    assert body.startswith(("\ufeffCoverage: 1 of 2 regions completely read;", '\ufeff"Coverage: 1 of 2'))
    assert "Other,2222 3333 4444,eu-west-1,paused,,0,0,0,The account is paused.,Resume it." in body
    found = json.loads(text(pages.get("/settings/coverage/export/?format=json")))
    assert found["regions"][0]["covered"] == "paused"
