"""Looking at the pace from outside, for a page: nothing here takes a call or talks to AWS."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from .pace import PREFIX, RECOVERY, REMEMBERED, connect, keys_of, rate_of

#: The groups of calls that reading and sharing functions needs.
GROUPS = ("get-policy", "control")


@dataclass(frozen=True)
class Bucket:
    """One (account, region, group). rate: what AWS allows a second. part: how much of it we use at most now; below 1 after
    a 429. calls: ours in the last full minute and in this one, so far. times, at: 429s within the hour, and when the last
    one was (seconds since 1970); 0 for none.
    """

    account: str
    region: str
    group: str
    rate: float
    part: float = 1.0
    calls: int = 0
    times: int = 0
    at: float = 0.0

    @property
    def now(self) -> float:
        """Calls a second that may be made at most now."""
        return self.rate * self.part


class Watching:
    """The pace of all workers, as it stands in Redis."""

    def __init__(self, redis_url: str, *, prefix: str = PREFIX) -> None:
        self._redis = connect(redis_url)
        self._prefix = prefix

    def buckets(self, places: Iterable[tuple[str, str]]) -> dict[tuple[str, str, str], Bucket] | None:
        """Every group of each (account, region), in one round trip; None: Redis does not answer."""
        wanted = [(account, region, group) for account, region in places for group in GROUPS]
        pipeline = self._redis.pipeline(transaction=False)
        for place in wanted:
            everything, _, trouble = keys_of(self._prefix, place)
            pipeline.hmget(everything, "minute", "calls", "before")
            pipeline.hmget(trouble, "factor", "from", "times", "last")
        try:
            said: list[Any] = pipeline.execute()
        except (RedisError, OSError):
            return None
        now = time.time()
        return {place: _bucket(place, said[2 * n], said[2 * n + 1], now) for n, place in enumerate(wanted)}

    def throttled(self) -> list[tuple[str, str]] | None:
        """Accounts and regions where AWS answered 429 to such calls within the hour, the latest first; None: Redis is away."""
        try:
            self._redis.zremrangebyscore(f"{self._prefix}:throttled", "-inf", time.time() - REMEMBERED)
            said: Any = self._redis.zrevrange(f"{self._prefix}:throttled", 0, -1)
        except (RedisError, OSError):
            return None
        named = [name.decode().split(":") for name in said]
        return list(dict.fromkeys((account, region) for account, region, group in named if group in GROUPS))


def _bucket(place: tuple[str, str, str], counted: list[Any], trouble: list[Any], now: float) -> Bucket:
    part = 1.0
    if trouble[0] is not None:
        part = min(1.0, float(trouble[0]) + max(0.0, now - float(trouble[1])) * RECOVERY)
    ago = int(now // 60) - int(counted[0] or 0)
    calls = int(counted[1] or 0) if ago < 2 else 0
    calls += int(counted[2] or 0) if ago == 0 else 0
    return Bucket(*place, rate_of(place[2]), part, calls, int(trouble[2] or 0), float(trouble[3] or 0))
