"""Real calls of functions, on somebody's click: one call, never tried again, in a session that names nothing but the one ARN.

Only an InvokerRole opens it: manager and checker roles cannot be used here, whatever they would be allowed (aws-facts 2).
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
)

from sharing.policy.arn import FunctionArn

from . import session
from .errors import CREDENTIAL_CODES, AwsError, ForeignEndpoint, Throttled, classify
from .explaining import ACCESS_CODES
from .session import RoleRef

Kind = Literal["RequestResponse", "Event"]

#: Seconds for an answer; a function may run longer, and then nobody here learns how it ended.
ANSWER_WITHIN = 60.0
#: Bytes of an answer that are read; the rest stays on the wire.
KEPT = 64 * 1024
#: Bytes of a log tail that AWS gives.
_TAIL = 4 * 1024

#: AWS could not start the function, and says so with a 5xx: nothing ran. Other 5xx say nothing of the kind.
_NOT_STARTED = ("EC2", "ENI", "EFS", "KMS", "Subnet", "InvalidSubnet", "InvalidSecurityGroup", "InvalidRuntime", "InvalidZip")
_BEFORE_SENDING = (ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ParamValidationError, ForeignEndpoint)


@dataclass(frozen=True)
class InvokerRole(RoleRef):
    """A role that was made for test invokes. purpose: its connection's; any other than `invoker` is refused."""

    purpose: str

    def __post_init__(self) -> None:
        if self.purpose != "invoker":
            raise ValueError(f"A {self.purpose} role never invokes.")

    def __repr__(self) -> str:
        return f"InvokerRole({self.role_arn})"


@dataclass(frozen=True)
class Answer:
    """What the function answered, or that AWS took the event (202: payload empty).

    function_error: AWS's mark of the function's own failure, blank without one. cut: the answer was longer than KEPT.
    size: bytes of the whole answer. log_tail: the last 4 KB, None when AWS gave none. milliseconds: network included.
    """

    status: int
    function_error: str
    payload: str
    size: int
    cut: bool
    log_tail: str | None
    executed_version: str
    request_id: str
    milliseconds: int


class NotRun(AwsError):
    """AWS did not run the function, or was not even asked."""


class MayHaveRun(AwsError):
    """The call left, and no answer that says how it ended came back. Never try again by itself."""


class Invoker:
    """Enters the role's account for this one function; `invoke` then calls it. Raises NotRun when it cannot be entered.

    IAM, on both sides: lambda:InvokeFunction on exactly this ARN. function_arn: unqualified, alias or version (ArnError
    otherwise). session_name: shown in the owner's CloudTrail, one of its own for each call.
    """

    def __init__(self, role: InvokerRole, function_arn: str, *, session_name: str) -> None:
        if not isinstance(role, InvokerRole):
            raise TypeError("Only an invoker role invokes.")
        self._arn = FunctionArn.parse(function_arn)
        self._role = role
        try:
            self._client = session.client(
                "lambda",
                self._arn.region,
                role,
                session_name=session_name,
                policy=_only(str(self._arn)),
                seconds=session.NARROW,
                timeout=ANSWER_WITHIN,
            )
        except AwsError as error:
            raise _not_run(error, error.sentence, _entering(error)) from None

    def invoke(self, kind: Kind, payload: bytes, *, log_tail: bool) -> Answer:
        """One call. payload: JSON, or nothing. log_tail: only where the caller's account is the function's (aws-facts 0.6).

        Raises NotRun when AWS says that it did not, MayHaveRun when nobody can tell.
        """
        asked: dict[str, Any] = {"FunctionName": str(self._arn), "InvocationType": kind}
        asked["LogType"] = "Tail" if log_tail else "None"
        if payload:
            asked["Payload"] = payload
        began = time.monotonic()
        try:
            said = self._client.invoke(**asked)
            return _answer(said, began)
        except (ClientError, BotoCoreError, OSError) as problem:
            error = _sorted(problem)
        except Exception as problem:  # noqa: BLE001  # a body that breaks off raises what urllib3 raises; the call had left
            error = _sorted(OSError(type(problem).__name__))
        if error.code in CREDENTIAL_CODES:
            session.drop(self._role)
        # Without the cause: AWS quotes what it could not read, and that is the payload.
        raise error from None


def _only(arn: str) -> str:
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))


def _answer(said: dict[str, Any], began: float) -> Answer:
    about = said.get("ResponseMetadata", {})
    body = said["Payload"]
    found = body.read(KEPT + 1) or b""
    milliseconds = round((time.monotonic() - began) * 1000)
    body.close()
    announced = str(about.get("HTTPHeaders", {}).get("content-length", ""))
    size = max(int(announced), len(found)) if announced.isascii() and announced.isdigit() else len(found)
    return Answer(
        status=int(said.get("StatusCode") or 0),
        function_error=str(said.get("FunctionError") or "")[:100],
        payload=_text(found[:KEPT]),
        size=size,
        cut=len(found) > KEPT,
        log_tail=_log(said.get("LogResult")),
        executed_version=str(said.get("ExecutedVersion") or "")[:128],
        request_id=str(about.get("RequestId") or "")[:100],
        milliseconds=milliseconds,
    )


def _log(encoded: str | None) -> str | None:
    if not encoded:
        return None
    try:
        return _text(base64.b64decode(encoded)[-_TAIL:])
    except (binascii.Error, ValueError):
        return None


def _text(found: bytes) -> str:
    """As text; databases keep no NUL, so it is made visible."""
    return found.decode("utf-8", "replace").replace("\x00", "\N{SYMBOL FOR NULL}")


def _sorted(problem: Exception) -> AwsError:
    """Whether the function may have run. AWS's words are kept only where they are about access: others quote the payload."""
    error = classify(problem, "Invoke", write=True)
    if isinstance(problem, _BEFORE_SENDING):
        return _not_run(error, f"{error.sentence} Nothing was called.", "Try again; if this stays, tell an admin of fnshare.")
    if not isinstance(problem, ClientError):
        words = {
            "Timeout": f"The function did not answer within {ANSWER_WITHIN:.0f} seconds.",
            "ConnectionLost": "The connection to AWS broke off before an answer came.",
        }.get(error.code, "AWS's answer did not come through.")
        return _may_have_run(error, words)
    if isinstance(error, Throttled):
        following = "Wait a moment, then call again. The function's concurrency may be used up."
        return _not_run(error, "AWS turned the call away: too many calls at once. Nothing ran.", following)
    if error.code in ACCESS_CODES:
        return _not_run(error, f"{error.sentence} Nothing ran.", _denied(error), message=error.message)
    if error.code in CREDENTIAL_CODES:
        return _not_run(error, f"{error.sentence} Nothing ran.", "Call again. If this stays, tell an admin of fnshare.")
    if error.code in _WORDS:
        return _not_run(error, *_WORDS[error.code])
    if error.status >= 500 and error.code.startswith(_NOT_STARTED):
        following = "Its owner finds the cause in the function's network, keys or file system settings."
        return _not_run(error, f"AWS could not start the function ({error.code}). Nothing ran.", following)
    if error.status >= 500 or error.status < 400:
        return _may_have_run(error, "AWS had an internal error while it handled the call.")
    return _not_run(error, f"AWS refused the call ({error.code}). Nothing ran.", "See to what it names, then call again.")


_WORDS: dict[str, tuple[str, str]] = {
    "ResourceNotFoundException": (
        "AWS does not know this function, alias or version (any more). Nothing ran.",
        "Re-read the function to see what is there now.",
    ),
    "InvalidRequestContentException": ("AWS could not read the payload as JSON. Nothing ran.", "Correct the payload."),
    "InvalidParameterValueException": (
        "AWS did not accept the call's parameters. Nothing ran.",
        "This is a fault of fnshare: please report it.",
    ),
    "RequestTooLargeException": ("The payload is too large for AWS. Nothing ran.", "Send less."),
    "UnsupportedMediaTypeException": ("AWS takes JSON only. Nothing ran.", "Correct the payload."),
    "ResourceConflictException": (
        "The function is being changed right now. Nothing ran.",
        "Wait until its last update is over, then call again.",
    ),
    "ResourceNotReadyException": ("The function is not ready yet. Nothing ran.", "Wait a moment, then call again."),
    "RecursiveInvocationException": (
        "AWS stopped a function that calls itself in a loop.",
        "Tell the function's owner.",
    ),
    "ModeNotSupportedException": ("The function cannot be called this way. Nothing ran.", "Try the other type of call."),
    "DurableExecutionAlreadyStartedException": ("A durable run of this name is under way.", "Wait until it is over."),
}


def _denied(error: AwsError) -> str:
    text = error.message.lower()
    if "cross-account log access" in text:
        return "This is a fault of fnshare, which must not ask for logs across accounts: please report it."
    if "no identity-based policy" in text or "no permissions boundary" in text:
        return "Allow lambda:InvokeFunction on this function in the invoker role's own policies."
    if "no resource-based policy" in text:
        return "The function's policy does not let the invoker role in: its owner must share it with this account."
    if "explicit deny" in text or "control policy" in text:
        return "A Deny stands in the way: ask the administrators of both accounts."
    return "Check the invoker role's policies and the function's policy."


def _entering(error: AwsError) -> str:
    if error.code in ACCESS_CODES:
        return "An admin can test the invoker role's connection under Settings, Accounts. Nothing was called."
    return "Nothing was called: try again. If this stays, tell an admin of fnshare."


def _not_run(error: AwsError, sentence: str, following: str, *, message: str = "") -> NotRun:
    return NotRun(
        sentence,
        next=following,
        message=message,
        code=error.code,
        status=error.status,
        request_id=error.request_id,
        operation="Invoke",
    )


def _may_have_run(error: AwsError, sentence: str) -> MayHaveRun:
    following = (
        "It may have run all the same, or still be running. fnshare does not call it again: look in the function's logs "
        "before you do."
    )
    return MayHaveRun(
        sentence, next=following, code=error.code, status=error.status, request_id=error.request_id, operation="Invoke"
    )
