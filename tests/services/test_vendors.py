"""Names from a public list: well formed, marked as what they are, and never a reason to trust."""

import re

import pytest

from sharing.models import Trusted
from sharing.services import consumers, trusting, vendors
from tests import factories
from tests.services.kept import allow, counted, kept, owner
from tests.services.test_consumers import SYSTEM

DATADOG = "464622532012"


def test_every_line_of_the_list_is_an_account_with_a_name_and_a_known_mark() -> None:
    found = vendors.vendors()
    assert len(found) > 400
    for number, one in found.items():
        assert re.fullmatch(r"\d{12}", number)
        assert one.name.strip() == one.name != ""
        assert one.mark in ("", "aws", "former")


def test_a_label_says_that_it_is_from_a_list() -> None:
    assert vendors.vendors()[DATADOG].label == "Vendor: Datadog (public list)"
    assert vendors.Vendor("ELB logs", "aws").label == "Vendor: AWS, ELB logs (public list)"
    assert vendors.Vendor("DoIt", "former").label == "Vendor: DoIt, formerly (public list)"
    assert vendors.vendor("111122223333") is None


def test_the_list_of_the_demo_s_story_knows_none_of_its_accounts() -> None:
    for number in ("111122223333", "222233334444", "333344445555", "444455556666", "666677778888"):
        assert vendors.vendor(number) is None


@pytest.mark.django_db
def test_a_vendor_is_neither_known_nor_trusted() -> None:
    kept(factories.function("f", owner()), allow(DATADOG))
    counted()
    one = consumers.find(DATADOG, by=SYSTEM)
    assert one is not None
    assert (one.account, one.zone) == (None, "outside")
    assert not Trusted.objects.exists()
    assert DATADOG not in trusting.trust().accounts
