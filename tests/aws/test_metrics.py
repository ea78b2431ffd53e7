"""How often a function ran, asked for in one answer whatever the time; no data is not no run."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.stub import ANY

from sharing.aws.metrics import Metrics
from sharing.aws.pace import Pace
from sharing.aws.session import RoleRef
from sharing.policy.arn import FunctionArn
from tests.aws.stubbed import Aws

HELLO = "arn:aws:lambda:us-east-1:444455556666:function:hello_world"
ROLE = RoleRef("aws", "444455556666", "arn:aws:iam::444455556666:role/fnshare-manager", "external-id")


@pytest.mark.parametrize(("points", "runs"), [([], None), ([{"Sum": 2.0}, {"Sum": 1.0}], 3), ([{"Sum": 0.0}], 0)])
def test_no_data_about_runs_is_not_no_run(aws: Aws, points: list[dict[str, float]], runs: int | None) -> None:
    moment, now = datetime(2026, 1, 1, 10, 5, 40, tzinfo=UTC), datetime(2026, 1, 1, 10, 9, tzinfo=UTC)
    asked = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": "FunctionName", "Value": "hello_world"}, {"Name": "Resource", "Value": "hello_world:live"}],
        "StartTime": datetime(2026, 1, 1, 10, 5, tzinfo=UTC),
        "EndTime": now + timedelta(minutes=1),
        "Period": 60,
        "Statistics": ["Sum"],
    }
    aws.of("alarm").add_response("get_metric_statistics", {"Datapoints": points}, asked)
    counted = Metrics(ROLE, "us-east-1", pace=Pace(), session_name="fnshare-wire-1")
    assert counted.invocations_since(FunctionArn.parse(f"{HELLO}:live"), moment, now=now) == runs


def test_a_long_time_of_runs_fits_into_one_answer(aws: Aws) -> None:
    now = datetime(2026, 1, 10, tzinfo=UTC)
    stub = aws.of("alarm")
    asked = dict.fromkeys(("Namespace", "MetricName", "StartTime", "EndTime", "Statistics"), ANY)
    function = [{"Name": "FunctionName", "Value": "hello_world"}]
    stub.add_response("get_metric_statistics", {"Datapoints": []}, {**asked, "Dimensions": function, "Period": 600})
    counted = Metrics(ROLE, "us-east-1", pace=Pace(), session_name="fnshare-wire-1")
    assert counted.invocations_since(FunctionArn.parse(HELLO), now - timedelta(days=9, hours=20), now=now) is None
