"""The role as Terraform (HCL), for those who keep their accounts that way: the policies of templates.py, unchanged."""

import json
from typing import Any

from sharing.models import Connection, Purpose

from .entering import worker
from .templates import PLACEHOLDER, ROLE_NAMES, about_principal, dashboard_principals, policies, trust_policy


def terraform(connection: Connection, *, share: bool) -> str:
    """Resources that make the role with its inline policies, and an output with its ARN."""
    identity = worker()
    name = ROLE_NAMES[Purpose(connection.purpose)]
    label = name.replace("-", "_")
    lines = [f"# {connection.get_purpose_display()} of fnshare. Apply with credentials of account {connection.account.number}."]
    if identity is None:
        lines.append(f"# Replace {PLACEHOLDER}. {about_principal()}")
    elif identity.lost_path:
        lines.append(f"# {about_principal()}")
    trust = trust_policy(connection, identity.principal_arn if identity else PLACEHOLDER)
    lines += [
        f'resource "aws_iam_role" "{label}" {{',
        f'  name               = "{name}"',
        '  description        = "fnshare enters this account through it, with its ExternalId only"',
        "  assume_role_policy = <<-JSON",
        *_indented(trust),
        "  JSON",
        "}",
    ]
    for policy, document in policies(connection, share=share, denied=dashboard_principals() or [PLACEHOLDER]).items():
        lines += [
            "",
            f'resource "aws_iam_role_policy" "{policy.replace("-", "_")}" {{',
            f'  name   = "{policy}"',
            f"  role   = aws_iam_role.{label}.id",
            "  policy = <<-JSON",
            *_indented(document),
            "  JSON",
            "}",
        ]
    lines += ["", 'output "role_arn" {', f"  value = aws_iam_role.{label}.arn", "}"]
    return "\n".join(lines) + "\n"


def _indented(document: dict[str, Any]) -> list[str]:
    # ${ and %{ begin a template in HCL; an ExternalId of the role's own may hold neither, but nothing else promises it.
    text = json.dumps(document, indent=2).replace("${", "$${").replace("%{", "%%{")
    return [f"    {line}" for line in text.splitlines()]
