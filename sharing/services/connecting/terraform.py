"""The role as Terraform, for those who keep their accounts that way."""

import json

from sharing.models import Connection, Purpose

from .entering import worker
from .templates import ROLE_NAMES, about_principal, dashboard_principals, placeholder, policies, trust_policy


def terraform(connection: Connection, *, share: bool) -> str:
    """Terraform (HCL) that makes the role: the same role as the CloudFormation template's. share: see there."""
    identity = worker()
    principal = identity.principal_arn if identity else placeholder()
    name = ROLE_NAMES[Purpose(connection.purpose)]
    label = name.replace("-", "_")
    lines = [f"# {connection.get_purpose_display()} of fnshare in account {connection.account.number}."]
    if identity is None or identity.lost_path:
        lines.append(f"# {about_principal()}")
    lines += [
        f'resource "aws_iam_role" "{label}" {{',
        f'  name        = "{name}"',
        '  description = "fnshare enters this account through it, with its ExternalId only"',
        f"  assume_role_policy = {_document(trust_policy(connection, principal))}",
        "}",
    ]
    for policy, document in policies(connection, share=share, denied=dashboard_principals() or [placeholder()]).items():
        lines += [
            "",
            f'resource "aws_iam_role_policy" "{policy.replace("-", "_")}" {{',
            f'  name   = "{policy}"',
            f"  role   = aws_iam_role.{label}.id",
            f"  policy = {_document(document)}",
            "}",
        ]
    lines += ["", 'output "role_arn" {', f"  value = aws_iam_role.{label}.arn", "}"]
    return "\n".join(lines) + "\n"


def _document(document: object) -> str:
    """A policy as an expression: JSON is HCL, but for what its strings would interpolate."""
    text = json.dumps(document, indent=2).replace("${", "$${").replace("%{", "%%{")
    return f"jsonencode({text})".replace("\n", "\n  ")
