"""What AWS says when it does not do what was asked, sorted by what follows from it.

`Refused` is a final answer: asking again changes nothing until somebody changes something. `Unavailable` is no answer:
ask again later. Both carry a sentence and a next step for people, and code, status and request id for the log.

Nothing secret gets in. Operations whose answers carry a function's environment keep AWS's text only where AWS wrote it
about the caller (access, throttling); botocore puts an unreadable body into its errors, so those texts are never used.
"""

import re
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSLError,
    UnauthorizedSSOTokenError,
)

MASK = "•••"

#: The answers of these carry Environment.Variables (aws-facts 5.2).
_CARRY_ENVIRONMENT = {"ListFunctions", "ListVersionsByFunction", "GetFunctionConfiguration"}

_THROTTLES = {
    "TooManyRequestsException",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "Throttled",  # SNS
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "SlowDown",
    "PriorRequestNotComplete",
    "EC2ThrottledException",
}
#: The signer is at fault, not the request: a newer session, or repaired worker credentials, may pass.
CREDENTIAL_CODES = {
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "AuthFailure",
}
ACCESS_CODES = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized", "AuthorizationError"}

_NOT_AUTHORISED = re.compile(r"not authorized to perform:? (?P<action>[\w*:-]+)(?: on resource:? (?P<resource>\S+))?")


class AwsError(Exception):
    """AWS did not do what was asked.

    code: AWS's error code, or ours for a call that got no answer (`Timeout`, `ConnectionLost`, `NoCredentials`...).
    message: AWS's own words, secrets masked, at most 500 characters. status: HTTP status, 0 without an answer.
    operation: the API's name, e.g. `GetPolicy`. sentence, next: for people.
    """

    def __init__(
        self,
        sentence: str,
        *,
        next: str = "",  # noqa: A002
        code: str = "",
        message: str = "",
        status: int = 0,
        request_id: str = "",
        operation: str = "",
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.next = next
        self.code = code
        self.message = message
        self.status = status
        self.request_id = request_id
        self.operation = operation

    @property
    def is_access_denied(self) -> bool:
        """Whether AWS refused for want of permission (Lambda does not model this error: only the code tells)."""
        return self.code in ACCESS_CODES


class Refused(AwsError):
    """A final answer (4xx): the same call would be refused again."""


class Unavailable(AwsError):
    """No usable answer (429, 5xx, time-out, lost connection, credentials): try later.

    maybe_done: the call was a write and AWS may have acted on it. Look before trying again.
    """

    def __init__(self, sentence: str, *, maybe_done: bool = False, **facts: Any) -> None:
        super().__init__(sentence, **facts)
        self.maybe_done = maybe_done


class Throttled(Unavailable):
    """Too many calls for this account and region. retry_after: seconds AWS asked for, 0 if it did not say."""

    def __init__(self, sentence: str, *, retry_after: float = 0.0, **facts: Any) -> None:
        super().__init__(sentence, **facts)
        self.retry_after = retry_after


def classify(problem: Exception, operation: str, *, write: bool = False, secrets: Iterable[str] = ()) -> AwsError:
    """The error to raise for what botocore raised.

    operation: API name. write: AWS may have acted although no answer came. secrets: texts to mask in AWS's message.
    """
    if isinstance(problem, AwsError):
        return problem
    if isinstance(problem, ClientError):
        return _answered(problem, operation, write, secrets)
    if isinstance(problem, NoCredentialsError | PartialCredentialsError | CredentialRetrievalError | ProfileNotFound):
        return Unavailable(
            "The worker has no AWS credentials.",
            next="Give the worker process AWS credentials (the standard AWS variables or an instance role) and start it again.",
            code="NoCredentials",
            operation=operation,
        )
    if isinstance(problem, UnauthorizedSSOTokenError):
        return Unavailable(
            "The worker's AWS sign-in has ended.",
            next="Sign in again where the worker runs, then try again.",
            code="NoCredentials",
            operation=operation,
        )
    if isinstance(problem, NoRegionError):
        return Unavailable(
            "The worker does not know its AWS region.",
            next="Set AWS_REGION for the worker.",
            code="NoRegion",
            operation=operation,
        )
    if isinstance(problem, ParamValidationError):
        return Refused(f"fnshare asked AWS for {operation} in a malformed way.", code="ParamValidation", operation=operation)
    if isinstance(problem, ConnectTimeoutError | EndpointConnectionError | SSLError):
        return Unavailable(
            "AWS could not be reached.",
            next="It is tried again by itself. If this stays, check the worker's network and AWS_ENDPOINT_URL.",
            code="NoConnection",
            operation=operation,
        )
    if isinstance(problem, ReadTimeoutError):
        return _no_answer("AWS did not answer in time.", "Timeout", operation, write)
    if isinstance(problem, ConnectionClosedError):
        return _no_answer("The connection to AWS broke off before an answer came.", "ConnectionLost", operation, write)
    if isinstance(problem, BotoCoreError | OSError):
        return _no_answer("The call to AWS got no usable answer.", type(problem).__name__, operation, write)
    return malformed(operation, write=write)


def malformed(operation: str, *, write: bool = False) -> Unavailable:
    """AWS (or something between) answered with something that is not an answer: never taken for an empty one."""
    return _no_answer("AWS's answer could not be understood.", "MalformedAnswer", operation, write)


def _no_answer(sentence: str, code: str, operation: str, write: bool) -> Unavailable:
    return Unavailable(sentence, maybe_done=write, next="It is tried again by itself.", code=code, operation=operation)


def _answered(problem: ClientError, operation: str, write: bool, secrets: Iterable[str]) -> AwsError:
    error = problem.response.get("Error", {})
    about = problem.response.get("ResponseMetadata", {})
    code = str(error.get("Code", "") or "Unknown")[:100]
    status = int(about.get("HTTPStatusCode", 0) or 0)
    message = _speakable(str(error.get("Message", "") or ""), code, operation, secrets)
    facts: dict[str, Any] = {
        "code": code,
        "message": message,
        "status": status,
        "request_id": str(about.get("RequestId", "") or "")[:100],
        "operation": operation,
    }
    if code in _THROTTLES or status == 429:
        return Throttled(
            "AWS asks to slow down: too many calls for this account and region.",
            next="It is tried again by itself, more slowly.",
            retry_after=_seconds(about.get("HTTPHeaders", {}).get("retry-after", "")),
            **facts,
        )
    if code in CREDENTIAL_CODES:
        return Unavailable(
            "AWS does not accept the credentials of this session.",
            next="It is tried again with a new session. If this stays, check the worker's AWS credentials and clock.",
            **facts,
        )
    if status >= 500 or status < 400:
        return Unavailable(
            "AWS had an internal error.", next="It is tried again by itself.", maybe_done=write and status >= 500, **facts
        )
    sentence, following = _explain(code, message, operation)
    return Refused(sentence, next=following, **facts)


def _speakable(message: str, code: str, operation: str, secrets: Iterable[str]) -> str:
    if operation in _CARRY_ENVIRONMENT and code not in ACCESS_CODES | _THROTTLES:
        return ""
    for secret in secrets:
        if secret:
            message = message.replace(secret, MASK)
    return message[:500]


def _seconds(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 60.0)
    except ValueError:
        return 0.0


_SENTENCES: dict[str, tuple[str, str]] = {
    "ResourceNotFoundException": (
        "AWS does not know this function, alias, version or statement (any more).",
        "Sync the account to see what is there now.",
    ),
    "ResourceConflictException": (
        "AWS already holds a statement with this id, or another change of this policy is under way.",
        "Look at the policy as it is now, then try again.",
    ),
    "PreconditionFailedException": (
        "The policy was changed by somebody else in between.",
        "Look at the policy as it is now, then try again.",
    ),
    "PublicPolicyException": (
        "AWS does not allow a public policy on this function: public access is blocked in this account.",
        "Share with named accounts or an organisation instead, or ask the account's administrators to lift the block.",
    ),
    "RegionDisabledException": (
        "This region is not enabled in the account.",
        "Enable the region in the account, or take it off the list of regions that are read.",
    ),
    "OptInRequired": (
        "This region is not enabled in the account.",
        "Enable the region in the account, or take it off the list of regions that are read.",
    ),
    "AWSOrganizationsNotInUseException": (
        "The account belongs to no organisation.",
        "Give a role in the organisation's management account, or in a delegated administrator's.",
    ),
    "MalformedPolicyDocument": ("AWS did not accept the session policy.", "This is a fault of fnshare: please report it."),
    "PackedPolicyTooLarge": ("The session policy is too large for AWS.", "This is a fault of fnshare: please report it."),
}


def _explain(code: str, message: str, operation: str) -> tuple[str, str]:
    """Sentence and next step for a refusal (aws-facts 1.5)."""
    if code in ACCESS_CODES:
        return _explain_access(message, operation)
    if code == "PolicyLengthExceededException":
        sizes = re.search(r"\((\d+)\).*\((\d+)\)", message)
        held = f" It would have {sizes[1]} of {sizes[2]} bytes." if sizes else ""
        return (
            f"The policy is full.{held}",
            "Take back shares that are no longer needed, share with an organisation instead, or share another alias.",
        )
    if code == "InvalidParameterValueException" and "principal" in message.lower():
        return (
            "AWS does not know this principal, or a principal already in this policy was deleted in the meantime.",
            "Check that the role or user exists. If it does, remove statements whose principal is shown as AROA… or AIDA….",
        )
    if code in _SENTENCES:
        return _SENTENCES[code]
    said = f" AWS says: {message}" if message else ""
    return f"AWS refused {operation} ({code}).{said}", "Correct what AWS names, then try again."


def _explain_access(message: str, operation: str) -> tuple[str, str]:
    if operation == "AssumeRole":
        return (
            "AWS did not let fnshare assume the role.",
            "Check that the role exists, trusts fnshare's worker and asks for exactly this ExternalId; then test again.",
        )
    found = _NOT_AUTHORISED.search(message)
    action = found["action"].rstrip(":") if found else f"the call {operation}"
    on = f" on {found['resource']}" if found and found["resource"] else ""
    if "service control policy" in message or "resource control policy" in message:
        return f"A rule of the organisation forbids {action}{on}.", "Ask the organisation's administrators."
    if "explicit deny" in message:
        return f"A Deny forbids the role {action}{on}.", "Look for the Deny in the role's policies or in the function's policy."
    return f"The role may not do {action}{on}.", "Add the permission to the role in AWS, then test the connection."
