"""A freeze as people meet it: asked for with a reason, said on every page, waited out by what was shared meanwhile."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.live import LiveDemo

Visit = Callable[..., Visitor]

FUNCTION = "arn:aws:lambda:us-east-1:444455556666:function:hello_world"


def test_a_share_waits_for_the_end_of_a_freeze(visit: Visit, demo: LiveDemo) -> None:
    visitor = visit("admin")
    try:
        page = visitor.open("/settings/limits/")
        page.get_by_role("link", name="Freeze everything").click()
        page.get_by_label("Reason").fill("A key leaked")
        page.get_by_role("button", name="Freeze").click()
        banner = page.locator(".banner").first
        expect(banner).to_contain_text("A key leaked")
        assert visitor.accessibility_problems() == []
        assert not visitor.overflows()
        share = ("share", FUNCTION, "--with", "333344445555", "--action", "lambda:ListTags", "--reason", "test")
        [asked] = demo.asked(*share)["items"]
        page = visitor.open(f"/grants/{asked['id']}/")
        expect(page.locator("main")).to_contain_text("goes on by itself once an admin unfreezes")
        expect(page.locator("main")).to_contain_text("Pending")
    finally:
        assert demo.asked("unfreeze", "--reason", "test")["ok"]
    for _ in range(40):
        page.reload()
        if "Active" in page.locator("main").inner_text():
            break
        page.wait_for_timeout(250)
    expect(page.locator("main")).to_contain_text("Active")
    expect(page.locator(".banner")).to_have_count(0)
    demo.asked("revoke", FUNCTION, "--sid", asked["sid"], "--reason", "test")
