"""Small policies to reason about: typed factories, one owner, two consumers, a stranger."""

from __future__ import annotations

from typing import Any

OWNER = "444455556666"
ACME = "111122223333"
GLOBEX = "222233334444"
STRANGER = "999900001111"
ORG = "o-abcdef1234"
OTHER_ORG = "o-zzzzzz9999"
F = f"arn:aws:lambda:us-east-1:{OWNER}:function:f"
INVOKE = "lambda:InvokeFunction"
INVOKE_URL = "lambda:InvokeFunctionUrl"

Json = dict[str, Any]


def root(account: str = ACME) -> Json:
    return {"AWS": f"arn:aws:iam::{account}:root"}


def role(name: str = "deploy", account: str = ACME) -> str:
    return f"arn:aws:iam::{account}:role/{name}"


def service(name: str = "s3") -> Json:
    return {"Service": f"{name}.amazonaws.com"}


def allow(principal: Any = None, condition: Json | None = None, **elements: Any) -> Json:
    """An Allow on the bare function for Acme's root unless said otherwise."""
    statement: Json = {
        "Sid": "allow",
        "Effect": "Allow",
        "Principal": root() if principal is None else principal,
        "Action": INVOKE,
        "Resource": F,
        **elements,
    }
    if condition is not None:
        statement["Condition"] = condition
    return {key: value for key, value in statement.items() if value is not None}


def deny(principal: Any = "*", condition: Json | None = None, **elements: Any) -> Json:
    """A Deny of everything for everybody unless said otherwise."""
    return allow(principal, condition, **{"Sid": "deny", "Effect": "Deny", "Action": "lambda:*", **elements})


def policy(*statements: Any, version: str | None = "2012-10-17") -> Json:
    document: Json = {"Id": "default", "Statement": list(statements)}
    if version is not None:
        document["Version"] = version
    return document
