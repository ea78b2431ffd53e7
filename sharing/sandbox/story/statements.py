"""Short ways to write the statements of a story, in the form AWS stores them."""

from typing import Any

Statement = dict[str, Any]
Document = dict[str, Any]

INVOKE = "lambda:InvokeFunction"


def policy(*statements: Statement, identifier: str | None = "default") -> Document:
    document: Document = {"Version": "2012-10-17"}
    if identifier:
        document["Id"] = identifier
    document["Statement"] = list(statements)
    return document


def allow(
    sid: str | None,
    principal: Any,
    resource: str | list[str],
    *,
    action: Any = INVOKE,
    condition: Any = None,
    effect: str = "Allow",
) -> Statement:
    statement: Statement = {"Sid": sid} if sid else {}
    statement |= {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource}
    if condition:
        statement["Condition"] = condition
    return statement


def account(sid: str, number: str, resource: str, *, action: str = INVOKE) -> Statement:
    return allow(sid, {"AWS": f"arn:aws:iam::{number}:root"}, resource, action=action)


def service(sid: str, name: str, resource: str, *, source_account: str = "", source_arn: str = "") -> Statement:
    condition: dict[str, Any] = {}
    if source_account:
        condition["StringEquals"] = {"AWS:SourceAccount": source_account}
    if source_arn:
        condition["ArnLike"] = {"AWS:SourceArn": source_arn}
    return allow(sid, {"Service": name}, resource, condition=condition)


def organisation(sid: str, number: str, resource: str) -> Statement:
    return allow(sid, "*", resource, condition={"StringEquals": {"aws:PrincipalOrgID": number}})


def url_pair(resource: str, principal: Any, auth_type: str) -> list[Statement]:
    """The two statements that a function URL needs, under the names the console gives them."""
    return [
        allow(
            "FunctionURLAllowPublicAccess" if principal == "*" else "FunctionURLAllow",
            principal,
            resource,
            action="lambda:InvokeFunctionUrl",
            condition={"StringEquals": {"lambda:FunctionUrlAuthType": auth_type}},
        ),
        allow(
            "FunctionURLInvokeAllowPublicAccess" if principal == "*" else "FunctionURLInvokeAllow",
            principal,
            resource,
            condition={"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
        ),
    ]
