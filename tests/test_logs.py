"""What opens something and stands in an address is in no log."""

import json
import logging

import pytest

from sharing import logs

KEY = "d3m0k3y-7f3a9c0b5e2d4a6f8b1c"


@pytest.mark.parametrize(
    "said",
    [
        f"GET /invitation/{KEY}/join/",
        f"GET /login/?next=%2Finvitation%2F{KEY}%2F",
        f"GET /password/reset/key/4a-{KEY}/",
        f"Not Found: /password/reset/key/4a-{KEY}/",
        f"GET /login/?next=%2Fpassword%2Freset%2Fkey%2F4a-{KEY}%2F",
        f"GET /sso/callback/?code={KEY}&state=x",
        f"GET /sso/callback/?state=x&code={KEY}",
        f"GET /login/?next=%2Fsso%2Fcallback%2F%3Fcode%3D{KEY}",
    ],
)
def test_a_key_in_an_address_is_left_out(said: str) -> None:
    record = logging.LogRecord("django.request", logging.WARNING, __file__, 1, "%s", (said,), None)
    line = json.loads(logs.formatter().format(record))
    assert KEY not in json.dumps(line)
    assert "..." in line["event"]


@pytest.mark.parametrize("said", ["GET /password/reset/key/done/", "GET /grants/?state=active", "GET /findings/rules/code/"])
def test_other_addresses_stay_readable(said: str) -> None:
    record = logging.LogRecord("django.request", logging.WARNING, __file__, 1, "%s", (said,), None)
    assert json.loads(logs.formatter().format(record))["event"] == said
