"""A bucket's notification configuration: ours merged into what is there, and taken out again, nothing else touched.

Facts: PutBucketNotificationConfiguration replaces the whole configuration (aws-facts 3); S3 refuses two configurations that
overlap in event, prefix and suffix. The document is boto3's answer of GetBucketNotificationConfiguration without metadata.

This file stands alone, and runs in Python 3.9: its text is part of the scripts that packs hand over.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

LAMBDA: Final = "LambdaFunctionConfigurations"
#: Kind of configuration → the field that names its target.
TARGETS: Final = {LAMBDA: "LambdaFunctionArn", "QueueConfigurations": "QueueArn", "TopicConfigurations": "TopicArn"}


@dataclass(frozen=True)
class Overlap:
    """A configuration of the bucket that would get the same events as ours: S3 would refuse ours."""

    id: str
    target: str
    events: tuple[str, ...]
    prefix: str
    suffix: str

    @property
    def sentence(self) -> str:
        """Which one, and what they share."""
        where = f"keys that begin with “{self.prefix}”" if self.prefix else "every key"
        where += f" and end with “{self.suffix}”" if self.suffix else ""
        return f"“{self.id or 'without id'}” already sends {', '.join(self.events)} for {where} to {self.target}."


def wanted(function_arn: str, *, identity: str, events: tuple[str, ...], prefix: str = "", suffix: str = "") -> dict[str, Any]:
    """Our configuration. `identity`: its Id, by which it is found and taken out again."""
    rules = [{"Name": name, "Value": value} for name, value in (("prefix", prefix), ("suffix", suffix)) if value]
    found: dict[str, Any] = {"Id": identity, "LambdaFunctionArn": function_arn, "Events": list(events)}
    if rules:
        found["Filter"] = {"Key": {"FilterRules": rules}}
    return found


def overlaps(config: Mapping[str, Any], ours: Mapping[str, Any]) -> tuple[Overlap, ...]:
    """What of the bucket's configuration would get an event that ours gets; ours itself (same Id) does not count.

    Two overlap when an event of one is covered by an event of the other, a key can have both prefixes, and both suffixes.
    """
    prefix, suffix = _rules(ours)
    found = []
    for kind, one in _configurations(config):
        if one.get("Id") == ours.get("Id"):
            continue
        their_prefix, their_suffix = _rules(one)
        shared = tuple(event for event in one.get("Events", ()) if any(_meet(event, mine) for mine in ours["Events"]))
        if not shared or not _nested(prefix, their_prefix, str.startswith) or not _nested(suffix, their_suffix, str.endswith):
            continue
        found.append(Overlap(str(one.get("Id", "")), str(one.get(TARGETS[kind], "")), shared, their_prefix, their_suffix))
    return tuple(found)


def merged(config: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """The bucket's configuration with ours in it, in place of one with the same Id; everything else exactly as it is."""
    whole = copy.deepcopy(dict(config))
    whole.pop("ResponseMetadata", None)
    kept = list(whole.get(LAMBDA, ()))
    places = [place for place, one in enumerate(kept) if one.get("Id") == ours["Id"]]
    if places:
        kept[places[0]] = copy.deepcopy(dict(ours))
    else:
        kept.append(copy.deepcopy(dict(ours)))
    whole[LAMBDA] = kept
    return whole


def without(config: Mapping[str, Any], identity: str) -> dict[str, Any]:
    """The bucket's configuration without the one of ours that has this Id; everything else exactly as it is."""
    whole = copy.deepcopy(dict(config))
    whole.pop("ResponseMetadata", None)
    kept = [one for one in whole.get(LAMBDA, ()) if one.get("Id") != identity]
    if kept:
        whole[LAMBDA] = kept
    else:
        whole.pop(LAMBDA, None)
    return whole


def _configurations(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for kind in TARGETS:
        for one in config.get(kind) or ():
            yield kind, one


def _rules(one: Mapping[str, Any]) -> tuple[str, str]:
    """(prefix, suffix); S3 writes the names with a capital letter, people without."""
    rules = ((one.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
    found = {str(rule.get("Name", "")).lower(): str(rule.get("Value", "")) for rule in rules}
    return found.get("prefix", ""), found.get("suffix", "")


def _meet(one: str, other: str) -> bool:
    """Whether two event names share an event: `s3:ObjectCreated:*` covers every `s3:ObjectCreated:…`."""
    return one == other or any(
        wide.endswith("*") and narrow.startswith(wide[:-1]) for wide, narrow in ((one, other), (other, one))
    )


def _nested(one: str, other: str, test: Any) -> bool:
    return bool(test(one, other) or test(other, one))
