"""Which part a step puts into a source; those that AWS keeps one by one."""

from __future__ import annotations

from collections.abc import Mapping

from sharing.aws.wired import Sources
from sharing.models import WiringStep
from sharing.policy.wiring import Step

from .documents import AlarmAction, Notification, QueuePolicy, StreamPolicy, TopicPolicy
from .part import Config, Part


class Subscription(Part):
    """The function's subscription of the topic. SNS keeps one by one."""

    what = "the topic's subscriptions"

    def read(self, sources: Sources) -> Config:
        return {"subscriptions": sources.subscriptions(self._endpoint)}

    def holds(self, config: Config) -> bool:
        return bool(config["subscriptions"])

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
