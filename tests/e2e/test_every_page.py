"""Every page that can be reached by links, with the story loaded: it answers, is accessible, and fits its window."""

import re
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page

from tests.e2e.conftest import Visitor

Visit = Callable[..., Visitor]

_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|/\d+(?=/|$)|(?<=/rules)/[a-z-]+|(?<=/outbox)/[\w-]+(?=/)|(?<=/invitation)/[\w-]+(?=/)"
)
_KEY = re.compile(r"(?<=/statements/)[^/]+")
#: Pages that must be among those found, or the crawl has lost its way.
LANDMARKS = {
    "/",
    "/functions/",
    "/functions/ID/",
    "/functions/ID/share/",
    "/functions/ID/invoke/",
    "/functions/ID/policy/",
    "/functions/ID/wakes/",
    "/grants/ID/",
    "/grants/ID/revoke/",
    "/layers/",
    "/layers/ID/",
    "/layers/ID/share/",
    "/access/",
    "/consumers/invitations/",
    "/consumers/invitations/new/",
    "/access/compare/",
    "/access/map/",
    "/access/matrix/",
    "/access/reason/",
    "/policies/ID/statements/KEY/",
    "/consumers/",
    "/consumers/ID/",
    "/consumers/ID/suspend/",
    "/mappings/",
    "/mappings/wire/",
    "/findings/",
    "/findings/ID/",
    "/findings/rules/ID/",
    "/activity/",
    "/settings/accounts/",
    "/settings/coverage/",
    "/settings/organisations/",
    "/settings/organisations/ID/",
    "/settings/profile/",
}
ADMINS_ONLY = {
    "/settings/people/",
    "/settings/accounts/connect/",
    "/settings/organisations/connect/",
    "/settings/organisations/ID/units/",
}


def shape(path: str) -> str:
    """The address with its ids left out: one page of each shape is enough."""
    return _ID.sub(lambda found: "/ID" if found[0].startswith("/") else "ID", _KEY.sub("KEY", path))


#: Of these shapes several are looked at: what is on them depends on the state of what they show.
SEVERAL = {"/grants/ID/": 4, "/functions/ID/": 3}


def crawl(visitor: Visitor, look: Callable[[str], None]) -> set[str]:
    """Follow links breadth first, one or a few pages of each shape, and `look` at each. Returns the shapes seen.

    What is no page (a download, an empty answer) is only asked for.
    """
    queue, seen, queued = ["/"], {"/": 1}, {"/"}
    while queue:
        path = queue.pop(0)
        page = visitor.page
        try:
            answer = page.goto(f"{visitor.demo.url}{path}")
        except PlaywrightError:  # a download, or nothing to show
            asked = page.context.request.get(f"{visitor.demo.url}{path}")
            assert asked.status < 400, f"{path} answered {asked.status}"
            assert asked.status == 204 or "text/html" not in asked.headers.get("content-type", ""), f"{path} did not open"
            continue
        assert answer is not None
        assert answer.status == 200, f"{path} answered {answer.status}"
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        look(path)
        for href in page.eval_on_selector_all(
            "a[href]:not(noscript a)", "links => links.map(link => link.getAttribute('href'))"
        ):
            target = urlsplit(urljoin(page.url, href))
            if target.netloc == urlsplit(visitor.demo.url).netloc and not target.path.startswith("/static/"):
                found = shape(target.path)
                if target.path not in queued and seen.get(found, 0) < SEVERAL.get(found, 1):
                    seen[found] = seen.get(found, 0) + 1
                    queued.add(target.path)
                    queue.append(target.path)
    return set(seen)


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("role", "dark", "phone"),
    [("admin", False, False), ("owner", False, True), ("auditor", True, True)],
    ids=["desktop", "phone", "dark phone"],
)
def test_every_page_is_accessible_and_fits(visit: Visit, role: str, dark: bool, phone: bool) -> None:
    visitor = visit(role, dark=dark, phone=phone)
    problems: list[str] = []

    def look(path: str) -> None:
        if (_brightness(visitor.page) < 128) is not dark:
            problems.append(f"{path}: is not {'dark' if dark else 'light'}")
        problems.extend(f"{path}: {problem}" for problem in visitor.accessibility_problems())
        if visitor.overflows():
            problems.append(f"{path}: scrolls sideways")
        if visitor.page.locator("h1").count() != 1:
            problems.append(f"{path}: has {visitor.page.locator('h1').count()} h1")

    seen = crawl(visitor, look)
    assert not problems, "\n".join(problems)
    expected = LANDMARKS | (ADMINS_ONLY if role == "admin" else set())
    if role == "auditor":
        expected = {
            landmark
            for landmark in expected
            if not landmark.endswith(("/share/", "/revoke/", "/suspend/", "/invoke/", "/new/", "/wire/"))
        }
    assert expected <= seen, f"never reached: {sorted(expected - seen)}"


def _brightness(page: Page) -> float:
    """0 (black) to 255 (white) of the page's background, in whatever notation its style sheet has it."""
    red, green, blue = page.evaluate(
        """() => {
            const pixel = document.createElement("canvas").getContext("2d");
            pixel.fillStyle = getComputedStyle(document.body).backgroundColor;
            pixel.fillRect(0, 0, 1, 1);
            return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
        }"""
    )
    return float(0.299 * red + 0.587 * green + 0.114 * blue)


def test_no_page_asks_anything_of_another_host(visit: Visit) -> None:
    visitor = visit("admin")
    strangers: list[str] = []

    def asked(url: str) -> None:
        if urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc != urlsplit(visitor.demo.url).netloc:
            strangers.append(url)

    visitor.page.on("request", lambda request: asked(request.url))
    for path in ("/", "/functions/", "/activity/", "/settings/profile/"):
        visitor.open(path)
    assert strangers == []
