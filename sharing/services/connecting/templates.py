"""What an account's owner runs to make the role: a CloudFormation template or AWS CLI commands."""

import json
import shlex
from collections.abc import Sequence
from typing import Any

from sharing.models import Account, Connection, Purpose

from .entering import worker
from .rights import (
    checker_policy,
    document,
    invoker_policy,
    mappings_policy,
    organization_policy,
    read_policy,
    share_policy,
    source_policies,
)

ROLE_NAMES = {
    Purpose.MANAGER: "fnshare-manager",
    Purpose.CHECKER: "fnshare-checker",
    Purpose.ORGANIZATION: "fnshare-organization",
    Purpose.INVOKER: "fnshare-invoker",
    Purpose.SOURCE: "fnshare-source",
}

PLACEHOLDER = "WORKER_PRINCIPAL_ARN"


def suggested_role_arn(connection: Connection) -> str:
    """The ARN the role will have when the template or the commands are used as they are."""
    account = connection.account
    return f"arn:{account.partition}:iam::{account.number}:role/{ROLE_NAMES[Purpose(connection.purpose)]}"


def trust_policy(connection: Connection, principal: str) -> dict[str, Any]:
    """Who may assume the role: the worker, and only with the ExternalId (with either, while one is being rotated)."""
    accepted: str | list[str] = connection.external_id
    if connection.next_external_id:
        accepted = [connection.external_id, connection.next_external_id]
    return document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": accepted}},
        }
    )


def dashboard_principals() -> list[str]:
    """The dashboard's account and role in every form AddPermission takes; empty: no worker has told who it is."""
    identity = worker()
    if identity is None:
        return []
    root = f"arn:{identity.partition}:iam::{identity.account}:root"
    return list(dict.fromkeys([identity.account, root, identity.principal_arn]))


def policies(
    connection: Connection,
    *,
    share: bool,
    denied: list[Any],
    owners: Sequence[Account] | None = None,
    wire: bool = False,
    tests: bool = False,
) -> dict[str, dict[str, Any]]:
    """The role's inline policies by name. denied: see share_policy. owners: whose functions a checker role may try.
    wire: with the mappings stage (manager role only). tests: with test events (source role only).

    Without owners: every connected one's. An invited person is told only of those that they were invited by.
    """
    account = connection.account
    if connection.purpose == Purpose.CHECKER:
        known = list(Account.objects.owners().distinct()) if owners is None else list(owners)
        return {"fnshare-check": checker_policy(account, known)}
    if connection.purpose == Purpose.ORGANIZATION:
        return {"fnshare-members": organization_policy()}
    if connection.purpose == Purpose.INVOKER:
        return {"fnshare-invoke": invoker_policy(connection)}
    if connection.purpose == Purpose.SOURCE:
        return source_policies(connection, tests=tests)
    found = {"fnshare-read": read_policy(account)}
    if share:
        found["fnshare-share"] = share_policy(account, denied)
    if wire:
        found["fnshare-mappings"] = mappings_policy(account)
    return found


def cloudformation(
    connection: Connection,
    *,
    share: bool,
    name: str = "",
    owners: Sequence[Account] | None = None,
    wire: bool = False,
    tests: bool = False,
) -> str:
    """A CloudFormation template (JSON) that makes the role. share, wire: with the share and the mappings stage (manager
    role only). tests: with test events (source role only).

    name: of the role; "": the usual one for its purpose. owners: see `policies`.
    """
    identity = worker()
    principal: dict[str, Any] = {"Type": "String", "Description": about_principal(), "MinLength": 20}
    if identity is not None:
        principal["Default"] = identity.principal_arn
    trust = trust_policy(connection, PLACEHOLDER)
    trust["Statement"][0]["Principal"] = {"AWS": {"Ref": "WorkerPrincipalArn"}}
    # The Deny follows the parameter: whoever writes a role's path in changes both.
    named = policies(connection, share=share, denied=_parameter_principals(), owners=owners, wire=wire, tests=tests)
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{connection.get_purpose_display()} of fnshare in account {connection.account.number}"
        + (", with the share stage" if share and connection.purpose == Purpose.MANAGER else "")
        + (", with the mappings stage" if wire and connection.purpose == Purpose.MANAGER else ""),
        "Parameters": {"WorkerPrincipalArn": principal},
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": name or ROLE_NAMES[Purpose(connection.purpose)],
                    "Description": "fnshare enters this account through it, with its ExternalId only",
                    "AssumeRolePolicyDocument": trust,
                    "Policies": [{"PolicyName": name, "PolicyDocument": document} for name, document in named.items()],
                },
            }
        },
        "Outputs": {"RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}},
    }
    return json.dumps(template, indent=2) + "\n"


def role_commands(
    connection: Connection,
    *,
    share: bool,
    name: str = "",
    owners: Sequence[Account] | None = None,
    wire: bool = False,
    tests: bool = False,
) -> str:
    """AWS CLI commands that make the role, to be run with an administrator's credentials of the account."""
    identity = worker()
    name = name or ROLE_NAMES[Purpose(connection.purpose)]
    lines = [f"# {connection.get_purpose_display()} of fnshare. Run with credentials of account {connection.account.number}."]
    if identity is None:
        lines.append(f"# Replace {PLACEHOLDER}. {about_principal()}")
    elif identity.lost_path:
        lines.append(f"# {about_principal()}")
    trust = trust_policy(connection, identity.principal_arn if identity else PLACEHOLDER)
    lines.append(f"aws iam create-role --role-name {name} --assume-role-policy-document {_quoted(trust)}")
    denied = dashboard_principals() or [PLACEHOLDER]
    named = policies(connection, share=share, denied=denied, owners=owners, wire=wire, tests=tests)
    lines += [
        f"aws iam put-role-policy --role-name {name} --policy-name {policy} --policy-document {_quoted(document)}"
        for policy, document in named.items()
    ]
    return "\n".join(lines) + "\n"


def trust_command(connection: Connection) -> str:
    """The AWS CLI command that sets the trust policy of a role that exists: after rotating the ExternalId."""
    identity = worker()
    trust = trust_policy(connection, identity.principal_arn if identity else PLACEHOLDER)
    role_name = connection.role_arn.rpartition("/")[2] or ROLE_NAMES[Purpose(connection.purpose)]
    return f"aws iam update-assume-role-policy --role-name {shlex.quote(role_name)} --policy-document {_quoted(trust)}\n"


def about_principal() -> str:
    """What the worker's principal is, for whoever makes the role."""
    identity = worker()
    if identity is None:
        return (
            "The ARN of the role or user that fnshare's worker runs as: no worker has told yet. Where it runs, "
            "aws sts get-caller-identity names it."
        )
    if identity.lost_path:
        return (
            "The role that fnshare's worker runs as. A session does not tell its role's path: if the role has one "
            "(role/team/name), write it in."
        )
    return "The role or user that fnshare's worker runs as."


def _parameter_principals() -> list[Any]:
    account = {"Fn::Select": [4, {"Fn::Split": [":", {"Ref": "WorkerPrincipalArn"}]}]}
    root = {"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, ":iam::", account, ":root"]]}
    return [account, root, {"Ref": "WorkerPrincipalArn"}]


def _quoted(document: dict[str, Any]) -> str:
    return shlex.quote(json.dumps(document, separators=(",", ":")))
