"""The owners' side of consumers in a browser: from the list to one account, proved again while one looks."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

Visit = Callable[..., Visitor]


def test_an_owner_proves_an_account_again_from_its_page(visit: Visit) -> None:
    visitor = visit("owner")
    page = visitor.open("/consumers/")
    acme = visitor.demo.account("consumer")
    page.get_by_role("link", name=acme["name"], exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(acme["name"])
    expect(page.locator("#proof")).to_contain_text("Proved by its role")
    before = page.locator("#proof").text_content()
    page.get_by_role("button", name="Prove again now").click()
    # The page follows it by itself: the worker tries none, wrong, right, and the button is back.
    expect(page.locator("#proof")).to_contain_text("Proved by its role")
    expect(page.get_by_role("button", name="Prove again now")).to_be_visible()
    expect(page.locator("#proof")).not_to_contain_text("A worker is trying")
    page.get_by_role("link", name="The whole timeline").click()
    expect(page.get_by_text(re.compile("A new proof was asked for")).first).to_be_visible()
    assert before is not None
    page = visitor.open("/findings/?by=finding&rule=proof-failed")
    expect(page.get_by_role("link", name=re.compile("is not proved any more"))).to_have_count(0)


def test_the_list_is_searched_without_javascript_on_a_phone(visit: Visit) -> None:
    visitor = visit("auditor", javascript=False, phone=True)
    page = visitor.open("/consumers/")
    page.locator("#filter-text").fill("globex")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".consumer-list tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Globex", exact=True).click()
    expect(page.get_by_role("button", name="Prove again now")).to_have_count(0)
    assert not visitor.overflows()
