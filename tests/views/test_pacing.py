"""Settings, pace; and what reading costs, said before an account is connected."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sharing import quiet
from sharing.aws.pace import Pace
from sharing.aws.watching import Watching
from sharing.models import Account, Qualifier, Role, Sync, SyncState
from sharing.services import pacing, syncing
from sharing.services.syncing.cadence import Size
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def shared(valkey: str, monkeypatch: pytest.MonkeyPatch) -> Pace:
    """A pace that the page looks at."""
    prefix = f"test:{time.monotonic_ns()}"
    monkeypatch.setattr(pacing, "_watching", lambda: Watching(valkey, prefix=prefix))
    return Pace(valkey, prefix=prefix)


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(factories.person(Role.AUDITOR))
    return client


def connected(name: str = "Platform", *regions: str) -> Account:
    account = factories.account(name)
    factories.connection(account, regions=list(regions) or ["us-east-1"])
    return account


def text(pages: Client, address: str = "/settings/pace/") -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", pages.get(address).content.decode()).split())


def test_a_throttled_region_comes_first_with_its_pace(pages: Client, shared: Pace) -> None:
    connected("Archive")
    account = connected("Platform", "eu-west-1", "us-east-1")
    assert "Nothing was throttled within the hour" in text(pages)
    shared.take(account.number, "us-east-1", "get-policy", purpose="click", share=1.0)
    shared.slower(account.number, "us-east-1", "get-policy")
    page = text(pages)
    assert "Throttled within the hour" in page
    assert re.search(r"Slowed 7\.\d policies and 15\.0 others a second 1 1 time, last", page)
    rows = pages.get("/settings/pace/").context["lines"]
    assert [(row.account.name, row.region) for row in rows] == [
        ("Platform", "us-east-1"),
        ("Archive", "us-east-1"),
        ("Platform", "eu-west-1"),
    ]
    assert page.count("Full") == 2


def test_the_page_says_when_each_region_is_read_next(pages: Client, shared: Pace, settings: Any) -> None:
    account = connected("Platform", "eu-west-1", "us-east-1", "us-west-2")
    now = timezone.now()
    for region, total in (("eu-west-1", 3), ("us-east-1", 0)):
        Sync.objects.create(
            account=account, region=region, state=SyncState.DONE, started_at=now, finished_at=now, total=total, requested_as="x"
        )
    Sync.objects.create(account=account, region="us-west-2", requested_as="x")
    daily, weekly, open_now = pages.get("/settings/pace/").context["lines"]
    assert timedelta(days=1) <= daily.next_at - now <= timedelta(days=1, hours=2)
    assert timedelta(days=7) <= weekly.next_at - now <= timedelta(days=7, hours=2)
    assert open_now.reading
    Sync.objects.all().delete()
    assert "as soon as it is its turn" in text(pages)
    settings.QUIET_HOURS = quiet.parse(f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M} UTC")
    line = pages.get("/settings/pace/").context["lines"][0]
    assert line.next_at == settings.QUIET_HOURS.ends(now)
    assert "Quiet hours until" in text(pages)


def test_with_valkey_away_the_pace_is_not_known_rather_than_full(pages: Client, settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(pacing, "_watching", lambda: Watching("redis://127.0.0.1:1/0"))
    connected()
    page = text(pages)
    assert "Valkey does not answer" in page
    assert page.count("not known") == 3
    assert "Full" not in page
    assert "Nothing was throttled" not in page


def test_only_what_is_in_scope_is_shown(client: Client, shared: Pace) -> None:
    mine, other = connected("Mine"), connected("Other")
    shared.slower(other.number, "us-east-1", "control")
    client.force_login(factories.person(Role.OWNER, accounts=[mine]))
    page = text(client)
    assert "Mine" in page
    assert "Other" not in page
    assert "Nothing was throttled within the hour" in page
    client.force_login(factories.person(Role.CONSUMER))
    assert client.get("/settings/pace/").status_code in (302, 403, 404)


def test_the_page_costs_the_same_for_many_places(pages: Client, shared: Pace) -> None:
    connected("One")
    few = queries(pages, "/settings/pace/")
    for number in range(4):
        connected(f"More {number}", *(f"region-{one}" for one in range(20)))
    assert queries(pages, "/settings/pace/") == few
    assert len(pages.get("/settings/pace/?page=2").context["lines"]) == 31


def test_a_fresh_installation_says_what_to_do(client: Client, shared: Pace) -> None:
    client.force_login(factories.person(Role.ADMIN))
    assert "No region is read yet" in text(client)


def test_the_cadence_is_said_before_connecting(client: Client, settings: Any) -> None:
    client.force_login(factories.person(Role.ADMIN))
    page = text(client, "/settings/accounts/connect/")
    assert "once a day, one without functions once a week" in page
    assert "100 functions in one region make about 247 calls a day, 1,000 functions about 2,451" in page
    assert "at 5 a second at most of the 15" in page
    assert "Never between" not in page
    settings.QUIET_HOURS = quiet.parse("08:00-18:00 Europe/Berlin")
    assert "Never between 08:00 to 18:00 (Europe/Berlin)" in text(client, "/settings/accounts/connect/")


def test_what_is_known_of_an_account_is_counted(pages: Client) -> None:
    account = factories.account("Platform")
    connection = factories.connection(account, regions=["us-east-1", "eu-west-1", "eu-west-2"])
    for number in range(3):
        function = factories.function(f"f{number}", account)
        Qualifier.objects.create(function=function, kind="alias", name="live")
        Qualifier.objects.create(function=function, kind="version", name="1")
    told = syncing.cadence(connection)
    # 1 + 1 lists, 3 x 2 and 3 aliases a day; 3 x 3, 3 versions, 1 list of mappings and 2 x 2 lists a week
    assert "about 14 calls a day: 3 functions in 1 region, 2 regions without any" in told


@pytest.mark.parametrize(
    ("size", "calls"),
    [
        (Size(0, regions=0, empty_regions=20), 6),
        (Size(1), 5),
        (Size(1000), 2451),
        (Size(3000, regions=3, empty_regions=17, aliases=3000), 10357),
    ],
)
def test_calls_a_day(size: Size, calls: int) -> None:
    assert size.calls_a_day == calls
