"""What was not looked at, in as few lines as say it: the regions of an account that nobody asked to read are one line."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import overload

from django.db.models import Count, Q
from django.utils import timezone

from sharing.models import Account, Actor, Organization, ReadPlace
from sharing.services.renewing import telling as renewing
from sharing.services.syncing import Coverage, Covered, Survey
from sharing.services.syncing.coverage import Counts
from sharing.services.syncing.latest import Place

_NAMED = 6  # places named in the one-line summary
_FIRST = 8  # lines about gaps that a page shows


@dataclass(frozen=True)
class Line:
    """One line of coverage: a region, or all enabled regions of an account that are not among those that are read."""

    account: Account
    covered: Covered
    regions: tuple[str, ...]
    reason: str
    next: str
    row: Coverage


def lines(survey: Survey, rows: Iterable[ReadPlace], *, running: bool = False, counted: bool = False) -> list[Line]:
    """What `survey.told` says of these `survey.lines`."""
    return [_line(one) for one in survey.told(rows, running=running, counted=counted)]


def _line(row: Coverage) -> Line:
    if len(row.left_out) < 2:
        return Line(row.account, row.covered, (row.region,), row.reason, row.next, row)
    reason = f"Enabled in the account, but not read: {', '.join(row.left_out)}."
    return Line(row.account, row.covered, row.left_out, reason, "Add them to the account's regions, if they are used.", row)


class Summary(Sequence[str]):
    """Lines of which the first were read; the others are when somebody asks for them."""

    def __init__(self, begun: Sequence[str], every: int, whole: Callable[[], Sequence[str]]) -> None:
        self._begun, self._every, self._read = begun, every, whole

    def __len__(self) -> int:
        return self._every

    @overload
    def __getitem__(self, wanted: int) -> str: ...
    @overload
    def __getitem__(self, wanted: slice) -> Sequence[str]: ...
    def __getitem__(self, wanted: int | slice) -> str | Sequence[str]:
        stop = wanted.stop if isinstance(wanted, slice) else wanted + 1
        begun = stop is not None and 0 < stop <= len(self._begun)
        return (self._begun if begun else self._whole)[wanted]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    @cached_property
    def _whole(self) -> Sequence[str]:
        return self._read()


def summary(by: Actor, *, within: Collection[Place] | None = None) -> Sequence[str]:
    """The first lines of every export: how far everything in scope was read, then one line for each gap.

    The first line says it all in one. `within`: only these (account key, region), for an answer about them alone. Times
    are UTC. The number of queries does not depend on how much there is; of more gaps than a page shows the rest is read when
    somebody asks for it.
    """
    survey = Survey(by, within=within)
    counts, beside = survey.counts, beside_regions()
    if not counts.regions:
        where = "what this is about is in no region that is read" if within is not None else "no region is read"
        return (f"Coverage: {where}.", *beside)
    first = lines(survey, survey.gaps[:_FIRST])
    said = _said(counts, first)
    begun = (said, *map(_sentence, first))
    if counts.gaps <= _FIRST:
        return (*begun, *beside)
    every = 1 + counts.gaps + len(beside)
    return Summary(begun, every, lambda: (said, *map(_sentence, lines(survey, survey.gaps)), *beside))


def _said(counts: Counts, first: Sequence[Line]) -> str:
    said = [f"Coverage: {counts.complete:,} of {counts.regions:,} region{'' if counts.regions == 1 else 's'} completely read"]
    if counts.oldest and counts.newest:
        oldest, newest = utc(counts.oldest), utc(counts.newest)
        said.append(f"last at {oldest}" if counts.oldest == counts.newest else f"last between {oldest} and {newest}")
    if counts.gaps:
        named = [f"{line.account.name} {', '.join(line.regions)} ({line.covered.value})" for line in first[:_NAMED]]
        more = f" and {counts.gaps - _NAMED} more" if counts.gaps > _NAMED else ""
        said.append(f"not completely read: {', '.join(named)}{more}")
    return f"{'; '.join(said)}."


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


def _sentence(line: Line) -> str:
    since = f"Last complete read {utc(line.row.read_at)}." if line.row.read_at else "Never read completely."
    where = f"{line.account} {', '.join(line.regions)}"
    why = (line.reason or line.covered.value).rstrip(".")
    return f"{where}: {why}." if line.covered == Covered.NOT_READ else f"{where}: {why}. {since}"


def utc(moment: datetime) -> str:
    """A moment for reports, whoever reads them where: `2026-11-25 14:02 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
