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
#: What nobody reads of a step that others made: fnshare knows only what it wrote itself.
_NOT_READ = {"subscription": "Which messages its filter policy lets through was not read: compare it with what is wanted here."}


def named(wiring: Wiring) -> str:
    """`S3 bucket uploads → label-uploads:live`."""
    kind = SOURCES.get(wiring.kind)
    label = f"{kind.label} " if kind else ""
    return f"{label}{name_of(wiring.source_arn)} → {place(wiring.function, wiring.qualifier)}"


def step_named(step: WiringStep) -> str:
    """`the bucket's notification`."""
    return _STEPS.get(step.key, step.key)


def as_found(step: WiringStep, evidence: str) -> str:
    """The evidence of a step that fnshare found and did not make, with what was not looked at."""
    return f"{evidence} {_NOT_READ.get(step.key, '')}".strip()
