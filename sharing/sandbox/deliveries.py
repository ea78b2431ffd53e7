"""What sources hand to functions: the service is let in by the function's policy, or the event goes nowhere.

moto delivers to functions of the source's own account only, and asks no policy; its two ways out are closed here and lead to
`Deliveries` instead (aws-facts 3, local-services).
"""

import json
import threading
import uuid
from typing import Any

import moto.s3.notifications
from moto.s3.models import s3_backends
from moto.sns.models import Subscription

from sharing.sandbox.authorization import Gate
from sharing.sandbox.estate import Estate, Function, parse_function_name
from sharing.sandbox.evaluation import Document, Reach, Who, resource_outcome
from sharing.sandbox.journal import Delivery, Invocation, Journal, now
from sharing.sandbox.switches import Switches

NO_FUNCTION = "The function does not exist."


class Deliveries:
    """Hands events to functions and notes each, delivered or not."""

    def __init__(self, estate: Estate, gate: Gate, switches: Switches, journal: Journal) -> None:
        self.estate = estate
        self.gate = gate
        self.switches = switches
        self.journal = journal

    def push(self, service: str, source_arn: str, source_account: str, function_arn: str, event: Any) -> bool:
        """An event that a service brings by itself. service: its principal, such as s3.amazonaws.com."""
        function, qualifier = self.find(function_arn)
        if function is None or not function.has(qualifier):
            return self.lose(service, source_arn, source_account, function_arn, NO_FUNCTION)
        if not self.lets_in(service, source_arn, source_account, function, qualifier):
            why = "The function's policy does not let the source in."
            return self.lose(service, source_arn, source_account, function_arn, why)
        self.run(service, source_arn, source_account, function, qualifier, event, "Event")
        return True

    def lets_in(
        self,
        service: str,
        source_arn: str,
        source_account: str,
        function: Function,
        qualifier: str | None,
        *,
        now_: bool = False,
    ) -> bool:
        """Whether the function's policy lets the service call for this source. now_: changes count at once."""
        delay = 0.0 if now_ else self.switches.propagation_delay
        policy: Document | None = function.policy_in_force(qualifier, delay)
        context = {
            "aws:sourcearn": [source_arn],
            "aws:sourceaccount": [source_account],
            "aws:principalisawsservice": ["true"],
            "aws:principalservicename": [service],
            "aws:securetransport": ["true"],
            "aws:requestedregion": [function.region],
            "aws:resourceaccount": [function.account],
        }
        organisation = self.gate.directory.organisations.get(source_account)
        if organisation:
            context["aws:sourceorgid"] = [organisation]
            context["aws:sourceorgpaths"] = [self.gate.directory.path_of(source_account)]
        who = Who("service", "", service)
        outcome = resource_outcome(policy, who, "lambda:InvokeFunction", function.qualified(qualifier), context)
        return not outcome.denied and outcome.allowed is not Reach.NONE

    def run(
        self,
        service: str,
        source_arn: str,
        source_account: str,
        function: Function,
        qualifier: str | None,
        event: Any,
        kind: str,
    ) -> bool:
        """The function runs; whether it succeeded."""
        payload = json.dumps(event).encode()
        run = str(uuid.uuid4())
        self.journal.record(Invocation(now(), function.arn, qualifier, kind, service, run, len(payload), function.fails))
        arn = function.qualified(qualifier)
        detail = "The function failed." if function.fails else ""
        self.journal.record(Delivery(now(), source_arn, service, arn, True, detail, source_account))
        return not function.fails

    def find(self, arn: str) -> tuple[Function | None, str | None]:
        """(function, qualifier) that a full ARN names."""
        named = parse_function_name(arn) or {}
        function = self.estate.find(named.get("account") or "", named.get("region") or "", named.get("name") or "")
        return function, named.get("qualifier")

    def lose(self, service: str, source_arn: str, source_account: str, function_arn: str, why: str) -> bool:
        """The event goes nowhere, and the journal says why: False."""
        self.journal.record(Delivery(now(), source_arn, service, function_arn, False, why, source_account))
        return False


_lock = threading.Lock()
_publish = Subscription.publish


def lead_here(deliveries: Deliveries) -> None:
    """From now on what moto's buckets and topics send to functions goes through these deliveries. One per process."""

    def from_bucket(_account: str, event: Any, function_arn: str, _region: str) -> None:
        bucket = event["Records"][0]["s3"]["bucket"]
        owner = bucket_owner(bucket["name"])
        deliveries.push("s3.amazonaws.com", bucket["arn"], owner, function_arn, event)

    def from_topic(self: Any, message: str, message_id: str, *rest: Any, **named: Any) -> Any:
        if self.protocol != "lambda":
            return _publish(self, message, message_id, *rest, **named)
        attributes = named.get("message_attributes")
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(attributes, message):
            return None
        topic = self.topic.arn
        event = {
            "Records": [
                {
                    "EventSource": "aws:sns",
                    "EventVersion": "1.0",
                    "EventSubscriptionArn": self.arn,
                    "Sns": {"TopicArn": topic, "MessageId": message_id, "Message": message, "Subject": named.get("subject")},
                }
            ]
        }
        deliveries.push(topic_principal(topic, self.endpoint), topic, topic.split(":")[4], self.endpoint, event)
        return None

    with _lock:
        moto.s3.notifications._invoke_awslambda = from_bucket  # type: ignore[assignment]
        Subscription.publish = from_topic  # type: ignore[method-assign]


def bucket_owner(name: str) -> str:
    """The account whose bucket it is; "" for one that does not exist."""
    found = s3_backends.bucket_accounts.get(name)
    return found[1] if found else ""


#: Regions that an account has to switch on; from there SNS calls by the name of its region (aws-facts 3).
OPT_IN = ("af-", "ap-east-", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "eu-south-", "eu-central-2", "il-", "me-", "mx-")


def topic_principal(topic_arn: str, function_arn: str) -> str:
    """By which name SNS calls a function from this topic's region."""
    there, here = topic_arn.split(":")[3], (function_arn.split(":") + [""] * 4)[3]
    if there.startswith(OPT_IN) and not here.startswith(OPT_IN):
        return f"sns.{there}.amazonaws.com"
    return "sns.amazonaws.com"
