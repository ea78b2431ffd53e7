"""The role as Terraform, for those who keep their accounts that way: the policies of templates.py, unchanged."""

import json
from collections.abc import Sequence
from typing import Any

from sharing.models import Account, Connection, Purpose

from .entering import worker
from .templates import PLACEHOLDER, ROLE_NAMES, about_principal, dashboard_principals, policies, trust_policy


def terraform(
    connection: Connection,
    *,
    share: bool = False,
    name: str = "",
    owners: Sequence[Account] | None = None,
    wire: bool = False,
    tests: bool = False,
) -> str:
    """Resources that make the role, and an output with its ARN. name, owners, wire, tests: as in `templates.cloudformation`.

    JSON objects are expressions of HCL; nothing in them is a template of its own.
    """
    identity = worker()
    name = name or ROLE_NAMES[Purpose(connection.purpose)]
    lines = [f"# {connection.get_purpose_display()} of fnshare in account {connection.account.number}."]
    if identity is None:
        lines.append(f"# Replace {PLACEHOLDER}. {about_principal()}")
    elif identity.lost_path:
        lines.append(f"# {about_principal()}")
    trust = trust_policy(connection, identity.principal_arn if identity else PLACEHOLDER)
    lines += ['resource "aws_iam_role" "fnshare" {', f'  name               = "{name}"']
    lines += [f"  assume_role_policy = jsonencode({_indented(trust)})", "}"]
    denied = dashboard_principals() or [PLACEHOLDER]
    named = policies(connection, share=share, denied=denied, owners=owners, wire=wire, tests=tests)
    for policy, document in named.items():
        label = policy.replace("-", "_")
        lines += ["", f'resource "aws_iam_role_policy" "{label}" {{', f'  name   = "{policy}"']
        lines += ["  role   = aws_iam_role.fnshare.id", f"  policy = jsonencode({_indented(document)})", "}"]
    lines += ["", 'output "role_arn" {', "  value = aws_iam_role.fnshare.arn", "}"]
    return "\n".join(lines) + "\n"


def _indented(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2).replace("\n", "\n  ")
