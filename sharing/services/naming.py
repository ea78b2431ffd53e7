"""Names people gave to accounts, and back to the digits AWS reads."""

from collections.abc import Iterable, Mapping
from typing import cast

from django.utils.functional import SimpleLazyObject

from sharing.models import Account


def account_names(of: Iterable[str] | None = None) -> dict[str, str]:
    """Account ids and the names people gave them; `of`: only of these, some hundred. One query."""
    found = Account.objects.all() if of is None else Account.objects.filter(number__in=set(of))
    return dict(found.values_list("number", "name"))


def spoken(number: str) -> str:
    """An account in a sentence: `Globex (222233334444)`, or `account 222233334444` where it has no name here. One query."""
    name = account_names([number]).get(number, "")
    return f"{name} ({number})" if name not in ("", number) else f"account {number}"


def numbers_by_name() -> Mapping[str, str]:
    """Names and the account ids they stand for. Two accounts of one name both stay, told apart by trailing spaces.

    One query, once somebody looks: of an estate's thousands of names, digits, an ARN and "everyone" need none.
    """
    return cast(Mapping[str, str], SimpleLazyObject(_numbers_by_name))


def _numbers_by_name() -> dict[str, str]:
    found: dict[str, str] = {}
    for number, name in Account.objects.values_list("number", "name"):
        while name in found:
            name += " "
        found[name] = number
    return found
