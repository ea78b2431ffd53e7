"""Wirings and their steps in words."""

from __future__ import annotations

from sharing.models import Wiring, WiringStep
from sharing.policy.wiring import SOURCES
from sharing.services.mapping import place
from sharing.services.waking.sources import name_of

_STEPS = {
    "permission": "let the source in",
    "role": "the role that calls",
    "execution-role": "the execution role's right to read",
    "source": "the source's own set-up",
    "reach": "the way to the source",
    "notification": "the bucket's notification",
    "topic-policy": "the topic's policy",
    "subscription": "the subscription",
    "target": "the rule's target",
    "alarm-action": "the alarm's action",
    "source-policy": "the source's policy",
    "mapping": "the event source mapping",
}


def named(wiring: Wiring) -> str:
    """`S3 bucket uploads → label-uploads:live`."""
    kind = SOURCES.get(wiring.kind)
    label = f"{kind.label} " if kind else ""
    return f"{label}{name_of(wiring.source_arn)} → {place(wiring.function, wiring.qualifier)}"


def step_named(step: WiringStep) -> str:
    """`the bucket's notification`."""
    return _STEPS.get(step.key, step.key)
