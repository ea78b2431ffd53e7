"""A bucket of another account wired to a function in a real browser: planned, handed over, said to be done, taken back."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import SETTLED

Visit = Callable[..., Visitor]


def test_a_bucket_of_another_account_is_wired_by_clicking(visit: Visit) -> None:
    visitor = visit("owner")
    page = visitor.open("/mappings/")
    page.get_by_role("link", name="Wire a source", exact=True).click()
    page.locator("#function-text").fill("catalogue-search")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("link", name="catalogue-search").first.click()
    page.locator("#source").fill("arn:aws:s3:::e2e-catalogue")
    page.locator("#go-on").click()
    page.locator("#id_source_account").fill("Acme Retail")
    page.locator("#show-plan").click()
    expect(page.locator(".drawn")).to_contain_text("Acme Retail")
    expect(page.locator("#plan-title")).to_be_in_viewport()
    assert visitor.accessibility_problems() == []
    page.locator("#confirm-wiring").click()
    expect(page.locator("#step-permission")).to_contain_text("Seen in place", timeout=SETTLED)
    expect(page.locator("#step-notification")).to_contain_text("Handed over, not seen yet")
    expect(page.locator("#pack")).to_contain_text("put-bucket-notification-configuration")
    assert visitor.accessibility_problems() == []
    page.locator("#done-notification").click()
    expect(page.locator("#step-notification")).to_contain_text("Said to be done, not seen")
    page.get_by_role("link", name="Take it back").click()
    expect(page.get_by_role("heading", name="Others have to undo")).to_be_visible()
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator(".wiring-state")).to_contain_text(re.compile("^Taken back"), timeout=SETTLED)
    expect(page.locator("#step-permission")).to_contain_text("Taken back")
    assert visitor.accessibility_problems() == []
