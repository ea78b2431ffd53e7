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


def polled(ground: Ground) -> Iterator[Waker]:
    """The event source mappings as last read. Two queries."""
    rows = Mapping.objects.present().filter(function__in=ground.functions).select_related("function")
    ended = Qualifier.objects.filter(vanished_at__isnull=False, function__in=Mapping.objects.present().values("function"))
    gone = set(ended.filter(function__in=ground.functions).values_list("function_id", "name"))
    for row in rows:
        of = row.function
        yield Waker(
            Way.PULL,
            ground.place(of.pk, of.name, of.arn, of.region, of.account_id),
            row.qualifier,
            kind_of(row.source_arn),
            (row.source_arn,) if row.source_arn else (),
            row.source_account,
            ground.names.get(row.source_account, ""),
            mapping=row.pk,
            state=row.state,
            result=last_result(row),
            stuck_since=stuck_since(row),
            lacks=f"{row.qualifier}, which it runs, is gone" if (of.pk, row.qualifier) in gone else "",
        )


def last_result(mapping: Mapping) -> str:
    """AWS's LastProcessingResult; "" where it is not kept."""
    return str(getattr(mapping, "last_result", "") or "")


def stuck_since(mapping: Mapping) -> datetime | None:
    """Since when it is on its way to another state, if two reads more than 15 minutes apart found it so.

    The clock alone makes nothing stuck: what was not read again may long be well. `mapping.function` should be loaded.
    """
    reads = (mapping.function.mappings_read_at, getattr(mapping, "read_at", None))
    last = max((one for one in reads if one is not None), default=None)
    if mapping.state not in SETTLING or mapping.state_since is None or last is None:
        return None
    return mapping.state_since if last - mapping.state_since > _SETTLES_WITHIN else None
