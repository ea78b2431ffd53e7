"""The link to what the demo's sandbox delivers: on the demo's pages only, and to this machine only."""

from typing import Any

import pytest
from django.test import Client

from sharing import environment
from sharing.models import Role
from tests import factories

PAGE = "http://127.0.0.1:4000/_sandbox/deliveries"


@pytest.mark.django_db
def test_pages_link_to_the_deliveries_in_the_demo_only(client: Client, settings: Any) -> None:
    settings.DEMO_OUTBOX = "/nowhere"
    for address in ("/login/", "/mappings/"):
        if address == "/mappings/":
            client.force_login(factories.person(Role.OWNER))
        settings.DEMO_DELIVERIES = ""
        assert "_sandbox" not in client.get(address).content.decode()
        settings.DEMO_DELIVERIES = PAGE
        assert f'href="{PAGE}"' in client.get(address).content.decode()


@pytest.mark.parametrize(
    ("value", "public", "words"),
    [
        (PAGE, "https://fnshare.example.com", "others are served"),
        ("http://10.0.0.1:4000/", "http://localhost:8000", "no address of this machine"),
        ("javascript:alert(1)", "http://localhost:8000", "no address of this machine"),
    ],
)
def test_it_cannot_be_set_where_others_are_served_or_to_elsewhere(
    monkeypatch: pytest.MonkeyPatch, value: str, public: str, words: str
) -> None:
    monkeypatch.setenv("DEMO_DELIVERIES", value)
    with pytest.raises(environment.Misconfigured, match=words) as refused:
        environment.demo_deliveries(public)
    assert str(refused.value).startswith("fnshare cannot start: DEMO_DELIVERIES ")


def test_it_is_off_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEMO_DELIVERIES", raising=False)
    assert environment.demo_deliveries("http://localhost:8000") == ""
    monkeypatch.setenv("DEMO_DELIVERIES", PAGE)
    assert environment.demo_deliveries("http://localhost:8000") == PAGE
