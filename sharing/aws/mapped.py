"""What is kept of an event source mapping, of what Lambda says about it."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sharing.policy.arn import FunctionArn

#: The only options that leave this module. Never: addresses of credentials, networks, tags, keys (aws-facts 3.1).
OPTIONS = (
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "FilterCriteria",
    "StartingPosition",
    "StartingPositionTimestamp",
    "ScalingConfig",
    "ParallelizationFactor",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "FunctionResponseTypes",
)
#: Among the options: the filters are encrypted with a key of the account, and AWS does not show them here.
HIDDEN_FILTERS = "FiltersHidden"


@dataclass(frozen=True)
class ListedMapping:
    """One event source mapping. source: the ARN that is polled, "" for a self-managed source.

    state, reason, result: AWS's own words. options: OPTIONS that AWS named, in its own words and units.
    """

    id: uuid.UUID
    function: FunctionArn
    source: str
    state: str
    reason: str = ""
    result: str = ""
    modified: datetime | None = None
    options: dict[str, Any] = field(default_factory=dict)


def mapping_of(entry: dict[str, Any]) -> ListedMapping:
    """One entry of List-, or the answer of Get-, Create-, Update- or DeleteEventSourceMapping.

    Raises KeyError, TypeError, AttributeError, ValueError or ArnError for an answer that is none.
    """
    modified = entry.get("LastModified")
    return ListedMapping(
        uuid.UUID(entry["UUID"]),
        FunctionArn.parse(entry["FunctionArn"]),
        _text(entry.get("EventSourceArn")),
        _text(entry.get("State")),
        _text(entry.get("StateTransitionReason")),
        _text(entry.get("LastProcessingResult")),
        modified if isinstance(modified, datetime) else None,
        _options(entry),
    )


def _options(entry: dict[str, Any]) -> dict[str, Any]:
    found = {name: _plain(entry[name]) for name in OPTIONS if entry.get(name) is not None}
    if entry.get("KMSKeyArn") and not (found.get("FilterCriteria") or {}).get("Filters"):
        found[HIDDEN_FILTERS] = True
    return found


def _plain(value: Any) -> Any:
    """As JSON can hold it: moments as Unix seconds, texts without NUL, which PostgreSQL cannot keep."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).timestamp()
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.replace("\x00", "") if isinstance(value, str) else value


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value.replace("\x00", "")
