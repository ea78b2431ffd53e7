"""The same wish twice, in a real browser: a double click, the back button, two tabs."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import SETTLED, function_page, reload_until, row, sids
from tests.live import LiveDemo

Visit = Callable[..., Visitor]


def test_a_double_click_grants_once(visit: Visit, demo: LiveDemo) -> None:
    name = "customer-export"
    before = sids(demo, name)
    page = function_page(visit("owner"), name)
    page.locator("#open-share").click()
    page.locator("#id_who").fill("Globex")
    page.locator("#grant-access").dblclick()
    expect(row(page, "Globex")).to_contain_text("Active", timeout=SETTLED)
    page.reload()
    assert page.locator("tr.access-row", has_text="Globex").count() == 1
    assert len(sids(demo, name) - before) == 1


def test_the_back_button_does_not_grant_twice(visit: Visit, demo: LiveDemo) -> None:
    name = "deploy-hook"
    before = sids(demo, name)
    page = function_page(visit("owner", javascript=False), name)
    page.locator("#open-share").click()
    page.get_by_label("Who", exact=True).fill("Initech")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Grant access").click()
    page.go_back()
    page.get_by_role("button", name="Grant access").click()
    expect(page.locator("#messages")).to_contain_text("Nothing new was written")
    reload_until(page, lambda: "Active" in row(page, "Initech").inner_text(), "active")
    assert len(sids(demo, name) - before) == 1


def test_two_tabs_cannot_take_back_what_is_not_there_any_more(visit: Visit, demo: LiveDemo) -> None:
    name = "loyalty-points"
    first, second = visit("owner"), visit("second owner")
    one, two = function_page(first, name), function_page(second, name)
    for page in (one, two):
        expect(page.locator("#reading:not([hx-trigger]) #reread")).to_be_visible(timeout=SETTLED)
    target = one.locator("tr.access-row", has_text="In the policy").first
    key = target.get_attribute("id")
    target.get_by_role("link", name="Revoke").click()
    one.locator("#confirm-revoke").click()
    expect(one.locator("tr.access-row", has_text="Revoked").first).to_be_visible(timeout=SETTLED)
    two.locator(f"#{key}").get_by_role("link", name="Revoke").click()
    expect(two.locator("#toasts")).to_contain_text("Nothing was changed; the list shows what is there now")
    expect(two.locator("tr.access-row", has_text="Revoked").first).to_be_visible()
