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
_EVERYTHING_ELSE = """async () => (await axe.run({
    resultTypes: ["violations"],
    preload: false,  // to preload is to fetch all style sheets once more
    rules: { "color-contrast": { enabled: false } },
})).violations"""
_CONTRAST = """async () => (await axe.run("[data-first-of-its-style]", {
    resultTypes: ["violations"],
    preload: false,
    runOnly: ["color-contrast"],
})).violations"""
#: As soon as a style is asked for, its transitions have begun: colours between two themes are nobody's.
_SETTLED = "() => document.getAnimations().forEach(one => one instanceof CSSTransition && one.finish())"


def violations(page: Page) -> list[dict[str, Any]]:
    """What axe finds on the page as it is now, in the light and in the dark, as axe tells it."""
    page.evaluate(_axe.axe_script)
    found: list[dict[str, Any]] = page.evaluate(_EVERYTHING_ELSE)
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    found += _pale(page)
    page.emulate_media(color_scheme="light" if dark else "dark")
    found += _pale(page)
    page.emulate_media(color_scheme="dark" if dark else "light")
    page.evaluate(_SETTLED)
    return found


def _pale(page: Page) -> list[dict[str, Any]]:
    page.evaluate(_SETTLED)
    assert page.evaluate(_MARK), "There is no text on this page."
    found: list[dict[str, Any]] = page.evaluate(_CONTRAST)
    return found
