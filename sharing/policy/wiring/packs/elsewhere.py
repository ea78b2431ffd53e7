"""Sources that fnshare lets in and does not wire: what to set there, with the call where it takes nothing else away.

Facts: aws-facts 3; CreateReceiptRule, CreateTopicRule, CreateSchedule and CreatePipe refuse a name that is taken;
PutConfigRule, RotateSecret and PutIntegration change only the rule, secret or method they name; UpdateUserPool sets what
it is not given to its default, PutRepositoryTriggers and UpdatePipeline replace the whole: for these there is no call here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from ...arn import FunctionArn
from ...principal import PrincipalKind
from ..shapes import Plan, Step
from .shapes import Act, Done, Request

ROLE, RULE_SET, RULE = "<ROLE ARN>", "<RULE SET NAME>", "<RULE NAME>"


def done(plan: Plan, step: Step) -> Done:
    """What is left to do at the source, in words and, where it is safe, as calls."""
    requests = calls(plan.kind, plan.function, plan.source, role=role_of(plan))
    undo = tuple(one for one in (_undo(request) for request in requests) if one is not None)
    deeds = (Act(requests, undo),) if requests else ()
    return Done(step, deeds, lines(plan.kind, plan.function))


def role_of(plan: Plan) -> str:
    """The role through which the source calls; "" where its service calls by itself."""
    principal = plan.permission.principal if plan.permission else None
    if principal is None or principal.kind is PrincipalKind.SERVICE:
        return ""
    return ROLE if principal.value.startswith("<") else principal.value


def lines(kind: str, function: FunctionArn) -> tuple[str, ...]:
    """What to set where, for a kind of source."""
    return tuple(line.format(function=function, region=function.region) for line in _LINES.get(kind, ()))


def calls(kind: str, function: FunctionArn, source: str, *, role: str = "") -> tuple[Request, ...]:
    """The calls at the source that take nothing else away; () where there is none. `source`: its ARN, "" if not known."""
    build = _CALLS.get(kind)
    return build(function, source.split(":", 5)[5] if source.count(":") >= 5 else "", source, role) if build else ()


def invocations(function: FunctionArn) -> str:
    """How API Gateway names a function."""
    partition, region = function.partition, function.region
    return f"arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations"


_LINES: Final[Mapping[str, tuple[str, ...]]] = {
    "s3": (
        "The bucket, under Event notifications: the function's ARN as destination, for the events and keys that are meant.",
        "PutBucketNotificationConfiguration replaces the whole configuration: what the bucket has must be put along.",
    ),
    "sns": ("The topic: a subscription with protocol lambda and the function's ARN, in the topic's region.",),
    "eventbridge": (
        "The rule: the function's ARN as a target.",
        "A rule of another account calls through a role of its own: let that role in instead of the service.",
    ),
    "alarm": ("The alarm: the function's ARN among its actions, beside those it has.",),
    "apigateway": (
        "The method's integration: type Lambda proxy (AWS_PROXY), POST, and the function by its full ARN.",
        "The change is seen once the API is deployed to its stage. An authoriser names the function in its URI the same way.",
    ),
    "ses": (
        "The receipt rule: an action of type Lambda with the function's ARN; the rule set must be the active one.",
        "A rule that is there already is changed with UpdateReceiptRule, which replaces it whole: keep its actions.",
    ),
    "iot": (
        "The rule: an action of type Lambda with the function's ARN.",
        "A rule that is there already is changed with ReplaceTopicRule, which replaces it whole: keep its actions.",
    ),
    "config": (
        "The rule: owner CUSTOM_LAMBDA, the function's ARN as its source, and what sets it off.",
        "The rule named is set as a whole: give a new name, or take over what the present one has.",
    ),
    "secretsmanager": (
        "The secret's rotation: the function's ARN, and how often. The function's role must be let read and write the secret.",
        "With RotateImmediately off, Secrets Manager still runs the test step of the function at once.",
    ),
    "cognito": (
        "The user pool, under Lambda triggers: the function's ARN for the trigger that is meant.",
        "Set it in the console or in the template that made the pool. UpdateUserPool sets whatever it is not given back to its "
        "default, so no command is given here.",
    ),
    "codecommit": (
        "The repository, under Triggers: destination is the function's ARN.",
        "PutRepositoryTriggers replaces all of the repository's triggers: GetRepositoryTriggers first, then add this one.",
    ),
    "codepipeline": (
        "The stage: an action of category Invoke, provider Lambda, whose RoleArn is the role above and whose FunctionName is "
        "the function. Whether FunctionName takes a function of another account is not verified.",
        "UpdatePipeline replaces the pipeline: get it first (GetPipeline), add the action, and update.",
        "The function reports back with PutJobSuccessResult or PutJobFailureResult, with a role of the pipeline's account.",
    ),
    "scheduler": ("The schedule: its target is the function's ARN and the role above.",),
    "pipes": ("The pipe: its target is the function's ARN; the role above also needs the right to read the pipe's source.",),
    "cloudformation": (
        "The custom resource: ServiceToken is the function's ARN. The role that runs the stack must be let call the function.",
    ),
    "alexa": ("The Alexa developer console, under Endpoint: AWS Lambda ARN, the function's ARN for the skill's region.",),
    "logs": ("The log group, under Subscription filters: the function's ARN as destination.",),
    "alb": ("The target group, of type Lambda: the function's ARN as its one target.",),
}


def _ses(function: FunctionArn, resource: str, source: str, role: str) -> tuple[Request, ...]:
    rule_set, _, rule = resource.removeprefix("receipt-rule-set/").partition(":receipt-rule/")
    action = {"LambdaAction": {"FunctionArn": str(function), "InvocationType": "Event"}}
    wanted = {"Name": rule or RULE, "Enabled": True, "Recipients": ["<RECIPIENT>"], "Actions": [action]}
    return (Request("ses", "CreateReceiptRule", {"RuleSetName": rule_set or RULE_SET, "Rule": wanted}),)


def _iot(function: FunctionArn, resource: str, source: str, role: str) -> tuple[Request, ...]:
    payload = {"sql": "<SELECT STATEMENT OF THE RULE>", "actions": [{"lambda": {"functionArn": str(function)}}]}
    name = resource.removeprefix("rule/") or RULE
    return (Request("iot", "CreateTopicRule", {"ruleName": name, "topicRulePayload": payload}),)


def _config(function: FunctionArn, resource: str, source: str, role: str) -> tuple[Request, ...]:
    detail = {"EventSource": "aws.config", "MessageType": "ConfigurationItemChangeNotification"}
    owner = {"Owner": "CUSTOM_LAMBDA", "SourceIdentifier": str(function), "SourceDetails": [detail]}
    return (Request("config", "PutConfigRule", {"ConfigRule": {"ConfigRuleName": "<CONFIG RULE NAME>", "Source": owner}}),)


def _secret(function: FunctionArn, resource: str, source: str, role: str) -> tuple[Request, ...]:
    rules = {"ScheduleExpression": "<RATE OR CRON EXPRESSION>"}
    given = {"SecretId": source or "<SECRET ARN>", "RotationLambdaARN": str(function), "RotationRules": rules}
    return (Request("secretsmanager", "RotateSecret", {**given, "RotateImmediately": False}),)


def _api(function: FunctionArn, resource: str, source: str, role: str) -> tuple[Request, ...]:
    api, _, rest = resource.partition("/")
    parts = rest.split("/")
    api = api if api and "*" not in api else "<API ID>"
    method = parts[1] if len(parts) > 1 and parts[1] not in ("", "*") else "<METHOD>"
    stage = parts[0] if parts[0] not in ("", "*") else "<STAGE>"
    integration = {
        "restApiId": api, "resourceId": "<RESOURCE ID>", "httpMethod": method, "type": "AWS_PROXY",
        "integrationHttpMethod": "POST", "uri": invocations(function),
    }  # fmt: skip
    deploy = Request("apigateway", "CreateDeployment", {"restApiId": api, "stageName": stage})
    return (Request("apigateway", "PutIntegration", integration), deploy)


def _schedule(function: FunctionArn, resource: str, source: str, role: str) -> tuple[Request, ...]:
    group, _, name = resource.removeprefix("schedule-group/").removeprefix("schedule/").partition("/")
    given: dict[str, Any] = {
        "Name": name or "<SCHEDULE NAME>",
        "GroupName": group or "default",
        "ScheduleExpression": "<RATE OR CRON EXPRESSION>",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": str(function), "RoleArn": role or ROLE, "Input": json.dumps({})},
    }
    return (Request("scheduler", "CreateSchedule", given),)


def _pipe(function: FunctionArn, resource: str, source: str, role: str) -> tuple[Request, ...]:
    name = resource.removeprefix("pipe/") or "<PIPE NAME>"
    given = {"Name": name, "Source": "<PIPE SOURCE ARN>", "Target": str(function), "RoleArn": role or ROLE}
    return (Request("pipes", "CreatePipe", given),)


_CALLS: Final[Mapping[str, Callable[[FunctionArn, str, str, str], tuple[Request, ...]]]] = {
    "ses": _ses,
    "iot": _iot,
    "config": _config,
    "secretsmanager": _secret,
    "apigateway": _api,
    "scheduler": _schedule,
    "pipes": _pipe,
}


def _undo(request: Request) -> Request | None:
    """What takes back a call that made something; None where only what was there before would."""
    given = request.parameters
    match request.operation:
        case "CreateReceiptRule":
            named = {"RuleSetName": given["RuleSetName"], "RuleName": given["Rule"]["Name"]}
            return Request("ses", "DeleteReceiptRule", named)
        case "CreateTopicRule":
            return Request("iot", "DeleteTopicRule", {"ruleName": given["ruleName"]})
        case "PutConfigRule":
            named = {"ConfigRuleName": given["ConfigRule"]["ConfigRuleName"]}
            return Request("config", "DeleteConfigRule", named, ("NoSuchConfigRuleException",))
        case "RotateSecret":
            return Request("secretsmanager", "CancelRotateSecret", {"SecretId": given["SecretId"]})
        case "CreateSchedule":
            named = {"Name": given["Name"], "GroupName": given["GroupName"]}
            return Request("scheduler", "DeleteSchedule", named, ("ResourceNotFoundException",))
        case "CreatePipe":
            return Request("pipes", "DeletePipe", {"Name": given["Name"]}, ("NotFoundException",))
    return None
