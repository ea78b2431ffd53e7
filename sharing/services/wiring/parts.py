"""What one step puts into a source's own configuration, and how it is told from everything else that is there."""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sharing.aws.wired import Sources
from sharing.models import WiringStep
from sharing.policy.statement import canonical
from sharing.policy.wiring import Step, merged, overlaps, without

from .planning import sid_of

Config = dict[str, Any]
_LAMBDA = "LambdaFunctionConfigurations"
#: AWS takes so many actions for each state of an alarm.
_ACTIONS = 5


@dataclass(frozen=True)
class Hindrance:
    """Why ours cannot be put in, as it is now: said before AWS would refuse, or would lose something."""

    sentence: str
    next: str
    code: str


class Part(ABC):
    """One step's part. `whole`: writing replaces everything, so nothing else may have changed around the write."""

    whole: ClassVar[bool] = True
    what: ClassVar[str]

    def __init__(self, step: WiringStep, planned: Step) -> None:
        self.sid = sid_of(step.wiring_id)
        self.planned = planned

    @abstractmethod
    def read(self, sources: Sources) -> Config:
        """What the source holds now."""

    @abstractmethod
    def holds(self, config: Config) -> bool:
        """Whether ours is there, as it is wanted."""

    def absent(self, config: Config) -> bool:
        """Whether nothing is there under our id."""
        return not self.holds(config)

    @abstractmethod
    def with_ours(self, config: Config) -> Config:
        """All of it, with ours; everything else exactly as it is."""

    @abstractmethod
    def without_ours(self, config: Config) -> Config:
        """All of it, without ours; everything else exactly as it is."""

    @abstractmethod
    def add(self, sources: Sources, config: Config) -> str:
        """Put ours into what was just read; AWS's request id."""

    @abstractmethod
    def remove(self, sources: Sources, config: Config) -> str:
        """Take ours out of what was just read; AWS's request id."""

    def hindrance(self, config: Config) -> Hindrance | None:
        """Why ours cannot be put in now; None if nothing is known to be in the way."""
        if self.holds(config) or self.absent(config):
            return None
        sentence = f"Something else is in {self.what} under the id {self.sid}: it is not what fnshare would write."
        return Hindrance(sentence, "Look at it in AWS, take it out if nobody needs it, then try again.", "taken")

    def same(self, one: Config, other: Config) -> bool:
        """Whether two answers mean the same, in whatever order AWS gives them."""
        return bool(self.plain(one) == self.plain(other))

    def plain(self, config: Config) -> Any:
        """A form in which equal meanings are equal."""
        return config


class Notification(Part):
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

    def add(self, sources: Sources, config: Config) -> str:
        return sources.put_bucket_notifications(self.with_ours(config))

    def remove(self, sources: Sources, config: Config) -> str:
        return sources.put_bucket_notifications(self.without_ours(config))

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


class _Document(Part):
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


class TopicPolicy(_Document):
    """The topic's policy."""

    what = "the topic's policy"

    def read(self, sources: Sources) -> Config:
        return sources.topic_policy()

    def add(self, sources: Sources, config: Config) -> str:
        return sources.put_topic_policy(self.with_ours(config))

    def remove(self, sources: Sources, config: Config) -> str:
        return sources.put_topic_policy(self.without_ours(config))


class QueuePolicy(_Document):
    """The queue's policy."""

    what = "the queue's policy"

    def read(self, sources: Sources) -> Config:
        return sources.queue_policy()

    def add(self, sources: Sources, config: Config) -> str:
        return sources.put_queue_policy(self.with_ours(config))

    def remove(self, sources: Sources, config: Config) -> str:
        return sources.put_queue_policy(self.without_ours(config))


class StreamPolicy(_Document):
    """The stream's policy."""

    what = "the stream's policy"

    def read(self, sources: Sources) -> Config:
        return sources.stream_policy()

    def add(self, sources: Sources, config: Config) -> str:
        return sources.put_stream_policy(self.with_ours(config))

    def remove(self, sources: Sources, config: Config) -> str:
        return sources.put_stream_policy(self.without_ours(config))


class AlarmAction(Part):
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

    def add(self, sources: Sources, config: Config) -> str:
        return sources.put_alarm(self.with_ours(config))

    def remove(self, sources: Sources, config: Config) -> str:
        return sources.put_alarm(self.without_ours(config))

    def hindrance(self, config: Config) -> Hindrance | None:
        if not config:
            return Hindrance("AWS shows no such alarm (any more).", "Check its ARN, or make it again.", "gone")
        if not self.holds(config) and len(config.get("AlarmActions") or ()) >= _ACTIONS:
            sentence = f"The alarm does {_ACTIONS} things already, which is as many as AWS allows."
            return Hindrance(sentence, "Have one of them taken out, or put a topic in between.", "full")
        return None

    def plain(self, config: Config) -> Any:
        return json.dumps({**config, "AlarmActions": sorted(config.get("AlarmActions") or ())}, sort_keys=True, default=str)


class Subscription(Part):
    """The function's subscription of the topic. SNS keeps one by one."""

    whole = False
    what = "the topic's subscriptions"

    def read(self, sources: Sources) -> Config:
        return {"subscriptions": sources.subscriptions(self._endpoint)}

    def holds(self, config: Config) -> bool:
        return bool(config["subscriptions"])

    def with_ours(self, config: Config) -> Config:
        return config

    def without_ours(self, config: Config) -> Config:
        return {"subscriptions": []}

    def add(self, sources: Sources, config: Config) -> str:
        attributes: Mapping[str, str] = self.planned.parameters.get("Attributes") or {}
        sources.subscribe(self._endpoint, attributes.get("FilterPolicy", ""))
        return ""

    def remove(self, sources: Sources, config: Config) -> str:
        return sources.unsubscribe(config["subscriptions"][0])

    @property
    def _endpoint(self) -> str:
        return str(self.planned.parameters["Endpoint"])


class Target(Part):
    """The function among the rule's targets. EventBridge keeps one by one."""

    whole = False
    what = "the rule's targets"

    @property
    def ours(self) -> Config:
        """Our target."""
        found: Config = self.planned.parameters["Targets"][0]
        return found

    def read(self, sources: Sources) -> Config:
        return {"targets": sources.rule_targets()}

    def holds(self, config: Config) -> bool:
        """One under another id does the same."""
        by_role = bool(self.ours.get("RoleArn"))
        return any(
            one.get("Arn") == self.ours["Arn"] and (not by_role or bool(one.get("RoleArn"))) for one in config["targets"]
        )

    def absent(self, config: Config) -> bool:
        return all(one.get("Id") != self.sid for one in config["targets"])

    def with_ours(self, config: Config) -> Config:
        return config

    def without_ours(self, config: Config) -> Config:
        return config

    def add(self, sources: Sources, config: Config) -> str:
        return sources.put_rule_target(self.ours)

    def remove(self, sources: Sources, config: Config) -> str:
        return sources.remove_rule_target(self.sid)


_PARTS: dict[str, type[Part]] = {
    "notification": Notification,
    "topic-policy": TopicPolicy,
    "subscription": Subscription,
    "target": Target,
    "alarm-action": AlarmAction,
}
_POLICIES: dict[str, type[Part]] = {"sqs": QueuePolicy, "kinesis": StreamPolicy, "dynamodb": StreamPolicy}


def part_of(step: WiringStep, planned: Step) -> Part | None:
    """The part a step puts into a source; None for steps that change no source."""
    made = _POLICIES.get(step.wiring.kind) if step.key == "source-policy" else _PARTS.get(step.key)
    return made(step, planned) if made else None


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
