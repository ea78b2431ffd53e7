"""A real OpenID Connect provider in a process of its own, and somebody who signs in there."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from django.test import Client

from sharing.provider import Given, Provider
from sharing.running import ports

ROLES = {
    "fnshare-admins": Given("admin"),
    "platform": Given("owner", ("444455556666", "555566667777")),
    "payments": Given("owner", ("666677778888",)),
    "audit": Given("auditor"),
}


class LiveProvider:
    """oidc-provider-mock at `url`; claims of people can be changed while it runs."""

    def __init__(self, url: str) -> None:
        self.url = url

    def configured(self, **changes: Any) -> Provider:
        """As the environment would describe it."""
        standard: dict[str, Any] = {
            "issuer": self.url,
            "client_id": "fnshare",
            "client_secret": "secret",
            "name": "Example SSO",
            "groups_claim": "groups",
            "roles": ROLES,
        }
        return Provider(**{**standard, **changes})

    def say(self, sub: str, **claims: Any) -> None:
        """From now on this is what the provider says about somebody."""
        standard = {"email": f"{sub}@example.com", "email_verified": True, "groups": []}
        body = json.dumps({**standard, **claims}).encode()
        headers = {"Content-Type": "application/json"}
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/users/{sub}", body, headers, method="PUT"), timeout=5)

    def sign_in(self, browser: Client, sub: str, *, start: str = "/sso/login/") -> Any:
        """From our page to the provider's form, and back with what it gives; our last answer."""
        there = browser.get(start)
        assert there.status_code == 302, there.content.decode()[-3000:]
        assert there.headers["Location"].startswith(f"{self.url}/oauth2/authorize?")
        answer = requests.post(there.headers["Location"], data={"sub": sub}, allow_redirects=False, timeout=5)
        back = urlsplit(answer.headers["Location"])
        assert back.path == "/sso/callback/"
        return browser.get(f"{back.path}?{back.query}")


@contextmanager
def running() -> Iterator[LiveProvider]:
    """Started, and ended afterwards."""
    port = ports.free()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{url}/.well-known/openid-configuration", timeout=5).read()
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, "the provider ended"
                assert time.monotonic() < deadline, "the provider did not start"
                time.sleep(0.05)
        yield LiveProvider(url)
    finally:
        process.terminate()
        process.wait(timeout=10)
