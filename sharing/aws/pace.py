"""Keeping to AWS's rates: one pace for all workers of an installation.

Lambda allows 15 GetPolicy a second, 100 GetFunction, and 15 of all other control calls together, per account and region,
and shares that with the owner's own consoles and pipelines (aws-facts 4). Background work keeps to a share of each bucket;
a click takes what it needs from the rest. A 429, whoever caused it, halves the pace for everyone here; it recovers by a
sixtieth of the full rate a second, beginning a few seconds later, not everywhere in the same moment.

Two token buckets per (account, region, group): `all` counts every call, `background` only ours in the background. They
live in Redis, moved by one script on Redis' clock. With Redis away each process keeps its own, at its part of the rate,
since it cannot see the others: clicks go on, and all together stay near the rate. `watching` reads them for a page.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import redis
import redis.backoff
import redis.retry
from redis.exceptions import RedisError

Group = Literal["get-policy", "get-function", "control", "organizations", "sources", "metrics"]
Purpose = Literal["click", "background"]

#: What AWS allows of most groups, a second.
RATE = 15.0
#: Groups that AWS allows another rate.
RATES: dict[str, float] = {"get-function": 100.0}
_LATE = 1 / 30  # seconds that background may ask too late without losing anything
#: What all calls together may burst by; background leaves the last of it to clicks.
_BURST = 5.0
_LEFT_TO_CLICKS = 3.0
_LOWEST = 1 / 16
RECOVERY = 1 / 60  # of the full rate, a second, after a 429
_RECOVERY_JITTER = 5.0  # seconds, at most, until it begins
#: How long a 429 is remembered.
REMEMBERED = 3600
_NAP = 0.25  # the longest sleep between two tries, so that a changed share counts at once
_REDIS_AGAIN = 5.0  # seconds until a lost Redis is tried again

# What both scripts begin with. ARGV[1]: now (only used with fake clocks; "" = Redis' own). `factor`: the part of the rate
# that is left after a 429; it rises from `from` on, in a straight line.
_NOW = """
local now = tonumber(ARGV[1])
if not now then
  local t = redis.call('TIME')
  now = tonumber(t[1]) + tonumber(t[2]) / 1000000
end
local function factor_of(seen, recovery)
  if not seen[1] then return 1 end
  return math.min(1, tonumber(seen[1]) + math.max(0, now - tonumber(seen[2])) * recovery)
end
"""

# KEYS: all, background, trouble. ARGV: now, purpose, share, rate, burst, kept, recovery, late.
# Returns "0" when a call may go, else the seconds to wait, as text.
_TAKE = (
    _NOW
    + """
local rate, burst, kept, recovery = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local trouble = redis.call('HMGET', KEYS[3], 'factor', 'from', 'until')
local factor, silent = factor_of(trouble, recovery), 0
if trouble[3] then silent = math.max(0, tonumber(trouble[3]) - now) end
local function filled(held, per_second, size)
  if not held[1] then return size end
  return math.min(size, tonumber(held[1]) + math.max(0, now - tonumber(held[2])) * per_second)
end
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'minute', 'calls', 'before')
local overall = filled(held, rate * factor, burst)
local needed, wait, own = 1, 0, nil
if ARGV[2] == 'background' then
  local share = rate * tonumber(ARGV[3]) * factor
  own = filled(redis.call('HMGET', KEYS[2], 'tokens', 'at'), share, 1 + share * tonumber(ARGV[8]))
  needed = 1 + kept
  wait = math.max(silent, (1 - own) / share)
end
wait = math.max(wait, (needed - overall) / (rate * factor))
if wait > 0 then return tostring(wait) end
local minute = math.floor(now / 60)
local calls, before = tonumber(held[4] or 0), tonumber(held[5] or 0)
local last = tonumber(held[3] or 0)
if last ~= minute then
  before = (last == minute - 1) and calls or 0
  calls = 0
end
redis.call('HSET', KEYS[1], 'tokens', tostring(overall - 1), 'at', tostring(now),
  'minute', minute, 'calls', calls + 1, 'before', before)
redis.call('EXPIRE', KEYS[1], 180)
if own then
  redis.call('HSET', KEYS[2], 'tokens', tostring(own - 1), 'at', tostring(now))
  redis.call('EXPIRE', KEYS[2], 3600)
end
return '0'
"""
)

# KEYS: trouble. ARGV: now, retry_after, lowest, recovery, jitter, remembered. Many calls in flight see the same 429: halve
# once a second.
_SLOWER = (
    _NOW
    + """
local seen = redis.call('HMGET', KEYS[1], 'factor', 'from', 'until', 'at')
local upto = now + tonumber(ARGV[2])
if seen[3] then upto = math.max(upto, tonumber(seen[3])) end
redis.call('HSET', KEYS[1], 'until', tostring(upto), 'last', tostring(now))
redis.call('HINCRBY', KEYS[1], 'times', 1)
if not seen[4] or now - tonumber(seen[4]) >= 1 then
  local factor = math.max(tonumber(ARGV[3]), factor_of(seen, tonumber(ARGV[4])) / 2)
  redis.call('HSET', KEYS[1], 'factor', tostring(factor), 'from', tostring(now + tonumber(ARGV[5])), 'at', tostring(now))
end
redis.call('EXPIRE', KEYS[1], tonumber(ARGV[6]))
return '0'
"""
)


#: Where in Redis the pace is kept.
PREFIX = "fnshare:pace"


class Pace:
    """The installation's pace. `wait` before each call, `slower` after each 429. Thread-safe.

    redis_url: redis://, rediss://, unix:// or Celery's redis+socket://; "" keeps the pace in this process only.
    processes: how many share the pace; with Redis away each keeps to its part of it.
    """

    def __init__(self, redis_url: str = "", *, processes: int = 2, prefix: str = PREFIX) -> None:
        self._prefix = prefix
        self._part = 1 / processes if redis_url else 1.0
        self._local = _Local()
        self._lock = threading.Lock()
        self._turns: dict[tuple[str, str, Group, Purpose], threading.Lock] = {}
        self._redis: redis.Redis | None = connect(redis_url) if redis_url else None
        self._alone_until = 0.0

    def wait(
        self,
        account: str,
        region: str,
        group: Group,
        *,
        purpose: Purpose,
        share: Callable[[], float] = lambda: 1 / 3,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> float:
        """Sleep until a call may go; returns the seconds slept.

        share: the part of the rate that background work may use (0 to 1), asked again at each try, so that a change
        counts at once. cancelled: give up waiting (the call then must not be made); only asked while there is something to
        wait for.
        """
        began = time.monotonic()
        # One thread of a process asks for a place's turn, the others queue behind it: nobody asks in vain.
        turn = self._turn_of((account, region, group, purpose))
        taken = turn.acquire(blocking=False)
        while not taken and not cancelled():
            taken = turn.acquire(timeout=_NAP)
        if taken:
            try:
                while (more := self.take(account, region, group, purpose=purpose, share=share())) > 0 and not cancelled():
                    time.sleep(min(more, _NAP) * random.uniform(1.0, 1.02))  # noqa: S311  # spreads processes, guards nothing
            finally:
                turn.release()
        return time.monotonic() - began

    def take(
        self, account: str, region: str, group: Group, *, purpose: Purpose, share: float, now: float | None = None
    ) -> float:
        """Take one call: 0 when it may go, else the seconds to wait before asking again. now: for fake clocks."""
        share = min(max(share, 0.001), 1.0)
        place = (account, region, group)
        shared = self._shared()
        if shared is not None:
            keys = keys_of(self._prefix, place)
            limits = (rate_of(group), _BURST, _LEFT_TO_CLICKS, RECOVERY, _LATE)
            try:
                return float(shared.eval(_TAKE, 3, *keys, _clock(now), purpose, repr(share), *limits))
            except (RedisError, OSError):
                self._alone_until = time.monotonic() + _REDIS_AGAIN
        return self._local.take(place, purpose, share, self._part, time.monotonic() if now is None else now)

    def slower(self, account: str, region: str, group: Group, *, retry_after: float = 0.0, now: float | None = None) -> None:
        """AWS answered 429: halve the pace of this bucket, and keep background work silent for `retry_after` seconds."""
        place = (account, region, group)
        late = random.uniform(0, _RECOVERY_JITTER)  # noqa: S311  # spreads callers, guards nothing
        # Kept here too: if Redis goes away in the middle of trouble, this process stays slow.
        self._local.slower(place, retry_after, late, time.monotonic() if now is None else now)
        shared = self._shared()
        if shared is not None:
            trouble = keys_of(self._prefix, place)[2]
            try:
                shared.eval(_SLOWER, 1, trouble, _clock(now), retry_after, _LOWEST, RECOVERY, late, REMEMBERED)
                shared.zadd(f"{self._prefix}:throttled", {":".join(place): time.time()})
            except (RedisError, OSError):
                self._alone_until = time.monotonic() + _REDIS_AGAIN

    def _turn_of(self, key: tuple[str, str, Group, Purpose]) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(key, threading.Lock())

    def _shared(self) -> "redis.Redis | None":
        return self._redis if time.monotonic() >= self._alone_until else None


def rate_of(group: str) -> float:
    """What AWS allows of a group, calls a second."""
    return RATES.get(group, RATE)


def keys_of(prefix: str, place: tuple[str, str, str]) -> list[str]:
    """Where a bucket (account, region, group) lives in Redis: all calls, those in the background, the last 429."""
    return [f"{prefix}:{{{':'.join(place)}}}:{name}" for name in ("all", "background", "trouble")]


def _clock(now: float | None) -> str:
    return "" if now is None else repr(now)


def connect(url: str) -> "redis.Redis":
    """A client that gives up fast: a call to AWS must not wait for a dead Redis."""
    options: dict[str, object] = {
        "socket_timeout": 1.0,
        "socket_connect_timeout": 0.5,
        "retry": redis.retry.Retry(redis.backoff.NoBackoff(), 0),
    }
    if url.startswith("redis+socket://"):
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        number = query.get("virtual_host", query.get("db", ["0"]))[0]
        url = f"unix://{parts.netloc.rpartition('@')[2]}{parts.path}?db={number}"
        if parts.password:
            options["password"] = parts.password
    return redis.Redis.from_url(url, **options)


class _Local:
    """The same arithmetic as the scripts, for one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, ...], tuple[float, float]] = {}
        #: By place: the factor, from when on it rises, until when background is silent, when it was halved.
        self._trouble: dict[tuple[str, ...], tuple[float, float, float, float]] = {}

    def take(self, place: tuple[str, ...], purpose: Purpose, share: float, part: float, now: float) -> float:
        """part: how much of the rate is this process', and of what may be saved up beyond one call."""
        with self._lock:
            factor, silent = part * self._factor(place, now), 0.0
            if place in self._trouble:
                silent = max(0.0, self._trouble[place][2] - now)
            rate = rate_of(place[-1]) * factor
            overall = self._filled((*place, "all"), rate, 1 + (_BURST - 1) * part, now)
            needed, wait, own = 1.0, 0.0, None
            if purpose == "background":
                own = self._filled((*place, "background"), rate * share, 1 + rate * share * _LATE, now)
                needed += _LEFT_TO_CLICKS * part
                wait = max(silent, (1 - own) / (rate * share))
            wait = max(wait, (needed - overall) / rate)
            if wait > 0:
                return wait
            self._buckets[*place, "all"] = (overall - 1, now)
            if own is not None:
                self._buckets[*place, "background"] = (own - 1, now)
            return 0.0

    def slower(self, place: tuple[str, ...], retry_after: float, late: float, now: float) -> None:
        with self._lock:
            was, since, upto, halved = self._trouble.get(place, (1.0, now, now, now - 1))
            upto = max(upto, now + retry_after)
            if now - halved >= 1:
                was, since, halved = max(_LOWEST, self._factor(place, now) / 2), now + late, now
            self._trouble[place] = (was, since, upto, halved)

    def _factor(self, place: tuple[str, ...], now: float) -> float:
        was, since, *_ = self._trouble.get(place, (1.0, now))
        return min(1.0, was + max(0.0, now - since) * RECOVERY)

    def _filled(self, key: tuple[str, ...], rate: float, size: float, now: float) -> float:
        tokens, at = self._buckets.get(key, (size, now))
        return min(size, tokens + max(0.0, now - at) * rate)
