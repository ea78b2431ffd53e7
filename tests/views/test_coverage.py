"""Coverage and the sync button."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import Actor, Organization, Role, Sync, SyncState
from sharing.services import gaps
from tests import factories
from tests.services.kept import ACME
from tests.views.counting import queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(factories.person(Role.OWNER))
    return client


def test_every_region_says_how_far_it_was_looked_at(pages: Client) -> None:
    account = factories.account("Platform")
    factories.connection(
        account,
        regions=["us-east-1", "eu-west-1", "eu-west-2"],
        enabled_regions=["us-east-1", "eu-west-1", "eu-west-2", "ap-south-1", "ap-east-1"],
    )
    factories.sweep(account)
    factories.sweep(account, "eu-west-1", SyncState.FAILED, failure="AWS denied it.", failure_next="Add the permission.")
    page = pages.get("/settings/coverage/").content.decode()
    for words in (
        "Failed",
        "AWS denied it. Add the permission.",
        "Never read",
        "Not among the regions",
        "2 regions",
        "but not read: ap-east-1, ap-south-1.",
        "4 gaps",
    ):
        assert words in page
    assert "hx-trigger" not in page


def test_a_fresh_installation_says_what_to_do(pages: Client) -> None:
    assert "No region is read yet" in pages.get("/settings/coverage/").content.decode()


def test_the_button_starts_a_sync_whose_progress_is_followed_while_it_runs(pages: Client) -> None:
    factories.connection(factories.account("Platform"), regions=["us-east-1", "eu-west-1"])
    page = pages.post("/settings/coverage/sync/", follow=True).content.decode()
    assert "2 regions are being read" in page
    assert Sync.objects.open().count() == 2
    assert 'hx-trigger="every 1s"' in page
    Sync.objects.update(state=SyncState.RUNNING, total=40, done=10)
    polled = pages.get("/settings/coverage/", headers={"hx-request": "true", "hx-target": "coverage"}).content.decode()
    assert "<html" not in polled
    assert '<progress class="progress mt-1" value="10" max="40"' in polled
    assert "hx-trigger" in polled
    Sync.objects.update(state=SyncState.DONE, started_at=timezone.now(), finished_at=timezone.now())
    over = pages.get("/settings/coverage/", headers={"hx-request": "true", "hx-target": "coverage"}).content.decode()
    assert "hx-trigger" not in over
    assert 'hx-swap-oob="beforeend:#toasts"' in over


def test_one_region_is_synced_and_twice_is_once(pages: Client) -> None:
    account = factories.account("Platform")
    factories.connection(account, regions=["us-east-1", "eu-west-1"])
    for _ in range(2):
        pages.post("/settings/coverage/sync/", {"account": str(account.pk), "region": "eu-west-1"})
    assert Sync.objects.get().region == "eu-west-1"


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({}, 200, "No account is connected"),
        ({"account": "nonsense"}, 404, "nothing at this address"),
        ({"account": "6d0fdd3c-6f3f-4a0e-9f52-6a64d6b7a001"}, 404, "nothing at this address"),
    ],
)
def test_a_sync_that_cannot_be_started_is_said(pages: Client, form: dict[str, str], status: int, words: str) -> None:
    response = pages.post("/settings/coverage/sync/", form, follow=True)
    assert response.status_code == status
    assert words in response.content.decode()


def test_only_accounts_in_scope_are_shown_and_synced(client: Client) -> None:
    mine, other = factories.account("Mine"), factories.account("Others")
    factories.connection(mine)
    factories.connection(other)
    client.force_login(factories.person(Role.OWNER, accounts=[mine]))
    page = client.get("/settings/coverage/").content.decode()
    assert "Mine" in page
    assert "Others" not in page
    client.post("/settings/coverage/sync/")
    assert Sync.objects.get().account == mine
    assert client.post("/settings/coverage/sync/", {"account": str(other.pk)}).status_code == 404


def test_auditors_see_no_button(client: Client) -> None:
    factories.connection()
    client.force_login(factories.person(Role.AUDITOR))
    assert "sync/" not in client.get("/settings/coverage/").content.decode()


def test_the_page_costs_the_same_at_any_size(pages: Client) -> None:
    counts = []
    for size in (2, 20):
        for _ in range(size):
            connection = factories.connection(regions=["us-east-1", "eu-west-1"])
            factories.sweep(connection.account)
            factories.function(of=connection.account)
        counts.append(queries(pages, "/settings/coverage/"))
    assert counts[0] == counts[1]


def test_two_hundred_accounts_are_read_a_page_at_a_time_and_gaps_alone(pages: Client) -> None:
    names = [f"region-{place}" for place in range(60)]
    account = factories.account("Platform")
    factories.connection(account, regions=names)
    for name in names[:-1]:
        factories.sweep(account, name)
    first = pages.get("/settings/coverage/").content.decode()
    assert "1–50 of 60 lines" in first
    assert "Never read" not in first
    assert "1 gap" in first
    assert "Show only gaps" in first
    only = pages.get("/settings/coverage/?show=gaps").content.decode()
    assert "region-59" in only
    assert "region-58" not in only
    Sync.objects.create(account=account, region="region-59", state=SyncState.RUNNING, requested_as="test")
    polling = pages.get("/settings/coverage/?page=2", headers={"HX-Request": "true", "HX-Target": "coverage"}).content.decode()
    assert 'hx-get="/settings/coverage/?page=2"' in polling
    assert "region-50" in polling


def test_no_gap_is_said_and_not_taken_for_an_empty_installation(pages: Client) -> None:
    account = factories.account("Platform")
    factories.connection(account, regions=["us-east-1"])
    factories.sweep(account)
    page = pages.get("/settings/coverage/?show=gaps").content.decode()
    assert "There is no gap any more." in page
    assert "No region is read yet" not in page


def test_units_that_were_not_read_are_a_gap_and_not_none(pages: Client) -> None:
    made = factories.organization(ACME)
    told = "which account is in which organisational unit is not known"
    for fields, why in (
        ({}, "Its units were never read completely. Never read completely."),
        ({"units_failure": "The role may not do organizations:ListRoots."}, "The role may not do organizations:ListRoots."),
        ({"units_failure": "", "units_read_at": timezone.now() - timedelta(days=3)}, "were not read for two days. Last read"),
    ):
        Organization.objects.update(**fields)
        for address in ("/settings/coverage/", "/settings/coverage/export/?format=csv"):
            found = pages.get(address)
            page = (b"".join(found) if found.streaming else found.content).decode()
            assert told in page, address
            assert why in page, address
        assert any(told in line for line in gaps.summary(Actor.of(factories.person(Role.OWNER))))
    Organization.objects.update(units_read_at=timezone.now())
    page = pages.get("/settings/coverage/").content.decode()
    assert told not in page
    assert "of 1 account the organisational unit was not seen" in page
    factories.unit(made, "ou-ab12-11111111", ACME)
    assert "organisational unit" not in pages.get("/settings/coverage/").content.decode()
    Organization.objects.update(failure="AWS did not answer.")
    page = pages.get("/settings/coverage/").content.decode()
    assert "which accounts belong to it is not known" in page
    assert told not in page, "it is said once what is not known"


def test_some_accounts_are_looked_for_over_all_pages_and_in_the_export(pages: Client) -> None:
    names = [f"region-{place:02}" for place in range(60)]
    payments = factories.account("Payments live", number="444455556666")
    factories.connection(payments, regions=names)
    for name in names[:-1]:
        factories.sweep(payments, name)
    platform = factories.account("Platform", number="111122223333")
    factories.connection(platform, regions=["us-east-1"])
    factories.sweep(platform)
    for words in ("payments", "4444 5555"):
        found = pages.get("/settings/coverage/", {"q": words, "page": 2, "show": ""}).content.decode()
        assert "51–60 of 60 lines" in found
        assert "Platform" not in found
        assert "1 gap" in found
        assert f"q={words.replace(' ', '+')}&amp;page=1" in found
        assert f"/settings/coverage/export/?q={words.replace(' ', '+')}&amp;format=json" in found
    gaps_of = pages.get("/settings/coverage/?q=payments&show=gaps").content.decode()
    assert "region-59" in gaps_of
    assert '<input type="hidden" name="show" value="gaps">' in gaps_of, "searching on stays among the gaps"
    assert "Every region of these accounts was read" in pages.get("/settings/coverage/?q=platform").content.decode()
    for ending in ("csv", "json"):
        told = b"".join(pages.get(f"/settings/coverage/export/?q=payments&format={ending}")).decode()
        _, narrowed, rows = told.partition("Narrowed to accounts called: payments")
        assert narrowed
        assert rows.count("region-") == 60
        assert "Platform" not in rows
    nobody = pages.get("/settings/coverage/?q=nobody").content.decode()
    assert "No account matches" in nobody
    assert "No region is read yet" not in nobody
    assert pages.get("/settings/coverage/?q=%00").status_code == 200


def test_looking_for_an_account_finds_none_out_of_scope(client: Client) -> None:
    mine, other = factories.account("Shop one"), factories.account("Shop two")
    factories.connection(mine)
    factories.connection(other)
    client.force_login(factories.person(Role.OWNER, accounts=[mine]))
    page = client.get("/settings/coverage/?q=shop").content.decode()
    assert "Shop one" in page
    assert "Shop two" not in page
