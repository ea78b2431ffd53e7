"""The matrix and the map in a browser: accessible in both themes and on a phone, by keyboard, and without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.live import wait_for

Visit = Callable[..., Visitor]

PLATFORM, ACME = "444455556666", "111122223333"
FUNCTIONS = f"/access/matrix/?account={PLATFORM}"
PAGES = ("/access/matrix/", FUNCTIONS, f"{FUNCTIONS}&with=account:{ACME}&through=1", "/access/map/")


def counted(visitor: Visitor) -> Page:
    """The matrix of accounts, once a worker has counted."""

    def there() -> bool:
        return "is let in" in visitor.open("/access/matrix/").content() and visitor.page.locator("table.matrix").count() > 0

    wait_for(there, "the first count", seconds=60)
    return visitor.page


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_the_matrix_and_the_map_are_accessible_and_fit(visit: Visit, phone: bool) -> None:
    visitor = visit("auditor", dark=phone, phone=phone)
    counted(visitor)
    problems = []
    for path in PAGES:
        page = visitor.open(path)
        page.locator("details.shapes-legend summary").click() if "matrix" in path else None
        problems += [f"{path}: {problem}" for problem in visitor.accessibility_problems()]
        if visitor.overflows():
            problems.append(f"{path}: scrolls sideways")
    visitor.open(FUNCTIONS).locator("a.cell").first.click()
    expect(visitor.page.locator("#panel-title")).to_be_focused()
    problems += [f"story: {problem}" for problem in visitor.accessibility_problems()]
    visitor.open(visitor.open(FUNCTIONS).locator("a.cell").first.get_attribute("href") or "")
    problems += [f"the story's page: {problem}" for problem in visitor.accessibility_problems()]
    if visitor.overflows():
        problems.append("the story's page scrolls sideways")
    assert not problems, "\n".join(problems)


def test_a_cell_and_its_story_are_reached_by_keyboard(visit: Visit) -> None:
    visitor = visit("owner")
    counted(visitor)
    page = visitor.open(FUNCTIONS)
    cell = page.get_by_role("link", name="Everyone: currency-convert: may invoke; public; not proved.")
    page.locator("#filter-show").focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        if cell.evaluate("element => element === document.activeElement"):
            break
    expect(cell).to_be_focused()
    page.keyboard.press("Enter")
    story = page.get_by_role("complementary", name="The story of a cell")
    expect(page.locator("#panel-title")).to_be_focused()
    expect(story).to_contain_text("Everyone may invoke currency-convert. Public.")
    expect(story.get_by_role("link", name="PublicAccess")).to_be_visible()
    page.keyboard.press("Escape")
    expect(cell).to_be_focused()
    expect(story).to_have_count(0)


def test_everything_can_be_asked_without_javascript(visit: Visit) -> None:
    visitor = visit("auditor", javascript=False)
    page = counted(visitor)
    page.get_by_role("link", name="Acme Retail:").click()
    expect(page.locator(".answer")).to_contain_text("Acme Retail (1111 2222 3333) is let into")
    page.get_by_role("link", name="Show also what it gets as everyone").click()
    expect(page.get_by_role("link", name="Acme Retail: currency-convert: gets in as everyone does.")).to_be_visible()
    page.get_by_role("link", name="Acme Retail: hello_world:").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme Retail → hello_world")
    page.get_by_role("link", name="fnshare-").click()
    assert "#statement-" in page.url
    visitor.open("/access/map/")
    page.get_by_role("link", name="currency-convert", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("currency-convert")


def test_on_a_phone_the_matrix_is_a_list_of_what_each_function_lets_in(visit: Visit) -> None:
    visitor = visit("auditor", phone=True)
    counted(visitor)
    page = visitor.open(FUNCTIONS)
    row = page.locator("tr", has_text="currency-convert")
    expect(row.get_by_text("Invoke; public; not proved")).to_be_visible()
    expect(row.locator("td:empty").first).to_be_hidden()
