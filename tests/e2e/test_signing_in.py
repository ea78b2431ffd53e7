"""Signing in and out, through a real browser."""

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Visitor

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("role", ["admin", "owner", "second owner", "auditor"])
def test_every_login_of_the_demo_opens_the_overview(visit: Visit, role: str) -> None:
    visitor = visit(role)
    visitor.open("/")
    assert visitor.page.locator("h1").count() == 1
    assert "/login/" not in visitor.page.url


@pytest.mark.parametrize("javascript", [True, False])
def test_a_wrong_password_is_refused_with_a_sentence(visit: Visit, javascript: bool) -> None:
    visitor = visit("", javascript=javascript)
    page = visitor.open("/login/")
    page.locator("[name=login]").fill("owner@example.com")
    page.locator("[name=password]").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("not correct").wait_for()
    assert page.url.endswith("/login/")


def test_a_page_that_needs_a_person_leads_to_the_form_and_back(visit: Visit) -> None:
    visitor = visit("")
    page = visitor.open("/functions/")
    assert "/login/" in page.url
    login = visitor.demo.login("owner")
    page.locator("[name=login]").fill(login["email"])
    page.locator("[name=password]").fill(login["password"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/functions/")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("phone", [False, True])
def test_the_login_page_is_accessible_in_both_themes_and_widths(visit: Visit, dark: bool, phone: bool) -> None:
    visitor = visit("", dark=dark, phone=phone)
    visitor.open("/login/")
    assert visitor.accessibility_problems() == []
    assert not visitor.overflows()
