"""What is handed to the other side: the least identity policy a caller needs, the call written out, and all of it as a pack.

Facts: aws-facts 2.2: across accounts both sides must say Allow, theirs on the exact form that is called; 7: a function
URL needs two actions since October 2025.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any, Final

from . import infrastructure, snippets
from .actions import INVOKE, INVOKE_URL
from .arn import FunctionArn
from .calls import Call, call_of

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


@dataclass(frozen=True, slots=True)
class Snippet:
    """Something to copy: `key` for addresses and ids, the title, its language, the text, and what to know before pasting."""

    key: str
    title: str
    language: str
    text: str
    note: str = ""


def pack(
    function: FunctionArn, action: str, *, caller: str = "", kind: str = "role", payload: Any = None
) -> tuple[Snippet, ...]:
    """Everything somebody in another account needs to use one action on exactly this form of the function.

    `caller`, `kind`: the role or user of theirs that is let in, where it is one. `payload`: what an invoke sends, {} if None.
    """
    sent: Any = {} if payload is None else payload
    if action == INVOKE_URL:
        policy = identity_policy(BY_URL, function)
    else:
        policy = identity_policy((action,), call_of(action, function).resource)
    named = {"caller": caller, "kind": kind}
    return (
        *(_by_url(function, sent) if action == INVOKE_URL else _by_call(function, action, sent)),
        Snippet(
            "policy",
            "Identity policy",
            "json",
            json.dumps(policy, indent=2),
            "Both sides must say yes: attach this to the role or user that calls. It allows nothing else.",
        ),
        Snippet("terraform", "Terraform", "hcl", infrastructure.terraform(policy, function, **named), "Attaches that policy."),
        Snippet(
            "cloudformation",
            "CloudFormation",
            "yaml",
            infrastructure.cloudformation(policy, function, **named),
            "Attaches that policy; deploy it with CAPABILITY_IAM.",
        ),
    )


def markdown(function: FunctionArn, action: str, parts: tuple[Snippet, ...]) -> str:
    """The pack as one text to keep or send on."""
    head = [
        f"# {function.name}",
        "",
        f"`{function}`",
        "",
        f"Action: `{action}`. The ARN is the exact form that is shared: another alias, version or none is refused.",
    ]
    for part in parts:
        head += ["", f"## {part.title}", "", *([part.note, ""] if part.note else []), f"```{part.language}", part.text, "```"]
    return "\n".join([*head, ""])


def _by_call(function: FunctionArn, action: str, payload: Any) -> tuple[Snippet, ...]:
    call = call_of(action, function)
    told = _told(call, function)
    found = [
        Snippet("cli", "AWS CLI", "sh", snippets.aws_cli(call, function, payload=payload), told),
        Snippet("boto3", "Python (boto3)", "python", snippets.boto3(call, function, payload=payload), told),
        Snippet(
            "javascript",
            "JavaScript (SDK v3)",
            "js",
            snippets.javascript(call, function, payload=payload),
            f"A module (.mjs). {told}".strip(),
        ),
    ]
    if action == INVOKE:
        dry = Snippet(
            "dry-run",
            "AWS CLI, without running it",
            "sh",
            invoke_command(function, dry=True),
            "AWS answers 204 when you may call it, and runs nothing.",
        )
        found.insert(1, dry)
    return tuple(found)


def _told(call: Call, function: FunctionArn) -> str:
    """What to know before pasting."""
    said = []
    if function.qualifier and call.resource.qualifier is None:
        said.append(
            "This call names no alias or version: AWS may decide it on the function itself, which is not what was shared."
        )
    if call.changes:
        said.append("This changes the function.")
    if call.assumed:
        said.append(f"{', '.join(call.assumed)}: an example, put in what you mean.")
    return " ".join(said)


def _by_url(function: FunctionArn, payload: Any) -> tuple[Snippet, ...]:
    note = "AWS tells the URL's address to its owner alone: ask them for it, and put it in."
    return (
        Snippet("curl", "curl", "sh", snippets.curl_url(function, payload=payload), note),
        Snippet("boto3", "Python (botocore)", "python", snippets.boto3_url(function, payload=payload), note),
        Snippet(
            "javascript",
            "JavaScript (SDK v3)",
            "js",
            snippets.javascript_url(function, payload=payload),
            f"A module (.mjs). {note}",
        ),
    )
