"""Test invoke in a browser: an owner's call from the function's page, a consumer's without JavaScript."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import function_page

Visit = Callable[..., Visitor]


def test_an_owner_calls_a_function_and_sees_its_answer_and_log(visit: Visit) -> None:
    visitor = visit("owner")
    page = function_page(visitor, "hello_world")
    page.get_by_role("link", name="Test invoke").click()
    payload = page.get_by_label("Payload")
    payload.fill('{"name": "Robin",\n "n": }')
    page.get_by_label("I know: this really runs the function").check()
    page.get_by_role("button", name="Invoke it").click()
    expect(page.get_by_role("alert")).to_contain_text("Line 2, column 7")
    assert visitor.accessibility_problems() == []
    page.get_by_role("link", name="Test invoke").click()
    payload.fill('{"name": "Robin"}')
    page.get_by_label("I know: this really runs the function").check()
    page.get_by_role("button", name="Invoke it").dblclick()
    page.wait_for_url(re.compile("/functions/invocations/"))
    expect(page.get_by_label("Answer of the function")).to_have_text('"Hello world."')
    expect(page.get_by_label("End of the log")).to_contain_text("REPORT RequestId")
    assert visitor.accessibility_problems() == []
    told = page.url
    page.go_back()
    payload.fill('{"name": "Robin"}')
    page.get_by_label("I know: this really runs the function").check()
    page.get_by_role("button", name="Invoke it").click()  # the same form once more is the same call
    page.wait_for_url(re.compile("/functions/invocations/"))
    assert page.url == told
    page.get_by_role("link", name="Change it and call again").click()
    expect(page.get_by_label("Payload")).to_have_value('{"name": "Robin"}')


def test_a_consumer_calls_what_is_shared_without_javascript(visit: Visit) -> None:
    visitor = visit("consumer", javascript=False)
    page = visitor.open("/shared/")
    page.get_by_role("link", name="hello_world").first.click()
    page.get_by_role("link", name="Test invoke").click()
    asking = page.url.removeprefix(visitor.demo.url)
    page.get_by_label("I know: this really runs the function").check()
    page.get_by_role("button", name="Invoke it").click()
    page.wait_for_url(re.compile("/shared/invocations/"))
    for _ in range(60):
        if page.get_by_text("Answered").count():
            break
        page.wait_for_timeout(250)
        page.reload()
    expect(page.get_by_label("Answer of the function")).to_have_text('"Hello world."')
    expect(page.get_by_text("AWS gives the log to callers of the function's own account only")).to_be_visible()
    looking = visit("consumer", phone=True, dark=True)
    for path in (asking, page.url.removeprefix(visitor.demo.url)):
        looking.open(path)
        assert looking.accessibility_problems() == []
        assert not looking.overflows()
