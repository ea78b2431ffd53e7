"""What Lambda refuses of an event source mapping's parameters, by kind of source (aws-facts 3.1)."""

import json
from typing import Any

from sharing.sandbox.errors import invalid

STREAMS = ("kinesis", "dynamodb")
#: service: (default batch size, largest)
BATCHES = {"sqs": (10, 10_000), "sqs-fifo": (10, 10), "kinesis": (100, 10_000), "dynamodb": (100, 10_000)}
_STREAMS_ONLY = (
    "ParallelizationFactor",
    "TumblingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "BisectBatchOnFunctionError",
    "StartingPosition",
)


def check(kind: str, asked: dict[str, Any]) -> None:
    """Raise InvalidParameterValueException for what does not fit. kind: a key of BATCHES; others are not looked at."""
    if kind not in BATCHES:
        return
    default, most = BATCHES[kind]
    size = asked.get("BatchSize", default)
    window = asked.get("MaximumBatchingWindowInSeconds", 0)
    if not 1 <= size <= most:
        raise invalid(f"Batch size must be between 1 and {most} for this event source.")
    if not 0 <= window <= 300:
        raise invalid("MaximumBatchingWindowInSeconds must be between 0 and 300.")
    if asked.get("BatchSize", 0) > 10 and window < 1 and not kind.endswith("fifo"):
        raise invalid("Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10")
    if kind not in STREAMS:
        for name in _STREAMS_ONLY:
            if asked.get(name) is not None:
                raise invalid(f"Unsupported parameter for given event source mapping type: {name}")
        concurrency = (asked.get("ScalingConfig") or {}).get("MaximumConcurrency")
        if concurrency is not None and not 2 <= concurrency <= 1000:
            raise invalid("MaximumConcurrency must be between 2 and 1000.")
    else:
        _check_stream(kind, asked)
    for one in (asked.get("FilterCriteria") or {}).get("Filters", ()):
        try:
            pattern = json.loads(one.get("Pattern", ""))
        except ValueError:
            pattern = None
        if not isinstance(pattern, dict):
            raise invalid("Invalid filter pattern definition.")


def _check_stream(kind: str, asked: dict[str, Any]) -> None:
    if asked.get("ScalingConfig"):
        raise invalid("Unsupported parameter for given event source mapping type: ScalingConfig")
    position = asked.get("StartingPosition")
    if position is None:
        raise invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: must not be null."
        )
    if position == "AT_TIMESTAMP" and (kind == "dynamodb" or asked.get("StartingPositionTimestamp") is None):
        raise invalid("StartingPosition AT_TIMESTAMP needs a StartingPositionTimestamp and a Kinesis stream.")
    limits = (("ParallelizationFactor", 1, 10), ("MaximumRetryAttempts", -1, 10_000), ("TumblingWindowInSeconds", 0, 900))
    for name, least, most in limits:
        value = asked.get(name)
        if value is not None and not least <= value <= most:
            raise invalid(f"{name} must be between {least} and {most}.")
    age = asked.get("MaximumRecordAgeInSeconds")
    if age is not None and age != -1 and not 60 <= age <= 604_800:
        raise invalid("MaximumRecordAgeInSeconds must be -1 or between 60 and 604800.")
