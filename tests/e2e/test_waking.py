"""Mappings in a browser: from the list to what wakes one function, and what a revoke says first."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

Visit = Callable[..., Visitor]


def test_an_owner_finds_a_bucket_follows_it_to_its_function_and_reads_what_a_revoke_stops(visit: Visit) -> None:
    visitor = visit("owner", phone=True)
    page = visitor.open("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Mappings").click()
    page.get_by_label("Kind").select_option("s3")
    expect(page).to_have_url(re.compile("kind=s3"))
    page.get_by_label("Function, source or account").fill("acme-retail-uploads")
    page.get_by_role("button", name="Search").click()
    rows = page.locator(".mapping-list tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("May call, wiring not looked at")
    assert not visitor.overflows()
    assert not visitor.accessibility_problems()
    rows.get_by_role("link", name="label-uploads:live").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("label-uploads")
    expect(page.locator(".wake").filter(has_text="acme-retail-uploads")).to_be_visible()
    assert not visitor.accessibility_problems()
    page.get_by_role("link", name="Who has access", exact=True).click()
    bucket = page.locator(".access-row").filter(has_text="acme-retail-uploads")
    bucket.get_by_role("link", name=re.compile("^Revoke")).click()
    expect(page.locator("#panel")).to_contain_text("Events from S3 bucket acme-retail-uploads of Acme Retail will not arrive")
