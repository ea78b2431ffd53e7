"""Keeping to AWS's rates: one pace for all workers of an installation.

Lambda allows 15 GetPolicy a second and 15 of all other control calls together, per account and region, and shares that
with the owner's own consoles and pipelines (aws-facts 4). Background work keeps to a share of each bucket; a click takes
what it needs from the rest. A 429 halves the pace for everyone here; it recovers within a minute.

Two token buckets per (account, region, group): `all` counts every call, `background` only ours in the background. They
live in Redis, moved by one script; with Redis away each process keeps its own, at half the rate, since it cannot see the
others.
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

Group = Literal["get-policy", "control", "organizations", "sources", "metrics"]
Purpose = Literal["click", "background"]

RATE = 15.0
#: What all calls together may burst by; background leaves the last of it to clicks.
_BURST = 5.0
_LEFT_TO_CLICKS = 3.0
_LOWEST = 1 / 16
_RECOVERY = 15.0  # seconds in which a halved pace doubles again
_NAP = 0.25  # the longest sleep between two tries, so that a changed share counts at once
_REDIS_AGAIN = 5.0  # seconds until a lost Redis is tried again

# KEYS: all, background, trouble. ARGV: purpose, share, now (only used with fake clocks; "" = Redis' own).
# Returns "0" when a call may go, else the seconds to wait, as text.
_TAKE = """
local now
local t = redis.call('TIME')
if ARGV[3] ~= '' then now = tonumber(ARGV[3]) else now = tonumber(t[1]) + tonumber(t[2]) / 1000000 end
local rate, burst, kept, recovery = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local factor, silent = 1, 0
local trouble = redis.call('HMGET', KEYS[3], 'factor', 'at', 'until')
if trouble[1] then
  factor = math.min(1, tonumber(trouble[1]) * 2 ^ ((now - tonumber(trouble[2])) / recovery))
  silent = math.max(0, tonumber(trouble[3]) - now)
end
local function filled(key, per_second, size)
  local held = redis.call('HMGET', key, 'tokens', 'at')
  if not held[1] then return size end
  return math.min(size, tonumber(held[1]) + math.max(0, now - tonumber(held[2])) * per_second)
end
local overall = filled(KEYS[1], rate * factor, burst)
local needed, wait, own = 1, 0, nil
if ARGV[1] == 'background' then
  local share = rate * tonumber(ARGV[2]) * factor
  own = filled(KEYS[2], share, 1)
  needed = 1 + kept
  wait = math.max(silent, (1 - own) / share)
end
wait = math.max(wait, (needed - overall) / (rate * factor))
if wait > 0 then return tostring(wait) end
redis.call('HSET', KEYS[1], 'tokens', tostring(overall - 1), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], 120)
if own then
  redis.call('HSET', KEYS[2], 'tokens', tostring(own - 1), 'at', tostring(now))
  redis.call('EXPIRE', KEYS[2], 3600)
end
return '0'
"""

# KEYS: trouble. ARGV: now, retry_after, lowest, recovery. Many calls in flight see the same 429: halve once a second.
_SLOWER = """
local now
local t = redis.call('TIME')
if ARGV[1] ~= '' then now = tonumber(ARGV[1]) else now = tonumber(t[1]) + tonumber(t[2]) / 1000000 end
local seen = redis.call('HMGET', KEYS[1], 'factor', 'at', 'until')
local factor, at, upto = 1, now, now + tonumber(ARGV[2])
if seen[1] then
  factor = math.min(1, tonumber(seen[1]) * 2 ^ ((now - tonumber(seen[2])) / tonumber(ARGV[4])))
  upto = math.max(upto, tonumber(seen[3]))
end
if not seen[1] or now - tonumber(seen[2]) >= 1 then
  factor = math.max(tonumber(ARGV[3]), factor / 2)
else
  factor, at = tonumber(seen[1]), tonumber(seen[2])
end
redis.call('HSET', KEYS[1], 'factor', tostring(factor), 'at', tostring(at), 'until', tostring(upto))
redis.call('EXPIRE', KEYS[1], 120)
return tostring(factor)
"""


class Pace:
    """The installation's pace. `wait` before each call, `slower` after each 429. Thread-safe.

    redis_url: redis://, rediss://, unix:// or Celery's redis+socket://; "" keeps the pace in this process only.
    """

    def __init__(self, redis_url: str = "", *, prefix: str = "fnshare:pace") -> None:
        self._prefix = prefix
        self._local = _Local()
        self._redis: redis.Redis | None = _connect(redis_url) if redis_url else None
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
        counts at once. cancelled: give up waiting (the call then must not be made).
        """
        slept = 0.0
        while not cancelled():
            more = self.take(account, region, group, purpose=purpose, share=share())
            if more <= 0:
                break
            nap = min(more, _NAP) * random.uniform(1.0, 1.1)  # noqa: S311  # spreads callers, guards nothing
            time.sleep(nap)
            slept += nap
        return slept

    def take(
        self, account: str, region: str, group: Group, *, purpose: Purpose, share: float, now: float | None = None
    ) -> float:
        """Take one call: 0 when it may go, else the seconds to wait before asking again. now: for fake clocks."""
        share = min(max(share, 0.001), 1.0)
        place = (account, region, group)
        shared = self._shared()
        if shared is not None:
            keys = [f"{self._prefix}:{{{':'.join(place)}}}:{name}" for name in ("all", "background", "trouble")]
            clock = "" if now is None else repr(now)
            try:
                said = shared.eval(_TAKE, 3, *keys, purpose, repr(share), clock, RATE, _BURST, _LEFT_TO_CLICKS, _RECOVERY)
                return float(said)
            except (RedisError, OSError):
                self._alone_until = time.monotonic() + _REDIS_AGAIN
        alone = 0.5 if self._redis is not None else 1.0
        return self._local.take(place, purpose, share, alone, time.monotonic() if now is None else now)

    def slower(self, account: str, region: str, group: Group, *, retry_after: float = 0.0, now: float | None = None) -> None:
        """AWS answered 429: halve the pace of this bucket, and keep background work silent for `retry_after` seconds."""
        place = (account, region, group)
        shared = self._shared()
        if shared is not None:
            key = f"{self._prefix}:{{{':'.join(place)}}}:trouble"
            try:
                shared.eval(_SLOWER, 1, key, "" if now is None else repr(now), retry_after, _LOWEST, _RECOVERY)
                return
            except (RedisError, OSError):
                self._alone_until = time.monotonic() + _REDIS_AGAIN
        self._local.slower(place, retry_after, time.monotonic() if now is None else now)

    def _shared(self) -> "redis.Redis | None":
        return self._redis if time.monotonic() >= self._alone_until else None


def _connect(url: str) -> "redis.Redis":
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
        self._trouble: dict[tuple[str, ...], tuple[float, float, float]] = {}

    def take(self, place: tuple[str, ...], purpose: Purpose, share: float, alone: float, now: float) -> float:
        with self._lock:
            factor, silent = alone, 0.0
            if place in self._trouble:
                was, at, upto = self._trouble[place]
                factor *= _recovered(was, now - at)
                silent = max(0.0, upto - now)
            overall = self._filled((*place, "all"), RATE * factor, _BURST, now)
            needed, wait, own = 1.0, 0.0, None
            if purpose == "background":
                rate = RATE * share * factor
                own = self._filled((*place, "background"), rate, 1.0, now)
                needed += _LEFT_TO_CLICKS
                wait = max(silent, (1 - own) / rate)
            wait = max(wait, (needed - overall) / (RATE * factor))
            if wait > 0:
                return wait
            self._buckets[*place, "all"] = (overall - 1, now)
            if own is not None:
                self._buckets[*place, "background"] = (own - 1, now)
            return 0.0

    def slower(self, place: tuple[str, ...], retry_after: float, now: float) -> None:
        with self._lock:
            was, at, upto = self._trouble.get(place, (1.0, now - 1, now))
            factor = _recovered(was, now - at)
            upto = max(upto, now + retry_after)
            if now - at >= 1:
                self._trouble[place] = (max(_LOWEST, factor / 2), now, upto)
            else:
                self._trouble[place] = (was, at, upto)

    def _filled(self, key: tuple[str, ...], rate: float, size: float, now: float) -> float:
        tokens, at = self._buckets.get(key, (size, now))
        return min(size, tokens + max(0.0, now - at) * rate)


def _recovered(was: float, seconds: float) -> float:
    """What a halved pace is again after so many seconds. Bounded first: two to the power of some hours is no float."""
    return min(1.0, was * 2 ** min(max(0.0, seconds / _RECOVERY), 64.0))
