"""axe on a page, as often as it takes and no more.

Contrast is what axe takes nearly all of its time for, and it depends on nothing but the computed style of a text and of what it
lies on. So it is judged once for every such style on the page, not for each of fifty rows that look the same.
"""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_axe = Axe()
#: Marks, for each computed style that bears on contrast, the first element of a page that has it.
_MARK = """() => {
    const mark = "data-first-of-its-style", layers = new Map(), seen = new Set();
    document.querySelectorAll(`[${mark}]`).forEach(element => element.removeAttribute(mark));
    const beneath = element => {  // all that shows through, from the element down to the page
        if (!element) return "";
        if (!layers.has(element)) {
            const { backgroundColor, backgroundImage, opacity, filter, position } = getComputedStyle(element);
            const own = [backgroundColor, backgroundImage, opacity, filter, position].join(" ");
            const nothing = own === "rgba(0, 0, 0, 0) none 1 none static";
            layers.set(element, (nothing ? "" : own + ";") + beneath(element.parentElement));
        }
        return layers.get(element);
    };
    const look = element => {
        const { color, fontSize, fontWeight, textShadow, visibility } = getComputedStyle(element);
        if (visibility !== "visible" || !element.checkVisibility()) return;
        const disabled = element.closest(":disabled, [aria-disabled=true]") !== null;
        const style = [element.localName, color, fontSize, fontWeight, textShadow, disabled, beneath(element)].join("|");
        if (!seen.has(style)) {
            seen.add(style);
            element.setAttribute(mark, "");
        }
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) if (texts.currentNode.data.trim()) look(texts.currentNode.parentElement);
    document.querySelectorAll("input, select, textarea").forEach(look);
    return seen.size;
}"""
_RUN = """async () => {
    const all = { resultTypes: ["violations"], preload: false };  // to preload is to fetch all style sheets once more
    const rest = await axe.run({ ...all, rules: { "color-contrast": { enabled: false } } });
    const contrast = await axe.run("[data-first-of-its-style]", { ...all, runOnly: ["color-contrast"] });
    return [...rest.violations, ...contrast.violations];
}"""


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe finds on the page as it is now, as axe tells it."""
    page.evaluate(_axe.axe_script)
    assert page.evaluate(_MARK), "There is no text on this page."
    found: list[dict[str, Any]] = page.evaluate(_RUN)
    return found
