"""Mappings and their options in words."""

from __future__ import annotations

import json
from collections.abc import Mapping as Dict
from datetime import UTC, datetime
from typing import Any

from sharing.aws.mapped import HIDDEN_FILTERS
from sharing.models import Function, Mapping, MappingChange, MappingChangeKind
from sharing.policy.wiring import recognise

_DOING = {
    MappingChangeKind.CREATE: "Wire",
    MappingChangeKind.UPDATE: "Change",
    MappingChangeKind.PAUSE: "Pause",
    MappingChangeKind.RESUME: "Resume",
    MappingChangeKind.DELETE: "Delete",
}
_STATES = {
    "Enabled": "Lambda polls the source, and runs the function with what it finds.",
    "Disabled": "Paused: nothing is polled. What arrives waits in the source, as long as the source keeps it.",
    "Creating": "AWS is creating it.",
    "Enabling": "AWS is resuming it.",
    "Disabling": "AWS is pausing it. Records that are under way are still handed over.",
    "Updating": "AWS is changing it.",
    "Deleting": "AWS is deleting it. Records that are under way are still handed over.",
}
_POSITIONS = {
    "TRIM_HORIZON": "from the oldest record that the stream still held",
    "LATEST": "from what arrived after it was created",
    "AT_TIMESTAMP": "from a moment on",
}


def place(function: Function, qualifier: str) -> str:
    """`label-uploads:live`."""
    return f"{function.name}:{qualifier}" if qualifier else function.name


def named(one: Mapping | MappingChange) -> str:
    """`SQS queue orders → label-uploads:live`, for sentences and headings."""
    source = one.source if isinstance(one, Mapping) else Mapping(source_arn=one.source_arn).source
    return f"{source} → {place(one.function, one.qualifier)}"


def doing(change: MappingChange) -> str:
    """`Pause SQS queue orders → label-uploads`."""
    return f"{_DOING[MappingChangeKind(change.kind)]} {named(change)}"


def state_in_words(state: str) -> str:
    """What follows from AWS's word; "" for one that is not known here."""
    return _STATES.get(state, "")


def is_ours_to_change(source_arn: str) -> bool:
    """Whether fnshare knows the whole life of mappings from this source; others are only shown."""
    parts = source_arn.split(":", 5)
    kind = recognise(parts[2], parts[5]) if len(parts) == 6 else None
    return kind is not None and kind.wires and kind.style.value == "pull"


def options_in_words(options: Dict[str, Any]) -> list[tuple[str, str]]:
    """Label and value of each option that AWS named, but for the filters."""
    found: list[tuple[str, str]] = []

    def add(label: str, key: str, words: str) -> None:
        if (value := options.get(key)) is not None:
            found.append((label, words.format(value=f"{value:,}" if isinstance(value, int) else value)))

    add("Batch", "BatchSize", "at most {value} records")
    add("Batch window", "MaximumBatchingWindowInSeconds", "up to {value} seconds")
    if (most := (options.get("ScalingConfig") or {}).get("MaximumConcurrency")) is not None:
        found.append(("Concurrency", f"at most {most} at the same time"))
    if position := options.get("StartingPosition"):
        words = _POSITIONS.get(position, str(position))
        if (at := options.get("StartingPositionTimestamp")) is not None:
            words = f"from {datetime.fromtimestamp(float(at), UTC):%-d %b %Y %H:%M} UTC on"
        found.append(("Started", words))
    add("Batches per shard", "ParallelizationFactor", "{value} at the same time")
    for label, key, unit in (
        ("Records older than", "MaximumRecordAgeInSeconds", "seconds are skipped"),
        ("Tried again", "MaximumRetryAttempts", "times"),
    ):
        if (value := options.get(key)) is not None:
            unlimited = "never skipped" if key == "MaximumRecordAgeInSeconds" else "until the record is too old"
            found.append((label, unlimited if value == -1 else f"{value:,} {unit}"))
    if (halves := options.get("BisectBatchOnFunctionError")) is not None:
        found.append(("A failing batch is split", "yes" if halves else "no"))
    if target := ((options.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination"):
        found.append(("What fails goes to", str(target)))
    if "ReportBatchItemFailures" in (options.get("FunctionResponseTypes") or ()):
        found.append(("Failures", "the function names the records that failed; the others count as done"))
    if options.get(HIDDEN_FILTERS):
        found.append(("Filters", "encrypted with a key of the account: AWS does not show them here"))
    return found


def satisfies(options: Dict[str, Any], wanted: Dict[str, Any]) -> bool:
    """Whether a mapping's options hold everything that is wanted; an empty wish means: none."""
    return all(_bare(options.get(name)) == _bare(value) for name, value in wanted.items() if name != "Enabled")


def _bare(value: Any) -> Any:
    """Without what is empty; filters compared as JSON, not as text."""
    if isinstance(value, dict):
        kept = {key: _bare(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one not in (None, {}, [], "")} or None
    if isinstance(value, list):
        return [_bare(one) for one in value] or None
    if isinstance(value, str) and value.startswith("{"):
        try:
            return _bare(json.loads(value))
        except ValueError:
            return value
    return value
