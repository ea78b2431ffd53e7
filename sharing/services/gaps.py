"""What was not looked at, in as few lines as say it: the regions of an account that nobody asked to read are one line."""

from collections.abc import Iterable
from dataclasses import dataclass

from sharing.models import Account
from sharing.services.syncing import Coverage, Covered


@dataclass(frozen=True)
class Line:
    """One line of coverage: a region, or all enabled regions of an account that are not among those that are read."""

    account: Account
    covered: Covered
    regions: tuple[str, ...]
    reason: str
    next: str
    row: Coverage


def lines(rows: Iterable[Coverage]) -> list[Line]:
    """The rows of `syncing.coverage`, in their order, with the regions that are not read folded into one line an account."""
    found: list[Line] = []
    aside: dict[object, list[Coverage]] = {}
    for row in rows:
        if row.covered != Covered.NOT_READ:
            found.append(Line(row.account, row.covered, (row.region,), row.reason, row.next, row))
            continue
        if row.account.pk not in aside:
            aside[row.account.pk] = []
            found.append(Line(row.account, row.covered, (), "", "", row))
        aside[row.account.pk].append(row)
    return [_folded(line, aside[line.account.pk]) if line.covered == Covered.NOT_READ else line for line in found]


def _folded(line: Line, rows: list[Coverage]) -> Line:
    if len(rows) == 1:
        return Line(line.account, line.covered, (rows[0].region,), rows[0].reason, rows[0].next, rows[0])
    regions = tuple(row.region for row in rows)
    reason = f"Enabled in the account, but not read: {', '.join(regions)}."
    return Line(line.account, line.covered, regions, reason, "Add them to the account's regions, if they are used.", line.row)
