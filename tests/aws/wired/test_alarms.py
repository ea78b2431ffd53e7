"""Alarms: everything goes back."""

import json
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from sharing.aws.errors import Refused
from sharing.aws.wired.calls import ALARM_STATE
from tests.aws.stubbed import Aws
from tests.aws.wired.sources import ACME, ARNS, HELLO, of

METRIC = {
    "AlarmName": "too: many errors",
    "AlarmArn": ARNS["alarm"],
    "AlarmDescription": "kept",
    "AlarmConfigurationUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
    "ActionsEnabled": False,
    "OKActions": ["arn:aws:sns:us-east-1:111122223333:calm"],
    "AlarmActions": ["arn:aws:sns:us-east-1:111122223333:page-me"],
    "InsufficientDataActions": [],
    "StateValue": "ALARM",
    "StateReason": "why",
    "StateReasonData": "{}",
    "StateUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
    "Dimensions": [],
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 1.5,
    "ComparisonOperator": "LessThanLowerOrGreaterThanUpperThreshold",
    "TreatMissingData": "notBreaching",
    "EvaluateLowSampleCountPercentile": "ignore",
    "ThresholdMetricId": "band",
    "Metrics": [{"Id": "m1", "Expression": "SUM(METRICS())", "ReturnData": True, "AccountId": ACME}],
    "StateTransitionedTimestamp": datetime(2026, 1, 1, tzinfo=UTC),
    "EvaluationState": "PARTIAL_DATA",
}
COMPOSITE = {
    "AlarmName": "too: many errors",
    "AlarmRule": "ALARM(a) OR ALARM(b)",
    "ActionsEnabled": True,
    "AlarmActions": [],
    "ActionsSuppressor": "c",
    "ActionsSuppressorWaitPeriod": 60,
    "ActionsSuppressorExtensionPeriod": 120,
    "ActionsSuppressedBy": "Alarm",
    "StateValue": "OK",
}


@pytest.mark.parametrize(("kind", "held"), [("Metric", METRIC), ("Composite", COMPOSITE)])
def test_a_changed_alarm_keeps_every_setting_it_had(aws: Aws, kind: str, held: dict[str, Any]) -> None:
    stub = aws.of("alarm")
    asked = {"AlarmNames": ["too: many errors"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    stub.add_response("describe_alarms", {f"{kind}Alarms": [held]}, asked)
    found = of("alarm").alarm()
    assert found is not None
    assert found == {name: value for name, value in held.items() if name not in ALARM_STATE}
    json.dumps(found)  # rows keep it
    actions = [*held["AlarmActions"], HELLO]
    sent = {name: value for name, value in found.items() if value != []} | {"AlarmActions": actions}
    stub.add_response(f"put_{kind.lower()}_alarm", {}, sent)
    of("alarm").put_alarm({**found, "AlarmActions": actions})


def test_what_this_boto_knows_of_alarms_is_a_setting_that_goes_back_or_a_state() -> None:
    model: Any = botocore.session.get_session().get_service_model("cloudwatch")
    for kind in ("MetricAlarm", "CompositeAlarm"):
        shown = set(model.shape_for(kind).members)
        taken = set(model.operation_model(f"Put{kind}").input_shape.members)
        assert shown - taken <= ALARM_STATE
        assert not taken & ALARM_STATE
        assert taken - shown == {"Tags"}, "which a change of an alarm that exists leaves alone"


def test_an_alarm_that_is_not_shown_is_none(aws: Aws) -> None:
    aws.of("alarm").add_response("describe_alarms", {"MetricAlarms": []})
    assert of("alarm").alarm() is None


def test_a_setting_that_put_does_not_know_stops_the_change_before_it_is_sent(aws: Aws) -> None:
    aws.of("alarm").deactivate()  # which looks at parameters later than boto
    with pytest.raises(Refused, match="malformed"):
        of("alarm").put_alarm({"AlarmName": "too: many errors", "EvaluationPeriods": 1, "SomethingNew": 1})
