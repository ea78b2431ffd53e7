"""CloudWatch counts the runs of each function in its owner's account, by the minute, and does not say who called."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import Speaker, allow, code, refused

PLATFORM, ACME = "444455556666", "111122223333"


def runs(client: Any, *dimensions: tuple[str, str], metric: str = "Invocations", **more: Any) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    asked = {
        "Namespace": "AWS/Lambda",
        "MetricName": metric,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
        "StartTime": now - timedelta(minutes=3),
        "EndTime": now + timedelta(minutes=1),
        "Period": 60,
        "Statistics": ["Sum"],
        **more,
    }
    return list(client.get_metric_statistics(**asked)["Datapoints"])


def total(points: list[dict[str, Any]]) -> float:
    return float(sum(point["Sum"] for point in points))


def test_every_run_counts_for_its_function_and_for_what_was_called(speak: Speaker, sandbox: Sandbox) -> None:
    owner, cloudwatch = speak.lambda_("Platform"), speak.client("cloudwatch", "Platform")
    name = ("FunctionName", "label-uploads")
    assert runs(cloudwatch, name) == []
    for qualifier in ("live", "live", ""):
        owner.invoke(FunctionName="label-uploads", **({"Qualifier": qualifier} if qualifier else {}))
    owner.invoke(FunctionName="label-uploads", InvocationType="DryRun")
    s3 = speak.client("s3", "Acme Retail")
    event = {
        "LambdaFunctionArn": f"arn:aws:lambda:us-east-1:{PLATFORM}:function:label-uploads:live",
        "Events": ["s3:ObjectCreated:*"],
    }
    s3.put_bucket_notification_configuration(
        Bucket="acme-retail-uploads", NotificationConfiguration={"LambdaFunctionConfigurations": [event]}
    )
    s3.put_object(Bucket="acme-retail-uploads", Key="a.png", Body=b"x")
    assert total(runs(cloudwatch, name)) == 4
    assert total(runs(cloudwatch, name, ("Resource", "label-uploads:live"))) == 3
    assert total(runs(cloudwatch, name, ("Resource", "label-uploads"))) == 1
    assert runs(cloudwatch, ("Resource", "label-uploads:live")) == []
    assert runs(speak.client("cloudwatch", "Acme Retail"), name) == []
    at = runs(cloudwatch, name)[-1]["Timestamp"]
    assert (at.second, at.microsecond) == (0, 0)
    sandbox.reset()
    assert runs(cloudwatch, name) == []


def test_runs_that_failed_are_errors_as_well(speak: Speaker) -> None:
    owner, cloudwatch = speak.lambda_("Platform"), speak.client("cloudwatch", "Platform")
    owner.invoke(FunctionName="deploy-hook")
    owner.invoke(FunctionName="hello_world")
    assert [total(runs(cloudwatch, ("FunctionName", name), metric="Errors")) for name in ("deploy-hook", "hello_world")] == [
        1,
        0,
    ]
    (point,) = runs(cloudwatch, ("FunctionName", "deploy-hook"), Period=600, Statistics=["SampleCount", "Average", "Maximum"])
    assert (point["SampleCount"], point["Average"], point["Maximum"], point["Unit"]) == (1, 1, 1, "Count")


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ({"Period": 30}, "InvalidParameterValue"),
        ({"StartTime": datetime(2030, 1, 1, tzinfo=UTC)}, "InvalidParameterValue"),
        ({"StartTime": datetime(2026, 1, 1, tzinfo=UTC)}, "InvalidParameterCombination"),
        ({"Statistics": []}, "InvalidParameterCombination"),
    ],
    ids=["a short period", "backwards", "too many points", "no statistics"],
)
def test_questions_that_cloudwatch_does_not_answer_are_refused(speak: Speaker, asked: dict[str, Any], wanted: str) -> None:
    assert code(runs, speak.client("cloudwatch", "Platform"), ("FunctionName", "hello_world"), **asked) == wanted


def test_the_manager_role_may_count_and_iam_knows_the_action_as_cloudwatchs(speak: Speaker, sandbox: Sandbox) -> None:
    platform = sandbox.account("Platform")
    counting = speak.assumed("cloudwatch", platform.manager_role_arn, "fnshare", ExternalId=platform.external_id)
    assert runs(counting, ("FunctionName", "hello_world")) == []
    other = speak.user("cloudwatch", "Platform", "one", allow("monitoring:GetMetricStatistics"))
    assert "cloudwatch:GetMetricStatistics" in refused(runs, other, ("FunctionName", "hello_world"))[2]
