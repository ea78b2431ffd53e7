"""The search box of every page."""

import pytest
from django.test import Client

from sharing.models import Role
from tests import factories
from tests.views.counting import queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def pages(client: Client) -> Client:
    client.force_login(factories.person(Role.AUDITOR))
    return client


def test_a_whole_arn_goes_straight_to_its_function(pages: Client) -> None:
    function = factories.function("hello_world")
    for arn in (function.arn, f"{function.arn}:live", f" {function.arn} "):
        response = pages.get("/search/", {"q": arn})
        assert response.headers["Location"] == f"/functions/{function.pk}/"


def test_parts_of_names_and_digits_with_or_without_spaces_are_found(pages: Client) -> None:
    account = factories.account("Platform", "111122223333")
    factories.function("label-uploads", account, description="labels for the warehouse")
    for query, words in (
        ("uploads", "label-uploads"),
        ("WAREHOUSE", "label-uploads"),
        ("plat", "Platform"),
        ("1111 2222 3333", "1111 2222 3333"),
        ("1111-2222", "Platform"),
    ):
        assert words in pages.get("/search/", {"q": query}).content.decode(), query


def test_what_is_called_exactly_so_comes_first_and_the_rest_is_one_click_away(pages: Client) -> None:
    account = factories.account("Platform")
    for number in range(22):
        factories.function(f"a-orders-{number}", account)
    factories.function("orders", account)
    page = pages.get("/search/", {"q": "orders"}).content.decode()
    assert page.index(">orders</a>") < page.index(">a-orders-0</a>")
    assert page.count("a-orders-") == 19
    assert '<a href="/functions/?q=orders">All functions that match</a>' in page
    assert "All functions" not in pages.get("/search/", {"q": "orders-1"}).content.decode()


def test_more_accounts_than_fit_are_one_click_away(pages: Client) -> None:
    for number in range(21):
        factories.account(f"Retail {number}")
    page = pages.get("/search/", {"q": "retail"}).content.decode()
    assert '<a href="/settings/accounts/?q=retail">All accounts that match</a>' in page


@pytest.mark.parametrize("query", ["", "   ", "nothing-like-it", "<script>alert(1)</script>", "%", "x" * 5000, "\x00"])
def test_nothing_found_says_what_to_try(pages: Client, query: str) -> None:
    response = pages.get("/search/", {"q": query})
    assert response.status_code == 200
    page = response.content.decode()
    assert "Nothing matches" in page or "What are you looking for?" in page
    assert "<script>alert" not in page


def test_what_is_out_of_scope_is_not_found(client: Client) -> None:
    function = factories.function("hidden", factories.account("Others"))
    client.force_login(factories.person(Role.OWNER, accounts=[factories.account("Mine")]))
    for query in ("hidden", "Others", function.arn):
        assert "Nothing matches" in client.get("/search/", {"q": query}).content.decode()


def test_a_long_list_is_cut_and_says_so_at_the_same_cost(pages: Client) -> None:
    factories.function("batch-x")
    few = queries(pages, "/search/?q=batch")
    for number in range(40):
        factories.function(f"batch-{number}")
    assert queries(pages, "/search/?q=batch") == few
    page = pages.get("/search/?q=batch").content.decode()
    assert page.count("· us-east-1</span>") == 20
    assert "Only the first matches are shown" in page


def test_digits_nobody_named_lead_to_what_policies_say_of_them(pages: Client) -> None:
    page = pages.get("/search/", {"q": "9999 0000 1111"}).content.decode()
    assert "not among those of your scope" in page
    assert "/access/?q=999900001111" in page
    assert "/accounts/999900001111/" in page
    assert "Nothing matches" not in page
