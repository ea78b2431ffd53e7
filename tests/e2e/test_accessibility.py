"""What the tests of accessibility find, and that fewer looks at contrast find the same."""

from typing import Literal

import pytest
from playwright.sync_api import Browser

from tests.e2e.accessibility import violations

_ROW = "<tr><td><a href='#a'>Name</a></td><td>{}</td></tr>"
_PALE = "<span style='color: #bbb'>Pale</span>"
_PAGE = """<!doctype html><html lang="en"><title>Rows</title><body style="background: white; color: black"><main><h1>Rows</h1>
<table><tr><th>Name<th>State</tr>{}</table>{}</main></body></html>"""


@pytest.mark.parametrize(
    ("rows", "after", "found"),
    [
        (40 * ["fine"], "", {}),
        ([*(40 * ["fine"]), _PALE], "", {"color-contrast": 1}),
        ([*(40 * ["<b>fine</b>"]), "<b style='opacity: 0.3'>fine</b>"], "", {"color-contrast": 1}),
        (20 * [_PALE], "", {"color-contrast": 1}),
        ([*(40 * ["fine"]), "<p style='background: #222'>fine</p>"], "", {"color-contrast": 1}),
        (["fine"], "<input value='pale' style='color: #bbb; background: white'>", {"color-contrast": 1, "label": 1}),
        (["fine"], "<img src='data:,'><button></button>", {"image-alt": 1, "button-name": 1}),
    ],
    ids=["nothing", "one pale row", "one faded row", "all rows pale", "dark beneath one row", "a pale field", "no contrast"],
)
def test_each_style_is_looked_at_once_and_everything_else_everywhere(
    chrome: Browser, rows: list[str], after: str, found: dict[str, int]
) -> None:
    page = chrome.new_page()
    page.set_content(_PAGE.format("".join(map(_ROW.format, rows)), after))
    seen = [one for one in violations(page) if one["impact"] in ("serious", "critical")]
    assert {one["id"]: len(one["nodes"]) for one in seen} == found
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_themes_are_looked_at_from_either(chrome: Browser, scheme: Literal["light", "dark"]) -> None:
    page = chrome.new_page(color_scheme=scheme)
    style = """<style>:root { color-scheme: light dark } body { background: light-dark(white, black) !important }
    h1 { color: light-dark(black, #333); transition: color 2s } td { color: light-dark(#ccc, white) }</style>"""
    page.set_content(style + _PAGE.format(_ROW.format("fine"), ""))
    pale = [node["html"] for one in violations(page) if one["id"] == "color-contrast" for node in one["nodes"]]
    assert any("h1" in one for one in pale), "only in the dark"
    assert any("td" in one for one in pale), "only in the light"
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is (scheme == "dark")
    page.close()
