"""The list for keeping: CSV for people, JSON for programs. Formulas are made harmless as in every export."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from sharing.services.access.exporting import csv_text, json_text
from sharing.services.gaps import utc

from .listing import find, page_rows
from .reaching import Side
from .telling import Shared, Way

_AT_ONCE = 200
COLUMNS = (
    "Function", "Alias or version", "Function ARN", "Owner", "Owner's account id", "Region", "For", "For account id", "Who",
    "May", "Action", "Until", "Told", "How", "Sure", "Last check", "Checked as", "Checked at",
)  # fmt: skip
HOW = {"grant": "shared here", "elsewhere": "by other means", "organisation": "through your organisation"}
TOLD = {
    "": "read in the policy", "pending": "being set up", "granting": "being set up", "active": "active",
    "revoking": "being taken back", "stuck": "not settled, may hold access", "suspended": "suspended by the owner",
}  # fmt: skip
PAUSING = "being suspended by the owner"


def shared_csv(side: Side, text: str = "") -> Iterator[str]:
    """Every way in that the list shows, one a row."""
    rows = (_row(found, way) for found in _every(side, text) for way in found.ways)
    return csv_text(_head(side, text), COLUMNS, rows)


def shared_json(side: Side, text: str = "") -> Iterator[str]:
    """The same as one object; `shared` comes last."""
    facts = {
        "about": _head(side, text),
        "accounts": [{"number": one.number, "name": one.name} for one in side.accounts.values()],
    }
    return json_text(facts, "shared", (_item(found, way) for found in _every(side, text) for way in found.ways))


def _head(side: Side, text: str) -> list[str]:
    accounts = ", ".join(str(one) for one in side.accounts.values()) or "no account"
    return [
        f"Shared with {accounts}, as fnshare knows it at {utc(timezone.now())}. What the accounts themselves allow counts too.",
        *([f"Only what matches: {text}"] if text else []),
    ]


def _every(side: Side, text: str) -> Iterator[Shared]:
    keys = find(side, text)
    for first in range(0, len(keys), _AT_ONCE):
        yield from page_rows(side, keys[first : first + _AT_ONCE])


def _row(found: Shared, way: Way) -> tuple[object, ...]:
    return tuple(_item(found, way).values())


def _item(found: Shared, way: Way) -> dict[str, Any]:
    function, tried = found.policy.function, found.tried
    return {
        "function": function.name,
        "qualifier": found.policy.qualifier,
        "function_arn": found.policy.arn,
        "owner": function.account.name,
        "owner_account": function.account.number,
        "region": function.region,
        "for": way.account.name,
        "for_account": way.account.number,
        "principal": way.principal,
        "may": way.does,
        "action": way.action,
        "until": utc(way.until) if way.until else "",
        "told": PAUSING if way.pausing else TOLD.get(way.told, way.told),
        "how": HOW[way.how],
        "sure": "yes" if way.sure else "depends",
        "last_check": tried.verdict if tried else "",
        "checked_as": tried.principal if tried else "",
        "checked_at": utc(tried.at) if tried else "",
    }
