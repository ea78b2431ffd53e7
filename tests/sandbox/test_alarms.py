"""CloudWatch alarms with a function as their action: each change of state is brought to it, when it lets the alarm in."""

from typing import Any

from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import Speaker, code, function_arn

PLATFORM, GLOBEX = "444455556666", "222233334444"
ROUTER = function_arn(PLATFORM, "alarm-router")  # its policy lets in every alarm of Globex in this region
CLOSED = function_arn(PLATFORM, "session-cleanup")


def alarm_of(client: Any, name: str) -> dict[str, Any]:
    found = client.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    (one,) = list(found["MetricAlarms"]) + list(found["CompositeAlarms"])
    return dict(one)


def put_again(client: Any, name: str, **changed: Any) -> None:
    """What it has, and these fields."""
    known = (
        "AlarmName",
        "Namespace",
        "MetricName",
        "ComparisonOperator",
        "EvaluationPeriods",
        "Period",
        "Threshold",
        "Statistic",
    )
    held = alarm_of(client, name)
    client.put_metric_alarm(**{field: held[field] for field in known}, **changed)


def turn(client: Any, name: str, *states: str) -> None:
    for state in states:
        client.set_alarm_state(AlarmName=name, StateValue=state, StateReason="trying")


def test_an_alarms_changes_reach_a_function_of_another_account(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.client("cloudwatch", "Globex")
    put_again(client, "globex-batch-late", AlarmActions=[ROUTER], OKActions=[CLOSED])
    turn(client, "globex-batch-late", "ALARM", "ALARM", "OK")
    assert [(one.function_arn, one.delivered, one.detail) for one in sandbox.journal.deliveries] == [
        (ROUTER, True, ""),
        (CLOSED, False, "The function's policy does not let the source in."),
    ]
    assert {(one.service, one.source_account, one.source_arn) for one in sandbox.journal.deliveries} == {
        (
            "lambda.alarms.cloudwatch.amazonaws.com",
            GLOBEX,
            f"arn:aws:cloudwatch:us-east-1:{GLOBEX}:alarm:globex-batch-late",
        )
    }


def test_an_alarm_that_is_put_again_keeps_its_state_and_tells_nobody(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.client("cloudwatch", "Globex")
    assert alarm_of(client, "globex-batch-late")["StateValue"] == "INSUFFICIENT_DATA"
    turn(client, "globex-batch-late", "ALARM")
    put_again(client, "globex-batch-late", AlarmActions=[ROUTER], ActionsEnabled=False)
    assert alarm_of(client, "globex-batch-late")["StateValue"] == "ALARM"
    turn(client, "globex-batch-late", "OK", "ALARM")
    assert sandbox.journal.deliveries == []
    assert code(client.set_alarm_state, AlarmName="none", StateValue="OK", StateReason="x") == "ResourceNotFound"


def test_a_composite_alarm_is_listed_when_asked_for_and_calls_as_well(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.client("cloudwatch", "Globex")
    client.put_composite_alarm(AlarmName="all-late", AlarmRule="ALARM(globex-batch-late)", AlarmActions=[ROUTER])
    assert "CompositeAlarms" not in client.describe_alarms(AlarmNames=["all-late"])
    assert alarm_of(client, "all-late")["AlarmRule"] == "ALARM(globex-batch-late)"
    turn(client, "all-late", "ALARM")
    assert [one.delivered for one in sandbox.journal.deliveries] == [True]
