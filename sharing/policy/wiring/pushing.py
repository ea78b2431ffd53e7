"""Sources that call by themselves, through the service's principal or through a role of their account."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ..actions import INVOKE
from ..handing_over import identity_policy
from ..permission import Permission
from ..principal import Principal, PrincipalKind
from .notifications import wanted
from .refusing import OPT_IN
from .shapes import Plan, Seen, Side, Step, Undo
from .sources import Crossing, Style

if TYPE_CHECKING:
    from ..arn import FunctionArn
    from .planner import Wish

_ROLE = "<ROLE ARN IN THE SOURCE'S ACCOUNT>"
ROLE_NAME = "fnshare-events"


def build(wish: Wish) -> Plan:
    """The permission first (S3 asks for it when it is wired), then the source's side."""
    by_role = wish.kind.style is Style.ROLE or (wish.kind.key == "eventbridge" and wish.crosses_accounts)
    permission = _permission(wish, by_role=by_role)
    steps = [_let_in(wish, permission)]
    match wish.kind.key:
        case "s3":
            steps.append(_bucket(wish))
        case "sns":
            steps += _topic(wish)
        case "eventbridge":
            steps = [*([_role(wish)] if by_role else []), *steps, _rule(wish, by_role=by_role)]
        case "alarm":
            steps.append(_alarm(wish))
        case _:
            steps = [*([_role(wish)] if by_role else []), *steps, _elsewhere(wish)]
    known = (wish.kind.key, wish.kind.label, wish.source, wish.account, wish.crosses_accounts)
    return Plan(wish.function, *known, tuple(steps), permission, tuple(notes_of(wish)))


def notes_of(wish: Wish) -> list[str]:
    """What nobody has verified about this wish (aws-facts 9), and what else there is to know."""
    kind, found = wish.kind, []
    if wish.crosses_accounts and kind.accounts is Crossing.UNVERIFIED:
        found.append(f"Whether a {kind.label} may drive a function of another account is not verified: watch the first event.")
    other = bool(wish.region) and wish.region != wish.function.region
    if other and kind.regions is Crossing.UNVERIFIED:
        found.append(f"Whether a {kind.label} may drive a function in another region is not verified: watch the first event.")
    if kind.key == "s3" and not wish.region:
        found.append("The bucket must be in the function's region; its ARN does not say where it is.")
    if kind.key == "alexa":
        found.append("The name of Alexa's principal is not verified.")
    if kind.hint:
        found.append(kind.hint)
    return found


def _permission(wish: Wish, *, by_role: bool) -> Permission:
    kind, partition = wish.kind, wish.function.partition
    if by_role:
        role = wish.caller_role or (f"arn:{partition}:iam::{wish.account}:role/{ROLE_NAME}" if wish.account else _ROLE)
        return Permission(wish.function, wish.sid, INVOKE, Principal.from_stored(role, partition=partition))
    name = kind.principal
    if kind.key == "sns" and wish.region in OPT_IN and wish.function.region not in OPT_IN:
        name = f"sns.{wish.region}.amazonaws.com"
    principal = Principal(PrincipalKind.SERVICE, name, None, partition)
    return Permission(
        wish.function,
        wish.sid,
        INVOKE,
        principal,
        source_arn=_source_arn(wish) if "arn" in kind.limits else None,
        source_account=(wish.account or None) if "account" in kind.limits else None,
        event_source_token=wish.source if "token" in kind.limits else None,
    )


def _source_arn(wish: Wish) -> str:
    if wish.kind.key == "logs" and not wish.source.endswith(":*"):
        return f"{wish.source}:*"
    if wish.kind.key == "apigateway":  # the region in it is the function's (aws-facts 3)
        parts = wish.source.split(":", 5)
        return ":".join([*parts[:3], wish.function.region, *parts[4:]])
    return wish.source


def _let_in(wish: Wish, permission: Permission) -> Step:
    parameters = permission.parameters()
    name: dict[str, Any] = {key: parameters[key] for key in ("FunctionName", "Qualifier", "StatementId") if key in parameters}
    return Step(
        "permission",
        Side.OWNER,
        wish.function.account,
        f"Let {permission.principal.label()} call the function, for this source only.",
        "lambda:AddPermission",
        parameters,
        ("lambda:AddPermission", "lambda:GetPolicy"),
        Undo("Take the statement back.", "lambda:RemovePermission", name),
        Seen(
            f"The function's policy holds statement {permission.sid}.",
            "lambda:GetPolicy",
            {key: value for key, value in name.items() if key != "StatementId"},
        ),
        ours=wish.lets_in,
        fill_in=(_ROLE,) if permission.principal.value == _ROLE else (),
    )


def _bucket(wish: Wish) -> Step:
    bucket = wish.source.split(":::", 1)[-1]
    ours = wanted(str(wish.function), identity=wish.sid, events=wish.events, prefix=wish.prefix, suffix=wish.suffix)
    read = {"Bucket": bucket, "ExpectedBucketOwner": wish.account}
    return Step(
        "notification",
        wish.side(),
        wish.account,
        f"Have the bucket {bucket} send its events to the function, beside whatever it sends already.",
        "s3:PutBucketNotificationConfiguration",
        {**read, "NotificationConfiguration": {"LambdaFunctionConfigurations": [ours]}},
        ("s3:GetBucketNotification", "s3:PutBucketNotification"),
        Undo(
            f"Take {wish.sid} out of the bucket's configuration, and nothing else.",
            "s3:PutBucketNotificationConfiguration",
            read,
        ),
        Seen(f"The bucket's configuration holds {wish.sid}.", "s3:GetBucketNotificationConfiguration", read),
        ours=wish.reaches(wish.account),
        merges=True,
    )


def _topic(wish: Wish) -> list[Step]:
    side = Side.OWNER if wish.owner_subscribes else wish.side()
    account = wish.function.account if side is Side.OWNER else wish.account
    parameters: dict[str, Any] = {"TopicArn": wish.source, "Protocol": "lambda", "Endpoint": str(wish.function)}
    if wish.filter_policy:
        parameters["Attributes"] = {"FilterPolicy": wish.filter_policy}
    steps = []
    if wish.owner_subscribes and wish.crosses_accounts:
        statement = {
            "Sid": wish.sid, "Effect": "Allow", "Principal": {"AWS": _root(wish.function)},
            "Action": "sns:Subscribe", "Resource": wish.source,
        }  # fmt: skip
        steps.append(
            Step(
                "topic-policy",
                Side.SOURCE,
                wish.account,
                f"Let account {wish.function.account} subscribe to the topic.",
                "sns:SetTopicAttributes",
                {"TopicArn": wish.source, "AttributeName": "Policy", "AttributeValue": statement},
                ("sns:GetTopicAttributes", "sns:SetTopicAttributes"),
                Undo(
                    f"Take statement {wish.sid} out of the topic's policy.", "sns:SetTopicAttributes", {"TopicArn": wish.source}
                ),
                Seen(f"The topic's policy holds {wish.sid}.", "sns:GetTopicAttributes", {"TopicArn": wish.source}),
                ours=wish.reaches(wish.account),
                merges=True,
            )
        )
    steps.append(
        Step(
            "subscription",
            side,
            account,
            f"Subscribe the function to the topic, in {wish.region or 'the topic’s region'}.",
            "sns:Subscribe",
            parameters,
            ("sns:Subscribe", "sns:ListSubscriptionsByTopic"),
            Undo("Unsubscribe.", "sns:Unsubscribe", {"SubscriptionArn": "<SUBSCRIPTION ARN>"}),
            Seen(
                "The topic lists the function among its subscriptions.",
                "sns:ListSubscriptionsByTopic",
                {"TopicArn": wish.source},
            ),
            ours=wish.reaches(account),
        )
    )
    return steps


def _root(function: FunctionArn) -> str:
    return f"arn:{function.partition}:iam::{function.account}:root"


def _role(wish: Wish) -> Step:
    service = {"eventbridge": "events.amazonaws.com"}.get(wish.kind.key, f"{wish.kind.service}.amazonaws.com")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    }
    name = wish.caller_role.rsplit("/", 1)[-1] if wish.caller_role else ROLE_NAME
    return Step(
        "role",
        wish.side(),
        wish.account,
        f"Make a role that {service} may take on and that may call this function, and nothing else.",
        "iam:CreateRole",
        {
            "RoleName": name,
            "AssumeRolePolicyDocument": json.dumps(trust),
            "Policy": json.dumps(identity_policy((INVOKE,), wish.function)),
        },
        ("iam:CreateRole", "iam:PutRolePolicy"),
        Undo("Delete the role and its policy.", "iam:DeleteRole", {"RoleName": name}),
        Seen("The role exists.", "iam:GetRole", {"RoleName": name}),
        ours=False,  # no role of ours may make roles (aws-facts 5.2: never iam:PassRole)
    )


def _rule(wish: Wish, *, by_role: bool) -> Step:
    path = wish.source.split(":rule/", 1)[-1]
    bus, _, rule = path.rpartition("/")
    named = {"Rule": rule, **({"EventBusName": bus} if bus else {})}
    target: dict[str, Any] = {"Id": wish.sid, "Arn": str(wish.function)}
    if by_role:
        target["RoleArn"] = wish.caller_role or f"arn:{wish.function.partition}:iam::{wish.account}:role/{ROLE_NAME}"
    needs = ("events:PutTargets", "events:ListTargetsByRule", *(("iam:PassRole",) if by_role else ()))
    return Step(
        "target",
        wish.side(),
        wish.account,
        "Make the function a target of the rule" + (", through the role." if by_role else "."),
        "events:PutTargets",
        {**named, "Targets": [target]},
        needs,
        Undo("Remove the target.", "events:RemoveTargets", {**named, "Ids": [wish.sid]}),
        Seen("The rule lists the function among its targets.", "events:ListTargetsByRule", named),
        ours=wish.reaches(wish.account) and not by_role,
    )


def _alarm(wish: Wish) -> Step:
    name = wish.source.split(":alarm:", 1)[-1]
    return Step(
        "alarm-action",
        wish.side(),
        wish.account,
        f"Add the function to what the alarm {name} does; everything else of the alarm stays.",
        "cloudwatch:PutMetricAlarm",
        {"AlarmName": name, "AlarmActions": [str(wish.function)]},
        ("cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"),
        Undo("Take the function out of the alarm's actions.", "cloudwatch:PutMetricAlarm", {"AlarmName": name}),
        Seen("The alarm lists the function among its actions.", "cloudwatch:DescribeAlarms", {"AlarmNames": [name]}),
        ours=wish.reaches(wish.account),
        merges=True,
    )


def _elsewhere(wish: Wish) -> Step:
    """What is done with the source's own tools: said, not done."""
    kind = wish.kind
    return Step(
        "source",
        wish.side(),
        wish.account,
        f"Name the function where the {kind.label} is set up" + (f", with {kind.api}." if kind.api else "."),
        kind.api,
        {},
        (kind.api,) if kind.api else (),
        Undo(f"Take the function out of the {kind.label}."),
        Seen("An event arrives at the function."),
        ours=False,
        notes=(kind.hint,) if kind.hint else (),
    )
