"""How what is shared with somebody is shown: marks with words, and lists short enough to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from sharing.models import GrantState
from sharing.services.consuming import Shared, Way

Mark = tuple[str, str, str]  # tone, icon, words

#: What AWS was told, in words for the other side.
TOLD: dict[str, Mark] = {
    GrantState.PENDING: ("busy", "loader-2", "Being set up"),
    GrantState.GRANTING: ("busy", "loader-2", "Being set up"),
    GrantState.ACTIVE: ("ok", "circle-check", "Active"),
    GrantState.REVOKING: ("busy", "loader-2", "Being taken back"),
    GrantState.STUCK: ("bad", "alert-octagon", "Not settled, may still let you in"),
    GrantState.SUSPENDED: ("wait", "clock-pause", "Suspended by the owner"),
    GrantState.REVOKED: ("off", "circle-minus", "Taken back"),
    GrantState.EXPIRED: ("off", "clock-x", "Ended on its date"),
    GrantState.VANISHED: ("warn", "ghost-2", "Gone from AWS"),
}
SUSPENDING: Mark = ("busy", "loader-2", "Being suspended by the owner")
GONE: Mark = ("warn", "ghost-2", "Gone from AWS")
_LISTED = 3


@dataclass(frozen=True)
class ShownWay:
    """A way in with its mark, and what is said beneath it."""

    of: Way
    mark: Mark
    says: str
    may_leave: bool


@dataclass(frozen=True)
class ShownShare:
    """One row of the list."""

    of: Shared
    may: tuple[str, ...]
    more: int
    who: tuple[str, ...]
    marks: tuple[Mark, ...]


def shown_way(way: Way, of: Shared) -> ShownWay:
    """One way in."""
    says = {
        "grant": "",
        "elsewhere": "Made by other means than fnshare: the owner can end it.",
        "organisation": "Through your organisation: it is shared with all of its accounts.",
    }[way.how]
    if way.kept:
        says = "You gave it back, and it could not be removed: AWS still holds it. Try again later, or ask the owner."
    if not way.sure:
        says = f"{says} It is tied to conditions that cannot be judged from here: a check tells.".strip()
    return ShownWay(way, mark_of(way, of), says, way.how == "grant" and way.told != GrantState.REVOKING)


def mark_of(way: Way, of: Shared, now: datetime | None = None) -> Mark:
    """Where one way in stands."""
    if of.gone:
        return GONE
    if way.told == GrantState.ACTIVE and way.until and way.until <= (now or timezone.now()):
        return "warn", "clock-x", "Past its end date, still held"
    if not way.sure:
        return "warn", "help-circle", "Perhaps"
    if way.told:
        return SUSPENDING if way.pausing else TOLD[way.told]
    if of.policy.unread_since is not None:
        return "warn", "eye-off", "As last read, not readable since"
    return "ok", "circle-check", "Active"


def shown_share(of: Shared) -> ShownShare:
    """A row: what they may do and who of theirs, the first few of each."""
    may = tuple(dict.fromkeys(way.does for way in of.ways))
    who = tuple(dict.fromkeys("" if way.is_account else way.principal.split(":", 5)[-1] for way in of.ways))
    marks = tuple(dict.fromkeys(mark_of(way, of) for way in of.ways))
    return ShownShare(of, may[:_LISTED], max(0, len(may) - _LISTED), tuple(one for one in who if one)[:_LISTED], marks)
