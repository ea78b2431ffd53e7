"""What AWS says when it does not do what was asked, sorted by what follows from it.

`Refused` is a final answer: asking again changes nothing until somebody changes something. `Unavailable` is no answer:
ask again later. Both carry a sentence and a next step for people, and code, status and request id for the log.

Nothing secret gets in. Operations whose answers carry a function's environment keep AWS's text only where AWS wrote it
about the caller (access, throttling); botocore puts an unreadable body into its errors, so those texts are never used.
"""

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
from botocore.parsers import ResponseParserError

from .explaining import ACCESS_CODES, explain

MASK = "•••"

#: What a call may raise. Beside botocore's own errors that is what its parsers raise on an answer that is none: uncaught, it
#: would carry the body that could not be read into a log, and AssumeRole's holds keys.
TROUBLE = (
    ClientError,
    BotoCoreError,
    OSError,
    ResponseParserError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
)

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


class ForeignEndpoint(BotoCoreError):
    """A request was about to leave for a host that is neither AWS's nor configured (sharing.aws.endpoints)."""

    fmt = "Not sent: {host} is no endpoint of AWS."


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
    if isinstance(problem, ForeignEndpoint):
        return Refused(
            f"fnshare did not call {operation}: it would have gone to a host that is not AWS's.",
            next="Check the worker's AWS_ENDPOINT_URL variables; an endpoint in a profile's file is not used.",
            code="ForeignEndpoint",
            operation=operation,
        )
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
    sentence, following = explain(code, message, operation)
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
