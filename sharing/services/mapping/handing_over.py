"""What somebody else has to do for a mapping, ready to be pasted: the statement, and the AWS CLI commands that add it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sharing.policy.wiring import Side, Step

PLACEHOLDER: Final = "<EXECUTION ROLE ARN>"


@dataclass(frozen=True)
class HandOff:
    """One step for somebody else. `theirs`: it is done in the source's account. `fill_in`: the ARN still stands open."""

    key: str
    account: str
    theirs: bool
    sentence: str
    statement: str
    commands: str
    fill_in: bool


def hand_offs(steps: Iterable[Step], *, function_arn: str) -> list[HandOff]:
    """The steps as JSON and commands. `function_arn`: whose execution role it is about."""
    return [
        HandOff(
            key=step.key,
            account=step.account,
            theirs=step.side is Side.SOURCE,
            sentence=step.sentence,
            statement=json.dumps(_statement(step), indent=2),
            commands=_commands(step, function_arn),
            fill_in=bool(step.fill_in),
        )
        for step in steps
        if step.call
    ]


def role_command(function_arn: str) -> str:
    """The command that names a function's execution role; run in its account."""
    region = function_arn.split(":")[3]
    return (
        f"aws lambda get-function-configuration --region {shlex.quote(region)} "
        f"--function-name {shlex.quote(function_arn)} --query Role --output text"
    )


def _statement(step: Step) -> Any:
    if "PolicyDocument" in step.parameters:
        return step.parameters["PolicyDocument"]["Statement"][0]
    return step.parameters["Policy"]


def _document(step: Step) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [_statement(step)]}


def _commands(step: Step, function_arn: str) -> str:
    if step.key == "execution-role":
        return "\n".join(
            (
                f'ROLE="$({role_command(function_arn)})"',
                f'aws iam put-role-policy --role-name "${{ROLE##*/}}" --policy-name fnshare-read-{_short(step)} '
                f"--policy-document {_quoted(_document(step))}",
            )
        )
    if step.call == "sqs:SetQueueAttributes":
        url = str(step.parameters["QueueUrl"])
        region = url.removeprefix("https://sqs.").split(".", 1)[0]
        where = f"--region {shlex.quote(region)} --queue-url {shlex.quote(url)}"
        return _where_none_is(
            f"aws sqs get-queue-attributes {where} --attribute-names Policy --query Attributes.Policy --output text",
            f"aws sqs set-queue-attributes {where} --attributes {_quoted({'Policy': _compact(_document(step))})}",
        )
    arn = str(_statement(step)["Resource"])
    service, region = arn.split(":")[2:4]
    where = f"--region {shlex.quote(region)} --resource-arn {shlex.quote(arn)}"
    return _where_none_is(
        f"aws {service} get-resource-policy {where} --query Policy --output text",
        f"aws {service} put-resource-policy {where} --policy {_quoted(_document(step))}",
    )


def _where_none_is(read: str, write: str) -> str:
    """A write that replaces the whole policy, made only where the read says that there is none: unread is not empty."""
    return "\n".join(
        (
            "# Writing replaces the whole policy: so it is done only where there is none.",
            f'NOW="$({read} 2>&1)" || NOW="Not read. $NOW"',
            'case "$NOW" in',
            f"    '' | None | '{{}}' | 'Not read. '*'(PolicyNotFoundException)'*) {write} ;;",
            """    *) echo "Nothing was written: add the statement to the policy that is there. AWS said: $NOW" >&2 ;;""",
            "esac",
        )
    )


def _short(step: Step) -> str:
    resource = str(_statement(step)["Resource"]).split(":", 5)[-1]
    return "".join(char if char.isalnum() else "-" for char in resource)[:60].strip("-")


def _compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


def _quoted(document: Any) -> str:
    return shlex.quote(_compact(document))
