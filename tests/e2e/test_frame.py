"""What every page's frame does in a browser: keys, focus, theme, copying, the way to a new password."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor

Visit = Callable[..., Visitor]


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_slash_goes_to_the_search_box_and_enter_finds(visit: Visit) -> None:
    page = visit("auditor").open("/activity/")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("hello/world")
    expect(page.locator("#search")).to_have_value("hello/world")
    page.locator("#search").fill("hello_world")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=hello_world")
    expect(page.get_by_role("link", name="hello_world").first).to_be_visible()


def test_a_letter_is_only_a_letter_while_one_types(visit: Visit) -> None:
    page = visit("owner").open("/activity/")
    page.get_by_label("Who").fill("")
    page.get_by_label("Who").press_sequentially("ssh/")
    expect(page.get_by_label("Who")).to_have_value("ssh/")


def test_the_first_tab_is_the_skip_link_and_it_skips(visit: Visit) -> None:
    page = visit("auditor").open("/activity/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_a_bad_form_puts_the_error_before_the_form_with_links_to_its_fields(visit: Visit) -> None:
    page = visit("admin").open("/settings/people/add/")
    page.get_by_role("button", name="Add", exact=True).click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Nothing was changed")
    alert.get_by_role("link", name="E-mail address").click()
    expect(page.get_by_label("E-mail address")).to_be_focused()


def test_digits_are_copied_without_their_spaces(visit: Visit) -> None:
    visitor = visit("auditor")
    page = visitor.open("/settings/accounts/")
    page.get_by_role("button", name="Copy account id").first.click()
    expect(page.locator("#toasts")).to_contain_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied in {account["id"] for account in visitor.demo.described["accounts"]}


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_the_look_follows_the_device_unless_the_person_chose(visit: Visit, javascript: bool) -> None:
    visitor = visit("second owner", javascript=javascript, dark=True)
    page = visitor.open("/settings/profile/")
    dark = background(page)
    page.get_by_label("Light", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your profile was saved.")).to_be_visible()
    assert background(page) != dark
    page.get_by_label("As my device").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your profile was saved.")).to_be_visible()
    assert background(page) == dark


def test_times_follow_the_persons_zone(visit: Visit) -> None:
    page = visit("second owner").open("/settings/profile/")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_role("button", name="Save").click()
    page.goto(page.url.replace("/settings/profile/", "/activity/"))
    assert "JST" in str(page.locator("main time").first.get_attribute("title"))
    page.go_back()
    page.get_by_label("Time zone").select_option("UTC")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your profile was saved.")).to_be_visible()


def test_a_person_is_added_signs_in_and_is_shut_out_at_once(visit: Visit) -> None:
    admin, guest = visit("admin"), visit("")
    page = admin.open("/settings/people/add/")
    email = "guest@example.com"
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Auditor", exact=False).check()
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Make a link to set a password").click()
    link = page.locator("main code").inner_text()

    guest.open(link.removeprefix(admin.demo.url))
    guest.page.locator("[name=password1]").fill("a long enough one")
    guest.page.locator("[name=password2]").fill("a long enough one")
    guest.page.get_by_role("button", name="Set the password").click()
    guest.page.get_by_role("link", name="Sign in").click()
    guest.page.locator("[name=login]").fill(email)
    guest.page.locator("[name=password]").fill("a long enough one")
    guest.page.get_by_role("button", name="Sign in").click()
    expect(guest.page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(guest.page.get_by_role("button", name="Sync now")).to_have_count(0)

    page.get_by_role("link", name="Back").click()
    page.get_by_role("link", name="Deactivate…").click()
    page.get_by_role("button", name="Deactivate").click()
    guest.page.reload()
    assert "/login/" in guest.page.url


def test_the_keyboard_keeps_its_place_while_the_overview_polls(visit: Visit) -> None:
    visitor = visit("owner")
    function = f"arn:aws:lambda:us-east-1:{visitor.demo.account('owner')['id']}:function:skill-answers"
    visitor.demo.controls.fault("AddPermission", effect="hold")
    try:
        consumer = visitor.demo.account("consumer")["id"]
        assert visitor.demo.asked("share", function, "--with", consumer, "--reason", "keyboard", "--by", "owner@example.com")[
            "ok"
        ]
        page = visitor.open("/")
        link = page.get_by_role("link", name="All functions, widest first")
        link.focus()
        with page.expect_response(lambda response: response.request.headers.get("hx-target") == "overview"):
            pass
        page.wait_for_timeout(500)
        expect(link).to_be_focused()
    finally:
        visitor.demo.controls.release()
        visitor.demo.controls.calm()
    expect(page.locator("#overview[hx-get]")).to_have_count(0, timeout=20_000)
