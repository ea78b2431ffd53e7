"""The history as people read it: filtered, paged by number, in scope."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import Account, Actor, Event, Function, Role
from sharing.services import history, sealing
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(factories.person(Role.AUDITOR))
    return client


def happen(text: str, verb: str = "grant.active", *, account: Account | None = None, function: Function | None = None) -> Event:
    return history.record(verb, text, by=Actor.system(), account=account, function=function)


def texts(pages: Client, query: str = "") -> list[str]:
    page = pages.get(f"/activity/{query}").content.decode()
    return re.findall(r"<div>(event [\w ]+)</div>", page)


def test_nothing_yet_says_what_will_be_here(pages: Client) -> None:
    assert "Nothing happened yet" in pages.get("/activity/").content.decode()


def test_an_event_shows_number_time_actor_reason_request_id_and_place(pages: Client) -> None:
    function = factories.function("hello_world", factories.account("Platform"))
    by = Actor.at_shell("deploy", claimed=factories.person(Role.OWNER, email="olga@example.com"))
    event = history.record(
        "grant.failed",
        "event",
        by=by,
        function=function,
        qualifier="live",
        reason="OPS-1",
        request_id="6f1d2c3b-aaaa",
        error_code="AccessDeniedException",
    )
    page = pages.get("/activity/").content.decode()
    for words in (
        f'id="event-{event.sequence}"',
        "olga@example.com (claimed by operator deploy)",
        "OPS-1",
        "6f1d2c3b-aaaa",
        "AccessDeniedException",
        "hello_world:live",
        "Platform · us-east-1",
        "grant.failed",
    ):
        assert words in page


def test_each_filter_narrows(pages: Client) -> None:
    platform, retail = factories.account("Platform", "111122223333"), factories.account("Retail", "444455556666")
    hello = factories.function("hello_world", platform)
    happen("event one", "grant.active", function=hello)
    happen("event two", "sync.finished", account=retail)
    history.record("person.added", "event three", by=Actor.at_shell("deploy"))
    assert texts(pages) == ["event three", "event two", "event one"]
    assert texts(pages, "?kind=grant") == ["event one"]
    assert texts(pages, "?verb=sync.finished") == ["event two"]
    assert texts(pages, "?who=DEPLOY") == ["event three"]
    assert texts(pages, "?account=444455556666") == ["event two"]
    assert texts(pages, "?account=4444+5555+6666") == texts(pages, "?account=retai") == ["event two"]
    assert texts(pages, "?function=HELLO") == ["event one"]
    assert texts(pages, f"?function={hello.pk}") == ["event one"]
    assert texts(pages, f"?function={hello.arn}:live") == ["event one"]
    assert texts(pages, "?kind=check") == []
    assert "No event matches" in pages.get("/activity/?kind=check").content.decode()


def test_an_accounts_whole_name_means_that_one_and_a_part_of_it_all_that_have_it(pages: Client) -> None:
    for name in ("Retail", "Retail north"):
        happen(f"event {name.lower()}", account=factories.account(name))
    assert texts(pages, "?account=retail") == ["event retail"]
    assert texts(pages, "?account=reta") == ["event retail north", "event retail"]


def test_the_page_names_no_account_that_has_no_event_on_it(pages: Client) -> None:
    factories.account("Of thousands")
    happen("event one")
    assert "Of thousands" not in pages.get("/activity/").content.decode()


def test_dates_are_whole_days_in_the_persons_zone(client: Client) -> None:
    client.force_login(factories.person(Role.AUDITOR, time_zone="Asia/Tokyo"))
    # 23:30 on the 9th and 00:30 on the 10th in Tokyo, both on the 9th in UTC
    for hour, text in ((14, "event ninth"), (15, "event tenth")):
        Event.objects.create(
            verb="sync.finished", text=text, actor="fnshare", at=datetime(2026, 11, 9, hour, 30, tzinfo=ZoneInfo("UTC"))
        )
    assert texts(client, "?since=2026-11-10") == ["event tenth"]
    assert texts(client, "?until=2026-11-09") == ["event ninth"]
    assert texts(client, "?since=2026-11-09&until=2026-11-10") == ["event tenth", "event ninth"]


@pytest.mark.parametrize(
    "query",
    [
        "?since=nonsense",
        "?since=0001-01-01",
        "?until=9999-12-31",
        "?account=999999999999",
        "?account=nobody",
        "?kind=other",
        "?verb=x'--",
    ],
)
def test_a_filter_that_makes_no_sense_is_said(pages: Client, query: str) -> None:
    happen("event one")
    response = pages.get(f"/activity/{query}")
    assert response.status_code == 422
    assert "Nothing is shown" in response.content.decode()


@pytest.mark.parametrize("query", ["?before=x", "?before=-1", f"?before={'9' * 40}", "?after=²"])
def test_a_nonsensical_page_is_the_newest(pages: Client, query: str) -> None:
    happen("event one")
    assert texts(pages, query) == ["event one"]


def test_pages_go_by_number_there_and_back_and_keep_the_filter(pages: Client) -> None:
    for number in range(120):
        happen(f"event {number}", "grant.active" if number % 2 == 0 else "sync.finished")
    first = pages.get("/activity/?kind=grant").content.decode()
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    assert "Newer" not in first
    address = older[1].replace("&amp;", "&")
    assert "kind=grant" in address
    second = pages.get(f"/activity/{address}").content.decode()
    shown = [int(number) for number in re.findall(r"<div>event (\d+)</div>", second)]
    assert shown == list(range(18, -1, -2))
    assert 'rel="next"' not in second
    newer = re.search(r'rel="prev" href="([^"]+)"', second)
    assert newer is not None
    back = pages.get(f"/activity/{newer[1].replace('&amp;', '&')}").content.decode()
    assert re.findall(r"<div>event (\d+)</div>", back) == re.findall(r"<div>event (\d+)</div>", first)


def test_an_event_that_comes_meanwhile_shifts_no_page(pages: Client) -> None:
    for number in range(60):
        happen(f"event {number}")
    first = pages.get("/activity/").content.decode()
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    happen("event new")
    assert texts(pages, older[1])[0] == "event 9"


def test_only_events_in_scope(client: Client) -> None:
    mine, other = factories.account(), factories.account()
    me = factories.person(Role.OWNER, accounts=[mine])
    happen("event mine", account=mine)
    happen("event other", account=other)
    happen("event general", "person.added")
    history.record("person.password-set", "event own", by=Actor.of(me))
    client.force_login(me)
    assert texts(client) == ["event own", "event mine"]
    assert client.get(f"/activity/?account={other.number}").status_code == 422


def test_the_page_costs_the_same_at_any_size(pages: Client) -> None:
    counts = []
    for size in (5, 200):
        for number in range(size):
            function = factories.function() if number < 40 else None
            happen(f"event {number}", function=function)
        counts.append(queries(pages, "/activity/?kind=grant"))
    assert counts[0] == counts[1]


def test_relative_times_carry_the_whole_moment(pages: Client) -> None:
    event = happen("event one")
    assert timezone.now() - event.at < timedelta(minutes=1)
    assert re.search(
        rf'<time datetime="{re.escape(event.at.isoformat(timespec="seconds"))}" title="[^"]+UTC"',
        pages.get("/activity/").content.decode(),
    )


def test_the_last_seal_is_shown(pages: Client) -> None:
    sealed = history.record("test.sealed", "sealed line", by=Actor.system())
    seal = sealing.seal(timezone.now() + timedelta(minutes=5))
    assert seal is not None
    page = pages.get("/activity/").content.decode()
    assert f"Lines up to {sealed.sequence} are sealed" in page
    assert seal.digest in page
