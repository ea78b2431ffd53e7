"""What makes the roles in every account of an organisation: one template, for a StackSet and for a stack of its own.

ExternalIds and ARNs name the account by `AWS::AccountId`, so that the template is the same everywhere.
"""

import json
import shlex
from typing import Any

from sharing.aws.session import home_region
from sharing.models import Account, Joining, Purpose

from .entering import worker
from .given import partition_for
from .rights import document, mappings_policy, organization_checker_policy, read_policy, share_policy
from .templates import ROLE_NAMES, about_principal, parameter_principals

NAME = "fnshare-roles"
_ACCOUNT = "${AWS::AccountId}"


def role_arn_in(number: str, purpose: Purpose, partition: str) -> str:
    """The ARN that the template's role has in this account."""
    return f"arn:{partition}:iam::{number}:role/{ROLE_NAMES[purpose]}"


def stack_template(joining: Joining) -> str:
    """The CloudFormation template (JSON). Under 51,200 bytes, so that it can be given with the call."""
    anywhere = Account(partition=partition_for(""), number=_ACCOUNT)
    principal: dict[str, Any] = {"Type": "String", "Description": about_principal(), "MinLength": 20}
    identity = worker()
    if identity is not None:
        principal["Default"] = identity.principal_arn
    names = " and ".join(ROLE_NAMES[purpose] for purpose in joining.purposes)
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"Roles of fnshare in accounts of organisation {joining.organization.organization_id}: {names}",
        "Parameters": {"WorkerPrincipalArn": principal},
        "Resources": {_title(purpose): _role(joining, purpose, anywhere) for purpose in joining.purposes},
        "Outputs": {
            f"{_title(purpose)}Arn": {"Value": {"Fn::GetAtt": [_title(purpose), "Arn"]}} for purpose in joining.purposes
        },
    }
    return json.dumps(_substituted(template), indent=1) + "\n"


def stackset_commands(joining: Joining) -> str:
    """AWS CLI commands that make the roles in every member, or in the chosen units; not in the management account."""
    everybody = "\"$(aws organizations list-roots --query 'Roots[0].Id' --output text)\""
    units = ",".join(joining.units) or everybody
    lines = [
        "# Run with credentials of the management account; a delegated administrator for StackSets adds",
        "# --call-as DELEGATED_ADMIN to each line but the first, which is for the management account, once per organisation.",
        "aws cloudformation activate-organizations-access",
        f"aws cloudformation create-stack-set --stack-set-name {NAME} --template-body file://{file_name(joining)} "
        "--permission-model SERVICE_MANAGED --auto-deployment Enabled=true,RetainStacksOnAccountRemoval=true "
        f"--capabilities CAPABILITY_NAMED_IAM {_parameters()}",
        f"aws cloudformation create-stack-instances --stack-set-name {NAME} --regions {_region(joining)} "
        f"--deployment-targets OrganizationalUnitIds={units} "
        "--operation-preferences FailureTolerancePercentage=100,MaxConcurrentPercentage=100",
        "# Later, with another template:",
        f"# aws cloudformation update-stack-set --stack-set-name {NAME} --template-body file://{file_name(joining)} "
        f"--capabilities CAPABILITY_NAMED_IAM {_parameters()}",
    ]
    return "\n".join([*_about(), *lines]) + "\n"


def stack_commands(joining: Joining) -> str:
    """The AWS CLI command that makes the roles in the management account, which StackSets leave out."""
    management = joining.organization.management_account
    lines = [
        f"# Run with credentials of the management account{f' {management}' if management else ''}: StackSets leave it out.",
        f"aws cloudformation create-stack --stack-name {NAME} --region {_region(joining)} "
        f"--template-body file://{file_name(joining)} --capabilities CAPABILITY_NAMED_IAM {_parameters()}",
    ]
    return "\n".join([*_about(), *lines]) + "\n"


def file_name(joining: Joining) -> str:
    """What the template is called as a file."""
    return f"fnshare-{joining.organization.organization_id}.json"


def _role(joining: Joining, purpose: Purpose, anywhere: Account) -> dict[str, Any]:
    trust = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": {"Ref": "WorkerPrincipalArn"}},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": joining.external_id(purpose, _ACCOUNT)}},
        }
    )
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": ROLE_NAMES[purpose],
            "Description": "fnshare enters this account through it, with its ExternalId only",
            "AssumeRolePolicyDocument": trust,
            "Policies": [
                {"PolicyName": name, "PolicyDocument": policy} for name, policy in _policies(joining, purpose, anywhere).items()
            ],
        },
    }


def _policies(joining: Joining, purpose: Purpose, anywhere: Account) -> dict[str, dict[str, Any]]:
    if purpose == Purpose.CHECKER:
        return {"fnshare-check": organization_checker_policy(anywhere, joining.organization.organization_id, _outside(joining))}
    found = {"fnshare-read": read_policy(anywhere)}
    if joining.share:
        found["fnshare-share"] = share_policy(anywhere, parameter_principals())
    if joining.wire:
        found["fnshare-mappings"] = mappings_policy(anywhere)
    return found


def _outside(joining: Joining) -> list[Account]:
    """Connected owners that do not belong to the organisation: a checker role tries their functions as well."""
    members = joining.organization.members.present().values("number")
    return list(Account.objects.owners().exclude(number__in=members).distinct().order_by("number")[:20])


def _region(joining: Joining) -> str:
    """Where the stacks lie; roles are everywhere."""
    return next(iter(joining.regions), "") or home_region(partition_for(""))


def _title(purpose: Purpose) -> str:
    return f"{str(purpose).title()}Role"


def _substituted(value: Any) -> Any:
    """Every text that names AWS::AccountId, as CloudFormation wants it."""
    if isinstance(value, dict):
        return {key: _substituted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_substituted(one) for one in value]
    return {"Fn::Sub": value} if isinstance(value, str) and _ACCOUNT in value else value


def _parameters() -> str:
    identity = worker()
    principal = identity.principal_arn if identity else "WORKER_PRINCIPAL_ARN"
    return f"--parameters ParameterKey=WorkerPrincipalArn,ParameterValue={shlex.quote(principal)}"


def _about() -> list[str]:
    identity = worker()
    if identity is None:
        return [f"# Replace WORKER_PRINCIPAL_ARN. {about_principal()}"]
    return [f"# {about_principal()}"] if identity.lost_path else []
