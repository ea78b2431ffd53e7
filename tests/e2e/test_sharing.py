"""The main job in a real browser: grant, see it proved, take it back, undo. By mouse, by keyboard, without JavaScript."""

import json
import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import SETTLED, function_page, reload_until, row, sids
from tests.live import LiveDemo

Visit = Callable[..., Visitor]


class Hand:
    """Counts what a person does: presses and entries, not looks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.interactions = 0

    def press(self, selector: str) -> None:
        self.interactions += 1
        self.page.locator(selector).first.click()

    def enter(self, selector: str, text: str) -> None:
        self.interactions += 1
        self.page.locator(selector).first.fill(text)


def test_by_mouse_a_grant_takes_three_interactions_and_a_revoke_two(visit: Visit, demo: LiveDemo) -> None:
    name, region = "newsletter-render", "eu-west-1"
    page = function_page(visit("owner"), name, region)
    expect(page.locator("#reading:not([hx-trigger]) #reread")).to_be_visible(timeout=SETTLED)
    hand = Hand(page)
    hand.press("#open-share")
    hand.enter("#id_who", "Acme Retail")
    expect(page.locator("#share-preview .sentence")).to_contain_text("Acme Retail")
    previewed = json.loads(page.locator("#share-statement").inner_text())
    hand.press("#grant-access")
    mine = row(page, "Acme Retail")
    expect(mine).to_be_focused()
    expect(mine).to_contain_text("Active", timeout=SETTLED)
    assert hand.interactions == 3
    assert previewed["Sid"] in sids(demo, name, region)
    expect(mine).to_contain_text("Proved for role/", timeout=SETTLED)
    expect(page.locator("#panel")).to_be_empty()
    expect(page.get_by_text("AWS holds the statement now")).to_be_visible()

    hand.interactions = 0
    hand.press("tr.access-row >> text=Revoke")
    expect(page.locator("#panel")).to_contain_text("Nothing else in this policy lets them in afterwards")
    expect(page.locator("#confirm-revoke")).to_be_focused()
    hand.press("#confirm-revoke")
    expect(mine).to_contain_text("Revoked", timeout=SETTLED)
    assert hand.interactions == 2
    assert previewed["Sid"] not in sids(demo, name, region)
    expect(mine).to_contain_text("Proved denied for role/", timeout=SETTLED)

    mine.get_by_role("button", name="Undo").click()
    expect(mine).to_contain_text("Active", timeout=SETTLED)
    assert previewed["Sid"] in sids(demo, name, region)

    hand.press("tr.access-row >> text=Revoke")
    hand.press("#confirm-revoke")
    expect(mine).to_contain_text("Revoked", timeout=SETTLED)
    page.locator("#toasts").get_by_role("button", name="Undo").last.click()
    expect(mine).to_contain_text("Active", timeout=SETTLED)
    history = page.get_by_role("link", name="History")
    history.click()
    for told in ("To be shared", "To be taken back", "To be written again"):
        expect(page.locator(".timeline-list")).to_contain_text(told)


def test_by_keyboard_alone(visit: Visit, demo: LiveDemo) -> None:
    name, region = "vat-check", "eu-west-1"
    page = function_page(visit("owner"), name, region)
    expect(page.locator("#reading:not([hx-trigger]) #reread")).to_be_visible(timeout=SETTLED)
    page.keyboard.press("s")
    expect(page.locator("#id_who")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_empty()
    expect(page.locator("#open-share")).to_be_focused()
    page.keyboard.press("s")
    expect(page.locator("#id_who")).to_be_focused()
    page.keyboard.type("Globex")
    expect(page.locator("#share-said")).to_contain_text("Globex")
    tab_to(page, "grant-access")
    page.keyboard.press("Enter")
    mine = row(page, "Globex")
    expect(mine).to_be_focused()
    expect(mine).to_contain_text("Proved for role/", timeout=SETTLED)
    expect(mine).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#confirm-revoke")).to_be_focused()
    page.keyboard.press("Enter")
    expect(mine).to_contain_text("Proved denied for role/", timeout=SETTLED)
    assert sids(demo, name, region) == set()
    expect(mine).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(mine).to_contain_text("Active", timeout=SETTLED)
    assert len(sids(demo, name, region)) == 1


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the element with this id has the focus."""
    for _ in range(30):
        if page.evaluate("document.activeElement.id") == wanted:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never came to #{wanted}.")


def test_a_check_on_click_shows_its_verdict(visit: Visit) -> None:
    page = function_page(visit("owner"), "address-verify")
    expect(page.locator("#reading:not([hx-trigger]) #reread")).to_be_visible(timeout=SETTLED)
    ours = page.locator("tr.access-row", has_text="Globex").filter(has_text="until").first
    ours.locator("details.menu summary").click()
    ours.get_by_role("button", name="Check now").click()
    expect(page.locator("#toasts")).to_contain_text(re.compile("Tried as role/.*: allowed"), timeout=SETTLED)
    expect(ours).to_contain_text("just now")
    page.get_by_role("link", name="Checks").click()
    expect(page.locator("#checks tbody tr").first).to_contain_text("on request")


def test_from_a_grant_s_own_page_it_is_taken_back_and_undone(visit: Visit) -> None:
    page = function_page(visit("owner"), "address-verify")
    ours = page.locator("tr.access-row", has_text="Globex").filter(has_text="until").first
    ours.locator("details.menu summary").click()
    ours.get_by_role("link", name="About this grant").click()
    page.locator("#grant-acts").get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke access").click()
    expect(page.locator("#grant")).to_contain_text("Revoked", timeout=SETTLED)
    undo = page.locator("#grant-acts").get_by_role("button", name="Undo")
    undo.click()
    expect(page.locator("#grant")).to_contain_text("Active", timeout=SETTLED)
    expect(page.locator("#grant")).to_contain_text("an earlier grant")
    expect(page.locator("#grant-acts").get_by_role("link", name="Revoke")).to_be_visible()


def test_enter_in_the_first_field_confirms_what_was_previewed(visit: Visit) -> None:
    page = function_page(visit("owner"), "order-events")
    page.keyboard.press("s")
    expect(page.locator("#id_who")).to_be_focused()
    page.keyboard.type("Initech")
    expect(page.locator("#grant-access")).to_be_visible()
    page.keyboard.press("Enter")
    expect(row(page, "Initech")).to_contain_text("Active", timeout=SETTLED)


def test_without_javascript(visit: Visit, demo: LiveDemo) -> None:
    name = "quarterly-revenue-recognition-report-generator-for-all-countries"
    visitor = visit("owner", javascript=False)
    page = function_page(visitor, name)
    page.locator("#open-share").click()
    page.get_by_label("Who", exact=True).fill("Acme Retail")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".sentence")).to_contain_text("Acme Retail")
    page.get_by_role("button", name="Grant access").click()
    mine = row(page, "Acme Retail")
    reload_until(page, lambda: "Active" in mine.inner_text() and "Proved" in mine.inner_text(), "active and proved")
    assert len(sids(demo, name)) == 1

    mine.get_by_role("link", name="Revoke").click()
    expect(page.get_by_role("heading", name="Revoke")).to_be_visible()
    page.get_by_role("button", name="Revoke access").click()
    page.wait_for_url(re.compile("/grants/"))
    reload_until(page, lambda: "Revoked" in page.locator("#grant").inner_text(), "revoked")
    assert sids(demo, name) == set()

    page.get_by_role("button", name="Undo").click()
    reload_until(page, lambda: "Active" in page.locator("#grant").inner_text(), "undone")
    assert len(sids(demo, name)) == 1


def test_bad_input_keeps_what_was_typed_and_takes_the_focus_to_it(visit: Visit) -> None:
    page = function_page(visit("owner"), "stock-levels")
    page.locator("#open-share").click()
    page.locator("#id_reason").fill("typed with care")
    page.locator("#id_who").fill("11112222333")
    expect(page.locator("#share-preview")).to_contain_text("11 digits")
    page.locator("#id_who").press("Enter")
    expect(page.locator("#id_who_error")).to_contain_text("11 digits")
    expect(page.locator("#panel [role=alert]")).to_be_focused()
    assert page.locator("#id_reason").input_value() == "typed with care"
    assert page.locator("#id_who").input_value() == "11112222333"


def test_a_service_shows_the_fields_that_limit_it(visit: Visit) -> None:
    page = function_page(visit("owner"), "photo-intake")
    page.locator("#open-share").click()
    expect(page.locator("#id_source_account")).to_be_hidden()
    page.locator("#id_who").fill("s3")
    expect(page.locator("#id_source_account")).to_be_visible()
    expect(page.locator("#share-preview")).to_contain_text("A second person has to approve exactly this")
    page.locator("#id_source_account").fill(visit("owner").demo.account("consumer")["id"])
    expect(page.locator("#grant-access")).to_contain_text("Grant access")
    expect(page.locator("#share-statement")).to_contain_text("AWS:SourceAccount")
    assert page.locator("#id_source_account").input_value(), "the preview must not empty the field"


def test_an_auditor_sees_everything_and_can_do_nothing(visit: Visit, demo: LiveDemo) -> None:
    visitor = visit("auditor")
    page = function_page(visitor, "hello_world")
    expect(row(page, "Acme Retail")).to_contain_text("Active")
    for words in ("Revoke", "Share", "Re-read", "Undo"):
        assert page.locator("main").get_by_text(words, exact=True).count() == 0
    page.keyboard.press("s")
    expect(page.locator("#panel")).to_be_empty()
    answer = page.evaluate(
        """async () => (await fetch(location.pathname + "share/", {method: "POST", headers: {
            "X-CSRFToken": JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"]}})).status"""
    )
    assert answer == 403
