"""A layer version shared and taken back in a real browser: by mouse, without JavaScript, on a phone, in both themes."""

import json
import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import SETTLED, aws_of, reload_until
from tests.live import LiveDemo

Visit = Callable[..., Visitor]


def layer_page(visitor: Visitor, name: str, number: int = 1) -> Page:
    """The page of that version, reached through the list as a person reaches it."""
    page = visitor.open("/functions/")
    page.get_by_role("link", name="Layers", exact=True).click()
    expect(page.locator("h1")).to_have_text("Layers")
    expect(page.locator("table")).to_contain_text(name, timeout=SETTLED)
    page.locator("#filter-text").fill(name)
    page.get_by_role("button", name="Search").last.click()
    page.get_by_role("link", name=f"{name}:{number}", exact=True).first.click()
    page.wait_for_url(re.compile(r"/layers/[0-9a-f-]{36}/$"))
    return page


def sids(demo: LiveDemo, name: str, number: int = 1, region: str = "us-east-1") -> set[str]:
    """What AWS itself holds: the statement ids on that layer version."""
    try:
        policy = aws_of(demo, region).get_layer_version_policy(LayerName=name, VersionNumber=number)["Policy"]
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return set()
    return {statement["Sid"] for statement in json.loads(policy)["Statement"]}


def row(page: Page, who: str) -> Any:
    return page.locator("tr.access-row", has_text=who).first


def test_by_mouse_a_version_is_shared_in_three_interactions_and_taken_back_in_two(visit: Visit, demo: LiveDemo) -> None:
    visitor = visit("owner", dark=True)
    page = layer_page(visitor, "payment-rules")
    page.locator("#open-share").click()
    page.locator("#id_who").fill("Acme Retail")
    expect(page.locator("#share-preview .sentence")).to_contain_text("Functions of Acme Retail may use version 1")
    previewed = json.loads(page.locator("#share-statement").inner_text())
    assert visitor.accessibility_problems() == []
    page.locator("#grant-access").click()
    mine = row(page, "Acme Retail")
    expect(mine).to_be_focused()
    expect(mine).to_contain_text("Active", timeout=SETTLED)
    expect(mine).to_contain_text("Not tried")
    assert previewed["Sid"] in sids(demo, "payment-rules")
    expect(page.get_by_text("AWS holds the statement now")).to_be_visible()

    mine.get_by_role("link", name="Revoke").click()
    expect(page.locator("#panel")).to_contain_text("Functions that use this layer version already keep it")
    expect(page.locator("#confirm-revoke")).to_be_focused()
    assert visitor.accessibility_problems() == []
    page.locator("#confirm-revoke").click()
    expect(mine).to_contain_text("Revoked", timeout=SETTLED)
    assert previewed["Sid"] not in sids(demo, "payment-rules")
    page.reload()
    for told in ("To be shared", "AWS holds it", "To be taken back", "Taken back, seen by re-reading"):
        expect(page.locator(".timeline-list")).to_contain_text(told)


def test_without_javascript_the_preview_is_a_step(visit: Visit, demo: LiveDemo) -> None:
    page = layer_page(visit("owner", javascript=False), "image-tools")
    page.locator("#open-share").click()
    page.locator("#id_who").fill("o-k3s8w1q9zt")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".sentence")).to_contain_text("Functions of every account in organisation o-k3s8w1q9zt")
    page.get_by_role("button", name="Share it").click()
    expect(page.locator("#messages")).to_contain_text("Sharing it", timeout=SETTLED)
    mine = row(page, "Organisation o-k3s8w1q9zt")
    reload_until(page, lambda: "Active" in mine.inner_text(), "active")
    mine.get_by_role("link", name="Revoke").click()
    page.get_by_role("button", name="Revoke access").click()
    expect(page.locator("#messages")).to_contain_text("Taking it back", timeout=SETTLED)


def test_everyone_waits_for_a_second_person_on_a_phone(visit: Visit, demo: LiveDemo) -> None:
    visitor = visit("owner", phone=True)
    page = layer_page(visitor, "vat-tables")
    page.locator("#open-share").click()
    page.locator("#id_who").fill("everyone")
    expect(page.locator("#share-preview")).to_contain_text("A second person has to approve")
    page.locator("#id_reason").fill("Open data")
    assert not visitor.overflows()
    page.locator("#grant-access").click()
    expect(row(page, "Everyone")).to_contain_text("Requested", timeout=SETTLED)
    assert sids(demo, "vat-tables", region="eu-west-1") == set()
    address = page.url
    other = visit("second owner")
    approving = other.open(re.sub(r"^https?://[^/]+", "", address).split("#")[0])
    approving.get_by_role("link", name="Approve or decline: Everyone").click()
    assert other.accessibility_problems() == []
    approving.get_by_role("button", name="Approve exactly this").click()
    expect(row(approving, "Everyone")).to_contain_text("Active", timeout=SETTLED)
    expect(row(approving, "Everyone")).to_contain_text("Public")
    row(approving, "Everyone").get_by_role("link", name="Revoke").click()
    approving.locator("#confirm-revoke").click()
    expect(row(approving, "Everyone")).to_contain_text("Revoked", timeout=SETTLED)
