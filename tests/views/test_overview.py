"""The first page."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import Grant, GrantState, Policy, Reading, Role
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(factories.person(Role.ADMIN))
    return client


def test_a_fresh_installation_leads_to_the_first_account(pages: Client) -> None:
    page = pages.get("/").content.decode()
    assert "Connect your first owner account" in page
    assert 'href="/settings/accounts/connect/"' in page
    assert "hx-trigger" not in page
    pages.force_login(factories.person(Role.AUDITOR))
    assert 'href="/settings/accounts/connect/"' not in pages.get("/").content.decode()


def test_what_is_cut_is_one_click_away(pages: Client) -> None:
    function = factories.function("hello_world", factories.account("Platform"))
    for number in range(9):
        factories.grant(function, f"{222233334440 + number}", ends_at=timezone.now() + timedelta(days=3))
    page = pages.get("/").content.decode()
    assert 'and 3 more: <a href="/consumers/?show=ending&amp;sort=ends">' in page


def test_what_needs_somebody_is_named_with_the_next_step(pages: Client) -> None:
    function = factories.function("hello_world", factories.account("Platform"))
    factories.account("Acme", "222233334444")
    stuck = factories.grant(
        function,
        state=GrantState.STUCK,
        unsettled_since=timezone.now(),
        failure="AWS did not answer.",
        failure_next="It is tried again.",
    )
    factories.connection(state="refused", failure="The role lets fnshare in without any ExternalId.")
    page = pages.get("/").content.decode()
    for words in (
        "Acme may invoke hello_world",
        "May still hold access",
        "It is tried again.",
        f"/grants/{stuck.pk}/",
        "without any ExternalId",
    ):
        assert words in page


def test_it_polls_only_while_something_is_under_way(pages: Client) -> None:
    factories.grant(state=GrantState.PENDING)
    assert 'hx-trigger="every 2s"' in pages.get("/").content.decode()
    polled = pages.get("/", headers={"hx-request": "true", "hx-target": "overview"}).content.decode()
    assert "<html" not in polled
    assert "hx-trigger" in polled
    Grant.objects.update(state=GrantState.ACTIVE)
    assert "hx-trigger" not in pages.get("/", headers={"hx-request": "true", "hx-target": "overview"}).content.decode()


def test_nobody_is_said_only_with_what_was_not_looked_at(pages: Client) -> None:
    function = factories.function(details_read_at=timezone.now())
    page = pages.get("/").content.decode()
    assert "No policy that was read lets in just anyone" in page
    assert "Not everything was read." not in page
    Policy.objects.filter(function=function).update(
        reading=Reading.UNREAD, unread_since=timezone.now(), unread_reason="AWS denied lambda:GetPolicy."
    )
    page = pages.get("/").content.decode()
    assert "Not everything was read." in page
    assert "AWS denied lambda:GetPolicy." in page


def test_versions_that_were_never_looked_at_are_said(pages: Client) -> None:
    factories.function(details_read_at=timezone.now())
    assert "Every region and every policy was read." in pages.get("/").content.decode()
    factories.function()
    page = pages.get("/").content.decode()
    assert "Every region and every policy was read." not in page
    assert "published versions of 1 function were not looked at yet" in page


def test_a_name_with_a_script_in_it_is_only_a_name(pages: Client) -> None:
    factories.account("<script>alert(1)</script>", "222233334444")
    factories.grant(state=GrantState.STUCK)
    assert "<script>alert" not in pages.get("/").content.decode()


def test_the_page_costs_the_same_at_any_size(pages: Client) -> None:
    counts = []
    for size in (3, 30):
        for _ in range(size):
            function = factories.function()
            factories.connection(function.account)
            Policy.objects.filter(function=function).update(open_service="yes")
            factories.grant(function, state=GrantState.REQUESTED, second_person="Everyone.")
        counts.append(queries(pages, "/"))
    assert counts[0] == counts[1]
