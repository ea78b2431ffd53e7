"""Reason and timelines in a browser: both themes, a phone, without JavaScript, and the repair really clicked."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import function_page

Visit = Callable[..., Visitor]

ACME, GLOBEX = "111122223333", "222233334444"
CALLER = f"arn:aws:sts::{ACME}:assumed-role/order-processor/s1"
BARE = "arn:aws:lambda:us-east-1:444455556666:function:label-uploads"


def refusal(arn: str, who: str = CALLER, reason: str = "") -> str:
    said = f"User: {who} is not authorized to perform: lambda:InvokeFunction on resource: {arn} {reason}"
    return f"An error occurred (AccessDeniedException) when calling the Invoke operation: {said}"


def paste(page: Page, text: str) -> None:
    page.get_by_label("The error, as it was printed").fill(text)
    page.get_by_role("button", name="Find the reason").click()
    page.locator("#answer").wait_for()


def history_of(page: Page) -> None:
    page.locator("tr.access-row", has_text="Acme Retail").locator("details.menu summary").first.click()
    page.get_by_role("link", name="History of this statement").first.click()
    page.wait_for_url(re.compile("/statements/"))


@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_reason_and_timelines_are_accessible_in_both_themes_and_widths(visit: Visit, phone: bool) -> None:
    visitor = visit("owner", dark=phone, phone=phone)
    wrong: list[str] = []

    def look(name: str) -> None:
        wrong.extend(f"{name}: {problem}" for problem in visitor.accessibility_problems())
        if visitor.overflows():
            wrong.append(f"{name}: scrolls sideways")

    visitor.open("/access/reason/")
    look("both questions")
    for query in (
        "function=fraud-score&principal=Globex",
        "function=tax-rates:live&principal=Acme+Retail",
        "function=checkout-webhook&principal=anonymous",
    ):
        visitor.open(f"/access/reason/?{query}")
        look(query)
    visitor.open("/access/reason/?function=fraud-score&principal=nobody&source_account=1", status=422)
    look("a mistake")
    page = visitor.open("/access/reason/")
    paste(page, refusal(BARE))
    look("denied")
    page = function_page(visitor, "hello_world")
    history_of(page)
    look("a statement")
    page.get_by_role("link", name="History").first.click()
    look("a function's history")
    visitor.open(f"/accounts/{GLOBEX}/")
    look("an account")
    visitor.open("/accounts/000000000000/")
    look("a stranger")
    assert wrong == []


def test_a_refusal_is_pasted_and_the_repair_clicked_without_javascript(visit: Visit) -> None:
    page = visit("owner", javascript=False).open("/access/reason/")
    paste(page, refusal(BARE))
    expect(page.get_by_role("heading", name="what is shared with them is label-uploads:live")).to_be_visible()
    expect(page.get_by_label("The ARN to call", exact=True)).to_have_text(f"{BARE}:live")
    page.get_by_role("link", name="Share label-uploads with them…").click()
    expect(page.locator("#id_who")).to_have_value(f"arn:aws:iam::{ACME}:role/order-processor")
    expect(page.locator("#id_action")).to_have_value("lambda:InvokeFunction")


def test_functions_are_suggested_while_one_types_and_the_answer_has_an_address(visit: Visit) -> None:
    page = visit("auditor").open("/access/reason/")
    page.get_by_label("Function", exact=True).press_sequentially("label-up")
    expect(page.locator(f'#functions-known option[value="{BARE}:live"]')).to_be_attached()
    page.get_by_label("Function", exact=True).fill(f"{BARE}:live")
    page.get_by_label("Who calls").fill("Acme Retail")
    page.get_by_role("button", name="Can they?").click()
    expect(page.locator("#answer-title")).to_contain_text("Yes, as far as the owner's side goes")
    assert "principal=Acme" in page.url
