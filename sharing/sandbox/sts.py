"""Security Token Service: AssumeRole, GetCallerIdentity, GetSessionToken's absence said plainly.

Source: aws-facts section 5.1 (botocore model of sts, IAM user guide on roles and session policies).
"""

import json
import re
import secrets
import string
import time
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from sharing.sandbox.authorization import Gate
from sharing.sandbox.errors import AwsError, Reply
from sharing.sandbox.evaluation import Document
from sharing.sandbox.identity import Caller, Session, backend, find_role_by_arn, fresh_id, parsed

#: Plain characters that session policies may have together.
SESSION_POLICY_LIMIT = 2_048

_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
_ROLE_ARN = re.compile(r"arn:aws:iam::\d{12}:role/[\w+=,.@/-]+")

#: parameter -> (shortest, longest, pattern)
_RULES = {
    "RoleArn": (20, 2048, r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD]+"),
    "RoleSessionName": (2, 64, r"[\w+=,.@-]*"),
    "ExternalId": (2, 1224, r"[\w+=,.@:\/-]*"),
    "SourceIdentity": (2, 64, r"[\w+=,.@-]*"),
}


class Sts:
    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def answer(
        self, operation: str, form: dict[str, str], caller: Caller, region: str, request_id: str, context: dict[str, list[str]]
    ) -> Reply:
        if operation == "GetCallerIdentity":
            fields = f"<Arn>{escape(caller.arn)}</Arn><UserId>{caller.user_id}</UserId><Account>{caller.account}</Account>"
            return _xml(operation, fields, request_id)
        if operation == "AssumeRole":
            return _xml(operation, self._assume(form, caller, context), request_id)
        if operation == "GetAccessKeyInfo":
            known = self.gate.directory.caller(form.get("AccessKeyId", ""))
            if known is None:
                raise AwsError("ValidationError", 400, "The access key is not known.")
            return _xml(operation, f"<Account>{known.account}</Account>", request_id)
        raise AwsError("InvalidAction", 400, f"The sandbox does not play sts:{operation}.")

    def _assume(self, form: dict[str, str], caller: Caller, context: dict[str, list[str]]) -> str:
        _validate(form)
        role_arn, name = form["RoleArn"], form["RoleSessionName"]
        duration = _duration(form)
        documents = _session_policies(form)
        if not _ROLE_ARN.fullmatch(role_arn):
            raise AwsError("ValidationError", 400, f"{role_arn} is invalid")
        context = {**context, "sts:rolesessionname": [name]}
        actions = ["sts:AssumeRole"]
        if "ExternalId" in form:
            context["sts:externalid"] = [form["ExternalId"]]
        if "SourceIdentity" in form:
            context["sts:sourceidentity"] = [form["SourceIdentity"]]
            actions.append("sts:SetSourceIdentity")
        if any(key.startswith("Tags.member.") for key in form):
            actions.append("sts:TagSession")
        self.gate.assume(caller, role_arn, actions, context)
        role = find_role_by_arn(role_arn)
        assert role is not None  # noqa: S101 - assume() refuses roles that do not exist
        if caller.session is not None and duration > 3600:
            raise AwsError(
                "ValidationError",
                400,
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            )
        if duration > int(role.max_session_duration or 3600):
            raise AwsError(
                "ValidationError", 400, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            )
        documents += _managed(form, role_arn.split(":")[4])
        session = Session(
            access_key_id=fresh_id("ASIA")[:20],
            secret_access_key=_random(40),
            token=_random(320),
            expires=time.time() + duration,
            account=role.account_id,
            role_id=role.id,
            role_arn=role.arn,
            role_name=role.name,
            session_name=name,
            policies=tuple(documents),
            source_identity=form.get("SourceIdentity", ""),
        )
        self.gate.directory.add_session(session)
        size = sum(len(form[key]) for key in form if key == "Policy" or key.startswith("PolicyArns."))
        until = datetime.fromtimestamp(session.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        source = f"<SourceIdentity>{escape(session.source_identity)}</SourceIdentity>" if session.source_identity else ""
        packed = f"<PackedPolicySize>{size * 100 // SESSION_POLICY_LIMIT}</PackedPolicySize>" if size else ""
        return (
            f"<AssumedRoleUser><Arn>{escape(session.arn)}</Arn>"
            f"<AssumedRoleId>{role.id}:{escape(name)}</AssumedRoleId></AssumedRoleUser>"
            f"<Credentials><AccessKeyId>{session.access_key_id}</AccessKeyId>"
            f"<SecretAccessKey>{session.secret_access_key}</SecretAccessKey>"
            f"<SessionToken>{session.token}</SessionToken><Expiration>{until}</Expiration></Credentials>{packed}{source}"
        )


def _random(length: int) -> str:
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(length))


def _validate(form: dict[str, str]) -> None:
    problems = []
    for name, (shortest, longest, pattern) in _RULES.items():
        where = name[0].lower() + name[1:]
        value = form.get(name)
        if value is None:
            if name in ("RoleArn", "RoleSessionName"):
                problems.append(f"Value null at '{where}' failed to satisfy constraint: Member must not be null")
            continue
        if len(value) < shortest:
            rule = f"Member must have length greater than or equal to {shortest}"
        elif len(value) > longest:
            rule = f"Member must have length less than or equal to {longest}"
        elif not re.fullmatch(pattern, value, re.ASCII):
            rule = f"Member must satisfy regular expression pattern: {pattern}"
        else:
            continue
        problems.append(f"Value '{value}' at '{where}' failed to satisfy constraint: {rule}")
    if problems:
        plural = "errors" if len(problems) > 1 else "error"
        raise AwsError("ValidationError", 400, f"{len(problems)} validation {plural} detected: {'; '.join(problems)}")


def _duration(form: dict[str, str]) -> int:
    text = form.get("DurationSeconds", "3600")
    number = int(text) if text.isdigit() else -1
    if 900 <= number <= 43200:
        return number
    rule = "less than or equal to 43200" if number > 43200 else "greater than or equal to 900"
    raise AwsError(
        "ValidationError",
        400,
        f"1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: Member must have "
        f"value {rule}",
    )


def _session_policies(form: dict[str, str]) -> list[Document]:
    """The inline session policy, checked; with the managed ones' ARNs it must stay within the limit."""
    text = form.get("Policy", "")
    arns = [form[key] for key in form if key.startswith("PolicyArns.member.")]
    total = len(text) + sum(map(len, arns))
    if total > SESSION_POLICY_LIMIT:
        raise AwsError(
            "PackedPolicyTooLarge",
            400,
            f"The session policies are {total} characters together; the limit is {SESSION_POLICY_LIMIT}.",
        )
    if len(arns) > 10:
        raise AwsError("ValidationError", 400, "At most 10 managed session policies can be passed.")
    if not text:
        return []
    try:
        document: Any = json.loads(text)
    except ValueError:
        raise AwsError("MalformedPolicyDocument", 400, "The policy is not in the valid JSON format.") from None
    listed = document.get("Statement") if isinstance(document, dict) else None
    found = listed if isinstance(listed, list) else [listed]
    if not all(
        isinstance(s, dict)
        and s.get("Effect") in ("Allow", "Deny")
        and ("Action" in s or "NotAction" in s)
        and ("Resource" in s or "NotResource" in s)
        and not {"Principal", "NotPrincipal"} & set(s)
        for s in found
    ):
        raise AwsError("MalformedPolicyDocument", 400, "Syntax errors in policy.")
    return [document]


def _managed(form: dict[str, str], account: str) -> list[Document]:
    """Managed policies passed as session policies; they live in the role's account."""
    documents = []
    for key, arn in form.items():
        if key.startswith("PolicyArns.member."):
            policy = backend(account).managed_policies.get(arn)
            if policy is None:
                raise AwsError("MalformedPolicyDocument", 400, f"Policy {arn} does not exist.")
            text = next((version.document for version in policy.versions if version.is_default), "")
            documents.append(parsed(text))
    return documents


def _xml(operation: str, fields: str, request_id: str) -> Reply:
    body = (
        f'<{operation}Response xmlns="{_NAMESPACE}"><{operation}Result>{fields}</{operation}Result>'
        f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    )
    return Reply(200, body.encode(), "text/xml")
