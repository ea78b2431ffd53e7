"""The same steps as CloudFormation and Terraform have them: resources of their own, and parts for what owns the whole.

Facts: a bucket's NotificationConfiguration, a topic's, queue's or stream's policy, a rule's Targets and an alarm's actions
belong to the resource that declares them in CloudFormation; Terraform has the target of a rule as a resource of its own,
and aws_s3_bucket_notification replaces the whole configuration. Both name the function by its full ARN.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...calls import words_of
from ..shapes import Plan
from . import elsewhere
from .shapes import Act, Change, Done, Request


@dataclass(frozen=True, slots=True)
class Own:
    """A resource that stands by itself. `terraform`: type and body, or () where it has none; blocks in it are Block."""

    name: str
    cloudformation: str
    properties: Mapping[str, Any]
    terraform: tuple[str, Mapping[str, Any]] | tuple[()] = ()
    more: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """What must go into something that owns the whole; `into`: what, in words; `block`: its name where Terraform has one."""

    into: str
    value: Any
    terraform_into: str
    body: Any
    block: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A nested block of Terraform's language."""

    body: Mapping[str, Any]


_POLICIES: Final[Mapping[str, tuple[str, str]]] = {
    "sns": ("PolicyDocument.Statement of your AWS::SNS::TopicPolicy", "the policy document of your aws_sns_topic_policy"),
    "sqs": ("PolicyDocument.Statement of your AWS::SQS::QueuePolicy", "the policy document of your aws_sqs_queue_policy"),
    "kinesis": (
        "ResourcePolicy.Statement of your AWS::Kinesis::ResourcePolicy",
        "the policy document of your aws_kinesis_resource_policy",
    ),
    "dynamodb": (
        "StreamSpecification.ResourcePolicy.PolicyDocument.Statement of your AWS::DynamoDB::Table",
        "the policy document of your aws_dynamodb_resource_policy for the stream",
    ),
}


def declared(plan: Plan, done: Done) -> list[Own | Part]:
    """What a step is in a template; [] where a template has no word for it."""
    found: list[Own | Part] = []
    for deed in done.deeds:
        if isinstance(deed, Change):
            found.append(_part(plan, deed))
        else:
            found += _owns(plan, done, deed)
    return found or _said(plan, done)


def _part(plan: Plan, deed: Change) -> Part:
    match deed.rule:
        case "notification":
            return _notification(deed)
        case "alarm":
            return Part(
                "your AWS::CloudWatch::Alarm, or CompositeAlarm",
                {"AlarmActions": [deed.entry]},
                "your aws_cloudwatch_metric_alarm, or composite alarm",
                {"alarm_actions": [deed.entry]},
            )
    into, terraform = _POLICIES[plan.kind]
    return Part(into, [deed.entry], terraform, {"statement_to_add": deed.entry}, "locals")


def _notification(deed: Change) -> Part:
    entry = deed.entry
    rules = (entry.get("Filter") or {"Key": {"FilterRules": []}})["Key"]["FilterRules"]
    each: dict[str, Any] = {"Function": entry["LambdaFunctionArn"]}
    if rules:
        each["Filter"] = {"S3Key": {"Rules": rules}}
    filters = {f"filter_{rule['Name']}": rule["Value"] for rule in rules}
    return Part(
        "NotificationConfiguration of your AWS::S3::Bucket, which owns the whole configuration: what is not in it is removed",
        {"LambdaConfigurations": [{"Event": event, **each} for event in entry["Events"]]},
        "your aws_s3_bucket_notification of this bucket: there can be one, and it owns the whole configuration, so a second "
        "one takes away what the first has",
        {"id": entry["Id"], "lambda_function_arn": entry["LambdaFunctionArn"], "events": entry["Events"], **filters},
        "lambda_function",
    )


def _owns(plan: Plan, done: Done, deed: Act) -> list[Own | Part]:
    first, given = deed.do[0], deed.do[0].parameters
    match first.operation:
        case "AddPermission":
            return [_permission(first)]
        case "Subscribe":
            return [_subscription(plan, given)]
        case "CreateRole":
            return [_role(done, deed)]
        case "PutTargets":
            return [_target(given)]
        case "PutRolePolicy":
            named = {"PolicyName": given["PolicyName"], "PolicyDocument": json.loads(given["PolicyDocument"])}
            body = {"name": given["PolicyName"], "role": given["RoleName"], "policy": named["PolicyDocument"]}
            return [
                Own("ReadSource", "AWS::IAM::Policy", {**named, "Roles": [given["RoleName"]]}, ("aws_iam_role_policy", body))
            ]
        case "CreateEventSourceMapping":
            return [_mapping(given)]
    return [_at_source(first)]


def _permission(request: Request) -> Own:
    given = dict(request.parameters)
    sid, name, qualifier = given.pop("StatementId"), given.pop("FunctionName"), given.pop("Qualifier", "")
    arn = f"{name}:{qualifier}" if qualifier else name
    body = {words_of(key, "_"): value for key, value in given.items()}
    own = {"statement_id": sid, "function_name": name, **({"qualifier": qualifier} if qualifier else {})}
    return Own("LetIn", "AWS::Lambda::Permission", {"FunctionName": arn, **given}, ("aws_lambda_permission", {**own, **body}))


def _subscription(plan: Plan, given: Mapping[str, Any]) -> Own:
    topic = {name: given[name] for name in ("TopicArn", "Protocol", "Endpoint")}
    policy = (given.get("Attributes") or {}).get("FilterPolicy", "")
    region = str(given["TopicArn"]).split(":")[3]
    properties = {**topic, "Region": region, **({"FilterPolicy": _read(policy)} if policy else {})}
    body = {words_of(name, "_"): value for name, value in topic.items()}
    body |= {"filter_policy": policy} if policy else {}
    return Own("Subscription", "AWS::SNS::Subscription", properties, ("aws_sns_topic_subscription", body))


def _role(done: Done, deed: Act) -> Own:
    made, policy = deed.do[0].parameters, deed.do[1].parameters
    trust, right = json.loads(made["AssumeRolePolicyDocument"]), json.loads(policy["PolicyDocument"])
    name, path = made["RoleName"], done.more["path"]
    named = {"PolicyName": policy["PolicyName"], "PolicyDocument": right}
    return Own(
        "CallingRole",
        "AWS::IAM::Role",
        {"RoleName": name, "Path": path, "AssumeRolePolicyDocument": trust, "Policies": [named]},
        ("aws_iam_role", {"name": name, "path": path, "assume_role_policy": trust}),
        (("aws_iam_role_policy", "calling_role_policy", {"name": named["PolicyName"], "role": name, "policy": right}),),
    )


def _target(given: Mapping[str, Any]) -> Part:
    (target,) = given["Targets"]
    body = {"rule": given["Rule"], "target_id": target["Id"], "arn": target["Arn"]}
    body |= {"event_bus_name": given["EventBusName"]} if "EventBusName" in given else {}
    body |= {"role_arn": target["RoleArn"]} if "RoleArn" in target else {}
    return Part("your AWS::Events::Rule", {"Targets": [target]}, "", body, "aws_cloudwatch_event_target")


def _mapping(given: Mapping[str, Any]) -> Own:
    body: dict[str, Any] = {}
    for name, value in given.items():
        match name:
            case "FilterCriteria":
                body["filter_criteria"] = Block({"filter": [Block({"pattern": one["Pattern"]}) for one in value["Filters"]]})
            case "ScalingConfig":
                body["scaling_config"] = Block({"maximum_concurrency": value["MaximumConcurrency"]})
            case "DestinationConfig":
                to = Block({"destination_arn": value["OnFailure"]["Destination"]})
                body["destination_config"] = Block({"on_failure": to})
            case "BisectBatchOnFunctionError":
                body["bisect_batch_on_function_error"] = value
            case _:
                body[words_of(name, "_")] = value
    return Own("Mapping", "AWS::Lambda::EventSourceMapping", dict(given), ("aws_lambda_event_source_mapping", body))


def _at_source(request: Request) -> Own | Part:
    given = dict(request.parameters)
    match request.operation:
        case "CreateReceiptRule":
            rule = given["Rule"]
            action = rule["Actions"][0]["LambdaAction"]
            called = {"function_arn": action["FunctionArn"], "invocation_type": action["InvocationType"], "position": 1}
            body = {"name": rule["Name"], "rule_set_name": given["RuleSetName"], "recipients": rule["Recipients"]}
            body |= {"enabled": True, "lambda_action": Block(called)}
            return Own("ReceiptRule", "AWS::SES::ReceiptRule", given, ("aws_ses_receipt_rule", body))
        case "CreateTopicRule":
            payload = given["topicRulePayload"]
            arn = payload["actions"][0]["lambda"]["functionArn"]
            properties = {
                "RuleName": given["ruleName"],
                "TopicRulePayload": {"Sql": payload["sql"], "Actions": [{"Lambda": {"FunctionArn": arn}}]},
            }
            body = {"name": given["ruleName"], "enabled": True, "sql": payload["sql"], "sql_version": "2016-03-23"}
            body["lambda"] = Block({"function_arn": arn})
            return Own("TopicRule", "AWS::IoT::TopicRule", properties, ("aws_iot_topic_rule", body))
        case "PutConfigRule":
            rule = given["ConfigRule"]
            source = rule["Source"]
            detail = Block({words_of(name, "_"): value for name, value in source["SourceDetails"][0].items()})
            where = Block({"owner": source["Owner"], "source_identifier": source["SourceIdentifier"], "source_detail": detail})
            body = {"name": rule["ConfigRuleName"], "source": where}
            return Own("ConfigRule", "AWS::Config::ConfigRule", rule, ("aws_config_config_rule", body))
        case "RotateSecret":
            kept = {name: value for name, value in given.items() if name != "RotateImmediately"}
            body = {"secret_id": given["SecretId"], "rotation_lambda_arn": given["RotationLambdaARN"]}
            rules = Block({"schedule_expression": given["RotationRules"]["ScheduleExpression"]})
            body |= {"rotate_immediately": False, "rotation_rules": rules}
            return Own(
                "Rotation",
                "AWS::SecretsManager::RotationSchedule",
                {**kept, "RotateImmediatelyOnUpdate": False},
                ("aws_secretsmanager_secret_rotation", body),
            )
        case "CreateSchedule":
            target = Block({words_of(name, "_"): value for name, value in given["Target"].items()})
            body = {words_of(name, "_"): given[name] for name in ("Name", "GroupName", "ScheduleExpression")}
            body |= {"flexible_time_window": Block({"mode": "OFF"}), "target": target}
            return Own("Schedule", "AWS::Scheduler::Schedule", given, ("aws_scheduler_schedule", body))
        case "CreatePipe":
            body = {words_of(name, "_"): value for name, value in given.items()}
            return Own("Pipe", "AWS::Pipes::Pipe", given, ("aws_pipes_pipe", body))
    body = {words_of(name, "_"): value for name, value in given.items()}
    integration = {"Type": given["type"], "IntegrationHttpMethod": given["integrationHttpMethod"], "Uri": given["uri"]}
    return Part("your AWS::ApiGateway::Method", {"Integration": integration}, "", body, "aws_api_gateway_integration")


def _said(plan: Plan, done: Done) -> list[Own | Part]:
    """Kinds without a call that is safe: what a template says of them."""
    arn = str(plan.function)
    name = re.sub(r"[^A-Za-z0-9]", "", plan.function.name)
    if done.step.key != "source":
        return []
    match plan.kind:
        case "cognito":
            trigger = "your AWS::Cognito::UserPool (another trigger than PreSignUp where you mean another)"
            pool = "your aws_cognito_user_pool (another trigger than pre_sign_up where you mean another)"
            return [Part(trigger, {"LambdaConfig": {"PreSignUp": arn}}, pool, {"pre_sign_up": arn}, "lambda_config")]
        case "codecommit":
            one = {"Name": name, "DestinationArn": arn, "Events": ["all"]}
            body = {"name": name, "destination_arn": arn, "events": ["all"]}
            into = "your aws_codecommit_trigger, which owns all triggers of the repository"
            return [Part("Triggers of your AWS::CodeCommit::Repository", [one], into, body, "trigger")]
        case "codepipeline":
            kind = {"Category": "Invoke", "Owner": "AWS", "Provider": "Lambda", "Version": "1"}
            role, called = elsewhere.role_of(plan), {"FunctionName": arn}
            action = {"Name": name, "ActionTypeId": kind, "RoleArn": role, "Configuration": called}
            staged: dict[str, Any] = {"name": name, "role_arn": role, "configuration": called}
            staged |= {words_of(key, "_"): value for key, value in kind.items()}
            return [Part("a stage of your AWS::CodePipeline::Pipeline", action, "a stage of your pipeline", staged, "action")]
        case "cloudformation":
            return [Own("Called", "Custom::Called", {"ServiceToken": arn})]
    return []


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
