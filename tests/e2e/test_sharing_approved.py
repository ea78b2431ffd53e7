"""What wants a second person, in a real browser: asked for, approved as it was asked, declined with a reason."""

import json
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import SETTLED, function_page, row, sids
from tests.live import LiveDemo

Visit = Callable[..., Visitor]


def test_a_second_person_approves_exactly_what_was_asked(visit: Visit, demo: LiveDemo) -> None:
    name = "send-receipt"
    before = sids(demo, name)
    asking = visit("owner")
    page = function_page(asking, name)
    page.locator("#open-share").click()
    page.locator("#id_who").fill("everyone")
    expect(page.locator("#grant-access")).to_have_text("Ask for approval")
    page.locator("#id_reason").fill("An open day for everyone")
    page.locator("#id_until").select_option("7d")
    expect(page.locator("#share-said")).to_contain_text("veryone")
    page.wait_for_timeout(600)
    asked = json.loads(page.locator("#share-statement").inner_text())
    page.locator("#grant-access").click()
    mine = row(page, "Everyone")
    expect(mine).to_contain_text("Requested")
    expect(mine.get_by_role("link", name="Approve")).to_have_count(0)
    assert sids(demo, name) == before, "nothing is written before somebody approves"

    approving = visit("second owner")
    other = function_page(approving, name)
    row(other, "Everyone").get_by_role("link", name="Approve or decline").click()
    panel = other.locator("#panel")
    expect(panel).to_contain_text("An open day for everyone")
    assert json.loads(panel.locator("#approve-statement").inner_text()) == asked
    panel.get_by_role("button", name="Approve exactly this").click()
    expect(row(other, "Everyone")).to_contain_text("Active", timeout=SETTLED)
    expect(row(other, "Everyone")).to_contain_text("Public")
    assert asked["Sid"] in sids(demo, name)
    row(other, "Everyone").get_by_role("link", name="Revoke").click()
    other.locator("#confirm-revoke").click()
    expect(other.locator("#panel")).to_be_empty()
    expect(row(other, "Everyone")).to_contain_text("Revoked", timeout=SETTLED)
    assert sids(demo, name) == before


def test_declining_works_without_javascript_and_tells_why(visit: Visit) -> None:
    name = "stock-levels"
    page = function_page(visit("owner"), name)
    page.locator("#open-share").click()
    page.locator("#id_who").fill("everyone")
    page.locator("#id_reason").fill("Just because")
    expect(page.locator("#grant-access")).to_have_text("Ask for approval")
    page.wait_for_timeout(600)
    page.locator("#grant-access").click()
    expect(row(page, "Everyone")).to_contain_text("Requested")
    other = function_page(visit("second owner", javascript=False), name)
    row(other, "Everyone").get_by_role("link", name="Approve or decline").click()
    other.get_by_role("button", name="Decline").click()
    expect(other.get_by_role("alert")).to_contain_text("reason")
    other.get_by_label("Reason").fill("Share it with Globex alone")
    other.get_by_role("button", name="Decline").click()
    expect(other.locator("#grant")).to_contain_text("Share it with Globex alone")
    page.reload()
    expect(row(page, "Everyone")).to_contain_text("Share it with Globex alone")
    expect(row(page, "Everyone").get_by_role("link", name="Share again")).to_be_visible()
