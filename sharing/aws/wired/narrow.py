"""One source's calls: a client per service, a session that names nothing but the one source, and refusals in its words."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from sharing.policy.arn import Arn

from ..calling import Caller
from ..errors import AwsError, Refused, Unavailable
from ..pace import Pace
from ..session import RoleRef
from . import statements

#: boto's name of each kind's service, and what people call the source.
SERVICES: Final = {
    "s3": ("s3", "bucket"),
    "sns": ("sns", "topic"),
    "eventbridge": ("events", "rule"),
    "alarm": ("cloudwatch", "alarm"),
    "sqs": ("sqs", "queue"),
    "kinesis": ("kinesis", "stream"),
    "dynamodb": ("dynamodb", "stream"),
}
_ABSENT: Final = {
    "NoSuchBucket",
    "NotFound",
    "NotFoundException",
    "ResourceNotFoundException",
    "ResourceNotFound",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
}
#: Somebody else is changing it this moment: the same call passes a little later.
_BUSY: Final = {
    "OperationAborted",
    "ConcurrentModificationException",
    "ConcurrentAccess",
    "ConcurrentAccessException",
    "ResourceInUseException",
}
_ELSEWHERE: Final = {"PermanentRedirect", "IllegalLocationConstraintException", "AuthorizationHeaderMalformed"}


class Absent(Refused):
    """AWS does not know this source (any more), in this account and region."""


class Narrow(Caller):
    """The way into one source. Raises Refused (Absent, when AWS does not know the source) and Unavailable."""

    methods: ClassVar[Mapping[str, str]] = {
        "GetBucketNotificationConfiguration": "get_bucket_notification_configuration",
        "PutBucketNotificationConfiguration": "put_bucket_notification_configuration",
        "PutObject": "put_object",
        "DeleteObject": "delete_object",
        "GetTopicAttributes": "get_topic_attributes",
        "SetTopicAttributes": "set_topic_attributes",
        "ListSubscriptionsByTopic": "list_subscriptions_by_topic",
        "Subscribe": "subscribe",
        "Unsubscribe": "unsubscribe",
        "Publish": "publish",
        "ListTargetsByRule": "list_targets_by_rule",
        "PutTargets": "put_targets",
        "RemoveTargets": "remove_targets",
        "DescribeAlarms": "describe_alarms",
        "PutMetricAlarm": "put_metric_alarm",
        "PutCompositeAlarm": "put_composite_alarm",
        "GetQueueAttributes": "get_queue_attributes",
        "SetQueueAttributes": "set_queue_attributes",
        "SendMessage": "send_message",
        "GetResourcePolicy": "get_resource_policy",
        "PutResourcePolicy": "put_resource_policy",
        "DeleteResourcePolicy": "delete_resource_policy",
    }

    def __init__(
        self,
        role: RoleRef,
        region: str,
        *,
        resource: str,
        kind: str,
        pace: Pace,
        session_name: str,
        cancelled: Callable[[], bool],
    ) -> None:
        super().__init__(
            role,
            region,
            pace=pace,
            purpose="click",
            policy=statements.only(kind, resource),
            session_name=session_name,
            cancelled=cancelled,
        )
        self.kind = kind
        self.resource = resource
        self.service, self.noun = SERVICES[kind]
        self.parts = Arn.parse(resource)

    def ask(self, operation: str, request: dict[str, Any], *, write: bool = False) -> dict[str, Any]:
        """One call at the sources' pace, its refusals said of this source."""
        try:
            return self.call("sources", operation, request, write=write)
        except Refused as refused:
            raise self._said(refused) from None
        except Unavailable as problem:
            if problem.code in _ELSEWHERE:
                raise self._said(problem) from None
            raise

    def _said(self, error: AwsError) -> AwsError:
        facts: dict[str, Any] = {
            "code": error.code,
            "message": error.message,
            "status": error.status,
            "request_id": error.request_id,
            "operation": error.operation,
        }
        if error.code in _ABSENT:
            where = f"account {self.role.account}" + ("" if self.kind == "s3" else f", {self.region}")
            return Absent(
                f"AWS does not know the {self.noun} {self.resource} (any more) in {where}.",
                next="Check its ARN and its region, or make it again.",
                **facts,
            )
        if error.code in _BUSY:
            sentence = f"The {self.noun} is being changed by somebody else right now."
            return Unavailable(sentence, next="It is tried again by itself.", **facts)
        if error.code in _ELSEWHERE:
            return Refused(
                f"The {self.noun} {self.resource} is not in {self.region}.",
                next="Give the region it is in.",
                **facts,
            )
        if self.kind == "s3" and error.is_access_denied and "perform" not in error.message:
            return Refused(
                f"S3 denied {error.operation} on {self.resource}.",
                next=f"Add the permission to the source role. S3 answers the same when the bucket is not account "
                f"{self.role.account}'s.",
                **facts,
            )
        return error
