"""Wirings: what somebody asked for, beside what is there; and of those under way what is not there yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from sharing.models import Wiring, WiringState
from sharing.policy.wiring import SOURCES, Style

from .ground import Ground
from .shapes import Waker, Way

#: Why a wiring's row wakes nothing yet.
UNDER_WAY = "its wiring is not in place"


def wired(ground: Ground, rows: Iterable[Waker], way: Way | None = None) -> Iterator[Waker]:
    """The rows with their wirings, then those of which no row tells yet. One query.

    A push source names what it is limited to: a row of exactly this source, for the same function, alias or version.
    """
    found = Wiring.objects.exclude(state=WiringState.UNDONE).filter(function__in=ground.functions).select_related("function")
    known = {(one.function_id, one.qualifier, one.source_arn): one for one in found.order_by("created_at")}
    shown = set()
    for row in rows:
        keys = [(row.place.pk, row.qualifier, arn) for arn in row.sources] if row.way is not Way.URL else []
        mine = next((key for key in keys if key in known), None)
        if mine is None:
            yield row
        else:
            shown.add(mine)
            yield replace(row, wiring=known[mine].pk, wiring_state=known[mine].state)
    for key, one in known.items():
        is_by = Way.PULL if one.kind in SOURCES and SOURCES[one.kind].style is Style.PULL else Way.PUSH
        if key in shown or way not in (None, is_by):
            continue
        of = one.function
        yield Waker(
            is_by,
            ground.place(of.pk, of.name, of.arn, of.region, of.account_id),
            one.qualifier,
            one.kind,
            (one.source_arn,),
            one.source_account,
            ground.names.get(one.source_account, ""),
            service=SOURCES[one.kind].principal if one.kind in SOURCES else "",
            lacks=UNDER_WAY,
            wiring=one.pk,
            wiring_state=one.state,
        )
