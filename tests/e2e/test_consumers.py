"""The owners' side of consumers in a browser: from the list to one account, proved again while one looks."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor

Visit = Callable[..., Visitor]

#: As if the last test of this account's checker role had failed; the role itself is as it should be.
FAILED = """
from django.utils import timezone
from sharing.models import Connection
from sharing.services.findings import refreshing
role = Connection.objects.get(account__number="{number}", purpose="checker")
role.state, role.failure, role.proof_failed_since = "refused", "The role does not let fnshare in.", timezone.now()
role.save()
refreshing.refresh()
"""


def test_an_account_that_failed_is_proved_again_and_its_finding_goes(visit: Visit) -> None:
    visitor = visit("owner")
    consumer = visitor.demo.account("consumer")
    done = visitor.demo.command("shell", "-c", FAILED.format(number=consumer["id"]))
    assert done.returncode == 0, done.stderr
    found_at_last(visitor, 1)
    page = visitor.open("/consumers/?show=failed")
    page.get_by_role("link", name=consumer["name"], exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(consumer["name"])
    expect(page.get_by_text("Its requests are paused")).to_be_visible()
    proof = page.locator("#proof")
    expect(proof).to_contain_text("Proof failed")
    page.get_by_role("button", name="Prove again now").click()
    # The page follows it by itself: the worker tries none, wrong, right, and the button is back.
    expect(proof).to_contain_text("Proved by its role")
    expect(page.get_by_role("button", name="Prove again now")).to_be_visible()
    found_at_last(visitor, 0)


def found_at_last(visitor: Visitor, many: int) -> None:
    """Reload the findings until so many are of this rule: a worker brings them up to date."""
    page = visitor.open("/findings/?by=finding&rule=proof-failed")
    failed = page.get_by_text(re.compile("is not proved any more since"))
    for _ in range(40):
        if failed.count() == many:
            break
        page.wait_for_timeout(500)
        page.reload()
    expect(failed).to_have_count(many)


def test_the_list_is_searched_without_javascript_on_a_phone(visit: Visit) -> None:
    visitor = visit("auditor", javascript=False, phone=True)
    page = visitor.open("/consumers/")
    page.locator("#filter-text").fill("globex")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".consumer-list tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Globex", exact=True).click()
    expect(page.get_by_role("button", name="Prove again now")).to_have_count(0)
    assert not visitor.overflows()
