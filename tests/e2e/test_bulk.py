"""Many functions shared with many, in a browser."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor


def test_ticked_previewed_shared_and_taken_back(visit: Callable[..., Visitor]) -> None:
    visitor = visit("owner")
    page = visitor.open("/functions/")
    for box in page.locator("input[name=function]").all()[1:3]:
        box.check()
    page.get_by_role("button", name="Share the ticked").click()
    page.locator("textarea[name=who]").fill("700000000071\n700000000072")
    page.get_by_label("Reason").fill("In bulk")
    page.get_by_role("button", name="Preview").click()
    assert visitor.accessibility_problems() == []
    page.get_by_role("button", name="Share 4").click()
    expect(page.get_by_text("Nothing is left to do here")).to_be_visible()
    assert visitor.accessibility_problems() == []
    page.get_by_role("link", name="Take all of it back").click()
    page.get_by_label("Reason").fill("It was a test")
    page.get_by_role("button", name="Take all of it back").click()
    expect(page.get_by_role("navigation", name="Filter the lines").get_by_text("Over")).to_be_visible()
