"""Policy documents: how AddPermission's parameters become a statement, what may be stored, what readers see.

Source: aws-facts 1.1 to 1.5 and 1.7 (Lambda Developer Guide, botocore model, messages seen in public issues).
"""

import json
import re
from typing import Any

from sharing.sandbox import principals
from sharing.sandbox.conditions import as_list, known_operator
from sharing.sandbox.errors import AwsError, invalid
from sharing.sandbox.evaluation import Document, statements

#: Bytes that one policy may have, as compact JSON.
LIMIT = 20_480

#: Condition keys that, with fixed values, keep a `*` principal from being public.
_NARROWING = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:userid",
    "lambda:eventsourcetoken",
}


def compact(document: object) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def rendered(document: Document) -> Document:
    """The document as readers see it: bound principals back as ARNs, or as bare ids once they are deleted."""
    shown = {key: value for key, value in document.items() if key != "Statement"}
    shown["Statement"] = [rendered_statement(statement) for statement in statements(document)]
    return shown


def rendered_statement(statement: dict[str, Any]) -> dict[str, Any]:
    return {
        key: principals.render(value) if key in ("Principal", "NotPrincipal") else value for key, value in statement.items()
    }


def statement_from(parameters: dict[str, Any], resource: str) -> dict[str, Any]:
    """The internal statement that AddPermission's parameters become. Raises 400 for a principal that is none."""
    text = parameters["Principal"]
    try:
        if text == "*":
            principal: Any = "*"
        elif principals.known_service(text):
            principal = {"Service": text}
        else:
            principal = {"AWS": principals.bound(text)}
    except principals.BadPrincipal as error:
        raise invalid(str(error)) from None
    equals = {
        "AWS:SourceAccount": parameters.get("SourceAccount"),
        "aws:PrincipalOrgID": parameters.get("PrincipalOrgID"),
        "lambda:EventSourceToken": parameters.get("EventSourceToken"),
        "lambda:FunctionUrlAuthType": parameters.get("FunctionUrlAuthType"),
    }
    condition: dict[str, dict[str, str]] = {}
    present = {key: value for key, value in equals.items() if value is not None}
    if present:
        condition["StringEquals"] = present
    if parameters.get("InvokedViaFunctionUrl") is not None:
        flag = "true" if parameters["InvokedViaFunctionUrl"] else "false"
        condition["Bool"] = {"lambda:InvokedViaFunctionUrl": flag}
    if parameters.get("SourceArn") is not None:
        condition["ArnLike"] = {"AWS:SourceArn": parameters["SourceArn"]}
    statement = {
        "Sid": parameters["StatementId"],
        "Effect": "Allow",
        "Principal": principal,
        "Action": parameters["Action"],
        "Resource": resource,
    }
    return {**statement, "Condition": condition} if condition else statement


def is_public(document: Document) -> bool:
    """True when some Allow statement lets in everyone: `*` (or NotPrincipal) without a narrowing condition."""
    for statement in statements(document):
        if statement.get("Effect") != "Allow":
            continue
        principal = statement.get("Principal")
        anyone = principal == "*" or (isinstance(principal, dict) and "*" in as_list(principal.get("AWS")))
        if not anyone and "NotPrincipal" not in statement:
            continue
        keys = {
            key.lower()
            for operator, block in (statement.get("Condition") or {}).items()
            if not operator.lower().endswith("ifexists")
            and "not" not in operator.lower()
            and not operator.lower().startswith("forallvalues:")
            for key in block
        }
        if not keys & _NARROWING:
            return True
    return False


def _malformed(why: str) -> AwsError:
    return invalid(f"The resource policy is malformed: {why}")


def checked_document(text: str, *, lenient: bool = False) -> Document:
    """A policy document for storing, principals bound. Raises 400 saying what is wrong with it."""
    if len(text) > LIMIT:
        raise AwsError(
            "PolicyLengthExceededException", 400, f"The final policy size ({len(text)}) is bigger than the limit ({LIMIT})."
        )
    try:
        document = json.loads(text)
    except ValueError:
        raise _malformed("it is not valid JSON.") from None
    if not isinstance(document, dict) or set(document) - {"Version", "Id", "Statement"}:
        raise _malformed("only Version, Id and Statement are allowed at the top.")
    if document.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17"):
        raise _malformed("Version must be 2012-10-17 or 2008-10-17.")
    found = as_list(document.get("Statement"))
    if not found or not all(isinstance(statement, dict) for statement in found):
        raise _malformed("Statement must hold at least one statement.")
    sids = [statement["Sid"] for statement in found if "Sid" in statement]
    if len(sids) != len(set(sids)):
        raise _malformed("statement ids must be unique.")
    return {**document, "Statement": [_checked_statement(statement, lenient=lenient) for statement in found]}


def _checked_statement(statement: dict[str, Any], *, lenient: bool) -> dict[str, Any]:
    known = {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
    if set(statement) - known:
        raise _malformed(f"unknown element {sorted(set(statement) - known)[0]}.")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _malformed("Effect must be Allow or Deny.")
    for field in ("Principal", "Action", "Resource"):
        if (field in statement) == (f"Not{field}" in statement):
            raise _malformed(f"each statement needs either {field} or Not{field}.")
    for field in ("Action", "NotAction"):
        for action in as_list(statement.get(field)):
            if not isinstance(action, str) or not re.fullmatch(r"\*|lambda:[a-zA-Z*?]+", action, re.IGNORECASE):
                raise _malformed(f"{action!r} is not a Lambda action.")
    for field in ("Resource", "NotResource"):
        for resource in as_list(statement.get(field)):
            if not isinstance(resource, str) or not (resource == "*" or resource.startswith("arn:")):
                raise _malformed(f"{resource!r} is not a resource.")
    condition = statement.get("Condition", {})
    if not isinstance(condition, dict) or not all(isinstance(keys, dict) for keys in condition.values()):
        raise _malformed("Condition must map operators to keys and values.")
    for operator in condition:
        if not known_operator(operator):
            raise _malformed(f"{operator!r} is not a condition operator.")
    try:
        return {
            key: principals.bind(value, lenient=lenient) if key in ("Principal", "NotPrincipal") else value
            for key, value in statement.items()
        }
    except principals.BadPrincipal as error:
        raise invalid(str(error)) from None


def ghosts(statement: dict[str, Any]) -> list[str]:
    return principals.ghosts(statement.get("Principal")) + principals.ghosts(statement.get("NotPrincipal"))


def principal_values(principal: Any) -> list[str]:
    """Every text under which IAM conditions may name a stored principal."""
    if isinstance(principal, str):
        return [principal]
    values: list[str] = []
    for name in as_list((principal or {}).get("AWS")) + as_list((principal or {}).get("Service")):
        values.append(name)
        root = re.fullmatch(r"arn:[a-z-]+:iam::(\d{12}):root", name)
        if root:
            values.append(root.group(1))
    return values
