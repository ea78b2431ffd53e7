"""After a service is let in: what is left to do at the source, said beside the grant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ... import services
from ...arn import FunctionArn
from ..sources import SOURCES, Crossing, SourceKind
from . import elsewhere
from .assembling import FILL_IN
from .shell import written


@dataclass(frozen=True, slots=True)
class Help:
    """For one kind of source: `api` the call that wires it; `lines` what to set; `commands` where one is safe to give.

    `wires`: fnshare can do the whole. `fill_in`: what stands in the commands and only the account knows. `unverified`: what
    AWS documents nowhere, in words. `way_round`: what to do instead, where AWS does not let it cross.
    """

    kind: str
    label: str
    api: str
    wires: bool
    lines: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    fill_in: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    way_round: tuple[str, ...] = ()


def left_to_do(function: FunctionArn, service: str, *, source: str = "", crosses: bool = True) -> Help | None:
    """What is left when this service principal is let in; None for a service that is no source here.

    `source`: the ARN it is limited to, "" where none is. `crosses`: whether the source is, or may be, in another account.
    """
    stem = services.stem(service)
    kind = next((one for one in SOURCES.values() if one.principal and services.stem(one.principal) == stem), None)
    if kind is None:
        return None
    lines = tuple(dict.fromkeys((*elsewhere.lines(kind.key, function), *((kind.hint,) if kind.hint else ()))))
    requests = () if kind.wires else elsewhere.calls(kind.key, function, source)
    region = source.split(":")[3] if source.count(":") >= 5 else ""
    commands = tuple(written(one, region or function.region) for one in requests)
    blocked = crosses and kind.accounts is Crossing.NO
    return Help(
        kind.key,
        kind.label,
        kind.api,
        kind.wires,
        lines,
        commands,
        tuple(sorted({text for text in re.findall(r"<[A-Z][A-Z ]*>", "\n".join(commands)) if text in FILL_IN})),
        tuple(_unverified(kind, crosses)),
        kind.way_round if blocked else (),
    )


def _unverified(kind: SourceKind, crosses: bool) -> list[str]:
    found = []
    if crosses and kind.accounts is Crossing.UNVERIFIED:
        found.append(f"Whether a {kind.label} may drive a function of another account is not verified.")
    if kind.regions is Crossing.UNVERIFIED:
        found.append(f"Whether a {kind.label} may drive a function in another region is not verified.")
    return found
