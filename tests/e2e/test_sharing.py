"""The main job in a real browser: grant, see it proved, take it back, undo. By mouse, by keyboard, without JavaScript."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.live import LiveDemo, wait_for

Visit = Callable[..., Visitor]

#: A worker writes, reads back and tries within about a second; the rest is patience with a busy machine.
SETTLED = 30_000


def function_page(visitor: Visitor, name: str, region: str = "us-east-1") -> Page:
    """The page of that function, reached through the list as a person reaches it."""
    page = visitor.open(f"/functions/?q={name}&region={region}")
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(re.compile(r"/functions/[0-9a-f-]{36}/$"))
    return page


def row(page: Page, who: str) -> Any:
    """The first line about that principal."""
    return page.locator("tr.access-row", has_text=who).first


def aws_of(demo: LiveDemo, region: str = "us-east-1") -> Any:
    """Lambda as somebody in the owner account uses it, past fnshare."""
    owner = demo.account("owner")
    return boto3.client(
        "lambda",
        region_name=region,
        endpoint_url=demo.described["aws"]["endpoint_url"],
        aws_access_key_id=owner["access_key_id"],
        aws_secret_access_key=owner["secret_access_key"],
    )


def sids(demo: LiveDemo, name: str, region: str = "us-east-1") -> set[str]:
    """What AWS itself holds: the statement ids on that function."""
    try:
        policy = json.loads(aws_of(demo, region).get_policy(FunctionName=name)["Policy"])
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return set()
    return {statement.get("Sid", "") for statement in policy["Statement"]}


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
    ours.get_by_role("link", name="Why, and its history").click()
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


def reload_until(page: Page, true: Callable[[], bool], what: str) -> None:
    """Look again, as a person without JavaScript does."""

    def looked() -> bool:
        if true():
            return True
        page.wait_for_timeout(300)
        page.reload()
        return true()

    wait_for(looked, what, SETTLED / 1000)


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


def test_what_a_remade_function_lost_is_restored_together(visit: Visit, demo: LiveDemo) -> None:
    name = "gdpr-erase"
    region = "eu-west-1"
    page = function_page(visit("owner"), name, region)
    for who in ("Acme Retail", "Initech"):
        page.locator("#open-share").click()
        page.locator("#id_who").fill(who)
        expect(page.locator("#share-preview .sentence")).to_contain_text(who)
        page.locator("#grant-access").click()
        expect(page.locator("tr.access-row", has_text="fnshare-checker").filter(has_text=who)).to_contain_text(
            "Active", timeout=SETTLED
        )
    ours = sids(demo, name, region)
    aws = aws_of(demo, region)
    made = aws.get_function(FunctionName=name)["Configuration"]
    aws.delete_function(FunctionName=name)
    aws.create_function(
        FunctionName=name, Runtime=made["Runtime"], Role=made["Role"], Handler=made["Handler"], Code={"ZipFile": zipped()}
    )
    assert sids(demo, name, region) == set()

    page.locator("#reread").click()
    expect(page.locator("#access")).to_contain_text("2 grants vanished together", timeout=SETTLED)
    page.get_by_role("link", name="Restore all 2").click()
    expect(page.locator("main")).to_contain_text("Acme Retail may invoke gdpr-erase")
    page.get_by_role("button", name="Restore what is ticked").click()
    expect(page.locator("main")).to_contain_text("Being written again")
    page.get_by_role("link", name="Back to who has access").click()
    for who in ("Acme Retail", "Initech"):
        expect(row(page, who)).to_contain_text("Active", timeout=SETTLED)
    assert sids(demo, name, region) <= ours
    assert len(sids(demo, name, region)) == 2


def zipped() -> bytes:
    """The smallest code a function can have."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    return event\n")
    return packed.getvalue()
