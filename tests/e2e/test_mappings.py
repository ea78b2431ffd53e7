"""A queue of another account wired to a function in a real browser: refused with the reason, then running, then paused."""

import json
import re
from collections.abc import Callable
from typing import Any

import boto3
from playwright.sync_api import expect

from tests.e2e.conftest import Visitor
from tests.e2e.looking import SETTLED
from tests.live import LiveDemo

Visit = Callable[..., Visitor]


def client(demo: LiveDemo, service: str, account: str) -> Any:
    known = next(one for one in demo.described["accounts"] if one["name"] == account)
    return boto3.client(
        service,  # type: ignore[call-overload]
        region_name="us-east-1",
        endpoint_url=demo.described["aws"]["endpoint_url"],
        aws_access_key_id=known["access_key_id"],
        aws_secret_access_key=known["secret_access_key"],
    )


def test_a_queue_of_another_account_is_wired_by_clicking(visit: Visit, demo: LiveDemo) -> None:
    sqs = client(demo, "sqs", "Acme Retail")
    url = sqs.create_queue(QueueName="e2e-orders")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    visitor = visit("owner")
    page = visitor.open("/functions/?q=session-cleanup")
    address = page.get_by_role("link", name="session-cleanup", exact=True).first.get_attribute("href") or ""
    found = re.search(r"[0-9a-f-]{36}", address)
    assert found is not None
    visitor.open(f"/mappings/wire/?function={found.group()}&source={arn}")
    expect(page.get_by_role("heading", name="The plan")).to_be_visible()
    page.locator("#confirm-wiring").click()
    for step in ("execution-role", "source-policy"):  # said, not done
        page.locator(f"#done-{step}").click()
    expect(page.locator("#step-mapping")).to_contain_text("may not read the source", timeout=SETTLED)
    assert visitor.accessibility_problems() == []

    page.locator("#step-source-policy summary").first.click()
    page.locator("#step-source-policy summary", has_text="Its parameters").click()
    statement = json.loads(page.locator("#step-source-policy pre").inner_text())["Policy"]
    role = client(demo, "lambda", "Platform").get_function_configuration(FunctionName="session-cleanup")["Role"]
    statement["Principal"]["AWS"] = role
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    page.locator("#again-mapping").click()
    page.get_by_role("link", name="The mapping", exact=True).click(timeout=SETTLED)
    expect(page.locator("#mapping")).to_contain_text("Enabled", timeout=SETTLED)
    assert visitor.accessibility_problems() == []
    page.get_by_role("link", name="Pause").click()
    page.get_by_role("button", name="Pause it").click()
    expect(page.get_by_role("link", name="Resume")).to_be_visible(timeout=SETTLED)
    expect(page.locator("#mapping")).to_contain_text("Disabled")
