"""How often each function ran: AWS/Lambda Invocations and Errors, by the minute, in the account of the function (aws-facts 8).

Dimensions are matched exactly, as CloudWatch does: FunctionName alone counts every run, FunctionName with Resource those of
the function, alias or version that was called. Nothing tells who called.
"""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sharing.sandbox.errors import AwsError, Reply, as_json
from sharing.sandbox.journal import Invocation

NAMESPACE = "AWS/Lambda"

#: Datapoints that one answer may have, and minutes that are kept (15 days).
MOST, KEPT = 1440, 15 * 1440

_METRICS = ("Invocations", "Errors")
#: What of one run's value (0 or 1) a statistic shows, given (sum, runs) of a period.
_STATISTICS: dict[str, Callable[[float, float], float]] = {
    "Sum": lambda total, runs: total,
    "SampleCount": lambda total, runs: runs,
    "Average": lambda total, runs: total / runs,
    "Minimum": lambda total, runs: float(total == runs),
    "Maximum": lambda total, runs: float(total > 0),
}

Dimensions = frozenset[tuple[str, str]]
Place = tuple[str, str, Dimensions]


class Metrics:
    """Counts of runs. place: (account, region, dimensions)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: dict[Place, Counter[int]] = {}
        self._errors: dict[Place, Counter[int]] = {}

    def reset(self) -> None:
        with self._lock:
            self._runs.clear()
            self._errors.clear()

    def count(self, run: Invocation) -> None:
        """Count one run of a function."""
        _, _, _, region, account, _, name = run.function_arn.split(":")
        resource = f"{name}:{run.qualifier}" if run.qualifier else name
        minute = int(run.at.timestamp()) // 60
        function = ("FunctionName", name)
        with self._lock:
            for dimensions in ((), (function,), (function, ("Resource", resource))):
                place = (account, region, frozenset(dimensions))
                for counts in (self._runs, self._errors) if run.failed else (self._runs,):
                    minutes = counts.setdefault(place, Counter())
                    minutes[minute] += 1
                    if len(minutes) > KEPT:
                        del minutes[min(minutes)]

    def statistics(self, asked: dict[str, Any], account: str, region: str) -> Reply | None:
        """The answer to GetMetricStatistics, as JSON; None when it asks about something else than runs of functions."""
        metric = asked.get("MetricName")
        if asked.get("Namespace") != NAMESPACE or metric not in _METRICS:
            return None
        wanted = asked.get("Statistics") or []
        start, end, period = _moment(asked.get("StartTime")), _moment(asked.get("EndTime")), int(asked.get("Period") or 0)
        if start >= end:
            raise _refused("InvalidParameterValue", "The parameter StartTime must be less than the parameter EndTime.")
        if period < 60 or period % 60:
            raise _refused("InvalidParameterValue", "The parameter Period must be a multiple of 60.")
        if not wanted or not set(wanted) <= set(_STATISTICS):
            raise _refused("InvalidParameterCombination", "Must specify either Statistics or ExtendedStatistics")
        if (end - start) / period > MOST:
            raise _refused("InvalidParameterCombination", f"You have requested more than the limit of {MOST} datapoints.")
        dimensions = frozenset((one["Name"], one["Value"]) for one in asked.get("Dimensions") or ())
        place = (account, region, dimensions)
        with self._lock:
            runs = _by_period(self._runs.get(place), start, end, period)
            errors = _by_period(self._errors.get(place), start, end, period)
        sums = runs if metric == "Invocations" else errors
        points = [
            {"Timestamp": at, "Unit": "Count", **{name: float(_STATISTICS[name](sums[at], runs[at])) for name in wanted}}
            for at in sorted(runs)
        ]
        return as_json({"Label": metric, "Datapoints": points})


def _by_period(minutes: Counter[int] | None, start: float, end: float, period: int) -> Counter[int]:
    """Sums by the second at which each period begins; start is rounded down to its minute, as CloudWatch does."""
    found: Counter[int] = Counter()
    first = int(start) // 60 * 60
    for minute, number in (minutes or {}).items():
        if first <= minute * 60 < end:
            found[first + (minute * 60 - first) // period * period] += number
    return found


def _moment(value: Any) -> float:
    """Seconds since 1970 of a timestamp on the wire: a number, or a text with a zone."""
    if isinstance(value, (int, float)):
        return float(value)
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise _refused("ValidationError", "StartTime and EndTime must be timestamps.") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _refused(code: str, message: str) -> AwsError:
    return AwsError(code, 400, message)
