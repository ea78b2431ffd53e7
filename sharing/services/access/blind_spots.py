"""What a matrix or a map did not look at, in a fixed number of cheap queries: "nobody" is never shown without it."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, Q

from sharing.models import Account, Connection, ConnectionState, Purpose, ReadPlace
from sharing.services.syncing.coverage import ORDER

from .account_matrix import Facts

#: True of every answer from policies alone.
ALWAYS = (
    "Identity policies and role trusts inside the owner accounts, event source mappings, and what the other accounts' own "
    "policies allow or forbid are not part of this picture."
)
_NAMED = 3
#: Of places in accounts that are connected.
_GAPS = {
    "many_failed": (Q(aside=0, failed=True), "The last read failed"),
    "many_never": (Q(aside=0, failed=False, read_at=None), "Not read yet"),
    "many_left_out": (Q(aside__gt=0), "Enabled, but not among the regions that are read"),
}


def blind_spots(accounts: Sequence[Account], facts: Facts) -> list[str]:
    """One sentence each, the most telling first. `facts`: what was counted of these accounts."""
    said = []
    if facts.uncounted:
        said.append(f"{_many(facts.uncounted, 'owner account')} not counted yet: a worker does it within a minute.")
    if facts.unread:
        said.append(f"{_many(facts.unread, 'function')} with a policy that could never be read: nobody knows what it lets in.")
    if facts.stale:
        said.append(f"{_many(facts.stale, 'function')} with a policy that is not readable any more: shown as it was last read.")
    said += _places(accounts)
    if facts.unlooked:
        said.append(f"Policies of published versions were not read yet for {_many(facts.unlooked, 'function')}.")
    return [*said, ALWAYS]


def _places(accounts: Sequence[Account]) -> list[str]:
    keys = [one.pk for one in accounts]
    managers = Connection.objects.usable().filter(purpose=Purpose.MANAGER, account__in=keys)
    connected = set(managers.values_list("account_id", flat=True))
    away = [account.name for account in accounts if account.pk not in connected]
    places = ReadPlace.objects.filter(account__in=keys, connection__state=ConnectionState.CONNECTED)
    counts = places.aggregate(**{name: Count("pk", filter=which) for name, (which, _) in _GAPS.items()})
    said = [f"Not connected now, so not read again: {_listed(away, len(away))}."] if away else []
    for name, (which, words) in _GAPS.items():
        if counts[name]:
            first = places.filter(which).order_by(*ORDER).values_list("account__name", "region")[:_NAMED]
            said.append(f"{words}: {_listed([' '.join(place) for place in first], counts[name])}.")
    return said


def _listed(names: Sequence[str], many: int) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if many <= _NAMED else f"{shown} and {many - _NAMED:,} more"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
