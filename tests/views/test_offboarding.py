"""Offboarding an account, as pages: what goes and what stays, one confirmation, how far it is, the way back."""

import csv
import re
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import Account, Grant, GrantState, Offboarding, Role
from sharing.services import offboarding
from tests import factories
from tests.services.kept import ACME, GLOBEX, allow, kept

pytestmark = pytest.mark.django_db

PAGE = f"/consumers/{ACME}/offboard/"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def me(client: Client) -> Client:
    function = factories.shareable()
    kept(function, allow({"AWS": [ACME, GLOBEX]}))
    factories.grant(function, ACME)
    factories.account(HOSTILE, ACME)
    client.force_login(factories.person(Role.OWNER))
    return client


def fields(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(seen|form)" value="([0-9a-f]+)">', page))


def confirmed(client: Client) -> Offboarding:
    form = {**fields(client.get(PAGE).content.decode()), "reason": "They left", "typed": ACME}
    assert client.post(PAGE, form).status_code == 302
    client.post(PAGE, form)  # a double click
    return Offboarding.objects.get()


def test_the_preview_says_what_goes_and_what_stays_and_writes_nothing(me: Client) -> None:
    page = me.get(PAGE).content.decode()
    assert "To be taken away: 1" in page
    assert "Left as it is: 1" in page
    assert "lets in others too" in page
    assert HOSTILE not in page
    assert not Offboarding.objects.exists()
    assert PAGE in me.get(f"/consumers/{ACME}/").content.decode()


def test_of_more_than_is_shown_the_page_says_that_there_is_more(me: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = offboarding.preview

    def long(*given: Any, **named: Any) -> offboarding.Preview:
        found = whole(*given, **named)
        return replace(found, kept=found.kept * 501)

    monkeypatch.setattr(offboarding, "preview", long)
    assert "and the rest of 501, not shown here" in me.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("verb", "counted", "what"),
    [
        ("offboard", "3 would be taken away, 1 would stay", ["to be taken away"] * 3),
        ("suspend", "0 would be suspended, 4 would stay", ["stays"] * 3),  # rows alone: nobody could write them again
    ],
)
def test_the_whole_list_is_a_file_by_function_with_what_stays_and_no_formula(
    me: Client, verb: str, counted: str, what: list[str]
) -> None:
    shop = Account.objects.get(number="444455556666")
    for name in ("zebra", "antelope"):
        factories.grant(factories.function(name, shop), ACME)
    Account.objects.filter(pk=shop.pk).update(name="=Platform")
    address = f"/consumers/{ACME}/{verb}/"
    page = me.get(address).content.decode()
    assert page.index("antelope") < page.index("label-uploads") < page.index("zebra")
    assert 'href="?format=csv"' in page
    response = me.get(f"{address}?format=csv")
    name = f"fnshare-{verb}-{ACME}-{timezone.now():%Y-%m-%d}.csv"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    rows = list(csv.reader(b"".join(response).decode("utf-8-sig").splitlines()))
    assert any(counted in row[0] for row in rows if row)
    table = rows[rows.index([]) + 2 :]
    assert [row[0] for row in table] == [*what, "stays"]
    assert [next(one for one in ("antelope", "label", "zebra") if one in row[2]) for row in table[:3]] == [
        "antelope",
        "label",
        "zebra",
    ]
    assert "lets in others too" in table[3][2]
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert not Offboarding.objects.exists()
    me.force_login(factories.person(Role.AUDITOR))
    assert me.get(f"{address}?format=csv").status_code == 403


def test_a_form_that_is_not_right_does_nothing_and_comes_back(me: Client) -> None:
    right = {**fields(me.get(PAGE).content.decode()), "reason": "They left", "typed": ACME}
    for change in (
        {"typed": "Globex"},
        {"typed": "\x00"},
        {"reason": "x" * 501},
        {"seen": "0" * 32},
        {"seen": ""},
        {"form": "x" * 100},
    ):
        response = me.post(PAGE, {**right, **change})
        assert response.status_code == 422, change
        assert "To be taken away: 1" in response.content.decode(), change
    assert not Offboarding.objects.exists()


def test_the_page_of_an_offboarding_polls_while_something_is_under_way(me: Client) -> None:
    made = confirmed(me)
    address = f"/consumers/offboardings/{made.pk}/"
    page = me.get(address).content.decode()
    assert 'hx-trigger="every' in page
    assert f"{address}undo/" not in page
    offboarding.run(made.pk)
    Grant.objects.update(state=GrantState.REVOKED)
    fragment = me.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "<h1" not in fragment
    assert 'hx-trigger="every' not in fragment
    assert "1 gone, 0 under way, 0 not done" in fragment
    assert HOSTILE not in fragment
    assert me.get(f"{address}undo/").status_code == 200
    assert me.post(f"{address}undo/", {"roles": "on"}).headers["Location"] == address
    made.refresh_from_db()
    assert made.undo_roles
    assert "asked for it all again" in me.get(address).content.decode()


def test_after_a_day_it_says_that_it_is_too_late(me: Client) -> None:
    made = confirmed(me)
    Offboarding.objects.update(created_at=timezone.now() - timedelta(days=2))
    response = me.post(f"/consumers/offboardings/{made.pk}/undo/")
    assert (response.status_code, "A day has passed" in response.content.decode()) == (422, True)


def test_what_is_out_of_scope_does_not_exist(me: Client, client: Client) -> None:
    made = confirmed(me)
    address = f"/consumers/offboardings/{made.pk}/"
    client.force_login(factories.person(Role.OWNER, accounts=[factories.account()]))
    assert client.get(PAGE).status_code == 404
    assert client.get(address).status_code == 404
    assert client.post(f"{address}undo/").status_code == 404
    assert client.get(f"/consumers/offboardings/{uuid.UUID(int=1)}/").status_code == 404
    assert client.get("/consumers/12345678901x/offboard/").status_code == 404
    client.force_login(factories.person(Role.AUDITOR))
    assert client.get(address).status_code == 200
    assert client.get(PAGE).status_code == 403
    client.force_login(factories.membership(account_=factories.account()).person)
    assert client.get(address).status_code == 404
