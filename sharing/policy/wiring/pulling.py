"""Sources that Lambda polls with the function's execution role: the mapping is the owner's, the source must let the role in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .pushing import notes_of
from .shapes import Plan, Seen, Side, Step, Undo

if TYPE_CHECKING:
    from .planner import Wish

_ROLE: Final = "<EXECUTION ROLE ARN>"
_UUID: Final = "<MAPPING UUID>"
#: Where a partition's queues are; those of the others are at amazonaws.com.
_DOMAINS: Final = {
    "aws-cn": "amazonaws.com.cn",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
    "aws-eusc": "amazonaws.eu",
}

#: What the execution role must be allowed on the source, by its own policy and, across accounts, by the source's.
READS: Final[dict[str, tuple[str, ...]]] = {
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "kinesis": (
        "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator",
        "kinesis:GetRecords",
    ),
    "dynamodb": ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
}  # fmt: skip
#: Enhanced fan-out reads through a consumer of its own.
FAN_OUT: Final = ("kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard")


def build(wish: Wish) -> Plan:
    """The execution role's right, the source's own policy if it is elsewhere, then the mapping."""
    steps: list[Step] = []
    if wish.kind.key in READS:
        steps.append(_role_policy(wish))
        if wish.crosses_accounts:
            steps.append(_source_policy(wish))
    else:
        steps.append(_network(wish))
    steps.append(_mapping(wish))
    notes = [*notes_of(wish), "The function's policy needs no statement: Lambda polls with the execution role."]
    known = (wish.kind.key, wish.kind.label, wish.source, wish.account, wish.crosses_accounts)
    return Plan(wish.function, *known, tuple(steps), None, tuple(notes))


def reads_of(wish: Wish) -> tuple[str, ...]:
    """The actions on this source; a consumer's ARN adds those of enhanced fan-out."""
    return (*READS[wish.kind.key], *(FAN_OUT if "/consumer/" in wish.source else ()))


def _role_policy(wish: Wish) -> Step:
    role = wish.execution_role or _ROLE
    statement = {"Sid": "ReadSource", "Effect": "Allow", "Action": list(reads_of(wish)), "Resource": wish.source}
    return Step(
        "execution-role",
        Side.OWNER,
        wish.function.account,
        "Let the function's execution role read the source, by its own policy.",
        "iam:PutRolePolicy",
        {"RoleName": role.rsplit("/", 1)[-1], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}},
        ("iam:PutRolePolicy",),
        Undo("Take that policy off the role.", "iam:DeleteRolePolicy", {"RoleName": role.rsplit("/", 1)[-1]}),
        Seen("Creating the mapping is not refused for a missing permission of the role."),
        ours=False,  # no role of ours may change roles
        fill_in=(_ROLE,) if role == _ROLE else (),
    )


def _source_policy(wish: Wish) -> Step:
    role = wish.execution_role or _ROLE
    statement = {
        "Sid": wish.sid, "Effect": "Allow", "Principal": {"AWS": role}, "Action": list(reads_of(wish)), "Resource": wish.source,
    }  # fmt: skip
    call, parameters, needs, reading = _POLICY[wish.kind.key](wish, statement)
    return Step(
        "source-policy",
        Side.SOURCE,
        wish.account,
        f"Let the function's execution role read the {wish.kind.label}, by its resource policy.",
        call,
        parameters,
        needs,
        Undo(
            f"Take statement {wish.sid} out of its policy.",
            call,
            {key: value for key, value in parameters.items() if key != "Policy"},
        ),
        Seen(f"Its policy holds {wish.sid}.", reading[0], reading[1]),
        ours=wish.reaches(wish.account),
        merges=True,
        fill_in=(_ROLE,) if role == _ROLE else (),
    )


def queue_url(partition: str, region: str, account: str, name: str) -> str:
    """By what SQS knows a queue."""
    return f"https://sqs.{region}.{_DOMAINS.get(partition, 'amazonaws.com')}/{account}/{name}"


def _queue(wish: Wish, statement: dict[str, Any]) -> tuple[str, dict[str, Any], tuple[str, ...], tuple[str, dict[str, Any]]]:
    name = wish.source.rsplit(":", 1)[-1]
    url = queue_url(wish.function.partition, wish.region, wish.account, name)
    needs = ("sqs:GetQueueAttributes", "sqs:SetQueueAttributes")
    return (
        "sqs:SetQueueAttributes",
        {"QueueUrl": url, "Policy": statement},
        needs,
        ("sqs:GetQueueAttributes", {"QueueUrl": url}),
    )


def _stream(wish: Wish, statement: dict[str, Any]) -> tuple[str, dict[str, Any], tuple[str, ...], tuple[str, dict[str, Any]]]:
    service = wish.kind.service
    named = {"ResourceARN" if service == "kinesis" else "ResourceArn": wish.source}  # each API has its own spelling
    needs = (f"{service}:GetResourcePolicy", f"{service}:PutResourcePolicy")
    return f"{service}:PutResourcePolicy", {**named, "Policy": statement}, needs, (f"{service}:GetResourcePolicy", named)


_POLICY: Final = {"sqs": _queue, "kinesis": _stream, "dynamodb": _stream}


def _network(wish: Wish) -> Step:
    side = wish.side()
    return Step(
        "reach",
        side,
        wish.account or wish.function.account,
        f"Make the {wish.kind.label} reachable for the function, with its secret and its network.",
        "",
        {},
        (),
        Undo("Close that way again."),
        Seen("The mapping's last result is no problem."),
        ours=False,
        notes=(wish.kind.hint,) if wish.kind.hint else (),
    )


def _mapping(wish: Wish) -> Step:
    source = {"EventSourceArn": wish.source} if wish.source.startswith("arn:") else {}
    wires = wish.kind.wires
    return Step(
        "mapping",
        Side.OWNER,
        wish.function.account,
        f"Create the event source mapping from the {wish.kind.label} to the function.",
        "lambda:CreateEventSourceMapping",
        {"FunctionName": str(wish.function), **source, **(wish.options.parameters() if wires else {})},
        ("lambda:CreateEventSourceMapping", "lambda:GetEventSourceMapping"),
        Undo("Delete the mapping.", "lambda:DeleteEventSourceMapping", {"UUID": _UUID}),
        Seen("The mapping is Enabled and its last result is no PROBLEM.", "lambda:GetEventSourceMapping", {"UUID": _UUID}),
        ours=wires and wish.lets_in,
    )
