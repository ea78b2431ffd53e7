"""A consumer's day: what is shared, does it work, paste it, give it back."""

import re
import subprocess
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import SETTLED, sids
from tests.live import LiveDemo

Visit = Callable[..., Visitor]


def test_a_consumer_finds_checks_copies_and_gives_back(visit: Visit, demo: LiveDemo) -> None:
    arn = f"arn:aws:lambda:us-east-1:{demo.account('owner')['id']}:function:partner-callback"
    demo.asked("share", arn, "--with", demo.account("consumer")["id"], "--reason", "e2e")
    visitor = visit("consumer")
    page = visitor.open("/shared/")
    assert visitor.accessibility_problems() == []
    page.locator("#search").fill("partner-callback")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="partner-callback", exact=True).click()
    page.wait_for_url(re.compile(r"/shared/[0-9a-f-]{36}/$"))
    expect(page.locator("#standing")).to_contain_text("Proved for role/", timeout=SETTLED)
    assert visitor.accessibility_problems() == []

    page.get_by_role("button", name="Check now").click()
    expect(page.locator("#standing details")).to_contain_text("Earlier checks", timeout=SETTLED)
    expect(page.locator("#standing")).to_contain_text("Proved for role/", timeout=SETTLED)
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("#standing")).to_contain_text("It was checked a moment ago")

    page.get_by_role("button", name="Copy AWS CLI, without running it").click()
    expect(page.locator("#toasts")).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert subprocess.run(["/bin/sh", "-n", "-c", copied], check=True).returncode == 0
    assert f"--function-name {arn}" in copied

    page.get_by_role("link", name="Give it back").click()
    expect(page.get_by_text("Nothing else in its policy lets your account in")).to_be_visible()
    assert visitor.accessibility_problems() == []
    page.get_by_role("button", name="Give it back").click()
    expect(page.get_by_text("Giving partner-callback back")).to_be_visible()
    expect(page.locator("#shared")).not_to_contain_text("partner-callback", timeout=SETTLED)  # the list asks by itself
    page.get_by_role("link", name="Ended").click()
    expect(page.locator("#shared")).to_contain_text("Taken back")
    assert sids(demo, "partner-callback") == set()


def test_it_fits_a_phone_and_works_without_javascript(visit: Visit) -> None:
    visitor = visit("consumer", phone=True, dark=True, javascript=False)
    page = visitor.open("/shared/?q=hello_world")
    assert not visitor.overflows()
    page.get_by_role("link", name="hello_world", exact=True).click()
    expect(page.get_by_role("heading", name="AWS CLI", exact=True)).to_be_visible()
    assert not visitor.overflows()
