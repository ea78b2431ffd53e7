"""How long a click takes in the demo, done by the worker process."""

import time
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

Visit = Callable[..., Visitor]


def test_a_share_is_active_within_two_seconds_of_the_click(visit: Visit) -> None:
    visitor = visit("owner")
    page = visitor.open("/functions/?q=photo-intake")
    page.get_by_role("link", name="photo-intake").first.click()
    page.locator("main").get_by_role("link", name="Share").first.click()
    page.locator("[name=who]").press_sequentially("Globex")
    page.get_by_role("button", name="Grant access").wait_for()
    rows = page.locator("tr", has_text="Globex")
    assert rows.count() == 0
    began = time.monotonic()
    page.get_by_role("button", name="Grant access").click()
    expect(rows.first).to_contain_text("Active", timeout=10_000)
    took = time.monotonic() - began
    assert took < 2, f"{took:.2f} s"


def test_a_click_does_not_wait_for_a_sync(visit: Visit) -> None:
    """With as many syncs asked for as there are regions, paced slowly, and the sync worker busy."""
    visitor = visit("owner")
    assert visitor.demo.asked("sync", "--pace-share", "0.05")["ok"]
    page = visitor.open("/functions/?q=nightly-report")
    page.get_by_role("link", name="nightly-report").first.click()
    page.locator("main").get_by_role("link", name="Share").first.click()
    page.locator("[name=who]").press_sequentially("Initech")
    page.get_by_role("button", name="Grant access").wait_for()
    assert page.locator("tr", has_text="Initech").count() == 0
    began = time.monotonic()
    page.get_by_role("button", name="Grant access").click()
    expect(page.locator("tr", has_text="Initech").first).to_contain_text("Active", timeout=10_000)
    took = time.monotonic() - began
    syncs = visitor.demo.asked("sync", "--pace-share", "1", "--wait")
    assert syncs["ok"]
    assert took < 2, f"{took:.2f} s"
