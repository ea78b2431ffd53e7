"""The Access pages through a browser: an auditor's question and its answer, without JavaScript, on a phone, in the dark."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.live import LiveDemo

Visit = Callable[..., Visitor]


def test_an_auditor_finds_who_could_invoke_it_by_which_statement_and_whether_that_is_complete(
    visit: Visit, demo: LiveDemo
) -> None:
    since = datetime.now(UTC)
    arn = f"arn:aws:lambda:us-east-1:{demo.account('owner')['id']}:function:stock-levels"
    shared = demo.asked("share", arn, "--with", "333344445555", "--reason", "audit", "--wait")
    assert shared["ok"], shared
    page = visit("auditor", javascript=False).open("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Access").click()
    page.get_by_label("Function, account, role").fill("label-upload")
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("link", name="label-uploads", exact=True).click()
    expect(page.locator(".ask-lead")).to_contain_text("label-uploads can be invoked by Acme Retail")
    expect(page.locator(".ask-limits")).to_contain_text("Coverage: 1 of 1 region completely read")
    expect(page.locator(".ask-limits")).to_contain_text("Who may write to a source")
    page.get_by_role("link", name="acme-labels").click()
    expect(page.locator(":target")).to_contain_text("acme-labels")
    page.goto(f"{demo.url}/access/compare/?since={quote(since.isoformat())}&q=stock-levels")
    expect(page.locator(".changes")).to_contain_text("Gained")
    expect(page.locator(".changes")).to_contain_text("was shared here by")


def test_every_page_of_access_is_accessible_and_fits(visit: Visit) -> None:
    yesterday_is_unknown = "/access/?q=label-uploads&as_of=2001-01-01"
    for phone in (False, True):
        visitor = visit("admin", dark=phone, phone=phone)
        for path, status in (
            ("/access/", 200),
            ("/access/?q=label-uploads", 200),
            ("/access/?q=Acme+Retail", 200),
            ("/access/?q=everyone&how=everyone", 200),
            ("/access/?q=no-such-thing", 422),
            (yesterday_is_unknown, 422),
            ("/access/compare/", 200),
            ("/access/export/?q=label-uploads&format=report", 200),
            ("/settings/trust/", 200),
            ("/settings/coverage/", 200),
        ):
            visitor.open(path, status)
            assert visitor.accessibility_problems() == [], path
            assert not visitor.overflows(), path
