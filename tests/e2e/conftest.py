"""A browser for the tests, and people to use it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from tests import browser as chromium
from tests.e2e.accessibility import violations
from tests.live import LiveDemo

PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 860}
#: Findings of these weights fail a test; axe calls the others minor or moderate.
SERIOUS = ("serious", "critical")
#: Milliseconds. A click on a page may wait for SQLite's one writer, and two cores are shared by two demos and four workers.
ACTS_WITHIN = 30_000
SHOWS_WITHIN = 15_000

expect.set_options(timeout=SHOWS_WITHIN)


@dataclass
class Visitor:
    """A person's browser window on the demo. `page` is Playwright's; paths are given without the host.

    problems: uncaught script errors and violations of the content security policy; the fixture fails the test on any.
    """

    page: Page
    demo: LiveDemo
    role: str
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Of the whole window: what opens in a tab of its own is heard too.
        self.page.context.on("weberror", lambda failed: self.problems.append(f"script error: {failed.error}"))
        self.page.context.on("console", self._heard)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            self.problems.append(message.text)

    def open(self, path: str, status: int = 200) -> Page:
        """Go there; the page must answer with this status."""
        answer = self.page.goto(f"{self.demo.url}{path}")
        assert answer is not None
        assert answer.status == status, f"{path} answered {answer.status}, not {status}"
        return self.page

    def sign_in(self) -> None:
        """Through the form, as a person does."""
        login = self.demo.login(self.role)
        self.open("/login/")
        self.page.locator("[name=login]").fill(login["email"])
        self.page.locator("[name=password]").fill(login["password"])
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(lambda url: "/login/" not in url)

    def accessibility_problems(self) -> list[str]:
        """axe's serious and critical findings on the page as it is now, in both themes, one line each."""
        self.page.wait_for_load_state()
        try:
            found = violations(self.page)
        except PlaywrightError:  # a click was just leaving the page
            self.page.wait_for_load_state()
            found = violations(self.page)
        return [
            f"{rule['id']} ({rule['impact']}): {rule['help']}: {node['html'][:200]}"
            for rule in found
            if rule["impact"] in SERIOUS
            for node in rule["nodes"]
        ]

    def overflows(self) -> bool:
        """Whether the page scrolls sideways, which on a phone it must not."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@pytest.fixture(scope="session")
def chrome() -> Iterator[Browser]:
    """One Chromium for the session."""
    # Playwright runs an event loop in this thread; Django would take every query of a test for one inside async code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium.ensure(), args=chromium.options())
        yield started
        started.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]
    else:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@pytest.fixture(scope="session")
def _signed_in() -> dict[str, Any]:
    """Cookies of people who signed in already, by role: the form is not filled in anew for each test."""
    return {}


@pytest.fixture
def visit(demo: LiveDemo, chrome: Browser, _signed_in: dict[str, Any]) -> Iterator[Callable[..., Visitor]]:
    """`visit(role="owner", javascript=True, phone=False, dark=False)`: a window of a signed-in person.

    role: admin, owner, second owner or auditor; "" visits without signing in.
    """
    contexts: list[BrowserContext] = []
    visitors: list[Visitor] = []

    def visit(role: str = "owner", *, javascript: bool = True, phone: bool = False, dark: bool = False) -> Visitor:
        context = chrome.new_context(
            java_script_enabled=javascript,
            viewport=PHONE if phone else DESKTOP,
            has_touch=phone,
            color_scheme="dark" if dark else "light",
            locale="en-GB",
            storage_state=_signed_in.get(role),
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(ACTS_WITHIN)
        contexts.append(context)
        visitor = Visitor(context.new_page(), demo, role)
        visitors.append(visitor)
        if role and role not in _signed_in:
            visitor.sign_in()
            _signed_in[role] = context.storage_state()
        return visitor

    yield visit
    for context in contexts:
        context.close()
    problems = [problem for visitor in visitors for problem in visitor.problems]
    assert not problems, "\n".join(problems)
