"""DryRun: what one named principal may really do.

It always asks Lambda's Invoke for a DryRun, which runs nothing (real calls: invoking.py), in a 15-minute session
that can name nothing but the one ARN (aws-facts 2.1, 5.3).
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from sharing.policy.arn import FunctionArn

from . import session
from .errors import CREDENTIAL_CODES, TROUBLE, AwsError, Refused, Throttled, classify
from .session import RoleRef


class Answer(StrEnum):
    """Only `allowed` proves, only `denied-…` disproves; the rest says that the question was not answered."""

    ALLOWED = "allowed"
    DENIED_IDENTITY = "denied-identity"
    DENIED_RESOURCE = "denied-resource"
    DENIED_EXPLICIT = "denied-explicit"
    DENIED_UNKNOWN = "denied-unknown"
    NOT_FOUND = "not-found"
    THROTTLED = "throttled"
    BAD_REQUEST = "bad-request"
    UNKNOWN = "unknown"

    @property
    def is_denied(self) -> bool:
        """Whether AWS said no to this principal."""
        return self.value.startswith("denied")


@dataclass(frozen=True)
class DryRun:
    """One answer. principal: the role that tried. message: AWS's words, or ours when it gave none. code: AWS's error."""

    answer: Answer
    principal: str
    message: str = ""
    request_id: str = ""
    code: str = ""


def dry_run(role: RoleRef, function_arn: str, *, session_name: str) -> DryRun:
    """May this role invoke exactly this ARN (unqualified, alias or version)? One call, never tried again here.

    IAM, on both sides: lambda:InvokeFunction. Refusals and troubles are answers, not errors, also when the role cannot
    be entered (unknown). function_arn must be a valid function ARN (ArnError otherwise).
    """
    arn = FunctionArn.parse(function_arn)
    try:
        client = session.client(
            "lambda", arn.region, role, session_name=session_name, policy=_only(str(arn)), seconds=session.NARROW, timeout=15.0
        )
    except AwsError as error:
        return DryRun(Answer.UNKNOWN, role.role_arn, error.sentence, error.request_id, error.code)
    asked = {"FunctionName": str(arn), "InvocationType": "DryRun", "LogType": "None"}
    try:
        said = client.invoke(**asked)
        request_id = str(said.get("ResponseMetadata", {}).get("RequestId", ""))
        if said.get("StatusCode") == 204:
            return DryRun(Answer.ALLOWED, role.role_arn, request_id=request_id)
        return DryRun(Answer.UNKNOWN, role.role_arn, f"AWS answered {said.get('StatusCode')} to a DryRun.", request_id)
    except TROUBLE as problem:
        refusal = classify(problem, "Invoke")
    if refusal.code in CREDENTIAL_CODES:
        session.drop(role)  # the next try starts with a new session
    words = refusal.message or refusal.sentence
    return DryRun(_answer(refusal), role.role_arn, words, refusal.request_id, refusal.code)


def _only(arn: str) -> str:
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def _answer(error: AwsError) -> Answer:
    """Sort the error. AWS's reasons in the text are hints: where they are missing the denial is of unknown origin."""
    if isinstance(error, Throttled):
        return Answer.THROTTLED
    if error.is_access_denied:
        text = error.message.lower()
        if "explicit deny" in text:
            return Answer.DENIED_EXPLICIT
        if re.search(r"no (identity-based|session) policy|no permissions boundary", text):
            return Answer.DENIED_IDENTITY
        if "no resource-based policy" in text:
            return Answer.DENIED_RESOURCE
        return Answer.DENIED_UNKNOWN
    if error.code == "ResourceNotFoundException":
        return Answer.NOT_FOUND
    if isinstance(error, Refused):
        return Answer.BAD_REQUEST
    return Answer.UNKNOWN
