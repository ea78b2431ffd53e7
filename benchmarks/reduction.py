"""How fast policies are read and reduced to who is let in, beside how fast Python reads the same JSON.

Claim: reading and reducing a document takes at most ten times as long as `json.loads` of it, per core, and an unchanged
document is never reduced twice. Run: `python -m benchmarks.reduction`; exit status 1 if the claim does not hold.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from sharing.policy import FunctionArn, parse
from sharing.policy import reduction as reducing
from sharing.policy.reaching import callers

OWNER = "444455556666"
TARGET = 0.1
ROUNDS = 5


def documents(count: int, seed: int = 7) -> list[tuple[FunctionArn, str]]:
    """A made-up estate: mostly a few AddPermission statements each, some nearly full, some with Deny and lists."""
    chance = random.Random(seed)  # noqa: S311 (the same estate at every run, no secret)
    return [_document(chance, number) for number in range(count)]


def _document(chance: random.Random, number: int) -> tuple[FunctionArn, str]:
    function = FunctionArn("aws", "us-east-1", OWNER, f"function-{number}", chance.choice([None, None, "live"]))
    size = chance.choice([1, 1, 1, 2, 2, 3, 4, 6, 10, 30, 80])
    statements = [_statement(chance, f"s{number}-{place}", str(function)) for place in range(size)]
    if chance.random() < 0.05:
        statements.append(
            {
                "Sid": "perimeter",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "lambda:*",
                "Resource": str(function),
                "Condition": {
                    "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-abcdef1234"},
                    "BoolIfExists": {"aws:PrincipalIsAWSService": "false"},
                },
            }
        )
    document = {"Version": "2012-10-17", "Id": "default", "Statement": statements}
    return function, json.dumps(document, separators=(",", ":"))


def _account(chance: random.Random) -> str:
    """One of three hundred: an estate meets the same accounts again and again."""
    return f"{111100000000 + 7919 * chance.randrange(300)}"


def _statement(chance: random.Random, sid: str, resource: str) -> dict[str, Any]:
    found: dict[str, Any] = {"Sid": sid, "Effect": "Allow"}
    account = _account(chance)
    shape = chance.random()
    condition: dict[str, Any] = {}
    if shape < 0.4:
        found["Principal"] = {"AWS": f"arn:aws:iam::{account}:root"}
    elif shape < 0.6:
        found["Principal"] = {"AWS": f"arn:aws:iam::{account}:role/team/role-{chance.randrange(500)}"}
    elif shape < 0.9:
        service = chance.choice(["s3", "sns", "events", "apigateway"])
        found["Principal"] = {"Service": f"{service}.amazonaws.com"}
        condition["ArnLike"] = {"AWS:SourceArn": f"arn:aws:{service}:us-east-1:{account}:thing-{chance.randrange(9999)}"}
        if service == "s3":
            condition["StringEquals"] = {"AWS:SourceAccount": account}
    else:
        found["Principal"] = "*"
        condition["StringEquals"] = {"aws:PrincipalOrgID": f"o-{chance.randrange(10**10):010d}"}
    found["Action"] = chance.choice(["lambda:InvokeFunction"] * 9 + ["lambda:GetFunction"])
    found["Resource"] = resource
    if condition:
        found["Condition"] = condition
    return found


def seconds(work: Callable[[FunctionArn, str], object], estate: list[tuple[FunctionArn, str]]) -> float:
    """The best of some rounds over the estate, in seconds of this process's own time; results are dropped at once."""
    best = float("inf")
    for _ in range(ROUNDS):
        callers.cache_clear()
        start = time.process_time()
        for function, text in estate:
            work(function, text)
        best = min(best, time.process_time() - start)
    return best


def main() -> int:
    estate = documents(2_000)
    total = sum(len(text) for _, text in estate)
    plain = seconds(lambda function, text: json.loads(text), estate)
    reduced = seconds(lambda function, text: reducing.reduce(parse(text), function), estate)
    ratio = plain / reduced
    print(f"{len(estate)} documents, {total / 1e6:.1f} MB")
    print(f"json.loads        {len(estate) / plain:10.0f} documents/s  {total / plain / 1e6:8.1f} MB/s")
    print(f"read and reduce   {len(estate) / reduced:10.0f} documents/s  {total / reduced / 1e6:8.1f} MB/s")
    print(f"ratio             {ratio:10.3f} (target at least {TARGET})")

    parsed = [(function, parse(text)) for function, text in estate]
    with mock.patch.object(reducing, "reduce", wraps=reducing.reduce) as reduce:
        for _ in range(3):
            for function, document in parsed:
                reducing.reduction(document, function)
        print(f"reductions        {reduce.call_count:10d} for {3 * len(parsed)} questions about {len(parsed)} documents")
        again = reduce.call_count > len(parsed)
    return 1 if ratio < TARGET or again else 0


if __name__ == "__main__":
    sys.exit(main())
