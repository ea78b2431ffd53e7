"""Findings as people meet them: seen, accepted, repaired; in both themes, on a phone, by keyboard, without JavaScript."""

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor

Visit = Callable[..., Visitor]
OPEN_SERVICE = "/findings/?rule=open-service&by=finding&status=all"
PAGES = ("/findings/", "/findings/?by=finding", "/findings/over-time/", "/findings/rules/", "/findings/rules/open-service/")


def the_finding(visitor: Visitor) -> Page:
    """The story's open service, by the link of the list."""
    page = visitor.open(OPEN_SERVICE)
    page.locator("table.findings th a.name").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Open service (confused deputy)")
    return page


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_pages_are_accessible_and_fit(visit: Visit, phone: bool) -> None:
    visitor = visit("owner", dark=phone, phone=phone)
    for path in PAGES:
        visitor.open(path)
        assert visitor.accessibility_problems() == [], path
        assert not visitor.overflows(), path
    page = the_finding(visitor)
    assert visitor.accessibility_problems() == []
    assert not visitor.overflows()
    page.get_by_role("link", name="Narrow it step by step").click()
    assert visitor.accessibility_problems() == []
    assert not visitor.overflows()


def test_the_counts_are_drawn_and_stay_a_table(visit: Visit) -> None:
    page = visit("auditor").open("/findings/over-time/")
    expect(page.locator("#trend")).to_be_visible()
    expect(page.locator("#trend-table tbody tr").first).to_be_visible()
    plain = visit("auditor", javascript=False).open("/findings/over-time/")
    expect(plain.locator("#trend")).to_be_hidden()
    expect(plain.locator("#trend-table tbody tr").first).to_be_visible()


@pytest.mark.parametrize("javascript", [True, False], ids=["by keyboard", "without JavaScript"])
def test_a_risk_is_accepted_and_the_acceptance_withdrawn(visit: Visit, javascript: bool) -> None:
    visitor = visit("owner", javascript=javascript)
    page = the_finding(visitor)
    until = (date.today() + timedelta(days=30)).isoformat()
    reason = page.get_by_label("Reason")
    reason.focus()
    page.keyboard.type("Batch job until the move")
    page.get_by_label("Who bears it").select_option(index=1)
    page.get_by_label("Until the end of").fill(until)
    accept = page.get_by_role("button", name="Accept the risk")
    accept.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Batch job until the move").first).to_be_visible()
    expect(page.get_by_text("Borne by", exact=True)).to_be_visible()
    page.get_by_role("button", name="Withdraw the acceptance").click()
    expect(page.get_by_role("button", name="Accept the risk")).to_be_visible()


def test_a_form_that_lacks_something_takes_the_focus_to_what_is_wrong(visit: Visit) -> None:
    page = the_finding(visit("owner"))
    page.get_by_role("button", name="Accept the risk").click()
    expect(page.get_by_role("alert").first).to_contain_text("Say why the risk can be borne.")


def test_the_repair_fills_in_the_share_form(visit: Visit) -> None:
    page = the_finding(visit("owner", javascript=False))
    page.get_by_role("link", name="Narrow it step by step").click()
    page.get_by_label("Source account").fill("444455556666")
    page.get_by_role("button", name="Go on to the preview").click()
    expect(page).to_have_url(re.compile("/share/"))
    expect(page.get_by_label("Who", exact=True)).to_have_value("s3.amazonaws.com")
    expect(page.get_by_label("Source account")).to_have_value("444455556666")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#share-statement")).to_contain_text('"AWS:SourceAccount": "444455556666"')
