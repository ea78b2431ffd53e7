"""Every page about functions and grants: accessible in both themes, no wider than a phone, harmless with hostile text."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import function_page

Visit = Callable[..., Visitor]

#: What there is to see on each tab and in each drawer: (name, how to come there from the function's page).
WAYS: dict[str, Callable[[Page], None]] = {
    "who has access": lambda page: None,
    "menu": lambda page: page.locator("details.menu summary").first.click(),
    "share": lambda page: open_share(page, "Acme Retail"),
    "share with a service": lambda page: open_share(page, "s3.amazonaws.com"),
    "share with everyone": lambda page: open_share(page, "everyone"),
    "share with a mistake": lambda page: mistake(page),
    "revoke": lambda page: page.get_by_role("link", name=re.compile("^Revoke")).first.click(),
    "checks": lambda page: page.get_by_role("link", name="Checks").click(),
    "history": lambda page: page.get_by_role("link", name="History").click(),
    "policy": lambda page: page.get_by_role("link", name="Policy").click(),
    "grant": lambda page: grant(page),
}


def open_share(page: Page, who: str) -> None:
    page.locator("#open-share").click()
    page.locator("#id_who").fill(who)
    page.locator("#share-preview .sentence").wait_for()


def mistake(page: Page) -> None:
    page.locator("#open-share").click()
    page.locator("#id_who").fill("nobody at all")
    page.locator("#id_who").press("Enter")
    page.locator("#id_who_error").wait_for()


def grant(page: Page) -> None:
    page.locator("tr.access-row", has_text="Acme Retail").locator("details.menu summary").first.click()
    page.get_by_role("link", name="About this grant").first.click()
    page.wait_for_url(re.compile("/grants/"))


def test_what_does_not_come_into_the_drawer_is_opened_as_a_page(visit: Visit) -> None:
    def fails(route: Route) -> None:
        if "hx-request" in route.request.headers:
            route.fulfill(status=500)
        else:
            route.continue_()

    page = function_page(visit("owner"), "stock-levels")
    page.route(re.compile("/share/$"), fails)
    page.locator("#open-share").click()
    page.wait_for_url(re.compile("/share/$"))
    expect(page.get_by_role("heading", name="Share stock-levels")).to_be_visible()


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_pages_of_a_function_are_accessible_in_both_themes_and_widths(visit: Visit, phone: bool) -> None:
    visitor = visit("owner", dark=phone, phone=phone)
    wrong = []
    for name, go in WAYS.items():
        page = function_page(visitor, "hello_world")
        expect(page.locator("#reread")).to_be_visible(timeout=30_000)
        go(page)
        page.wait_for_timeout(300)
        wrong += [f"{name}: {problem}" for problem in visitor.accessibility_problems()]
        if visitor.overflows():
            wrong.append(f"{name}: scrolls sideways")
    assert wrong == []


@pytest.mark.parametrize(
    "name", ["price-list", "feature-flags", "checkout-webhook", "tax-rates", "legacy-labels", "catalogue-search"]
)
def test_functions_of_every_kind_are_accessible_and_fit(visit: Visit, name: str) -> None:
    for dark, phone in ((False, False), (True, True)):
        visitor = visit("auditor", dark=dark, phone=phone)
        region = "eu-west-1" if name == "legacy-labels" else "us-east-1"
        function_page(visitor, name, region)
        assert visitor.accessibility_problems() == []
        assert not visitor.overflows()
        visitor.page.get_by_role("link", name="Policy").click()
        assert visitor.accessibility_problems() == []
        assert not visitor.overflows()


@pytest.mark.parametrize("query", ["", "?exposure=nobody", "?q=no+such+function", "?presence=vanished"])
def test_the_list_is_accessible(visit: Visit, query: str) -> None:
    for phone in (False, True):
        visitor = visit("owner", dark=phone, phone=phone)
        visitor.open(f"/functions/{query}")
        assert visitor.accessibility_problems() == []
        assert not visitor.overflows()


def test_a_filter_answers_at_once_and_without_javascript_with_a_button(visit: Visit) -> None:
    page = visit("owner").open("/functions/")
    page.get_by_label("Lets in").select_option("public")
    page.wait_for_url(re.compile("exposure=public"))
    expect(page.get_by_role("link", name="currency-convert")).to_be_visible()
    expect(page.get_by_role("link", name="hello_world")).to_have_count(0)
    page = visit("owner", javascript=False).open("/functions/")
    page.get_by_label("Name, ARN or description").fill("picture")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="label-uploads")).to_be_visible()


def test_hostile_text_stays_text(visit: Visit) -> None:
    visitor = visit("owner")
    visitor.page.on("dialog", lambda dialog: visitor.problems.append(f"a script ran: {dialog.message}"))
    page = function_page(visitor, "catalogue-search")
    expect(page.locator(".description")).to_contain_text("<script>")


def test_opening_a_page_reads_versions_tags_and_urls_by_itself(visit: Visit) -> None:
    page = function_page(visit("owner"), "invoice-archive")
    expect(page.locator("#reread")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("which were not read yet")).to_have_count(0)


def test_a_list_that_was_asked_for_before_a_click_does_not_replace_the_newer_one(visit: Visit) -> None:
    page = function_page(visit("owner"), "fraud-score")
    expect(page.locator("#reading:not([hx-trigger]) #reread")).to_be_visible(timeout=30_000)
    page.wait_for_load_state("networkidle")
    late: list[Route] = []

    def slow(route: Route) -> None:
        if route.request.headers.get("hx-target") != "access" or late:
            route.continue_()
            return
        late.append(route)

    page.route(re.compile(r"/functions/[0-9a-f-]{36}/$"), slow)
    page.evaluate("htmx.trigger(document.body, 'function-read')")
    page.wait_for_function("() => document.querySelector('#access.htmx-request')")
    old = page.request.get(page.url, headers={"HX-Request": "true", "HX-Target": "access"})
    page.locator("#open-share").click()
    page.locator("#id_who").fill("Initech")
    page.locator("#grant-access").click()
    expect(page.locator("tr.access-row", has_text="Initech")).to_be_visible()
    assert late
    late[0].fulfill(response=old)
    page.wait_for_timeout(300)
    expect(page.locator("tr.access-row", has_text="Initech")).to_contain_text("Active", timeout=30_000)


def test_an_arn_is_copied_with_one_press(visit: Visit) -> None:
    page = function_page(visit("owner"), "hello_world")
    page.get_by_role("button", name=re.compile("Copy ARN")).click()
    assert page.evaluate("navigator.clipboard.readText()").endswith(":function:hello_world")
