"""An organisation as a person meets it: found among the settings, read again on a click, and counted on in an answer."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

Visit = Callable[..., Visitor]

ORGANISATION = "o-k3s8w1q9zt"


def test_members_are_read_again_on_a_click_and_answers_count_on_them(visit: Visit) -> None:
    visitor = visit("owner")
    page = visitor.open("/settings/accounts/")
    page.get_by_role("link", name="Organisations").click()
    page.get_by_role("link", name=ORGANISATION).click()
    expect(page.get_by_role("row", name=re.compile("Acme Retail"))).to_contain_text("Active")
    expect(page.get_by_role("row", name=re.compile("Old playground"))).to_contain_text("Suspended")
    page.get_by_role("button", name="Read again").click()
    expect(page.get_by_role("button", name="Read again")).to_be_visible()
    assert page.locator("#organisation").get_attribute("hx-get") is None, "the page stops asking"
    assert visitor.accessibility_problems() == []
    page.get_by_role("link", name=re.compile("What 111122223333 can invoke")).click()
    expect(page.locator(".sentence, .answer, main").first).to_contain_text(f"as a member of organisation {ORGANISATION}")
    page = visitor.open("/access/?q=Initech")
    expect(page.locator("main")).to_contain_text(f"It does not belong to organisation {ORGANISATION}")


def test_without_javascript_the_page_is_read_again_too(visit: Visit) -> None:
    page = visit("owner", javascript=False).open("/settings/organisations/")
    page.get_by_role("link", name=ORGANISATION).click()
    page.get_by_role("button", name="Read again").click()
    for _ in range(40):
        if page.get_by_role("button", name="Read again").count():
            break
        page.wait_for_timeout(250)
        page.reload()
    expect(page.get_by_text("Known", exact=True).first).to_be_visible()
