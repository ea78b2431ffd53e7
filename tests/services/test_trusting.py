"""The trust list: who changes it, what it takes, and that history tells."""

import pytest

from sharing.models import Actor, Event, Trusted
from sharing.services import trusting
from sharing.services.errors import NotPermitted, Refusal
from tests import factories

pytestmark = pytest.mark.django_db


def admin() -> Actor:
    return Actor.of(factories.person("admin"))


def test_an_account_may_be_written_with_spaces_and_an_organisation_by_its_id() -> None:
    trusting.add("1111 2222-3333", by=admin(), note="Payroll")
    trusting.add("o-a1b2c3d4e5", by=admin())
    found = trusting.trust()
    assert found.accounts == {"111122223333"}
    assert found.organizations == {"o-a1b2c3d4e5"}
    assert found.words == found.brief == "Trusted: 111122223333, o-a1b2c3d4e5"


def test_a_long_list_is_counted_on_pages_and_whole_in_reports() -> None:
    numbers = frozenset(f"{number}" for number in range(111122220000, 111122221200))
    assert trusting.Trust(numbers).brief == "Trusted: 1,200 accounts"
    assert trusting.Trust(numbers, frozenset({"o-a1b2c3d4e5"})).brief == "Trusted: 1,200 accounts and 1 organisation"
    assert "111122220007, 111122220008" in trusting.Trust(numbers).words
    assert trusting.Trust().brief == "Nobody is on the trust list"


@pytest.mark.parametrize("value", ["", "11112222333", "o-short", "o-A1B2C3D4E5", "Acme", "1111222233334"])
def test_anything_else_is_refused_with_what_it_should_be(value: str) -> None:
    with pytest.raises(Refusal, match=r"12 digits|o-a1b2c3d4e5|blank"):
        trusting.add(value, by=admin())
    assert not Trusted.objects.exists()


def test_the_same_twice_is_refused() -> None:
    trusting.add("111122223333", by=admin())
    with pytest.raises(Refusal, match="trusted already"):
        trusting.add("111122223333", by=admin())


def test_an_entry_is_found_by_digits_note_id_or_its_accounts_name() -> None:
    factories.account("Acme", "111122223333")
    trusting.add("111122223333", by=admin(), note="Payroll")
    trusting.add("o-a1b2c3d4e5", by=admin())
    for text in ("acme", "1111 2222", "22223", "payroll"):
        assert [one.value for one in trusting.called(text)] == ["111122223333"], text
    assert [one.value for one in trusting.called("a1b2")] == ["o-a1b2c3d4e5"]
    assert not trusting.called("nobody")
    assert trusting.called("").count() == 2
    trusting.add("222233334444", by=admin())
    for text in ("2222 3333 4444", "3333-4444"):  # no account of these digits is known
        assert [one.value for one in trusting.called(text)] == ["222233334444"], text


@pytest.mark.parametrize("role", ["owner", "auditor"])
def test_only_admins_change_it(role: str) -> None:
    entry = trusting.add("111122223333", by=admin())
    with pytest.raises(NotPermitted):
        trusting.add("222233334444", by=Actor.of(factories.person(role)))
    with pytest.raises(NotPermitted):
        trusting.remove(entry, by=Actor.of(factories.person(role)))
    assert trusting.trust().accounts == {"111122223333"}


def test_history_names_an_account_beside_its_digits() -> None:
    factories.account("Globex", "222233334444")
    for value in ("222233334444", "111122223333", "o-a1b2c3d4e5"):
        trusting.remove(trusting.add(value, by=admin()), by=admin())
    said = list(Event.objects.order_by("sequence").values_list("text", flat=True))
    for at, who in enumerate(("Globex (222233334444)", "account 111122223333", "organisation o-a1b2c3d4e5")):
        assert said[2 * at : 2 * at + 2] == [f"Trusted from now on: {who}.", f"Not trusted any more: {who}."]


def test_both_ways_are_history_and_removing_twice_is_once() -> None:
    entry = trusting.add("111122223333", by=admin(), note="Payroll")
    same = Trusted.objects.get(pk=entry.pk)
    trusting.remove(entry, by=admin())
    trusting.remove(same, by=admin())
    assert list(Event.objects.order_by("sequence").values_list("verb", "reason")) == [
        ("trust.added", "Payroll"),
        ("trust.removed", ""),
    ]
