"""The source role a worker goes through, or why there is none."""

from __future__ import annotations

from sharing.models import Connection, ConnectionState, Purpose
from sharing.services.errors import Refusal
from sharing.services.granting.door import NoWayIn


def way_to(source: str, account: str) -> Connection:
    """The source role through which a worker may change the source. Raises NoWayIn."""
    standing = Connection.objects.standing().filter(purpose=Purpose.SOURCE, account__number=account)
    found = standing.select_related("account").first()
    if found is None or not found.role_arn:
        raise _closed(
            f"Account {account} has no source role any more.",
            "Connect one in Settings, Accounts, and try again; or have it done by hand and say so.",
            for_now=False,
        )
    if source not in found.limited_to:
        raise _closed(
            f"The source role of {found.account} is not made for this source.",
            "Add the source to the role in Settings, Accounts, and try again; or have it done by hand and say so.",
            for_now=False,
        )
    if found.state == ConnectionState.REFUSED:
        text = f"The source role of {found.account} was refused: {found.failure}".strip()
        raise _closed(text, found.failure_next or "Ask an admin to repair it, then try again.", for_now=False)
    if found.state != ConnectionState.CONNECTED:
        text = f"The source role of {found.account} is not usable now: {found.get_state_display().lower()}."
        raise _closed(text, "It goes on by itself once an admin resumed or tested it.", for_now=True)
    return found


def _closed(message: str, following: str, *, for_now: bool) -> NoWayIn:
    return NoWayIn(Refusal(message, next=following, code="not-connected"), for_now=for_now)
