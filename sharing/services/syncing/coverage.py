"""What was looked at and what was not: accounts and regions, last complete read, unread and why."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property, reduce
from operator import or_
from typing import Any

from django.db.models import Case, CharField, Count, Func, Max, Min, Q, QuerySet, TextField, Value, When

from sharing.models import (
    Account,
    Actor,
    Connection,
    ConnectionState,
    Function,
    Policy,
    ReadPlace,
    Sync,
    SyncKind,
)
from sharing.models.place import key_of
from sharing.models.sync import OPEN

from .latest import Place

#: By account, and in it as its regions were chosen; those that are enabled and left out come last.
ORDER = ("account__name", "account__number", "position")
#: The empty text written out: as a parameter it would keep SQLite from using the index on those that have one.
_NOTHING = Func(template="''", output_field=TextField())


class Covered(StrEnum):
    """How far a region of an account is looked at."""

    READ = "read"
    PARTLY = "partly"  # read, but something in it stayed unread
    FAILED = "failed"  # the last attempt failed; what is shown is older
    NEVER = "never"  # to be read, not yet done
    PAUSED = "paused"
    NOT_CONNECTED = "not-connected"  # disconnected, refused or still being tested
    NOT_READ = "not-read"  # enabled in the account, but not among the regions that are read


@dataclass(frozen=True)
class Coverage:
    """One account and region.

    read_at: start of the last sync that came to its end: everything shown is at least that new. running: a sync is open.
    functions, unread_policies, unread_functions: how many are known, how many policies, and how many functions' aliases,
    could not be read at the last attempt. reason, next: why it is not fully read, and what to do. left_out: of a region that
    is not read, all of its account that are not.
    """

    account: Account
    region: str
    covered: Covered
    read_at: datetime | None = None
    running: Sync | None = None
    functions: int = 0
    unread_policies: int = 0
    unread_functions: int = 0
    reason: str = ""
    next: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return self.covered == Covered.READ


@dataclass(frozen=True)
class Counts:
    """regions: all of them, those that are enabled and left out among them. complete: those of which nothing is known to be
    missing; oldest, newest: when they were read. lines, gaps: how many lines say it, and how many tell of what is missing."""

    regions: int = 0
    complete: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    lines: int = 0
    gaps: int = 0


def coverage(actor: Actor, *, called: str = "") -> list[Coverage]:
    """Every account and region in the actor's scope, gaps included; `called`: of accounts that this may mean.

    The number of queries does not depend on how many.
    """
    survey = Survey(actor, called=called)
    return survey.told(survey.rows, running=True, counted=True)


class Survey:
    """How far every account and region in the actor's scope was read: counted, ordered and found in the database.

    within: of these places alone, each on a line of its own. called: of accounts that this name or these digits may mean.
    The number of queries does not depend on how many there are.
    """

    def __init__(self, actor: Actor, *, within: Collection[Place] | None = None, called: str = "") -> None:
        self._actor, self._within = actor, within
        self._places = ReadPlace.objects.visible_to(actor).standing().filter(self._those())
        if called:
            self._places = self._places.filter(account__in=Account.objects.called(called).order_by().values("pk"))

    @cached_property
    def rows(self) -> QuerySet[Any, Any]:
        """Of each account and region one, in order, with `covered`."""
        found = self._places.annotate(covered=self._judged()).select_related("account", "connection").order_by(*ORDER)
        return found.defer("connection__report", "connection__verbs", "connection__former", "connection__limited_to")

    @property
    def lines(self) -> QuerySet[Any, Any]:
        """The same with all that an account leaves out as one row, the first of them."""
        return self.rows.filter(self._leading)

    @property
    def gaps(self) -> QuerySet[Any, Any]:
        """The lines of what is not completely read."""
        return self.lines.exclude(covered=Covered.READ)

    @cached_property
    def counts(self) -> Counts:
        """How far everything was read, in numbers."""
        lines = Count("pk", filter=self._leading)
        found = {
            row["covered"]: row
            for row in self.rows.order_by()
            .values("covered")
            .annotate(many=Count("pk"), lines=lines, oldest=Min("read_at"), newest=Max("read_at"))
        }
        many, told = (sum(row[name] for row in found.values()) for name in ("many", "lines"))
        read = found.get(Covered.READ)
        if read is None:
            return Counts(many, lines=told, gaps=told)
        return Counts(many, read["many"], read["oldest"], read["newest"], told, told - read["lines"])

    @cached_property
    def running(self) -> int:
        """In how many of these regions a sync is open."""
        places = {(one.account_id, one.region) for one in self._open()}
        if not places:
            return 0
        read = self._places.filter(aside=0, account__in={account for account, _ in places}).order_by()
        return len(places.intersection(read.values_list("account_id", "region")))

    def told(self, rows: Iterable[ReadPlace], *, running: bool = False, counted: bool = False) -> list[Coverage]:
        """What is said of these rows. running: with the open syncs. counted: with how many functions are known there."""
        found = list(rows)
        keys = {row.account_id for row in found}
        reading = {(one.account_id, one.region): one for one in (self._open(account__in=keys) if running else ())}
        functions = Function.objects.present().filter(account__in=keys)
        many = _count(functions, "account", "region") if counted else {}
        return [self._one(row, reading, many) for row in found]

    def _one(self, row: Any, reading: dict[Place, Sync], functions: dict[Place, int]) -> Coverage:
        place = (row.account_id, row.region)
        covered = Covered(row.covered)
        if covered == Covered.NOT_READ:
            reason = "The region is enabled in the account but not read."
            following = f"Add {row.region} to the account's regions."
            left_out = set(row.connection.enabled_regions or []) - set(row.connection.regions) if self._within is None else ()
            return Coverage(row.account, row.region, covered, reason=reason, next=following, left_out=tuple(sorted(left_out)))
        unread, aliases = self._unread.get(place, 0), self._aliases.get(place, 0)
        reason, following = _why(covered, row, unread, aliases)
        running, many = reading.get(place), functions.get(place, 0)
        return Coverage(row.account, row.region, covered, row.read_at, running, many, unread, aliases, reason, following)

    def _judged(self) -> Case:
        """`Covered` of each row."""
        partly = [key_of(*place) for place in self._unread.keys() | self._aliases.keys()]
        return Case(
            When(aside__gt=0, then=Value(Covered.NOT_READ)),
            When(connection__state=ConnectionState.PAUSED, then=Value(Covered.PAUSED)),
            When(~Q(connection__state=ConnectionState.CONNECTED), then=Value(Covered.NOT_CONNECTED)),
            When(failed=True, then=Value(Covered.FAILED)),
            When(read_at=None, then=Value(Covered.NEVER)),
            *([When(pk__in=partly, then=Value(Covered.PARTLY))] if partly else []),
            default=Value(Covered.READ),
            output_field=CharField(),
        )

    @cached_property
    def _unread(self) -> dict[Place, int]:
        """How many policies are unread, by place."""
        unread = Policy.objects.visible_to(self._actor).present().unread().filter(self._those("function__"))
        return _count(unread, "function__account", "function__region")

    @cached_property
    def _aliases(self) -> dict[Place, int]:
        """Of how many functions the aliases could not be listed."""
        functions = Function.objects.visible_to(self._actor).present().filter(self._those())
        return _count(functions.filter(~Q(aliases_failure=_NOTHING)), "account", "region")

    @property
    def _leading(self) -> Q:
        return Q(aside__lte=1) if self._within is None else Q()

    def _those(self, of: str = "") -> Q:
        return Q() if self._within is None else _any_of(self._within, of)

    def _open(self, **of: Any) -> Iterator[Sync]:
        # By their state alone, which few have: the kind would lead SQLite through all that ever ran.
        found = Sync.objects.visible_to(self._actor).filter(self._those(), state__in=OPEN, **of).order_by("created_at")
        return (one for one in found.defer("checkpoint") if one.kind == SyncKind.SWEEP)


def _why(covered: Covered, row: ReadPlace, unread: int, aliases: int) -> tuple[str, str]:
    """Why it is not fully read, and what to do."""
    connection: Connection = row.connection  # type: ignore[assignment]
    match covered:
        case Covered.PAUSED:
            return f"The account is paused. {connection.paused_because}".strip(), "Resume it."
        case Covered.NOT_CONNECTED:
            why = connection.failure or f"The connection is {connection.get_state_display().lower()}."
            return why, connection.failure_next or "Test the connection."
        case Covered.FAILED:
            return row.failure, row.failure_next
        case Covered.NEVER:
            return "It was not read yet.", "Start a sync, or wait for the schedule."
        case Covered.PARTLY:
            parts = [f"{unread} unread {'policy' if unread == 1 else 'policies'}"] if unread else []
            parts += [f"aliases of {aliases} {'function' if aliases == 1 else 'functions'} not listed"] if aliases else []
            return f"{', '.join(parts)}.", "Look at the functions marked unread for the reasons."
        case _:
            return "", ""


def _any_of(places: Iterable[Place], of: str = "") -> Q:
    """What is in any of these places. of: the way to the row that has account and region."""
    by_region = defaultdict(list)
    for account, region in places:
        by_region[region].append(account)
    each = (Q(**{f"{of}region": region, f"{of}account__in": accounts}) for region, accounts in by_region.items())
    return reduce(or_, each, Q(pk__in=()))


def _count(found: QuerySet[Any], account: str, region: str) -> dict[Place, int]:
    rows = found.order_by().values_list(account, region).annotate(many=Count("pk"))
    return {(one, name): many for one, name, many in rows}
