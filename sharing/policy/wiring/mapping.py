"""The parameters of an event source mapping, checked before AWS sees them (aws-facts 3.1; botocore checks next to nothing)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ..checks import Problem

_STREAMS: Final = ("kinesis", "dynamodb")


@dataclass(frozen=True, slots=True)
class MappingOptions:
    """What a person may choose for a mapping; None leaves it to AWS. Seconds and counts in AWS's own units.

    `filters`: JSON texts, one pattern each. `starting_timestamp`: Unix seconds, for AT_TIMESTAMP. `on_failure`: the ARN of
    a queue or topic that gets what could not be processed.
    """

    enabled: bool = True
    batch_size: int | None = None
    window: int | None = None
    filters: tuple[str, ...] = ()
    starting_position: str | None = None
    starting_timestamp: float | None = None
    maximum_concurrency: int | None = None
    parallelization_factor: int | None = None
    maximum_record_age: int | None = None
    maximum_retries: int | None = None
    bisect_on_error: bool | None = None
    on_failure: str | None = None
    report_item_failures: bool = False

    def problems(self, kind: str, *, fifo: bool = False, now: float | None = None) -> list[Problem]:
        """Everything AWS would refuse for a source of this kind ("sqs", "kinesis", "dynamodb"); `now` in Unix seconds."""
        return [*self._batches(kind, fifo), *self._filters(), *self._start(kind, now), *self._streams_only(kind)]

    def parameters(self) -> dict[str, Any]:
        """Their part of CreateEventSourceMapping's request."""
        found: dict[str, Any] = {
            "Enabled": self.enabled,
            "BatchSize": self.batch_size,
            "MaximumBatchingWindowInSeconds": self.window,
            "StartingPosition": self.starting_position,
            "StartingPositionTimestamp": self.starting_timestamp,
            "ParallelizationFactor": self.parallelization_factor,
            "MaximumRecordAgeInSeconds": self.maximum_record_age,
            "MaximumRetryAttempts": self.maximum_retries,
            "BisectBatchOnFunctionError": self.bisect_on_error,
        }
        found = {name: value for name, value in found.items() if value is not None}
        if self.filters:
            found["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in self.filters]}
        if self.maximum_concurrency is not None:
            found["ScalingConfig"] = {"MaximumConcurrency": self.maximum_concurrency}
        if self.on_failure:
            found["DestinationConfig"] = {"OnFailure": {"Destination": self.on_failure}}
        if self.report_item_failures:
            found["FunctionResponseTypes"] = ["ReportBatchItemFailures"]
        return found

    def _batches(self, kind: str, fifo: bool) -> Iterator[Problem]:
        most = 10 if fifo else 10_000
        size, window = self.batch_size, self.window
        if size is not None and not 1 <= size <= most:
            what = "A FIFO queue gives at most 10 messages" if fifo else "A batch holds 1 to 10,000 records"
            yield Problem("batch_size", f"{what}; {size} was asked for.", f"Choose 1 to {most:,}.")
        if window is not None and not 0 <= window <= 300:
            yield Problem("window", f"The batch window is 0 to 300 seconds; {window} was asked for.", "Choose 0 to 300.")
        if size is not None and size > 10 and not fifo and not window:
            yield Problem(
                "window",
                "A batch of more than 10 needs a batch window.",
                "Choose a window of at least 1 second, or a batch of at most 10.",
            )
        concurrency = self.maximum_concurrency
        if concurrency is not None and kind != "sqs":
            yield Problem("maximum_concurrency", "Only queues have a maximum concurrency.", "Leave it out.")
        elif concurrency is not None and not 2 <= concurrency <= 1000:
            yield Problem(
                "maximum_concurrency", "The maximum concurrency is 2 to 1,000.", "Choose 2 to 1,000, or leave it out."
            )

    def _filters(self) -> Iterator[Problem]:
        for number, pattern in enumerate(self.filters, start=1):
            try:
                read = json.loads(pattern)
            except ValueError as problem:
                yield Problem("filters", f"Filter {number} is no JSON: {problem}.", "Correct it.")
                continue
            if not isinstance(read, dict) or not read:
                yield Problem("filters", f"Filter {number} is no object.", 'Write one such as {"body": {"kind": ["order"]}}.')
            elif not _ends_in_lists(read):
                yield Problem(
                    "filters",
                    f"Filter {number} compares with a bare value.",
                    'Values stand in lists: {"body": {"kind": ["order"]}}.',
                )

    def _start(self, kind: str, now: float | None) -> Iterator[Problem]:
        position = self.starting_position
        if kind not in _STREAMS:
            if position is not None:
                yield Problem("starting_position", "A queue has no starting position.", "Leave it out.")
            return
        allowed = ("TRIM_HORIZON", "LATEST", *(("AT_TIMESTAMP",) if kind == "kinesis" else ()))
        if position not in allowed:
            yield Problem(
                "starting_position",
                "A stream needs a starting position.",
                f"Choose {', '.join(allowed[:-1])} or {allowed[-1]}.",
            )
        elif position == "AT_TIMESTAMP" and self.starting_timestamp is None:
            yield Problem("starting_timestamp", "AT_TIMESTAMP needs a moment.", "Give one, or start at LATEST.")
        elif self.starting_timestamp is not None and now is not None and self.starting_timestamp > now:
            yield Problem("starting_timestamp", "The moment lies in the future.", "Choose an earlier one.")

    def _streams_only(self, kind: str) -> Iterator[Problem]:
        ranges = (
            ("parallelization_factor", self.parallelization_factor, (1, 10), False, "1 to 10"),
            ("maximum_record_age", self.maximum_record_age, (60, 604_800), True, "-1, or 60 to 604,800 seconds"),
            ("maximum_retries", self.maximum_retries, (0, 10_000), True, "-1 to 10,000"),
        )
        for name, value, (least, most), unlimited, words in ranges:
            if value is None:
                continue
            if kind not in _STREAMS:
                yield Problem(
                    name, "Only streams have this setting; a queue retries by its own redrive policy.", "Leave it out."
                )
            elif not (least <= value <= most or (unlimited and value == -1)):
                yield Problem(name, f"The value must be {words}; {value} was asked for.", f"Choose {words}.")
        if kind not in _STREAMS and (self.bisect_on_error is not None or self.on_failure):
            yield Problem(
                "on_failure",
                "A queue keeps what failed in its own dead-letter queue.",
                "Set a redrive policy on the queue instead.",
            )


def _ends_in_lists(pattern: dict[str, Any]) -> bool:
    return all(
        isinstance(value, list) or (isinstance(value, dict) and bool(value) and _ends_in_lists(value))
        for value in pattern.values()
    )
