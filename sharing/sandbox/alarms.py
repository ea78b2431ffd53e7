"""CloudWatch alarms whose action is a function: it is brought each change of the alarm's state (aws-facts 3).

moto keeps alarms and calls no function. It also forgets the state of an alarm that is put again, knows no composite alarms,
and lists both kinds where AWS lists metric alarms unless asked.
"""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import Alarm, CloudWatchBackend
from moto.cloudwatch.responses import CloudWatchResponse

from sharing.sandbox.deliveries import Deliveries
from sharing.sandbox.errors import Reply

SERVICE = "lambda.alarms.cloudwatch.amazonaws.com"

_ACTIONS = {"ALARM": "alarm_actions", "OK": "ok_actions", "INSUFFICIENT_DATA": "insufficient_data_actions"}
_STATE = ("state_value", "state_reason", "state_reason_data", "state_updated_timestamp", "history")


def as_listed(reply: Reply, asked: dict[str, Any]) -> Reply:
    """DescribeAlarms with the kinds that were asked for: metric alarms, unless AlarmTypes says otherwise."""
    kinds = asked.get("AlarmTypes") or ["MetricAlarm"]
    if reply.status != 200 or not reply.body.startswith(b"{"):
        return reply
    listed = json.loads(reply.body)
    shown = {name: alarms for name, alarms in listed.items() if name.removesuffix("s") in kinds or not name.endswith("Alarms")}
    return replace(reply, body=json.dumps(shown).encode())


_lock = threading.Lock()
_update_state = Alarm.update_state
_put = CloudWatchBackend.put_metric_alarm


def lead_here(deliveries: Deliveries) -> None:
    """From now on moto's alarms call functions through these deliveries. One per process."""

    def update_state(self: Any, reason: str, reason_data: str, state_value: str) -> None:
        before = self.state_value
        _update_state(self, reason, reason_data, state_value)
        if state_value == before or not self.actions_enabled:
            return
        account = self.alarm_arn.split(":")[4]
        for action in getattr(self, _ACTIONS[state_value]) or ():
            if ":lambda:" in action:
                deliveries.push(SERVICE, self.alarm_arn, account, action, _event(self, account, before))

    def put_metric_alarm(self: Any, name: str, *rest: Any, **named: Any) -> Alarm:
        before = self.alarms.get(name)
        alarm = _put(self, name, *rest, **named)
        if before is None:
            alarm.state_value = "INSUFFICIENT_DATA"
        else:
            for field in _STATE:
                setattr(alarm, field, getattr(before, field))
        return alarm

    with _lock:
        Alarm.update_state = update_state  # type: ignore[method-assign]
        CloudWatchBackend.put_metric_alarm = put_metric_alarm  # type: ignore[method-assign]
        CloudWatchResponse.put_composite_alarm = CloudWatchResponse.put_metric_alarm  # type: ignore[attr-defined]


def _event(alarm: Any, account: str, before: str) -> dict[str, Any]:
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm.alarm_arn,
        "accountId": account,
        "time": moment,
        "region": alarm.region_name,
        "alarmData": {
            "alarmName": alarm.name,
            "state": {"value": alarm.state_value, "reason": alarm.state_reason, "timestamp": moment},
            "previousState": {"value": before},
        },
    }
