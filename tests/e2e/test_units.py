"""A unit of an organisation as something one shares with, in a browser."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.conftest import Visitor


def test_a_group_of_a_unit_is_made_and_its_accounts_join_once_that_is_confirmed(visit: Callable[..., Visitor]) -> None:
    visitor = visit("owner")
    page = visitor.open("/settings/organisations/")
    page.get_by_role("link", name="o-k3s8w1q9zt").click()
    for _ in range(60):  # a worker walks the units after the members, at a slow pace
        if page.get_by_role("link", name="5 beneath the root").count():
            break
        page.wait_for_timeout(250)
    page.get_by_role("link", name="5 beneath the root").click()
    assert visitor.accessibility_problems() == []
    page.get_by_role("link", name="Make a group that follows Workloads", exact=True).click()
    page.get_by_label("Name").fill("Every workload")
    page.get_by_role("button", name="Make the group").click()
    unit = page.get_by_role("region", name="Workloads")
    expect(unit).to_contain_text("2 accounts are in the unit and not in the group: Acme Retail, Globex.")
    assert visitor.accessibility_problems() == []
    unit.get_by_role("button", name="Show what they get").click()
    page.get_by_role("button", name="Add").click()
    page = visitor.open("/consumers/groups/")
    page.get_by_role("link", name="Every workload").click()
    expect(page.get_by_role("region", name="Workloads")).to_contain_text("Its accounts are in the group.")
    expect(page.get_by_role("row", name=re.compile("Globex"))).to_be_visible()
