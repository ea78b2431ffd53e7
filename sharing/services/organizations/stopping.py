"""Accounts that left their organisation, are suspended or closed: nothing is read or written there any more.

Once for each departure: an admin who resumes a connection afterwards has decided. What was given may still be taken back
through a manager role that answers (`Connection.lets_take_back`).
"""

from collections.abc import Collection

from django.utils import timezone

from sharing.models import Actor, Connection, ConnectionState, Purpose
from sharing.services import history

_S = ConnectionState
_CHUNK = 500


def stop(numbers: Collection[str], why: str) -> None:
    """Pause every connection of these accounts, but the one that reads an organisation. Call it in a transaction."""
    for held in _standing(numbers, (_S.CONNECTED, _S.TESTING)):
        if held.role_arn:
            held.state, held.paused_because, held.test_wanted_at = _S.PAUSED, why, None
            held.save(update_fields=["state", "paused_because", "test_wanted_at"])
            text = f"{held.get_purpose_display()} of {held.account.name} paused: nothing is read or written. {why}"
            history.record("connection.paused", text, by=Actor.system(), account=held.account)


def go_on(numbers: Collection[str]) -> None:
    """Undo `stop` for accounts that are back, and have their roles tested again. Call it in a transaction."""
    for held in _standing(numbers, (_S.PAUSED,)):
        if held.paused_because:
            held.state, held.paused_because, held.test_wanted_at = _S.CONNECTED, "", timezone.now()
            if held.connected_at is None:
                held.state = _S.TESTING
            held.save(update_fields=["state", "paused_because", "test_wanted_at"])
            text = f"{held.get_purpose_display()} of {held.account.name} resumed: its account is an active member again"
            history.record("connection.resumed", text, by=Actor.system(), account=held.account)


def _standing(numbers: Collection[str], states: Collection[ConnectionState]) -> list[Connection]:
    found: list[Connection] = []
    listed = sorted(numbers)
    for start in range(0, len(listed), _CHUNK):
        rows = Connection.objects.filter(account__number__in=listed[start : start + _CHUNK], state__in=states)
        rows = rows.exclude(purpose=Purpose.ORGANIZATION).select_for_update(of=("self",))
        found += rows.select_related("account").order_by("account__number", "purpose")
    return found
