"""Topics of other accounts: who may subscribe is decided by the topic's own policy (aws-facts 3); moto asks nobody."""

import json
from typing import Any

from moto.sns.models import sns_backends

from sharing.sandbox.errors import AwsError
from sharing.sandbox.evaluation import Reach, resource_outcome
from sharing.sandbox.identity import Caller


def account_of(form: dict[str, str], caller: Caller, operation: str, context: dict[str, list[str]]) -> str:
    """The account in which the call acts: the topic's. Raises AuthorizationError where its policy does not let the caller."""
    arn = form.get("TopicArn") or form.get("SubscriptionArn") or ""
    parts = arn.split(":")
    if len(parts) < 6 or parts[4] == caller.account:
        return caller.account
    topic_arn = ":".join(parts[:6])
    topic = sns_backends[parts[4]][parts[3]].topics.get(topic_arn) if parts[4] in sns_backends else None
    policy: Any = None
    if topic is not None:
        try:
            policy = json.loads(topic.policy)
        except (TypeError, ValueError):
            policy = None
    outcome = resource_outcome(policy, caller.who, f"sns:{operation}", topic_arn, context)
    if outcome.denied or outcome.allowed is Reach.NONE:
        raise AwsError(
            "AuthorizationError",
            403,
            f"User: {caller.arn} is not authorized to perform: SNS:{operation} on resource: {topic_arn} "
            "because no resource-based policy allows the action",
        )
    return parts[4]
