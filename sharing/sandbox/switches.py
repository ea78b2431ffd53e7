"""Conditions that real AWS has and a demo need not: rate limits, latency, slow propagation, policy blocks."""

import threading
import time
from dataclasses import dataclass

#: Requests per second and account and region (aws-facts: Lambda quotas). Other control calls share one bucket.
RATES = {"GetPolicy": 15.0, "GetFunction": 100.0, "other": 15.0}

#: The invoke plane has limits of its own and draws on none of these buckets.
UNMETERED = {"Invoke", "InvokeAsync", "InvokeWithResponseStream"}


@dataclass
class Switches:
    """All off at first.

    rate_limits: Lambda's control-plane limits per caller's account and region.
    latency: seconds that every call takes longer.
    propagation_delay: seconds until a change of a function's policy or of a role counts for Invoke; reads see it at once.
    ghost_blocks_add_permission: a deleted principal anywhere in a policy makes every AddPermission on it fail.
    public_policy_blocked: a policy that would be public is refused with PublicPolicyException.
    empty_policy_after_last: removing the last statement leaves an empty policy instead of none.
    mapping_settling: seconds that an event source mapping stays Creating, Updating, Enabling, Disabling or Deleting.
    parallel_writes_lost: of two AddPermission calls on one policy at the same time only one statement stays, both succeed.
    """

    rate_limits: bool = False
    latency: float = 0.0
    propagation_delay: float = 0.0
    ghost_blocks_add_permission: bool = False
    public_policy_blocked: bool = False
    empty_policy_after_last: bool = False
    mapping_settling: float = 0.0
    parallel_writes_lost: bool = False

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]


class Limiter:
    """Token buckets that hold one second's worth of requests."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str, str], tuple[float, float]] = {}
        self._lock = threading.Lock()

    def admits(self, account: str, region: str, operation: str) -> bool:
        """Draw one request; False when the bucket is empty."""
        if operation in UNMETERED:
            return True
        name = operation if operation in RATES else "other"
        rate = RATES[name]
        key = (account, region, name)
        now = time.monotonic()
        with self._lock:
            tokens, at = self._buckets.get(key, (rate, now))
            tokens = min(rate, tokens + (now - at) * rate)
            if tokens < 1:
                self._buckets[key] = (tokens, now)
                return False
            self._buckets[key] = (tokens - 1, now)
            return True

    def reset(self) -> None:
        with self._lock:
            self._buckets.clear()
