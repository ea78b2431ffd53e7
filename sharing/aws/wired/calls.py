"""The calls that wire a source from its own side, each about one source and nothing else in its account.

Answers are cut to what is configuration of events or policy: tags, keys, what a rule sends along and other attributes stay
behind. Absence is a value, but for the source itself (`Absent`); a denial is an error.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

from sharing.policy.wiring import queue_url

from ..errors import Refused, malformed
from ..functions import request_id_of
from ..pace import Pace
from ..session import RoleRef
from .narrow import Narrow
from .statements import TESTS, kind_of

#: What AWS says of an alarm that is no setting of it. Everything else goes back with a change; a field that Put does not know
#: stops the call before it is sent, so that nothing is lost unseen.
ALARM_STATE: Final = frozenset(
    (
        "AlarmArn",
        "AlarmConfigurationUpdatedTimestamp",
        "StateValue",
        "StateReason",
        "StateReasonData",
        "StateUpdatedTimestamp",
        "StateTransitionedTimestamp",
        "EvaluationState",
        "ActionsSuppressedBy",
        "ActionsSuppressedReason",
    )
)
_TARGET: Final = ("Id", "Arn", "RoleArn")
_NO_POLICY: Final = "PolicyNotFoundException"


class NotASource(ValueError):
    """The ARN is none of a source that can be wired from its own side, or another kind than the call is for."""


class Sources(Narrow):
    """One source in its account and region, in a session of 15 minutes that can do nothing else.

    resource: the source's ARN; a bucket's says neither account nor region, so the role's account is expected to own it and
    `region` must be the bucket's. Raises NotASource, Refused (Absent) and Unavailable.
    """

    def __init__(
        self,
        role: RoleRef,
        region: str,
        *,
        resource: str,
        session_name: str,
        pace: Pace,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        kind = kind_of(resource)
        if not kind:
            raise NotASource(f"“{resource[:200]}” is no source that can be wired from its own side.")
        super().__init__(role, region, resource=resource, kind=kind, pace=pace, session_name=session_name, cancelled=cancelled)
        self._revision = ""

    def bucket_notifications(self) -> dict[str, Any]:
        """The bucket's whole notification configuration, {} when it has none. IAM: s3:GetBucketNotification."""
        said = self.ask("GetBucketNotificationConfiguration", self._bucket())
        return {name: value for name, value in said.items() if name != "ResponseMetadata"}

    def put_bucket_notifications(self, config: Mapping[str, Any]) -> str:
        """Replace the whole configuration; returns AWS's request id. IAM: s3:PutBucketNotification.

        S3 checks the functions' permissions in the moment it is called, and refuses all when one target is not ready.
        """
        request = {**self._bucket(), "NotificationConfiguration": dict(config)}
        return request_id_of(self.ask("PutBucketNotificationConfiguration", request, write=True))

    def topic_policy(self) -> dict[str, Any]:
        """The topic's policy. IAM: sns:GetTopicAttributes. The topic's other attributes stay behind."""
        said = self.ask("GetTopicAttributes", {"TopicArn": self._of("sns")})
        return self._document((said.get("Attributes") or {}).get("Policy"), "GetTopicAttributes")

    def put_topic_policy(self, document: Mapping[str, Any]) -> str:
        """Replace the topic's policy; returns AWS's request id. IAM: sns:SetTopicAttributes."""
        request = {"TopicArn": self._of("sns"), "AttributeName": "Policy", "AttributeValue": _text(document)}
        return request_id_of(self.ask("SetTopicAttributes", request, write=True))

    def subscriptions(self, endpoint: str) -> list[str]:
        """ARNs of the topic's confirmed subscriptions of this function ARN, 100 a page. IAM: sns:ListSubscriptionsByTopic."""
        listed = self._pages("ListSubscriptionsByTopic", "Subscriptions", {"TopicArn": self._of("sns")})
        return [
            str(one["SubscriptionArn"])
            for one in listed
            if one.get("Endpoint") == endpoint and str(one.get("SubscriptionArn", "")).startswith("arn:")
        ]

    def subscribe(self, endpoint: str, filter_policy: str = "") -> str:
        """Subscribe a function; the same again gives the same ARN. filter_policy: JSON. IAM: sns:Subscribe."""
        request = {"TopicArn": self._of("sns"), "Protocol": "lambda", "Endpoint": endpoint, "ReturnSubscriptionArn": True}
        if filter_policy:
            request["Attributes"] = {"FilterPolicy": filter_policy}
        arn = self.ask("Subscribe", request, write=True).get("SubscriptionArn")
        if not isinstance(arn, str) or not arn.startswith(f"{self.resource}:"):
            raise malformed("Subscribe", write=True)
        return arn

    def unsubscribe(self, subscription_arn: str) -> str:
        """End a subscription of this topic; also when there is none any more. IAM: sns:Unsubscribe, which knows no resource."""
        if not subscription_arn.startswith(f"{self._of('sns')}:"):
            raise NotASource("This is no subscription of the topic.")
        return request_id_of(self.ask("Unsubscribe", {"SubscriptionArn": subscription_arn}, write=True))

    def rule_targets(self) -> list[dict[str, Any]]:
        """The rule's targets, 100 a page: Id, Arn and RoleArn, never what is sent along. IAM: events:ListTargetsByRule."""
        listed = self._pages("ListTargetsByRule", "Targets", {**self._rule(), "Limit": 100})
        return [{name: one[name] for name in _TARGET if one.get(name)} for one in listed]

    def put_rule_target(self, target: Mapping[str, Any]) -> str:
        """Add this target, or replace the one of its Id; others stay. IAM: events:PutTargets, iam:PassRole for its role."""
        return self._entries("PutTargets", {**self._rule(), "Targets": [dict(target)]})

    def remove_rule_target(self, target_id: str) -> str:
        """Take the target of this Id off the rule. IAM: events:RemoveTargets."""
        return self._entries("RemoveTargets", {**self._rule(), "Ids": [target_id]})

    def alarm(self) -> dict[str, Any] | None:
        """The alarm's settings, all that its Put takes; a composite one has an AlarmRule. None: AWS shows no such alarm.

        IAM: cloudwatch:DescribeAlarms on `*`: with a narrower one composite alarms are not shown.
        """
        name = self._of("alarm").split(":alarm:", 1)[1]
        said = self.ask("DescribeAlarms", {"AlarmNames": [name], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]})
        for found in [*(said.get("MetricAlarms") or ()), *(said.get("CompositeAlarms") or ())]:
            if found.get("AlarmName") == name:
                return {key: value for key, value in found.items() if key not in ALARM_STATE and value is not None}
        return None

    def put_alarm(self, fields: Mapping[str, Any]) -> str:
        """Put the alarm back with `fields`, which are all it then has: `alarm()` with the actions changed; its state stays.

        IAM: cloudwatch:PutMetricAlarm, or cloudwatch:PutCompositeAlarm, which AWS knows on every alarm only.
        """
        if fields.get("AlarmName") != self._of("alarm").split(":alarm:", 1)[1]:
            raise NotASource("These are the settings of another alarm.")
        operation = "PutCompositeAlarm" if fields.get("AlarmRule") else "PutMetricAlarm"
        # An empty list is none: sent along, it stands beside what excludes it (Dimensions beside Metrics).
        request = {key: value for key, value in fields.items() if value != []}
        return request_id_of(self.ask(operation, request, write=True))

    def queue_policy(self) -> dict[str, Any]:
        """The queue's policy, {} without one. IAM: sqs:GetQueueAttributes."""
        said = self.ask("GetQueueAttributes", {"QueueUrl": self._queue(), "AttributeNames": ["Policy"]})
        return self._document((said.get("Attributes") or {}).get("Policy"), "GetQueueAttributes")

    def put_queue_policy(self, document: Mapping[str, Any]) -> str:
        """Replace the queue's policy; one without statements takes it away. IAM: sqs:SetQueueAttributes."""
        policy = _text(document) if document.get("Statement") else ""
        request = {"QueueUrl": self._queue(), "Attributes": {"Policy": policy}}
        return request_id_of(self.ask("SetQueueAttributes", request, write=True))

    def stream_policy(self) -> dict[str, Any]:
        """The stream's resource policy, {} without one. DynamoDB may show a change some seconds late.

        IAM: kinesis:GetResourcePolicy or dynamodb:GetResourcePolicy.
        """
        try:
            said = self.ask("GetResourcePolicy", self._stream())
        except Refused as refused:
            if refused.code != _NO_POLICY:
                raise
            self._revision = "NO_POLICY"
            return {}
        self._revision = str(said.get("RevisionId") or "")
        return self._document(said.get("Policy"), "GetResourcePolicy")

    def put_stream_policy(self, document: Mapping[str, Any]) -> str:
        """Replace the stream's policy; one without statements takes it away.

        DynamoDB refuses the change (PolicyNotFoundException) when the policy is not the one `stream_policy` read before.
        IAM: kinesis: or dynamodb:PutResourcePolicy, DeleteResourcePolicy.
        """
        request = self._stream()
        removing = not document.get("Statement")
        if self.kind == "dynamodb" and self._revision and not (removing and self._revision == "NO_POLICY"):
            request["ExpectedRevisionId"] = self._revision
        if not removing:
            request["Policy"] = _text(document)
        self._revision = ""
        try:
            return request_id_of(self.ask("DeleteResourcePolicy" if removing else "PutResourcePolicy", request, write=True))
        except Refused as refused:
            if refused.code == _NO_POLICY:
                refused.sentence = "The stream's policy was changed by somebody else in between."
                refused.next = "Look at the policy as it is now, then try again."
            raise

    def send_test(self, *, marker: str = "", prefix: str = "", suffix: str = "") -> str:
        """Send one event that says it is a test; returns the object's key, or the message's id.

        marker: hex, known to whoever looks for it. prefix, suffix: of the key, for a bucket. A message's body is JSON with the
        marker and nothing else. IAM: s3:PutObject, sns:Publish, sqs:SendMessage. Nothing for rules, alarms and streams.
        """
        if self.kind not in TESTS:
            raise NotASource(f"There is no test event for a {self.noun}.")
        marker = marker or secrets.token_hex(8)
        body = json.dumps({"fnshare": "test", "marker": marker})
        fifo = {"MessageGroupId": "fnshare-test", "MessageDeduplicationId": marker} if self.resource.endswith(".fifo") else {}
        if self.kind == "s3":
            key = f"{prefix}fnshare-test-{marker}{suffix}"
            request = {**self._bucket(), "Key": key, "Body": body.encode(), "ContentType": "application/json"}
            self.ask("PutObject", request, write=True)
            return key
        if self.kind == "sns":
            said = self.ask("Publish", {"TopicArn": self.resource, "Message": body, **fifo}, write=True)
        else:
            said = self.ask("SendMessage", {"QueueUrl": self._queue(), "MessageBody": body, **fifo}, write=True)
        return str(said.get("MessageId") or "")

    def remove_test_object(self, key: str) -> str:
        """Delete the object that `send_test` put; a bucket with versions keeps it behind a marker. IAM: s3:DeleteObject."""
        if "fnshare-test-" not in key:
            raise NotASource("This is no object of a test.")
        return request_id_of(self.ask("DeleteObject", {**self._bucket(), "Key": key}, write=True))

    def _of(self, *kinds: str) -> str:
        if self.kind not in kinds:
            raise NotASource(f"{self.resource} is a {self.noun}.")
        return self.resource

    def _bucket(self) -> dict[str, Any]:
        return {"Bucket": self._of("s3").split(":::", 1)[1], "ExpectedBucketOwner": self.role.account}

    def _rule(self) -> dict[str, Any]:
        bus, _, rule = self._of("eventbridge").split(":rule/", 1)[1].rpartition("/")
        return {"Rule": rule, **({"EventBusName": bus} if bus else {})}

    def _queue(self) -> str:
        self._of("sqs")
        return queue_url(self.parts.partition, self.parts.region, self.parts.account, self.parts.resource)

    def _stream(self) -> dict[str, Any]:
        name = "ResourceARN" if self.kind == "kinesis" else "ResourceArn"
        return {name: self._of("kinesis", "dynamodb")}

    def _entries(self, operation: str, request: dict[str, Any]) -> str:
        """EventBridge answers 200 and says in the answer what it did not do."""
        said = self.ask(operation, request, write=True)
        if said.get("FailedEntryCount"):
            failed: dict[str, Any] = next(iter(said.get("FailedEntries") or ()), {})
            code = str(failed.get("ErrorCode") or "Unknown")[:100]
            words = str(failed.get("ErrorMessage") or "")[:500]
            raise Refused(
                f"EventBridge refused {operation} ({code}). {words}".strip(),
                next="Correct what AWS names, then try again.",
                code=code,
                message=words,
                status=200,
                request_id=request_id_of(said),
                operation=operation,
            )
        return request_id_of(said)

    def _pages(self, operation: str, key: str, request: dict[str, Any]) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        token, seen = "", set[str]()
        while True:
            said = self.ask(operation, {**request, **({"NextToken": token} if token else {})})
            found = said.get(key)
            if not isinstance(found, list):
                raise malformed(operation)
            entries += found
            token = str(said.get("NextToken") or "")
            if not token:
                return entries
            if token in seen:
                raise malformed(operation)
            seen.add(token)

    def _document(self, text: object, operation: str) -> dict[str, Any]:
        if not text:
            return {}
        try:
            document = json.loads(text) if isinstance(text, str) else None
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise malformed(operation)
        return document


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
