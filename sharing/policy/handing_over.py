"""What is handed to the other side: the least identity policy a caller needs, and the call written out.

Facts: aws-facts 2.2: across accounts both sides must say Allow, theirs on the exact form that is called; 7: a function
URL needs two actions since October 2025.
"""

from __future__ import annotations

import json
import shlex
from typing import Any, Final

from .actions import INVOKE, INVOKE_URL
from .arn import FunctionArn

#: What a call by the function's URL needs, both of it.
BY_URL: Final = (INVOKE_URL, INVOKE)


def identity_policy(actions: tuple[str, ...], function: FunctionArn) -> dict[str, Any]:
    """The least policy for a role or user of the other account: these actions on exactly this form of the function."""
    named: str | list[str] = actions[0] if len(actions) == 1 else list(actions)
    statement = {"Sid": "CallSharedFunction", "Effect": "Allow", "Action": named, "Resource": str(function)}
    return {"Version": "2012-10-17", "Statement": [statement]}


def identity_policy_text(actions: tuple[str, ...], function: FunctionArn) -> str:
    """The same as text to copy."""
    return json.dumps(identity_policy(actions, function), indent=2)


def invoke_command(function: FunctionArn, *, dry: bool = False) -> str:
    """The call as the AWS CLI makes it; `dry`: only whether it would be allowed, nothing runs.

    The log is left out: AWS refuses it across accounts (aws-facts 0.6).
    """
    words = [
        "aws lambda invoke",
        f"--region {shlex.quote(function.region)}",
        f"--function-name {shlex.quote(str(function))}",
        *(["--invocation-type DryRun"] if dry else []),
        "response.json",
    ]
    return " \\\n    ".join(words)
