"""Parts of a document that AWS replaces whole at each write: a bucket's configuration, resource policies, an alarm."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sharing.aws.wired import Sources
from sharing.policy.statement import canonical
from sharing.policy.wiring import merged, overlaps, without

from .part import Config, Hindrance, Whole

_LAMBDA = "LambdaFunctionConfigurations"
#: AWS takes so many actions for each state of an alarm.
_ACTIONS = 5


class Notification(Whole):
    """A configuration of the bucket. S3 replaces them all at each write."""

    what = "the bucket's configuration"

    @property
    def ours(self) -> Config:
        """Ours, as S3 takes it."""
        found: Config = self.planned.parameters["NotificationConfiguration"][_LAMBDA][0]
        return found

    def read(self, sources: Sources) -> Config:
        return sources.bucket_notifications()

    def holds(self, config: Config) -> bool:
        """One set up by hand, under another id, does the same."""
        wanted = _configuration({**self.ours, "Id": ""})
        return any(_configuration({**one, "Id": ""}) == wanted for one in config.get(_LAMBDA) or ())

    def absent(self, config: Config) -> bool:
        return all(one.get("Id") != self.sid for one in config.get(_LAMBDA) or ())

    def with_ours(self, config: Config) -> Config:
        return merged(config, self.ours)

    def without_ours(self, config: Config) -> Config:
        return without(config, self.sid)

    def put(self, sources: Sources, config: Config) -> str:
        return sources.put_bucket_notifications(config)

    def hindrance(self, config: Config) -> Hindrance | None:
        taken = super().hindrance(config)
        if taken is not None:
            return taken
        if found := overlaps(config, self.ours):
            more = f" And {len(found) - 1:,} more." if len(found) > 1 else ""
            sentence = f"The bucket sends the same events elsewhere already, and S3 allows that once. {found[0].sentence}{more}"
            return Hindrance(sentence, "Choose another prefix, suffix or event; or have that one taken out first.", "overlap")
        return None

    def plain(self, config: Config) -> Any:
        kinds = {kind: sorted(_configuration(one) for one in entries) for kind, entries in config.items() if _is_list(entries)}
        return {**{key: one for key, one in config.items() if not _is_list(one)}, **{k: v for k, v in kinds.items() if v}}


class _Policy(Whole):
    """One statement of a resource policy, by its Sid."""

    @property
    def ours(self) -> Config:
        """Our statement."""
        found: Config = self.planned.parameters["AttributeValue" if "AttributeValue" in self.planned.parameters else "Policy"]
        return found

    def holds(self, config: Config) -> bool:
        wanted = canonical(self.ours)
        return any(canonical(one) == wanted for one in self._under_our_sid(config))

    def absent(self, config: Config) -> bool:
        return not self._under_our_sid(config)

    def with_ours(self, config: Config) -> Config:
        whole = copy.deepcopy(config) or {"Version": "2012-10-17"}
        whole["Statement"] = [*(one for one in _statements(whole) if one.get("Sid") != self.sid), copy.deepcopy(self.ours)]
        return whole

    def without_ours(self, config: Config) -> Config:
        whole = copy.deepcopy(config)
        kept = [one for one in _statements(whole) if one.get("Sid") != self.sid]
        return {**whole, "Statement": kept} if kept else {}

    def plain(self, config: Config) -> Any:
        return {**config, "Statement": Counter(canonical(one) for one in _statements(config))}

    def _under_our_sid(self, config: Config) -> list[Config]:
        return [one for one in _statements(config) if one.get("Sid") == self.sid]


class TopicPolicy(_Policy):
    """The topic's policy."""

    what = "the topic's policy"

    def read(self, sources: Sources) -> Config:
        return sources.topic_policy()

    def put(self, sources: Sources, config: Config) -> str:
        return sources.put_topic_policy(config)


class QueuePolicy(_Policy):
    """The queue's policy."""

    what = "the queue's policy"

    def read(self, sources: Sources) -> Config:
        return sources.queue_policy()

    def put(self, sources: Sources, config: Config) -> str:
        return sources.put_queue_policy(config)


class StreamPolicy(_Policy):
    """The stream's policy."""

    what = "the stream's policy"

    def read(self, sources: Sources) -> Config:
        return sources.stream_policy()

    def put(self, sources: Sources, config: Config) -> str:
        return sources.put_stream_policy(config)


class AlarmAction(Whole):
    """The function among what the alarm does when it goes off. CloudWatch replaces the whole alarm at each write."""

    what = "the alarm"

    @property
    def ours(self) -> str:
        """The function's ARN."""
        return str(self.planned.parameters["AlarmActions"][0])

    def read(self, sources: Sources) -> Config:
        return sources.alarm() or {}

    def holds(self, config: Config) -> bool:
        return self.ours in (config.get("AlarmActions") or ())

    def with_ours(self, config: Config) -> Config:
        return {**config, "AlarmActions": [*(config.get("AlarmActions") or ()), self.ours]}

    def without_ours(self, config: Config) -> Config:
        return {**config, "AlarmActions": [one for one in config.get("AlarmActions") or () if one != self.ours]}

    def put(self, sources: Sources, config: Config) -> str:
        return sources.put_alarm(config)

    def hindrance(self, config: Config) -> Hindrance | None:
        if not config:
            return Hindrance("AWS shows no such alarm (any more).", "Check its ARN, or make it again.", "gone")
        if not self.holds(config) and len(config.get("AlarmActions") or ()) >= _ACTIONS:
            sentence = f"The alarm does {_ACTIONS} things already, which is as many as AWS allows."
            return Hindrance(sentence, "Have one of them taken out, or put a topic in between.", "full")
        return None

    def plain(self, config: Config) -> Any:
        return json.dumps({**config, "AlarmActions": sorted(config.get("AlarmActions") or ())}, sort_keys=True, default=str)


def _statements(document: Config) -> list[Config]:
    found = document.get("Statement") or []
    return [found] if isinstance(found, dict) else list(found)


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def _configuration(one: Mapping[str, Any]) -> str:
    """One configuration of a bucket, with the rules' names as people write them and nothing in an order."""
    rules = ((one.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
    plain = {key: value for key, value in one.items() if key not in ("Filter", "Events")}
    plain["Events"] = sorted(one.get("Events") or ())
    plain["Rules"] = sorted((str(rule.get("Name", "")).lower(), str(rule.get("Value", ""))) for rule in rules)
    return json.dumps(plain, sort_keys=True, default=str)
