"""How often the answer about an AddPermission-shaped policy is "depends" rather than "yes" or "no".

Claim: under 5 % of such policies have a "depends" among public, external and open service. Two figures are printed:
for every combination of AddPermission's parameters that AWS would store, each counted once, and for a mix of them as
estates hold it, weighted as stated in `MIX`. Run: `python -m benchmarks.certainty`; exit status 1 if the claim does not
hold for the mix.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from sharing.policy import Answer, FunctionArn, Permission, Principal, exposures

OWNER, OTHER = "444455556666", "111122223333"
ORGANIZATION = "o-abcdef1234"
TARGET = 0.05
FUNCTION = FunctionArn("aws", "us-east-1", OWNER, "f", "live")

PRINCIPALS: dict[str, str] = {
    "account": f"arn:aws:iam::{OTHER}:root",
    "own account": f"arn:aws:iam::{OWNER}:root",
    "role": f"arn:aws:iam::{OTHER}:role/team/deploy",
    "session": f"arn:aws:sts::{OTHER}:assumed-role/deploy/ci",
    "everyone": "*",
    **{
        name: f"{name}.amazonaws.com"
        for name in ("s3", "sns", "events", "apigateway", "logs", "elasticloadbalancing", "ses", "config", "cognito-idp")
    },
    "alexa": "alexa-appkit.amazon.com",
}
ACTIONS = ("lambda:InvokeFunction", "lambda:InvokeFunctionUrl", "lambda:GetFunction", "lambda:*", "*")
ARNS = (
    None,
    "arn:aws:s3:::bucket",
    "arn:aws:s3:::*",
    f"arn:aws:sns:us-east-1:{OWNER}:topic",
    f"arn:aws:sns:us-east-1:{OTHER}:topic",
    f"arn:aws:events:us-east-1:{OWNER}:rule/*",
    f"arn:aws:execute-api:us-east-1:{OWNER}:abc123/*/GET/items",
)

#: What permissions are for, in per cent of all: principal, action and the limits that come with them.
MIX: list[tuple[float, str, str, dict[str, Any]]] = [
    (22, "apigateway", "lambda:InvokeFunction", {"source_arn": ARNS[6]}),
    (16, "events", "lambda:InvokeFunction", {"source_arn": ARNS[5]}),
    (10, "sns", "lambda:InvokeFunction", {"source_arn": ARNS[3]}),
    (8, "s3", "lambda:InvokeFunction", {"source_arn": ARNS[1], "source_account": OWNER}),
    (4, "s3", "lambda:InvokeFunction", {"source_arn": ARNS[1]}),  # the bucket not seen in any known account
    (4, "logs", "lambda:InvokeFunction", {"source_arn": f"arn:aws:logs:us-east-1:{OWNER}:log-group:*:*"}),
    (3, "cognito-idp", "lambda:InvokeFunction", {"source_arn": f"arn:aws:cognito-idp:us-east-1:{OWNER}:userpool/x"}),
    (3, "elasticloadbalancing", "lambda:InvokeFunction", {}),
    (2, "config", "lambda:InvokeFunction", {"source_account": OTHER}),
    (1, "alexa", "lambda:InvokeFunction", {"event_source_token": "amzn1.ask.skill.1"}),
    (3, "events", "lambda:InvokeFunction", {}),
    (8, "account", "lambda:InvokeFunction", {}),
    (6, "role", "lambda:InvokeFunction", {}),
    (3, "everyone", "lambda:InvokeFunction", {"organization": ORGANIZATION}),
    (1, "account", "lambda:InvokeFunction", {"organization": ORGANIZATION}),
    (2, "everyone", "lambda:InvokeFunctionUrl", {"url_auth_type": "NONE"}),
    (2, "everyone", "lambda:InvokeFunction", {"via_url": True}),
    (1, "account", "lambda:GetFunction", {}),
    (0.9, "everyone", "lambda:InvokeFunction", {}),
    (0.1, "everyone", "lambda:InvokeFunction", {"event_source_token": "shared"}),
]


def depends(principal: str, action: str, **limits: Any) -> bool:
    """Whether any answer about the policy with that one statement is "depends"."""
    who = PRINCIPALS[principal]
    key = "" if who == "*" else "AWS" if who.startswith("arn:") else "Service"
    one = Permission(FUNCTION, "s", action, Principal.from_stored(who, key=key), **limits)
    document = {"Version": "2012-10-17", "Id": "default", "Statement": [one.statement()]}
    found = exposures(document, function_arn=FUNCTION, owner_account=OWNER)
    return any(Answer.DEPENDS in (each.public, each.external, each.open_service) for each in found)


def combinations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every combination of AddPermission's parameters, sensible or not."""
    for principal, action, arn, account, organization, token, kind, by_url in itertools.product(
        PRINCIPALS,
        ACTIONS,
        ARNS,
        (None, OWNER, OTHER),
        (None, ORGANIZATION),
        (None, "t"),
        (None, "NONE", "AWS_IAM"),
        (False, True),
    ):
        limits = {
            "source_arn": arn,
            "source_account": account,
            "organization": organization,
            "event_source_token": token,
            "url_auth_type": kind,
            "via_url": by_url,
        }
        yield principal, action, limits


def main() -> int:
    count: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for principal, action, limits in combinations():
        total[principal] += 1
        count[principal] += depends(principal, action, **limits)
    print(f"{total.total()} combinations of parameters, each once: {count.total() / total.total():6.1%} depend")
    for principal in PRINCIPALS:
        print(f"  {principal:22} {count[principal] / total[principal]:6.1%}")
    weight = sum(share for share, *_ in MIX)
    uncertain = sum(share for share, principal, action, limits in MIX if depends(principal, action, **limits)) / weight
    print(f"the mix of an estate, {weight:.0f} %: {uncertain:6.1%} depend (target under {TARGET:.0%})")
    return 1 if uncertain >= TARGET else 0


if __name__ == "__main__":
    sys.exit(main())
