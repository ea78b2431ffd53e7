"""The least identity policy a caller needs, as Terraform and CloudFormation attach it to a role or user of the other side.

Facts: JSON is an expression of Terraform's language once `${` and `%{` are doubled; YAML contains JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from .arn import FunctionArn

#: Terraform resource, its argument; CloudFormation property.
_OF_KIND: Final = {"role": ("aws_iam_role_policy", "role", "Roles"), "user": ("aws_iam_user_policy", "user", "Users")}


def terraform(policy: dict[str, Any], function: FunctionArn, *, caller: str = "", kind: str = "role") -> str:
    """A policy on one role or user; `caller`: its name, asked for as a variable when it is not known."""
    resource, argument, _ = _OF_KIND[kind]
    label = re.sub(r"[^a-zA-Z0-9_]", "_", f"call_{function.name}")
    default = f"\n  default     = {hcl(caller)}" if caller else ""
    return f"""variable "caller" {{
  type        = string
  description = "Name of the {kind} in this account that calls the function"{default}
}}

resource "{resource}" "{label}" {{
  name   = {hcl(f"call-{function.name}")}
  {argument:<6} = var.caller
  policy = jsonencode({indented(hcl(policy, indent=2), 2)})
}}

output "{label}_arn" {{
  description = "What the caller names, exactly so"
  value       = {hcl(str(function))}
}}"""


def cloudformation(policy: dict[str, Any], function: FunctionArn, *, caller: str = "", kind: str = "role") -> str:
    """The same as a template, YAML."""
    default = f"\n    Default: {json.dumps(caller)}" if caller else ""
    return f"""AWSTemplateFormatVersion: "2010-09-09"
Description: Lets one {kind} of this account call a function that is shared with it
Parameters:
  Caller:
    Type: String
    Description: Name of the {kind} in this account that calls the function{default}
Resources:
  CallSharedFunction:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      {_OF_KIND[kind][2]}:
        - !Ref Caller
      PolicyDocument: {indented(json.dumps(policy, indent=2), 8)}
Outputs:
  FunctionArn:
    Description: What the caller names, exactly so
    Value: {json.dumps(str(function))}"""


def hcl(value: Any, *, indent: int | None = None) -> str:
    """The value as an expression of Terraform's language, in which nothing is interpolated."""
    return json.dumps(value, indent=indent).replace("${", "$${").replace("%{", "%%{")


def indented(text: str, by: int) -> str:
    """The text with every line but its first moved to the right."""
    first, *rest = text.split("\n")
    return "\n".join([first, *(" " * by + line for line in rest)])
