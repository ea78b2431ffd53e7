"""Each step as calls: what the planner says in one line, in the calls AWS takes, with what takes them back.

Facts: aws-facts 3; SetQueueAttributes, SetTopicAttributes and PutResourcePolicy replace the whole policy; PutMetricAlarm
replaces the whole alarm, and DescribeAlarms tells of composite alarms only when asked; PutTargets and RemoveTargets answer
200 with a count of what failed; DynamoDB takes the revision a policy was read at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Final

from ..shapes import Plan, Side, Step
from . import elsewhere
from .shapes import Act, Change, Done, Lookup, Request

ROLE_NAME: Final = "<EXECUTION ROLE NAME>"
_GONE: Final = ("NoSuchEntity", "NoSuchEntityException", "ResourceNotFoundException")


def done(plan: Plan, step: Step) -> Done:
    """A step of the plan as deeds; without any where it is only told."""
    build = _STEPS.get(step.key)
    if build is not None:
        return build(plan, step)
    return elsewhere.done(plan, step)


def _permission(plan: Plan, step: Step) -> Done:
    name = step.undo.parameters
    return Done(
        step,
        (
            Act(
                (Request("lambda", "AddPermission", step.parameters, ("ResourceConflictException",)),),
                (Request("lambda", "RemovePermission", name, _GONE),),
            ),
        ),
    )


def _notification(plan: Plan, step: Step) -> Done:
    (ours,) = step.parameters["NotificationConfiguration"]["LambdaFunctionConfigurations"]
    where = {name: value for name, value in step.parameters.items() if name != "NotificationConfiguration"}
    return Done(
        step,
        (
            Change(
                "notification",
                f"The notifications of bucket {where['Bucket']}",
                str(ours["Id"]),
                ours,
                Request("s3", "GetBucketNotificationConfiguration", where),
                Request("s3", "PutBucketNotificationConfiguration", where),
                "NotificationConfiguration",
            ),
        ),
        ("S3 checks the permission when this is put: the function must let the bucket in first.",),
    )


def _topic_policy(plan: Plan, step: Step) -> Done:
    topic = {"TopicArn": step.parameters["TopicArn"]}
    statement = step.parameters["AttributeValue"]
    return Done(
        step,
        (
            Change(
                "policy",
                "The topic's policy",
                str(statement["Sid"]),
                statement,
                Request("sns", "GetTopicAttributes", topic),
                Request("sns", "SetTopicAttributes", {**topic, "AttributeName": "Policy"}),
                "AttributeValue",
                leaves_something=True,
            ),
        ),
    )


def _source_policy(plan: Plan, step: Step) -> Done:
    statement = step.parameters["Policy"]
    where = {name: value for name, value in step.parameters.items() if name != "Policy"}
    what, sid = f"The {plan.label}'s policy", str(statement["Sid"])
    if plan.kind == "sqs":
        read = Request("sqs", "GetQueueAttributes", {**where, "AttributeNames": ["Policy"]})
        return Done(
            step, (Change("policy", what, sid, statement, read, Request("sqs", "SetQueueAttributes", where), "Attributes"),)
        )
    service = step.call.split(":")[0]
    return Done(
        step,
        (
            Change(
                "policy",
                what,
                sid,
                statement,
                Request(service, "GetResourcePolicy", where),
                Request(service, "PutResourcePolicy", where),
                "Policy",
                empty="PolicyNotFoundException",
                erase=Request(service, "DeleteResourcePolicy", where),
                lock="ExpectedRevisionId" if service == "dynamodb" else "",
            ),
        ),
    )


def _subscription(plan: Plan, step: Step) -> Done:
    given = step.parameters
    own = step.side is Side.OWNER and plan.crosses_accounts
    # Another account may subscribe and still not list what the topic has: its own subscriptions it may always list.
    listing = (
        Request("sns", "ListSubscriptions", {})
        if own
        else Request("sns", "ListSubscriptionsByTopic", {"TopicArn": given["TopicArn"]})
    )
    found = Lookup(
        listing,
        "Subscriptions",
        {"TopicArn": given["TopicArn"], "Protocol": "lambda", "Endpoint": given["Endpoint"]},
        "SubscriptionArn",
        Request("sns", "Unsubscribe", {}),
        "SubscriptionArn",
    )
    return Done(step, (Act((Request("sns", "Subscribe", {**given, "ReturnSubscriptionArn": True}),), (found,)),))


def _role(plan: Plan, step: Step) -> Done:
    given = step.parameters
    name = {"RoleName": given["RoleName"]}
    arn = plan.permission.principal.value if plan.permission else ""
    path = re.fullmatch(r"arn:[^:]+:iam::\d{12}:role(/.*/)[^/]+", arn)
    policy = {**name, "PolicyName": "call-the-function"}
    made = {**name, "AssumeRolePolicyDocument": given["AssumeRolePolicyDocument"], **({"Path": path[1]} if path else {})}
    return Done(
        step,
        (
            Act(
                (
                    Request("iam", "CreateRole", made, ("EntityAlreadyExists",)),
                    Request("iam", "PutRolePolicy", {**policy, "PolicyDocument": given["Policy"]}),
                ),
                (Request("iam", "DeleteRolePolicy", policy, _GONE), Request("iam", "DeleteRole", name, _GONE)),
            ),
        ),
        ("A role of this name that is there already is kept: look whom it trusts.",),
        {"policy": policy["PolicyName"], "path": path[1] if path else "/"},
    )


def _target(plan: Plan, step: Step) -> Done:
    return Done(
        step,
        (
            Act(
                (Request("events", "PutTargets", step.parameters, count="FailedEntryCount"),),
                (Request("events", "RemoveTargets", step.undo.parameters, _GONE, "FailedEntryCount"),),
            ),
        ),
        (
            ("Whoever does this passes the role on (iam:PassRole). It must be done in the account of the event bus.",)
            if "iam:PassRole" in step.needs
            else ()
        ),
    )


def _alarm(plan: Plan, step: Step) -> Done:
    name = step.parameters["AlarmName"]
    (action,) = step.parameters["AlarmActions"]
    read = {"AlarmNames": [name], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    return Done(
        step,
        (
            Change(
                "alarm",
                f"The alarm {name}",
                action,
                action,
                Request("cloudwatch", "DescribeAlarms", read),
                Request("cloudwatch", "PutMetricAlarm", {}),
                "",
            ),
        ),
        ("An alarm has at most 5 actions for a state.",),
    )


def _execution_role(plan: Plan, step: Step) -> Done:
    role = step.parameters["RoleName"]
    named = {"RoleName": ROLE_NAME if role.startswith("<") else role, "PolicyName": f"read-{plan.kind}-{_short(plan.source)}"}
    document = step.parameters["PolicyDocument"]
    return Done(
        step,
        (
            Act(
                (Request("iam", "PutRolePolicy", {**named, "PolicyDocument": json.dumps(document)}),),
                (Request("iam", "DeleteRolePolicy", named, _GONE),),
            ),
        ),
        ("Nobody but the function's own account changes its execution role.",),
    )


def _mapping(plan: Plan, step: Step) -> Done:
    given = step.parameters
    if "EventSourceArn" not in given or not plan.theirs or plan.kind not in ("sqs", "kinesis", "dynamodb"):
        return Done(step, (), ("Its parameters depend on the broker: see CreateEventSourceMapping in AWS's documentation.",))
    where = {name: given[name] for name in ("FunctionName", "EventSourceArn")}
    found = Lookup(
        Request("lambda", "ListEventSourceMappings", where),
        "EventSourceMappings",
        {"EventSourceArn": given["EventSourceArn"]},
        "UUID",
        Request("lambda", "DeleteEventSourceMapping", {}),
        "UUID",
    )
    return Done(step, (Act((Request("lambda", "CreateEventSourceMapping", given, ("ResourceConflictException",)),), (found,)),))


def _reach(plan: Plan, step: Step) -> Done:
    return Done(step, (), step.notes)


def _short(arn: str) -> str:
    """The source's name as a policy's name may hold it."""
    name = arn.split(":", 5)[-1].split("/stream/")[0]
    return re.sub(r"[^\w+=,.@-]+", "-", name, flags=re.ASCII).strip("-")[:90]


_STEPS: Final[Mapping[str, Callable[[Plan, Step], Done]]] = {
    "permission": _permission,
    "notification": _notification,
    "topic-policy": _topic_policy,
    "source-policy": _source_policy,
    "subscription": _subscription,
    "role": _role,
    "target": _target,
    "alarm-action": _alarm,
    "execution-role": _execution_role,
    "mapping": _mapping,
    "reach": _reach,
}
