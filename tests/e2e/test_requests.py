"""A consumer asks for more time; an owner comes by the link in the mail, signs in and approves; the lease lasts longer."""

import email
import email.policy
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.live import LiveDemo, wait_for

Visit = Callable[..., Visitor]

SETTLED = 30_000


def link_in_mail(demo: LiveDemo, to: str, pattern: str) -> str:
    """The first address of that form in the mail that left for that person; "" while there is none."""
    folder = demo.home / "mail"
    for file in sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime) if folder.is_dir() else ():
        for part in re.split(rb"(?m)^-{79}$", file.read_bytes()):
            letter = email.message_from_bytes(part.lstrip(), policy=email.policy.default)
            body = letter.get_body(("plain",)) if letter["To"] == to else None
            if body and (found := re.search(pattern, body.get_content())):
                return found[0]
    return ""


@pytest.mark.parametrize("javascript", [True, False], ids=["", "without JavaScript"])
def test_more_time_is_asked_for_and_given_from_the_mail(visit: Visit, demo: LiveDemo, javascript: bool) -> None:
    name = "price-list" if javascript else "tax-rates"
    arn = f"arn:aws:lambda:us-east-1:{demo.account('owner')['id']}:function:{name}"
    words = ("--until", "+5d", "--reason", "A trial", "--by", "owner@example.com", "--wait")
    shared = demo.asked("share", arn, "--with", demo.account("consumer")["id"], *words)
    grant = shared["items"][0]["id"]

    consumer = visit("consumer", javascript=javascript)
    page = consumer.open(f"/shared/ask/?about={grant}")
    page.get_by_label("Until", exact=True).select_option("90d")
    page.get_by_label("Reason").fill("The trial goes on")
    assert not javascript or consumer.accessibility_problems() == []
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_text("Waits for an answer").first).to_be_visible()
    assert not javascript or consumer.accessibility_problems() == []

    request = page.locator("form[action*='/withdraw/']").first.get_attribute("action")
    assert request is not None
    pattern = rf"http\S+/consumers/requests/{request.split('/')[3]}/"
    login = demo.login("owner")
    wait_for(lambda: bool(link_in_mail(demo, login["email"], pattern)), "the mail to the owner", 60)
    owner = visit("", javascript=javascript)
    page_of_owner = owner.page
    page_of_owner.goto(link_in_mail(demo, login["email"], pattern))
    page_of_owner.locator("[name=login]").fill(login["email"])
    page_of_owner.locator("[name=password]").fill(login["password"])
    page_of_owner.get_by_role("button", name="Sign in").click()
    expect(page_of_owner.get_by_role("heading", name=re.compile("asks for more time"))).to_be_visible()
    assert not javascript or owner.accessibility_problems() == []
    page_of_owner.get_by_role("button", name="Approve").click()
    expect(page_of_owner.get_by_text("Approved.")).to_be_visible()

    if javascript:
        owner.open("/consumers/requests/?show=all")
        assert owner.accessibility_problems() == []
        consumer.open("/shared/ask/")
        assert consumer.accessibility_problems() == []
    consumer.open("/shared/requests/")
    expect(page.get_by_text("Approved", exact=True).first).to_be_visible()
    expect(page.get_by_text("AWS holds it").first).to_be_visible(timeout=SETTLED)
    assert demo.asked("revoke", arn, "--from", demo.account("consumer")["id"], "--by", "owner@example.com", "--wait")["ok"]
