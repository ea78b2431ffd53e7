"""An authenticator app and a passkey, through a real browser with a virtual authenticator."""

import re
import time
from collections.abc import Callable

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from tests.e2e.conftest import Visitor

Visit = Callable[..., Visitor]
#: A device that holds passkeys and says yes by itself.
_DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_an_app_and_a_passkey_are_added_used_and_removed(visit: Visit) -> None:
    visitor = visit("")
    visitor.role = "second owner"
    page = visitor.page
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": _DEVICE})
    visitor.sign_in()

    visitor.open("/settings/profile/factors/")
    assert visitor.accessibility_problems() == []
    page.get_by_role("link", name="Set up an app").click()
    secret = page.locator("[data-copy]").get_attribute("data-copy") or ""
    assert visitor.accessibility_problems() == []
    page.get_by_label("Authenticator code").fill(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))
    page.get_by_role("button", name="Set up").click()
    page.get_by_text("You see these once.").wait_for()
    codes = re.findall(r"\d{8}", page.locator("#recovery-codes").inner_text())
    assert len(codes) == 10
    assert visitor.accessibility_problems() == []

    visitor.open("/login/again/")
    assert visitor.accessibility_problems() == []
    visitor.open("/settings/profile/factors/passkeys/add/")
    assert visitor.accessibility_problems() == []
    page.get_by_label("Name").fill("Laptop")
    page.get_by_role("button", name="Add").click()
    page.get_by_role("row", name=re.compile("Laptop.*By itself")).wait_for()

    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda url: "/login/" not in url)

    # The password, then the passkey as the second step.
    page.context.clear_cookies()
    login = visitor.demo.login(visitor.role)
    visitor.open("/login/")
    page.locator("[name=login]").fill(login["email"])
    page.locator("[name=password]").fill(login["password"])
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/login/second/")
    assert visitor.accessibility_problems() == []
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(lambda url: "/login/" not in url)

    visitor.open("/settings/profile/factors/")
    page.get_by_role("link", name="Remove Laptop").click()
    page.get_by_role("button", name="Remove").click()
    page.get_by_text("The passkey was removed.").wait_for()
    visitor.open("/settings/profile/factors/app/remove/")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("link", name="Set up an app").wait_for()
