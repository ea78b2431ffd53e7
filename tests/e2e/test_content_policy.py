"""The content security policy is heard to be broken wherever that happens, and no page breaks it: not errors, not reports."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

STYLED = "document.body.insertAdjacentHTML('beforeend', '<p id=planted style=\"color:red\">x</p>')"
SCRIPTED = "{ const s = document.createElement('script'); s.text = 'window.ran = 1'; document.body.append(s) }"


def test_errors_reports_and_tabs_of_their_own_break_nothing_and_what_would_is_heard(visit: Callable[..., Visitor]) -> None:
    auditor = visit("auditor")
    for path, status in (
        ("/nonsense/", 404),
        ("/settings/people/", 403),
        ("/access/?as_of=nonsense", 422),
        ("/access/export/?q=everyone&format=report", 200),
        ("/outbox/", 200),
    ):
        page = auditor.open(path, status)
        page.wait_for_load_state()
    download = auditor.page.context.request.get(f"{auditor.demo.url}/access/export/?q=everyone&format=csv")
    assert download.headers["content-disposition"].startswith("attachment")
    assert "default-src 'none'" in download.headers["content-security-policy"]
    assert auditor.problems == []

    # Planted, in a tab of its own: a style and a script that the page's text could have brought along.
    with auditor.page.context.expect_page() as opened:
        auditor.page.evaluate("window.open('/nonsense/')")
    tab = opened.value
    tab.wait_for_load_state()
    for planted in (STYLED, SCRIPTED):
        with auditor.page.context.expect_console_message(lambda said: "Content Security Policy" in said.text):
            tab.evaluate(planted)
    expect(tab.locator("#planted")).to_have_css("color", tab.evaluate("getComputedStyle(document.body).color"))
    assert tab.evaluate("window.ran ?? null") is None
    assert len(auditor.problems) == 2, auditor.problems
    auditor.problems.clear()
