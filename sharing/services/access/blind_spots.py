"""What a matrix or a map did not look at, in a fixed number of cheap queries: "nobody" is never shown without it."""

from __future__ import annotations

from collections.abc import Sequence

from sharing.models import Account, Connection, ConnectionState, Purpose, Sync, SyncKind
from sharing.services.syncing.latest import ended_places, last_failed

from .account_matrix import Facts

#: True of every answer from policies alone.
ALWAYS = (
    "Identity policies and role trusts inside the owner accounts, event source mappings, and what the other accounts' own "
    "policies allow or forbid are not part of this picture."
)
_NAMED = 3


def blind_spots(accounts: Sequence[Account], facts: Facts) -> list[str]:
    """One sentence each, the most telling first. `facts`: what was counted of these accounts. Three queries."""
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
    managers = {
        one.account_id: one
        for one in Connection.objects.standing().filter(purpose=Purpose.MANAGER, account__in=[one.pk for one in accounts])
    }
    sweeps = Sync.objects.filter(kind=SyncKind.SWEEP, account__in=[one.pk for one in accounts])
    ended, failing = ended_places(sweeps), last_failed(sweeps)
    away, failed, never, unlisted = [], [], [], []
    for account in accounts:
        connection = managers.get(account.pk)
        if connection is None or connection.state != ConnectionState.CONNECTED:
            away.append(account.name)
            continue
        for region in connection.regions:
            if (account.pk, region) not in ended:
                never.append(f"{account.name} {region}")
            elif (account.pk, region) in failing:
                failed.append(f"{account.name} {region}")
        unlisted += [f"{account.name} {one}" for one in sorted(set(connection.enabled_regions or []) - set(connection.regions))]
    said = (
        (away, "Not connected now, so not read again"),
        (failed, "The last read failed"),
        (never, "Not read yet"),
        (unlisted, "Enabled, but not among the regions that are read"),
    )
    return [f"{words}: {_listed(found)}." for found, words in said if found]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED:,} more"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
