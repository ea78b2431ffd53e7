"""What CloudWatch counted of a function: how often it ran, not for whom."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from sharing.policy.arn import FunctionArn

from .calling import Caller, counting_only
from .errors import malformed
from .pace import Pace
from .session import RoleRef

#: The most data points of one answer.
_POINTS = 1440


class Metrics(Caller):
    """CloudWatch in one region of an account, through its manager role. Raises Refused and Unavailable."""

    service = "cloudwatch"
    methods: ClassVar[Mapping[str, str]] = {"GetMetricStatistics": "get_metric_statistics"}

    def __init__(
        self,
        role: RoleRef,
        region: str,
        *,
        pace: Pace,
        session_name: str,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(
            role, region, pace=pace, purpose="click", policy=counting_only(), session_name=session_name, cancelled=cancelled
        )

    def invocations_since(self, function: FunctionArn, moment: datetime, *, now: datetime | None = None) -> int | None:
        """How often the function, alias or version ran from that minute on, as far as CloudWatch knows: it is minutes late.

        None: no data, which is not the same as no run. An unqualified ARN counts every run, those through aliases too.
        IAM: cloudwatch:GetMetricStatistics on `*`.
        """
        begins = moment.astimezone(UTC).replace(second=0, microsecond=0)
        ends = (now or datetime.now(UTC)) + timedelta(minutes=1)
        period = 60 * max(1, math.ceil((ends - begins).total_seconds() / 60 / _POINTS))
        dimensions = [{"Name": "FunctionName", "Value": function.name}]
        if function.qualifier:
            dimensions.append({"Name": "Resource", "Value": f"{function.name}:{function.qualifier}"})
        request: dict[str, Any] = {
            "Namespace": "AWS/Lambda",
            "MetricName": "Invocations",
            "Dimensions": dimensions,
            "StartTime": begins,
            "EndTime": ends,
            "Period": period,
            "Statistics": ["Sum"],
        }
        points = self.call("metrics", "GetMetricStatistics", request).get("Datapoints")
        if not isinstance(points, list):
            raise malformed("GetMetricStatistics")
        try:
            return round(sum(point["Sum"] for point in points)) if points else None
        except (KeyError, TypeError, ValueError):
            raise malformed("GetMetricStatistics") from None
