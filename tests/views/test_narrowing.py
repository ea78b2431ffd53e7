"""Lists narrowed to accounts by a name, a part of it or digits: never by choosing among thousands."""

import pytest
from django.test import Client
from django.utils import timezone

from sharing.models import Account, LayerVersion, Reading, Role
from tests import factories
from tests.services.kept import allow, counted, kept
from tests.services.test_waking import BUCKET, mapping, service

pytestmark = pytest.mark.django_db

LISTS = ("/functions/", "/layers/", "/mappings/", "/access/map/")
NUMBERS = {"Shop": "111122223333", "Shop north": "111144445555", "Payments": "999900001111"}


def estate(name: str) -> Account:
    """An account with a function that is let into and polls, and a layer; each is named after the account's digits."""
    number = NUMBERS[name]
    account = factories.account(name, number)
    now = timezone.now()
    function = factories.function(f"f-{number[:6]}", account, urls={}, details_read_at=now, mappings_read_at=now)
    kept(function, allow(f"{600_000_000_000 + int(number[:6])}"))
    mapping(function, f"arn:aws:sqs:us-east-1:{number}:jobs")
    arn = f"arn:aws:lambda:us-east-1:{number}:layer:f-{number[:6]}:1"
    LayerVersion.objects.create(
        account=account, region="us-east-1", name=f"f-{number[:6]}", number=1, arn=arn, reading=Reading.NONE, read_at=now
    )
    counted()
    return account


def shown(page: str) -> set[str]:
    """Whose functions or layers a page has; where it shows accounts, which."""
    body = page.partition("<main")[2]
    return {name for name, number in NUMBERS.items() if f"f-{number[:6]}" in body or f">{name}</a>" in body}


@pytest.fixture
def pages(client: Client) -> Client:
    for name in NUMBERS:
        estate(name)
    client.force_login(factories.person(Role.AUDITOR))
    return client


@pytest.mark.parametrize("address", LISTS)
def test_a_list_is_narrowed_by_a_name_a_part_of_it_or_digits(pages: Client, address: str) -> None:
    for words, wanted in (
        ("shop", {"Shop"}),
        ("hop", {"Shop", "Shop north"}),
        ("9999 0000", {"Payments"}),
        ("9999-0000-1111", {"Payments"}),
        ("1111", set(NUMBERS)),
        ("", set(NUMBERS)),
    ):
        response = pages.get(address, {"account": words})
        page = response.content.decode()
        assert response.status_code == 200, words
        assert shown(page) == wanted, words
        assert f'value="{words}"' in page or not words
    assert '<option value="999900001111"' not in page


@pytest.mark.parametrize("address", LISTS)
def test_what_is_no_account_is_said_and_nothing_is_shown(pages: Client, address: str) -> None:
    for words in ("nobody", "no\x00body", "9" * 400):
        response = pages.get(address, {"account": words})
        page = response.content.decode()
        assert response.status_code == 422, words[:9]
        assert not shown(page)
        assert 'id="id_account_error"' in page
    response = pages.get(address, {"account": "nobody"})
    assert "No account in your scope has “nobody” in its name or digits." in response.content.decode()


@pytest.mark.parametrize("address", LISTS)
def test_an_account_out_of_scope_is_none(client: Client, address: str) -> None:
    mine, _ = estate("Shop"), estate("Payments")
    client.force_login(factories.person(Role.OWNER, accounts=[mine]))
    for words in ("payments", "9999"):
        response = client.get(address, {"account": words})
        assert response.status_code == 422
        assert not shown(response.content.decode())


def test_all_that_a_list_is_narrowed_to_is_shared_at_once(pages: Client) -> None:
    pages.force_login(factories.person(Role.OWNER))
    given = {"every": "1", "account": "hop"}
    page = pages.get("/functions/bulk/new/", given).content.decode()
    assert page.count(":function:f-1111") == 2
    assert ":function:f-9999" not in page
    assert ":function:f-" not in pages.get("/functions/bulk/new/", given | {"account": "nobody"}).content.decode()


def test_a_source_in_an_account_that_nobody_named_is_found_by_its_digits(pages: Client) -> None:
    function = Account.objects.get(name="Shop").functions.get()
    kept(function, service("s3", BUCKET, "777766665555"))
    for words in ("777766665555", "7777 6666"):
        page = pages.get("/mappings/", {"account": words}).content.decode()
        assert "7777 6666 5555" in page
        assert shown(page) == {"Shop"}
    told = b"".join(pages.get("/mappings/export/", {"account": "7777 6666"})).decode()
    assert "777766665555" in told.replace(" ", "")
    assert "f-9999" not in told


def test_the_matrix_leaves_out_what_is_no_account(pages: Client) -> None:
    assert pages.get("/access/matrix/", {"account": "nonsense"}).status_code == 200
