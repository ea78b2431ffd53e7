"""What the browser is told with every answer, also those that no page gave; and what a deployed installation adds."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from sharing.models import Role
from tests import factories
from tests.everything import CHECKOUT, DEPLOYED, environ
from tests.views.test_walked import HEADERS, lacking

pytestmark = pytest.mark.django_db

ASKED = """
import gc, json, sharing.wsgi
frozen = gc.get_freeze_count()
from django.test import Client
from django.conf import settings
redirected = Client().get("/login/", headers={"host": "fnshare.example.com"})
foreign = Client(raise_request_exception=False).get("/login/", headers={"host": "evil.example", "x-forwarded-proto": "https"})
names = ("SESSION_COOKIE_NAME", "SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE",
         "CSRF_COOKIE_NAME", "CSRF_COOKIE_SECURE", "CSRF_COOKIE_HTTPONLY", "CSRF_COOKIE_SAMESITE")
print(json.dumps({
    "cookies": {name: getattr(settings, name) for name in names},
    "redirected": [redirected.status_code, dict(redirected.headers)],
    "frozen": frozen,
    "foreign": [foreign.status_code, dict(foreign.headers)],
}))
"""


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    """What an installation behind https answers, and its cookies: another process, because settings are read once."""
    made = subprocess.run(
        [sys.executable, "-c", ASKED],
        cwd=CHECKOUT,
        env=environ(DEPLOYED, {"PATH": os.environ["PATH"]}),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(made.stdout.strip().splitlines()[-1])
    return found


def test_what_is_loaded_once_is_not_looked_at_by_every_collection_of_garbage(deployed: dict[str, Any]) -> None:
    assert deployed["frozen"] > 50_000, "or a page in some hundred waits for it, a tenth of a second"


def test_cookies_of_a_deployed_installation_belong_to_this_host_over_https(deployed: dict[str, Any]) -> None:
    for kind in ("SESSION", "CSRF"):
        cookie = {name.removeprefix(f"{kind}_COOKIE_"): value for name, value in deployed["cookies"].items() if kind in name}
        assert cookie.pop("NAME").startswith("__Host-")
        assert cookie == {"SECURE": True, "HTTPONLY": True, "SAMESITE": "Lax"}


def test_http_is_led_to_https_and_a_foreign_host_to_nothing(deployed: dict[str, Any]) -> None:
    status, headers = deployed["redirected"]
    assert (status, headers["Location"]) == (301, "https://fnshare.example.com/login/")
    assert deployed["foreign"][0] == 400
    for _, answer in (deployed["redirected"], deployed["foreign"]):
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"
    assert "max-age=31536000" in deployed["foreign"][1]["Strict-Transport-Security"]


def test_cookies_are_kept_from_scripts_and_from_other_sites(client: Client) -> None:
    factories.person(Role.OWNER, email="ada@example.com")
    client.get("/login/")
    client.post("/login/", {"login": "ada@example.com", "password": factories.PASSWORD})
    assert {"sessionid", "csrftoken"} <= set(client.cookies)
    for cookie in client.cookies.values():
        assert cookie["httponly"], cookie.key
        assert cookie["samesite"] == "Lax", cookie.key
        assert not cookie["domain"], cookie.key


@pytest.mark.parametrize("address", ["/nonsense/", "/login", "/static/none.css", "/search/?q=%00"])
def test_errors_and_redirects_have_them_too(client: Client, address: str) -> None:
    client.force_login(factories.person(Role.OWNER))
    expected = set(lacking(client.get(address)))
    assert expected <= ({"Cache-Control"} if "static" in address else set())


def test_so_has_the_page_that_a_dead_database_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(factories.person(Role.OWNER))

    def dead(*_args: Any, **_kwargs: Any) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", dead)
    answer = client.get("/")
    assert answer.status_code == 500
    assert lacking(answer) == []


def test_so_has_what_is_refused_before_any_page(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["fnshare.example.com"]
    answer = Client(raise_request_exception=False).get("/login/", headers={"host": "evil.example"})
    assert answer.status_code == 400
    # Django's own middleware did not come to its turn: what it adds is missing, on a page without a word of ours.
    assert set(lacking(answer)) <= {"Referrer-Policy", "Cross-Origin-Opener-Policy"}
    assert "X-Content-Type-Options" in HEADERS
