"""What was not looked at, in as few lines as say it: the regions of an account that nobody asked to read are one line."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Count, Q
from django.utils import timezone

from sharing.models import Account, Actor, Organization
from sharing.services import syncing
from sharing.services.renewing import telling as renewing
from sharing.services.syncing import Coverage, Covered
from sharing.services.syncing.latest import Place

_NAMED = 6  # places named in the one-line summary


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


def summary(by: Actor, *, within: Collection[Place] | None = None) -> tuple[str, ...]:
    """The first lines of every export: how far everything in scope was read, then one line for each gap.

    The first line says it all in one. `within`: only these (account key, region), for an answer about them alone. Times
    are UTC. The number of queries does not depend on how much there is.
    """
    of = None if within is None else {account for account, _ in within}
    return (*summarized(syncing.coverage(by, counted=False, accounts=of), within=within), *beside_regions())


def beside_regions(now: datetime | None = None) -> tuple[str, ...]:
    """What else is not known, or not as it is now, one sentence each. Two queries."""
    return (*renewing.said(), *unread_organizations(now))


def unread_organizations(now: datetime | None = None) -> tuple[str, ...]:
    """Organisations whose members, or the units that these are in, should be known and are not, one sentence each: answers
    about members, and groups that follow a unit, depend then. One query."""
    now = now or timezone.now()
    unplaced = Count("members", filter=Q(members__left_at=None, members__unit=None))
    found = Organization.objects.read_through().select_related("connection").annotate(unplaced=unplaced)
    return tuple(said for one in found if (said := _unread(one, one.unplaced, now)))  # type: ignore[attr-defined]


def _unread(one: Organization, unplaced: int, now: datetime) -> str:
    of, read_at = f"Organisation {one.organization_id}", one.units_read_at
    if why := one.stale(now):
        what, read_at = "which accounts belong to it is not known", one.read_at
    elif why := one.units_stale(now):
        what = "which account is in which organisational unit is not known"
    elif unplaced:
        some = "1 account" if unplaced == 1 else f"{unplaced:,} accounts"
        return f"{of}: of {some} the organisational unit was not seen when they were read, {utc(read_at)}." if read_at else ""
    else:
        return ""
    return f"{of}: {what}. {why.rstrip('.')}. " + (f"Last read {utc(read_at)}." if read_at else "Never read completely.")


def summarized(rows: Iterable[Coverage], *, within: Collection[Place] | None = None) -> tuple[str, ...]:
    """The same from rows of `syncing.coverage` that are at hand."""
    rows = [row for row in rows if within is None or (row.account.pk, row.region) in within]
    if not rows:
        where = "what this is about is in no region that is read" if within is not None else "no region is read"
        return (f"Coverage: {where}.",)
    complete = [row for row in rows if row.complete]
    gaps = [line for line in lines(rows) if line.covered != Covered.READ]
    said = [f"Coverage: {len(complete)} of {len(rows)} region{'' if len(rows) == 1 else 's'} completely read"]
    ages = [row.read_at for row in complete if row.read_at]
    if ages:
        said.append(
            f"last at {utc(min(ages))}" if min(ages) == max(ages) else f"last between {utc(min(ages))} and {utc(max(ages))}"
        )
    if gaps:
        named = [f"{line.account.name} {', '.join(line.regions)} ({line.covered.value})" for line in gaps[:_NAMED]]
        more = f" and {len(gaps) - _NAMED} more" if len(gaps) > _NAMED else ""
        said.append(f"not completely read: {', '.join(named)}{more}")
    return (f"{'; '.join(said)}.", *(_sentence(line) for line in gaps))


def _sentence(line: Line) -> str:
    since = f"Last complete read {utc(line.row.read_at)}." if line.row.read_at else "Never read completely."
    where = f"{line.account} {', '.join(line.regions)}"
    why = (line.reason or line.covered.value).rstrip(".")
    return f"{where}: {why}." if line.covered == Covered.NOT_READ else f"{where}: {why}. {since}"


def utc(moment: datetime) -> str:
    """A moment for reports, whoever reads them where: `2026-11-25 14:02 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
