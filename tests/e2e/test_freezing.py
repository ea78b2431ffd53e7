"""A freeze as people meet it: asked for with a reason, said on every page, ended with a reason."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.live import LiveDemo

Visit = Callable[..., Visitor]


def test_an_admin_freezes_everything_and_ends_it(visit: Visit, demo: LiveDemo) -> None:
    visitor = visit("admin")
    ended = False
    try:
        page = visitor.open("/settings/limits/")
        page.get_by_role("link", name="Freeze everything").click()
        page.get_by_label("Reason").fill("A key leaked " + "x" * 200)
        page.get_by_role("button", name="Freeze").click()
        expect(page.get_by_text("Frozen. Nothing is shared")).to_be_visible()
        assert visitor.accessibility_problems() == []
        assert not visitor.overflows()
        visitor.open("/settings/profile/")
        page.locator(".banner").get_by_role("link", name="Limits").click()
        page.get_by_role("link", name="End the freeze").click()
        page.get_by_label("Reason").fill("It was rotated")
        page.get_by_role("button", name="End the freeze").click()
        expect(page.get_by_text("Not frozen")).to_be_visible()
        ended = True
        expect(page.locator(".banner")).to_have_count(0)
    finally:
        if not ended:
            demo.command("unfreeze")
