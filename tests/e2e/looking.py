"""What the browser tests look at: a function's page, a line of it, and past fnshare at what AWS itself holds."""

import json
import re
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError
from playwright.sync_api import Page

from tests.e2e.conftest import Visitor
from tests.live import LiveDemo, wait_for

#: A worker writes, reads back and tries within about a second; the rest is patience with a busy machine.
SETTLED = 30_000


def function_page(visitor: Visitor, name: str, region: str = "us-east-1") -> Page:
    """The page of that function, reached through the list as a person reaches it."""
    page = visitor.open(f"/functions/?q={name}&region={region}")
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(re.compile(r"/functions/[0-9a-f-]{36}/$"))
    return page


def row(page: Page, who: str) -> Any:
    """The first line about that principal."""
    return page.locator("tr.access-row", has_text=who).first


def aws_of(demo: LiveDemo, region: str = "us-east-1") -> Any:
    """Lambda as somebody in the owner account uses it, past fnshare."""
    owner = demo.account("owner")
    return boto3.client(
        "lambda",
        region_name=region,
        endpoint_url=demo.described["aws"]["endpoint_url"],
        aws_access_key_id=owner["access_key_id"],
        aws_secret_access_key=owner["secret_access_key"],
    )


def sids(demo: LiveDemo, name: str, region: str = "us-east-1") -> set[str]:
    """What AWS itself holds: the statement ids on that function."""
    try:
        policy = json.loads(aws_of(demo, region).get_policy(FunctionName=name)["Policy"])
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return set()
    return {statement.get("Sid", "") for statement in policy["Statement"]}


def reload_until(page: Page, true: Callable[[], bool], what: str) -> None:
    """Look again, as a person without JavaScript does."""

    def looked() -> bool:
        if true():
            return True
        page.wait_for_timeout(300)
        page.reload()
        return true()

    wait_for(looked, what, SETTLED / 1000)
