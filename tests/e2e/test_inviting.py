"""An owner invites somebody from a function's page; the mail with its link is in the demo's Outbox."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

Visit = Callable[..., Visitor]


def test_an_owner_invites_from_a_functions_page_and_the_mail_has_a_link(visit: Visit) -> None:
    owner = visit("owner")
    page = owner.open("/functions/?q=fraud-score&region=us-east-1")
    page.get_by_role("link", name="fraud-score", exact=True).click()
    page.get_by_role("link", name="Invite", exact=True).click()
    page.get_by_label("E-mail address").fill("new-dev@acme.example")
    page.get_by_label("Note").fill("As agreed on Monday.")
    expect(page.get_by_text("20 of 1,000 characters")).to_be_visible()
    page.get_by_label("Find functions").fill("invoice-arch")
    page.get_by_label("invoice-archive").check()
    page.get_by_role("button", name="Add the ticked").click()
    expect(page.get_by_label("Find functions")).to_be_focused()
    assert owner.accessibility_problems() == []
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.get_by_label("The text of the mail")).to_contain_text("> As agreed on Monday.")
    assert owner.accessibility_problems() == []
    page.get_by_role("button", name="Send invitation").click()
    page.wait_for_url(re.compile(r"/consumers/invitations/[0-9a-f-]{36}/$"))
    expect(page.get_by_text("Taken by the mail server", exact=True)).to_be_visible(timeout=30_000)
    assert owner.accessibility_problems() == []

    anybody = visit("")
    mailbox = anybody.open("/login/")
    mailbox.get_by_role("link", name="The demo's mail").click()
    mailbox.get_by_role("link", name=re.compile("invites you to use 2 functions")).first.click()
    expect(mailbox.get_by_text("new-dev@acme.example")).to_be_visible()
    assert anybody.accessibility_problems() == []
    mailbox.locator("#text a", has_text=re.compile(r"invitation.[\w-]{43}")).click()
    mailbox.wait_for_url(re.compile(r"/invitation/[\w-]{43}/$"))
    expect(mailbox.get_by_text("invoice-archive").first).to_be_visible()
    expect(mailbox.get_by_text("As agreed on Monday.")).to_be_visible()


def test_somebody_is_invited_on_a_phone_without_javascript(visit: Visit) -> None:
    owner = visit("owner", javascript=False, phone=True)
    page = owner.open("/consumers/invitations/new/")
    page.get_by_label("E-mail address").fill("by-thumb@acme.example")
    page.get_by_label("Find functions").fill("gdpr-erase")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_label("gdpr-erase").check()
    page.get_by_role("button", name="Add the ticked").click()
    page.get_by_label("Until", exact=True).select_option("7d")
    assert not owner.overflows()
    page.get_by_role("button", name="Preview", exact=True).click()
    assert not owner.overflows()
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("heading", name="by-thumb@acme.example")).to_be_visible()
    assert not owner.overflows()
