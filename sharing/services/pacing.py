"""The pace now: how fast each account's region may be called, who was throttled lately, when it is read next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from django.conf import settings

from sharing.aws.watching import Bucket, Watching
from sharing.models import Account, Actor, Connection, Purpose, Sync, SyncKind
from sharing.models.sync import OPEN
from sharing.services import syncing
from sharing.services.syncing.latest import last_ended

Place = tuple[Account, str]


@dataclass(frozen=True)
class Line:
    """One account and region. policies, others: the buckets of GetPolicy and of all other calls; None: Valkey does not answer.

    read_at: when its last read ended. next_at: when the schedule reads it next; None: at once. reading: it is being read.
    """

    account: Account
    region: str
    policies: Bucket | None
    others: Bucket | None
    read_at: datetime | None
    next_at: datetime | None
    reading: bool

    @property
    def throttled_at(self) -> datetime | None:
        """When AWS last answered 429, within the hour."""
        at = max((bucket.at for bucket in (self.policies, self.others) if bucket), default=0.0)
        return datetime.fromtimestamp(at, UTC) if at else None

    @property
    def times(self) -> int:
        """How often it did, within the hour."""
        return sum(bucket.times for bucket in (self.policies, self.others) if bucket)

    @property
    def part(self) -> float:
        """How much of AWS's rate is used at most now: the lower of both buckets."""
        return min((bucket.part for bucket in (self.policies, self.others) if bucket), default=1.0)

    @property
    def calls(self) -> int:
        """Ours in the last minute or two."""
        return sum(bucket.calls for bucket in (self.policies, self.others) if bucket)


@cache
def _watching() -> Watching:
    return Watching(settings.REDIS_URL)


def places(by: Actor) -> tuple[list[Place], bool | None]:
    """Every account and region in scope that is read, those that AWS throttled within the hour first.

    And whether there is any such; None: Valkey does not answer, nobody knows.
    """
    usable = Connection.objects.visible_to(by).usable().filter(purpose=Purpose.MANAGER).select_related("account")
    found = [(one.account, region) for one in usable.order_by("account__name", "account__number") for region in one.regions]
    throttled = _watching().throttled()
    rank = {place: number for number, place in enumerate(throttled or ())}
    found.sort(key=lambda place: rank.get((place[0].number, place[1]), len(rank)))
    if throttled is None:
        return found, None
    return found, bool(found) and (found[0][0].number, found[0][1]) in rank


def lines(wanted: Sequence[Place], now: datetime) -> list[Line]:
    """The pace of these places."""
    buckets = _watching().buckets([(account.number, region) for account, region in wanted])
    accounts = {account.pk for account, _ in wanted}
    sweeps = Sync.objects.filter(kind=SyncKind.SWEEP, account__in=accounts)
    ended = last_ended(sweeps)
    running = set(sweeps.filter(state__in=OPEN).values_list("account_id", "region"))
    found = []
    for account, region in wanted:
        last = ended.get((account.pk, region))
        found.append(
            Line(
                account,
                region,
                buckets[account.number, region, "get-policy"] if buckets else None,
                buckets[account.number, region, "control"] if buckets else None,
                last.finished_at if last else None,
                _next(syncing.next_due(account, region, last), now),
                (account.pk, region) in running,
            )
        )
    return found


def _next(at: datetime | None, now: datetime) -> datetime | None:
    """The moment, or the end of the quiet hours it falls into; None: at once."""
    quiet = settings.QUIET_HOURS
    moment = max(at or now, now)
    if quiet is not None and quiet.covers(moment):
        return quiet.ends(moment)
    return at if at is not None and at > now else None
