"""Suspending and resuming in a real browser: beside the list, and the pages of a whole account."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import SETTLED, function_page, row, sids
from tests.live import LiveDemo

Visit = Callable[..., Visitor]


def test_a_share_is_suspended_and_resumed_beside_the_list(visit: Visit, demo: LiveDemo) -> None:
    name = "resize-images"
    visitor = visit("owner")
    page = function_page(visitor, name)
    page.locator("#open-share").click()
    page.locator("#id_who").fill("Initech")
    page.locator("#grant-access").click()
    mine = row(page, "Initech")
    expect(mine).to_contain_text("Active", timeout=SETTLED)
    before = sids(demo, name)

    mine.locator("summary").click()
    mine.get_by_role("link", name="Suspend").click()
    expect(page.locator("#panel")).to_contain_text("Nothing else in this policy lets them in meanwhile")
    page.locator("#panel [name=reason]").fill("An incident")
    assert visitor.accessibility_problems() == []
    page.locator("#confirm-suspend").click()
    expect(mine).to_contain_text("Suspended", timeout=SETTLED)
    assert len(before - sids(demo, name)) == 1

    mine.get_by_role("link", name="Resume").click()
    page.locator("#confirm-resume").click()
    expect(mine).to_contain_text("Active", timeout=SETTLED)
    assert sids(demo, name) == before

    phone = visit("owner", phone=True, dark=True)
    phone.open("/consumers/111122223333/suspend/")
    assert not phone.overflows()
    assert phone.accessibility_problems() == []
