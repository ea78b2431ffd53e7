"""One action put into an alarm, or taken out; everything else of the alarm stays.

This file stands alone beside settling, and runs in Python 3.9: its text is part of the scripts that packs hand over.
"""

from __future__ import annotations

from typing import Any

from .settling import Stop

#: What describing an alarm tells and putting one takes; what is in neither list is not known here, and stops.
TAKEN = {
    "ActionConfiguration", "ActionsEnabled", "ActionsSuppressor", "ActionsSuppressorExtensionPeriod",
    "ActionsSuppressorWaitPeriod", "AlarmActions", "AlarmDescription", "AlarmName", "AlarmRule", "ComparisonOperator",
    "DatapointsToAlarm", "Dimensions",
    "EvaluateLowSampleCountPercentile", "EvaluationCriteria", "EvaluationInterval", "EvaluationPeriods", "EvaluationWindow",
    "ExtendedStatistic", "InsufficientDataActions", "MetricName", "Metrics", "Namespace", "OKActions", "Period", "Statistic",
    "Threshold", "ThresholdMetricId", "TreatMissingData", "Unit", "WarmUpConfiguration",
}  # fmt: skip
TOLD = {
    "ActionsSuppressedBy", "ActionsSuppressedReason", "AlarmArn", "AlarmConfigurationUpdatedTimestamp", "EvaluationState",
    "StateReason", "StateReasonData", "StateTransitionedTimestamp", "StateUpdatedTimestamp", "StateValue",
}  # fmt: skip
MOST_ACTIONS = 5


def alarm_in(answer: Any) -> Any:
    """The alarm's own settings, as putting it takes them."""
    found = [*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())]
    if len(found) != 1:
        raise Stop("There is no such alarm.")
    unknown = sorted(set(found[0]) - TAKEN - TOLD)
    if unknown:
        raise Stop(f"The alarm has settings that are not known here ({', '.join(unknown)}): add the action yourself.")
    return {name: value for name, value in found[0].items() if name in TAKEN}


def with_action(alarm: Any, action: str) -> Any:
    """The alarm with this action after those it has."""
    actions = alarm.get("AlarmActions") or []
    if action in actions:
        return alarm
    if len(actions) >= MOST_ACTIONS:
        raise Stop(f"The alarm has {len(actions)} actions already, as many as AWS takes.")
    return {**alarm, "AlarmActions": [*actions, action]}


def without_action(alarm: Any, action: str) -> Any:
    """The alarm without this action."""
    if action not in (alarm.get("AlarmActions") or []):
        return alarm
    return {**alarm, "AlarmActions": [one for one in alarm["AlarmActions"] if one != action]}
