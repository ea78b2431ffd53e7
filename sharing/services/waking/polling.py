"""Pull: what Lambda polls with the function's own role. No statement is needed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sharing.models import Mapping, Qualifier

from .ground import Ground
from .shapes import Waker, Way
from .sources import kind_of

#: States that AWS leaves by itself, within minutes.
SETTLING: Final = ("Creating", "Enabling", "Disabling", "Updating", "Deleting")
_SETTLES_WITHIN: Final = timedelta(minutes=15)
#: Columns only: a list of ten thousand needs no objects, and what a mapping's options say is no part of it.
_READ: Final = (
    "pk", "function_id", "function__name", "function__arn", "function__region", "function__account_id",
    "function__mappings_read_at", "qualifier", "source_arn", "source_account", "state", "state_since", "last_result", "read_at",
)  # fmt: skip


def polled(ground: Ground) -> Iterator[Waker]:
    """The event source mappings as last read. Two queries."""
    rows = Mapping.objects.present().filter(function__in=ground.functions).values(*_READ)
    ended = Qualifier.objects.filter(vanished_at__isnull=False, function__in=Mapping.objects.present().values("function"))
    gone = set(ended.filter(function__in=ground.functions).values_list("function_id", "name"))
    for row in rows.iterator(chunk_size=2000):
        arn, qualifier, whose, of = row["source_arn"], row["qualifier"], row["source_account"], row["function_id"]
        yield Waker(
            Way.PULL,
            ground.place(of, *(row[f"function__{name}"] for name in ("name", "arn", "region", "account_id"))),
            qualifier,
            kind_of(arn),
            (arn,) if arn else (),
            whose,
            ground.names.get(whose, ""),
            mapping=row["pk"],
            state=row["state"],
            result=row["last_result"],
            stuck_since=_stuck(row["state"], row["state_since"], row["function__mappings_read_at"], row["read_at"]),
            lacks=f"{qualifier}, which it runs, is gone" if (of, qualifier) in gone else "",
        )


def stuck_since(mapping: Mapping) -> datetime | None:
    """Since when it is on its way to another state, if two reads more than 15 minutes apart found it so.

    The clock alone makes nothing stuck: what was not read again may long be well. `mapping.function` should be loaded.
    """
    return _stuck(mapping.state, mapping.state_since, mapping.function.mappings_read_at, mapping.read_at)


def _stuck(state: str, since: datetime | None, *reads: datetime | None) -> datetime | None:
    if state not in SETTLING or since is None:
        return None
    last = max((one for one in reads if one is not None), default=None)
    return since if last is not None and last - since > _SETTLES_WITHIN else None
