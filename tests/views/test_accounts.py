"""The account pages: connect, test, pause, resume, rotate, disconnect; who sees and who does what."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import Account, Connection, ConnectionState, Event, Installation, Purpose, Role
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db

NUMBER = "111122223333"
ROLE = f"arn:aws:iam::{NUMBER}:role/fnshare-manager"


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(factories.person(Role.ADMIN))
    return client


def connect(pages: Client, **change: str) -> Connection:
    form = {"number": "1111 2222-3333", "name": "Platform", "purpose": "manager", "regions": "us-east-1, eu-west-1", **change}
    response = pages.post("/settings/accounts/connect/", form)
    assert response.status_code == 302, response.content.decode()
    return Connection.objects.get(pk=response.headers["Location"].split("/")[-2])


def test_a_fresh_installation_says_what_to_do(pages: Client) -> None:
    assert "Connect your first account" in pages.get("/settings/accounts/").content.decode()
    pages.force_login(factories.person(Role.OWNER, accounts=[]))
    page = pages.get("/settings/accounts/").content.decode()
    assert "No account in your scope" in page
    assert "/settings/accounts/connect/" not in page


def names_of(pages: Client, query: str = "") -> list[str]:
    return re.findall(r'<a class="name" href="[^"]+">([^<]+)</a>', pages.get(f"/settings/accounts/{query}").content.decode())


def test_an_account_of_thousands_is_found_by_name_or_digits_and_those_that_are_read_are_told_apart(pages: Client) -> None:
    assert "Name or digits" not in pages.get("/settings/accounts/").content.decode()
    read = factories.account("Retail", "444455556666")
    factories.connection(read)
    Account.objects.bulk_create(Account(number=f"{number}", name=f"Consumer {number}") for number in range(10**11, 10**11 + 60))
    assert names_of(pages, "?q=reta") == names_of(pages, "?q=4444+5555") == names_of(pages, "?show=owners") == ["Retail"]
    assert names_of(pages, "?show=owners&q=consumer") == []
    assert "No account matches" in pages.get("/settings/accounts/?q=nobody").content.decode()
    assert 'href="?q=consumer&amp;page=2"' in pages.get("/settings/accounts/?q=consumer").content.decode()


def test_a_few_regions_are_named_and_many_are_counted(pages: Client) -> None:
    factories.connection(factories.account("Retail"), regions=["us-east-1", "eu-west-1"])
    factories.connection(factories.account("Platform"), regions=[f"eu-west-{number}" for number in range(1, 9)])
    page = pages.get("/settings/accounts/").content.decode()
    assert "us-east-1, eu-west-1" in page
    assert "8 regions" in page
    assert "eu-west-7" not in page


def test_a_search_finds_no_account_out_of_scope(client: Client) -> None:
    mine = factories.account("Retail north")
    factories.account("Retail south")
    client.force_login(factories.person(Role.OWNER, accounts=[mine]))
    assert names_of(client, "?q=retail") == ["Retail north"]


def test_connecting_leads_from_the_name_over_the_role_to_its_test(pages: Client) -> None:
    connection = connect(pages)
    assert (connection.account.number, connection.account.name) == (NUMBER, "Platform")
    assert connection.regions == ["us-east-1", "eu-west-1"]
    page = pages.get(f"/settings/connections/{connection.pk}/").content.decode()
    assert connection.external_id in page
    assert f'value="{ROLE}"' in page, "the ARN the template would make is offered"
    assert "AWSTemplateFormatVersion" in page
    assert "aws iam create-role" in page
    assert "hx-get" not in page, "nothing to wait for yet"

    response = pages.post(f"/settings/connections/{connection.pk}/", {"role_arn": ROLE})
    assert response.status_code == 302
    connection.refresh_from_db()
    assert (connection.state, connection.role_arn) == (ConnectionState.TESTING, ROLE)
    assert connection.test_wanted_at is not None
    page = pages.get(f"/settings/connections/{connection.pk}/").content.decode()
    assert 'hx-trigger="every 1s"' in page
    assert "A worker is testing the role" in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"number": "11112222333"}, "exactly 12 digits"),
        ({"number": "1111222233334"}, "exactly 12 digits"),
        ({"number": ""}, "required"),
        ({"name": " "}, "required"),
        ({"regions": "us-east1"}, "Did you mean us-east-1?"),
        ({"purpose": "other"}, "valid choice"),
    ],
)
def test_bad_input_comes_back_as_422_with_a_sentence(pages: Client, change: dict[str, str], words: str) -> None:
    form = {"number": NUMBER, "name": "Platform", "purpose": "manager", "regions": "", **change}
    response = pages.post("/settings/accounts/connect/", form)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"role_arn": ""}, "required"),
        ({"role_arn": "fnshare-manager"}, f"arn:aws:iam::{NUMBER}:role/fnshare-manager"),
        ({"role_arn": "arn:aws:iam::999999999999:role/x"}, "belongs to account 999999999999"),
        ({"role_arn": "arn:aws-cn:iam::111122223333:role/x"}, "partition aws-cn"),
        ({"role_arn": ROLE, "external_id": "taken-elsewhere"}, "Another connection uses this ExternalId"),
        ({"role_arn": ROLE, "external_id": "with spaces"}, "AWS accepts no such ExternalId"),
    ],
)
def test_a_bad_role_is_said_on_the_form(pages: Client, form: dict[str, str], words: str) -> None:
    factories.connection(external_id="taken-elsewhere")
    connection = connect(pages)
    response = pages.post(f"/settings/connections/{connection.pk}/", form)
    assert response.status_code == 422
    assert words in response.content.decode()
    connection.refresh_from_db()
    assert connection.state == ConnectionState.AWAITED


def test_a_page_polls_only_while_a_test_is_wanted_and_ends_with_a_toast(pages: Client) -> None:
    connection = factories.connection(state=ConnectionState.TESTING, test_wanted_at=timezone.now())
    address = f"/settings/connections/{connection.pk}/status/"
    assert 'hx-trigger="every 1s"' in pages.get(address).content.decode()
    Connection.objects.update(test_wanted_at=timezone.now() - timedelta(minutes=3))
    slow = pages.get(address).content.decode()
    assert 'hx-trigger="every 5s"' in slow
    assert "takes longer than usual" in slow
    Connection.objects.update(state=ConnectionState.CONNECTED, test_wanted_at=None)
    done = pages.get(address).content.decode()
    assert "hx-trigger" not in done
    assert 'hx-swap-oob="beforeend:#toasts"' in done
    assert "Test again" in done
    assert "<html" not in done


def test_the_report_stays_on_the_page_with_what_to_do(pages: Client) -> None:
    report = [
        {"name": "lambda:RemovePermission", "outcome": "missing", "detail": "Cannot revoke.", "next": "Add the action."},
        {"name": "<script>alert(1)</script>", "outcome": "warning", "detail": "", "next": ""},
    ]
    connection = factories.connection(
        report=report, verbs={"read": True, "revoke": False}, enabled_regions=["us-east-1", "eu-north-1"]
    )
    page = pages.get(f"/settings/connections/{connection.pk}/").content.decode()
    for words in (
        "lambda:RemovePermission",
        "Missing",
        "Add the action.",
        "Enabled, but not read: eu-north-1",
        "is not permitted",
    ):
        assert words in page
    assert "<script>alert" not in page


def test_the_templates_are_files_and_the_share_stage_is_chosen(pages: Client) -> None:
    connection = connect(pages)
    read = pages.get(f"/settings/connections/{connection.pk}/template/")
    assert read.headers["Content-Disposition"] == f'attachment; filename="fnshare-manager-{NUMBER}.json"'
    assert "lambda:AddPermission" not in read.content.decode()
    share = json.loads(pages.get(f"/settings/connections/{connection.pk}/template/?share=1").content)
    assert "lambda:AddPermission" in json.dumps(share)
    commands = pages.get(f"/settings/connections/{connection.pk}/commands/").content.decode()
    assert connection.external_id in commands
    assert "lambda:AddPermission" in pages.get(f"/settings/connections/{connection.pk}/?share=1").content.decode()


def test_the_page_says_when_no_worker_has_told_who_it_is(pages: Client) -> None:
    connection = connect(pages)
    address = f"/settings/connections/{connection.pk}/"
    assert "No worker has told yet who it is" in pages.get(address).content.decode()
    worker = "arn:aws:sts::999988887777:assumed-role/fnshare-worker/i-1"
    Installation.objects.create(pk=1, worker_arn=worker, worker_account="999988887777", swept_at=timezone.now())
    page = pages.get(address).content.decode()
    assert "No worker has told yet" not in page
    assert "role/fnshare-worker" in page


def test_pause_resume_rotate_and_disconnect_each_ask_first(pages: Client) -> None:
    connection = factories.connection()
    base = f"/settings/connections/{connection.pk}/"
    for verb, state in (
        ("pause", ConnectionState.PAUSED),
        ("resume", ConnectionState.CONNECTED),
        ("rotate", ConnectionState.CONNECTED),
        ("disconnect", ConnectionState.DISCONNECTED),
    ):
        before = Connection.objects.get().state
        page = pages.get(f"{base}{verb}/").content.decode()
        assert Connection.objects.get().state == before, "looking changes nothing"
        assert f'href="../"' in page, "there is a way back"  # noqa: F541
        assert pages.post(f"{base}{verb}/").status_code == 302
        assert Connection.objects.get().state == state
    assert Event.objects.filter(verb="connection.disconnected").count() == 1
    after = pages.get(base).content.decode()
    assert "What stays" in after
    assert "Connect anew" in after


def test_a_rotation_shows_the_command_for_the_trust_policy(pages: Client) -> None:
    connection = factories.connection()
    pages.post(f"/settings/connections/{connection.pk}/rotate/")
    connection.refresh_from_db()
    page = pages.get(f"/settings/connections/{connection.pk}/").content.decode()
    assert "aws iam update-assume-role-policy" in page
    assert connection.next_external_id in page


def test_disconnecting_says_what_stays_granted(pages: Client) -> None:
    account = factories.account("Platform")
    connection = factories.connection(account)
    factories.grant(factories.function("hello_world", account))
    page = pages.get(f"/settings/connections/{connection.pk}/disconnect/").content.decode()
    assert "1 share made here stays granted" in page
    assert "hello_world" in page


def test_a_connection_that_cannot_be_paused_says_so_on_a_page(pages: Client) -> None:
    connection = factories.connection(state=ConnectionState.AWAITED, role_arn="")
    response = pages.post(f"/settings/connections/{connection.pk}/pause/")
    assert response.status_code == 409
    assert "Test the connection first." in response.content.decode()


def test_name_and_regions_are_changed(pages: Client) -> None:
    connection = factories.connection(factories.account("Old", NUMBER))
    address = f"/settings/connections/{connection.pk}/edit/"
    assert pages.post(address, {"name": "New", "regions": "eu-west-1"}).status_code == 302
    connection.refresh_from_db()
    assert (connection.account.name, connection.regions) == ("New", ["eu-west-1"])
    assert pages.post(address, {"name": "New", "regions": "nowhere-9"}).status_code == 422


@pytest.mark.parametrize("role", [Role.OWNER, Role.AUDITOR])
def test_others_look_and_find_no_buttons_that_refuse_them(client: Client, role: str) -> None:
    connection = factories.connection(factories.account("Platform", NUMBER))
    client.force_login(factories.person(role))
    page = client.get(f"/settings/connections/{connection.pk}/").content.decode()
    assert connection.role_arn in page
    for verb in ("edit", "pause", "rotate", "disconnect"):
        assert f"/{verb}/" not in page
    assert ("Test again" in page) == (role == Role.OWNER)
    assert client.post(f"/settings/connections/{connection.pk}/", {"role_arn": ROLE}).status_code == 403
    tested = client.post(f"/settings/connections/{connection.pk}/test/")
    assert tested.status_code == (302 if role == Role.OWNER else 403)


def test_what_is_out_of_scope_is_not_found(client: Client) -> None:
    connection = factories.connection()
    mine = factories.account("Mine")
    client.force_login(factories.person(Role.OWNER, accounts=[mine]))
    base = f"/settings/connections/{connection.pk}/"
    for address in (
        base,
        f"{base}status/",
        f"{base}template/",
        f"{base}commands/",
        f"/settings/accounts/{connection.account.pk}/",
    ):
        assert client.get(address).status_code == 404
    assert client.post(f"{base}test/").status_code == 404
    listed = client.get("/settings/accounts/").content.decode()
    assert "Mine" in listed
    assert connection.account.name not in listed


def test_the_account_page_offers_what_is_missing(pages: Client) -> None:
    account = factories.account("Platform", NUMBER)
    factories.connection(account)
    page = pages.get(f"/settings/accounts/{account.pk}/").content.decode()
    assert f"?account={NUMBER}&amp;purpose=checker" in page
    form = pages.get(f"/settings/accounts/connect/?account={NUMBER}&purpose=checker").content.decode()
    assert 'value="Platform"' in form
    assert re.search(r'value="checker"[^>]*checked', form)


def test_the_list_costs_the_same_at_any_size(pages: Client) -> None:
    counts = []
    for size in (2, 30):
        for _ in range(size):
            account = factories.account()
            factories.connection(account)
            factories.connection(account, Purpose.CHECKER)
            factories.function(of=account)
        counts.append(queries(pages, "/settings/accounts/"))
    assert counts[0] == counts[1]


def test_the_list_counts_functions_once_however_many_connections(pages: Client) -> None:
    account = factories.account()
    factories.connection(account)
    factories.connection(account, Purpose.CHECKER)
    factories.function(of=account)
    factories.function(of=account)
    factories.function(of=account, vanished_at=timezone.now())
    assert '<td class="number" data-label="Functions">2</td>' in pages.get("/settings/accounts/").content.decode()


def test_a_source_role_is_connected_for_named_sources(pages: Client) -> None:
    bucket, queue = "arn:aws:s3:::acme-uploads", f"arn:aws:sqs:us-east-1:{NUMBER}:orders"
    form = {"number": NUMBER, "name": "Acme", "purpose": "source", "sources": "acme-uploads", "limited_to": "kept apart"}
    refused = pages.post("/settings/accounts/connect/", form)
    assert refused.status_code == 422
    assert "is not the ARN of a bucket" in refused.content.decode()
    assert not Connection.objects.exists()
    connection = connect(pages, name="Acme", purpose="source", sources=f"{bucket}\r\n{queue}\r\n")
    assert (connection.purpose, connection.limited_to, connection.regions) == (Purpose.SOURCE, [bucket, queue], [])
    at = f"/settings/connections/{connection.pk}/"
    page = pages.get(at).content.decode()
    assert "events and policy" in page
    assert f"<code>{queue}</code>" in page
    assert "fnshare-test-events" not in page
    assert "fnshare-test-events" in pages.get(f"{at}?tests=1").content.decode()
    for file in ("template", "commands", "terraform"):
        assert b"PutObject" not in pages.get(f"{at}{file}/").content
        assert b"PutObject" in pages.get(f"{at}{file}/?tests=1&share=1&mappings=1").content
    assert pages.post(f"{at}edit/", {"name": "Acme", "sources": ""}).status_code == 422
    assert pages.post(f"{at}edit/", {"name": "Acme", "sources": queue}).status_code == 302
    connection.refresh_from_db()
    assert connection.limited_to == [queue]
    account = pages.get(f"/settings/accounts/{connection.account_id}/").content.decode()
    assert "purpose=invoker" in account
    assert "purpose=source" not in account, "it is there"
    assert "stays as it is in AWS" in pages.get(f"{at}disconnect/").content.decode()
    assert "wirings keep their state" in pages.get(f"{at}pause/").content.decode()


def test_the_form_of_a_source_role_knows_the_source_it_was_opened_for(pages: Client) -> None:
    asked = f"?purpose=source&account={NUMBER}&source=arn%3Aaws%3As3%3A%3A%3Aacme-uploads%22%3E%3Cscript%3E"
    page = pages.get(f"/settings/accounts/connect/{asked}").content.decode()
    assert "arn:aws:s3:::acme-uploads&quot;&gt;&lt;script&gt;" in page
    assert "acme-uploads" not in pages.get("/settings/accounts/connect/?source=acme-uploads").content.decode()
