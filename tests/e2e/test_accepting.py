"""An invited person, from the link to Shared with me, by what the pages say; with nothing typed that is not theirs."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.e2e.test_connecting import run_as
from tests.live import LiveDemo

Visit = Callable[..., Visitor]

INVITE = """
from django.db import transaction
from sharing.models import *
from sharing.services import inviting
with transaction.atomic():
    policy = Policy.objects.get(function__name="{function}", function__region="us-east-1", qualifier="")
    owner = Actor.of(User.objects.get(email="owner@example.com"))
    row = inviting.invite("{email}", offers=[inviting.Offer(policy)], by=owner, meant="{meant}", note="{note}")
    row.notices.update(state="dropped")  # the link is made here: a mail would make another
    print("link", inviting.path_of(inviting.renew(row)))
"""

DELETE = """
aws iam delete-role-policy --role-name {role} --policy-name fnshare-check
aws iam delete-role --role-name {role}
"""
#: The demo goes on from test to test, and others connect that account.
DISCONNECT = """
from sharing.models import *
from sharing.services import connecting
for one in Connection.objects.standing().filter(account__number="{number}"):
    connecting.disconnect(one, by=Actor.at_shell("test"))
"""


def invited(demo: LiveDemo, function: str, email: str, meant: str = "", note: str = "") -> str:
    """The path of an invitation's link."""
    done = demo.command("shell", "--no-imports", "-c", INVITE.format(function=function, email=email, meant=meant, note=note))
    found = re.search(r"^link (\S+)$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout + done.stderr
    return found[1]


def test_from_the_link_to_shared_with_me_by_what_the_page_says(visit: Visit) -> None:
    visitor = visit("")
    demo, account = visitor.demo, visitor.demo.account("stranger")
    link = invited(demo, "invoice-render", "dev@umbrella.example", account["id"], "See you on Monday")
    page = visitor.open(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Robin Vega shares an AWS Lambda function with you")
    assert visitor.accessibility_problems() == []
    page.get_by_label("Your name").fill("Dee Umbrella")
    page.get_by_label("Password").fill("share-a-function")
    page.get_by_role("button", name="Make the login and go on").click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Not there yet")).to_be_visible()
    assert visitor.accessibility_problems() == []

    run_as(demo, account, page.locator("#commands").inner_text())
    accept = page.get_by_role("button", name="Accept for this account")  # nobody reloaded the page
    expect(accept).to_be_visible()
    accept.click()
    expect(page.locator("#results .state").first).to_have_text("Active")
    expect(page.get_by_text("Proved for role/fnshare-checker")).to_be_visible()
    expect(page.locator("#results[hx-get]")).to_have_count(0)
    assert visitor.accessibility_problems() == []
    page.get_by_role("link", name="Open Shared with me").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shared with me")
    expect(page.get_by_text(f"{account['id'][:4]} {account['id'][4:8]} {account['id'][8:]}").first).to_be_visible()
    run_as(demo, account, DELETE.format(role="fnshare-checker"))
    assert demo.command("shell", "--no-imports", "-c", DISCONNECT.format(number=account["id"])).returncode == 0


def test_without_javascript_on_a_phone_with_a_role_of_another_name(visit: Visit) -> None:
    visitor = visit("", javascript=False, phone=True)
    demo, account = visitor.demo, visitor.demo.account("consumer", 1)
    page = visitor.open(invited(demo, "payment-capture", "ops@globex.example"))
    page.get_by_label("Your name").fill("Glo")
    page.get_by_label("Password").fill("share-a-function")
    page.get_by_role("button", name="Make the login and go on").click()
    page.get_by_label("Account id").fill(account["id"])
    page.get_by_role("button", name="Next").click()
    page.get_by_text("AWS says that the role exists already").click()
    page.get_by_label("Role name or ARN").fill("fnshare-checker-2")
    page.get_by_role("button", name="Look for this role").click()
    run_as(demo, account, page.locator("#commands").inner_text())
    accept = page.get_by_role("button", name="Accept for this account")
    for _ in range(40):
        if accept.count():
            break
        page.get_by_role("button", name="Look again").click()
        page.wait_for_timeout(250)
    accept.click()
    expect(page.locator("#results")).to_contain_text("Waits for their confirmation")
