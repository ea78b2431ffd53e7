"""AddPermission, RemovePermission, GetPolicy and the whole-document trio, as AWS stores, limits and refuses them.

Source: aws-facts section 1 (Lambda Developer Guide, botocore model, messages seen in public issues).
"""

import copy
import json
import re
from typing import Any

from sharing.sandbox import principals
from sharing.sandbox.conditions import as_list, known_operator
from sharing.sandbox.errors import AwsError, Reply, as_json, conflict, invalid, missing
from sharing.sandbox.estate import LATEST, NEVER, Estate, Function, Policy, Target
from sharing.sandbox.evaluation import Document, statements
from sharing.sandbox.switches import Switches

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
    shown["Statement"] = [_rendered_statement(statement) for statement in statements(document)]
    return shown


def _rendered_statement(statement: dict[str, Any]) -> dict[str, Any]:
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


class Permissions:
    """The six operations. Callers have been authorised and the parameters validated before."""

    def __init__(self, estate: Estate, switches: Switches) -> None:
        self.estate = estate
        self.switches = switches

    def function(self, target: Target, *, writing: bool) -> Function:
        """The function a policy call is about. Raises 404 when it or its qualifier is missing, 400 for $LATEST."""
        function = self.estate.find(target.account, target.region, target.name)
        if function is None or not function.has(target.qualifier):
            raise missing(f"Function not found: {target.full}" if writing else "The resource you requested does not exist.")
        if target.qualifier and target.qualifier.startswith(LATEST) and writing:
            raise invalid("We currently do not support adding policies for $LATEST.")
        return function

    def add(self, target: Target, parameters: dict[str, Any]) -> Reply:
        with self.estate.lock:
            function = self.function(target, writing=True)
            policy = function.policy(target.qualifier)
            self._fence(policy, parameters.get("RevisionId"))
            document: Document = (
                copy.deepcopy(policy.document) if policy else {"Version": "2012-10-17", "Id": "default", "Statement": []}
            )
            stored = statements(document)
            if self.switches.ghost_blocks_add_permission and any(_ghosts(s) for s in stored):
                raise invalid(principals.REFUSED)
            sid = parameters["StatementId"]
            if any(s.get("Sid") == sid for s in stored):
                raise conflict(
                    f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the "
                    "existing statement."
                )
            statement = statement_from(parameters, function.qualified(target.qualifier))
            document["Statement"] = [*stored, statement]
            self._store(function, target.qualifier, document)
            return as_json({"Statement": compact(_rendered_statement(statement))}, 201)

    def remove(self, target: Target, sid: str, revision: str | None) -> Reply:
        with self.estate.lock:
            function = self.function(target, writing=True)
            policy = function.policy(target.qualifier)
            if policy is None:
                raise missing("The resource you requested does not exist.")
            kept = [s for s in statements(policy.document) if s.get("Sid") != sid]
            if len(kept) == len(statements(policy.document)):
                raise missing(f"Statement {sid} is not found in resource policy.")
            self._fence(policy, revision)
            if kept or self.switches.empty_policy_after_last:
                self._store(function, target.qualifier, {**copy.deepcopy(policy.document), "Statement": kept})
            else:
                function.set_policy(target.qualifier, None)
            return Reply(204)

    def get(self, target: Target) -> Reply:
        with self.estate.lock:
            function = self.function(target, writing=False)
            policy = function.policy(target.qualifier)
            if policy is None:
                raise missing()
            document, revision = policy.document, policy.revision
        return as_json({"Policy": compact(rendered(document)), "RevisionId": revision})

    def put(self, target: Target, text: str, revision: str | None) -> Reply:
        with self.estate.lock:
            function = self.function(target, writing=True)
            self._fence(function.policy(target.qualifier), revision)
            document = checked_document(text)
            policy = self._store(function, target.qualifier, document)
            return as_json({"Policy": compact(rendered(policy.document)), "RevisionId": policy.revision})

    def delete(self, target: Target, revision: str | None) -> Reply:
        with self.estate.lock:
            function = self.function(target, writing=True)
            policy = function.policy(target.qualifier)
            if policy is None:
                raise missing()
            self._fence(policy, revision)
            function.set_policy(target.qualifier, None)
            return Reply(204)

    def principal_of(self, target: Target, sid: str) -> list[str]:
        """The value of lambda:Principal for a RemovePermission: the stored principal, accounts in both their forms."""
        function = self.estate.find(target.account, target.region, target.name)
        policy = function.policy(target.qualifier) if function else None
        for statement in statements(policy.document if policy else None):
            if statement.get("Sid") == sid:
                return principal_values(principals.render(statement.get("Principal")))
        return []

    def _fence(self, policy: Policy | None, revision: str | None) -> None:
        if revision is not None and (policy is None or policy.revision != revision):
            raise AwsError(
                "PreconditionFailedException",
                412,
                "The RevisionId provided does not match the latest RevisionId. Call the GetPolicy API to retrieve the "
                "latest RevisionId for your resource.",
            )

    def _store(self, function: Function, qualifier: str | None, document: Document) -> Policy:
        size = len(compact(rendered(document)).encode())
        if size > LIMIT:
            raise AwsError(
                "PolicyLengthExceededException", 400, f"The final policy size ({size}) is bigger than the limit ({LIMIT})."
            )
        if self.switches.public_policy_blocked and is_public(document):
            raise AwsError(
                "PublicPolicyException",
                400,
                "The policy grants public access, and public access is blocked for this function.",
            )
        policy = function.set_policy(qualifier, document)
        assert policy is not None  # noqa: S101 - set_policy returns the policy it was given
        return policy


def _ghosts(statement: dict[str, Any]) -> list[str]:
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


def seed_policy(function: Function, qualifier: str | None, document: Document | None) -> None:
    """Give a function a policy as if it had been there for long. Ids of deleted principals are allowed."""
    if document is None:
        function.set_policy(qualifier, None, at=NEVER)
        return
    if not function.has(qualifier):
        raise ValueError(f"{function.qualified(qualifier)} does not exist: make the alias or version first.")
    try:
        stored = checked_document(compact(document), lenient=True)
    except AwsError as error:
        raise ValueError(f"The policy for {function.qualified(qualifier)} cannot be seeded: {error.message}") from None
    function.set_policy(qualifier, stored, at=NEVER)
