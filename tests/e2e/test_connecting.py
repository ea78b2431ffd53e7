"""Connecting an account by what its page says, in a browser; with and without JavaScript."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Visitor
from tests.live import LiveDemo

Visit = Callable[..., Visitor]

AWS = Path(sys.executable).parent / "aws"


def run_as(demo: LiveDemo, account: dict[str, str], commands: str) -> None:
    """The commands that a page shows, run with an administrator's keys of the account, as its owner would."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "PATH": f"{AWS.parent}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": demo.described["aws"]["endpoint_url"],
        "AWS_DEFAULT_REGION": demo.described["aws"]["region"],
        "AWS_ACCESS_KEY_ID": account["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": account["secret_access_key"],
    }
    done = subprocess.run(
        ["bash", "-e", "-c", commands], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def settled(page: Page, javascript: bool) -> str:
    """The connection's state once no test is wanted any more. Without JavaScript a person reloads."""
    state = page.locator("aside .state").first
    for _ in range(60):
        if "Testing" not in state.inner_text() and "A worker is testing" not in page.content():
            return state.inner_text()
        page.wait_for_timeout(250)
        if not javascript:
            page.reload()
    raise AssertionError("the test of the connection did not end")


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_an_account_is_connected_by_what_the_page_says_and_disconnected_again(visit: Visit, javascript: bool) -> None:
    visitor = visit("admin", javascript=javascript)
    demo, account = visitor.demo, visitor.demo.account("stranger")
    page = visitor.open("/settings/accounts/")
    page.get_by_role("link", name="Connect an account").click()
    page.get_by_label(re.compile("Consumer account")).check()
    page.get_by_label("Account id").fill(account["id"][:11])
    page.get_by_label("Name").fill(account["name"])
    page.get_by_role("button", name="Next").click()
    assert "exactly 12 digits" in page.locator("[role=alert]").inner_text()
    page.get_by_label("Account id").fill(f"{account['id'][:4]} {account['id'][4:8]}-{account['id'][8:]}")
    page.get_by_role("button", name="Next").click()
    page.wait_for_url("**/settings/connections/**")

    # No such role yet: the test says so, and the page keeps what to do.
    page.get_by_role("button", name="Test the role").click()
    assert settled(page, javascript) == "Refused"
    expect(page.get_by_text("does not let fnshare in")).to_be_visible()

    page.get_by_text("Template and commands of the role").click()
    run_as(demo, account, page.locator("#commands").inner_text())
    page.get_by_role("button", name="Test again").click()
    assert settled(page, javascript) == "Connected"
    expect(page.get_by_text("Denied without and with a wrong one")).to_be_visible()

    for verb, confirm, state in (("Pause…", "Pause", "Paused"), ("Resume…", "Resume", "Connected")):
        page.get_by_role("link", name=verb).click()
        page.get_by_role("button", name=confirm, exact=True).click()
        expect(page.locator("aside .state").first).to_have_text(state)

    before = page.locator("aside code", has_text="fnshare-checker-").inner_text()
    page.get_by_role("link", name="Rotate the ExternalId…").click()
    page.get_by_role("button", name="Make a new ExternalId").click()
    run_as(demo, account, page.locator("#trust-command").inner_text())
    page.get_by_role("button", name="Test again").click()
    assert settled(page, javascript) == "Connected"
    assert page.locator("aside code", has_text="fnshare-checker-").inner_text() != before

    page.get_by_role("link", name="Disconnect…").click()
    page.get_by_role("button", name="Disconnect", exact=True).click()
    expect(page.locator("aside .state").first).to_have_text("Disconnected")
    run_as(
        demo,
        account,
        "aws iam delete-role-policy --role-name fnshare-checker --policy-name fnshare-check\n"
        "aws iam delete-role --role-name fnshare-checker",
    )


def test_the_page_of_a_connection_stops_asking_when_the_test_is_over(visit: Visit) -> None:
    visitor = visit("admin")
    page = visitor.open("/settings/accounts/")
    page.get_by_role("link", name="Checker role").first.click()
    page.get_by_role("button", name="Test again").click()
    assert settled(page, javascript=True) == "Connected"
    expect(page.locator("#toasts")).to_contain_text("connected")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(2_500)
    assert asked == []


@pytest.mark.parametrize("javascript", [True, False], ids=["javascript", "plain"])
def test_a_sync_is_started_and_followed(visit: Visit, javascript: bool) -> None:
    visitor = visit("owner", javascript=javascript)
    page = visitor.open("/settings/coverage/")
    page.get_by_role("button", name="Sync everything").click()
    expect(page.get_by_text("being read. You can leave this page")).to_be_visible()
    for _ in range(120):
        if page.locator("#coverage .icon-turning").count() == 0:
            break
        page.wait_for_timeout(250)
        if not javascript:
            page.reload()
    expect(page.locator("#coverage .icon-turning")).to_have_count(0)
    expect(page.locator("#coverage tbody tr").first).to_contain_text("Read")
