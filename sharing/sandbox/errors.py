"""What AWS answers when it refuses: code, HTTP status, message, and the wire form each protocol gives it."""

import json
from dataclasses import dataclass, field
from xml.sax.saxutils import escape


class AwsError(Exception):
    """A refusal by the local AWS.

    code: AWS error code, e.g. `ResourceNotFoundException`. status: HTTP status. message: the sentence clients show.
    headers, fields: extra response headers and JSON members (a throttle's Retry-After and Reason).
    """

    def __init__(
        self,
        code: str,
        status: int,
        message: str,
        *,
        headers: dict[str, str] | None = None,
        fields: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.status = status
        self.message = message
        self.headers = headers or {}
        self.fields = fields or {}


@dataclass
class Reply:
    """One HTTP answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def as_json(document: object, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """A JSON answer, compact as AWS sends it."""
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Reply(status=status, body=body, headers=headers or {})


def invalid(message: str) -> AwsError:
    """InvalidParameterValueException (400)."""
    return AwsError("InvalidParameterValueException", 400, message)


def missing(message: str = "The resource you requested does not exist.") -> AwsError:
    """ResourceNotFoundException (404)."""
    return AwsError("ResourceNotFoundException", 404, message)


def conflict(message: str) -> AwsError:
    """ResourceConflictException (409)."""
    return AwsError("ResourceConflictException", 409, message)


def denied(message: str) -> AwsError:
    """AccessDeniedException (403), as Lambda spells it."""
    return AwsError("AccessDeniedException", 403, message)


def throttled() -> AwsError:
    """TooManyRequestsException (429) with the header and the reason that Lambda sends along."""
    return AwsError(
        "TooManyRequestsException",
        429,
        "Rate exceeded",
        headers={"Retry-After": "1"},
        fields={"Reason": "CallerRateLimitExceeded"},
    )


#: Services whose clients read errors as XML of the query protocol.
QUERY_SERVICES = {"sts", "iam", "sns", "monitoring", "elasticloadbalancing", "cloudformation"}


def render(error: AwsError, service: str, request_id: str) -> Reply:
    """The refusal in the wire form that clients of `service` parse."""
    if service == "s3":
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f"<Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message>"
            f"<RequestId>{request_id}</RequestId></Error>"
        )
        return Reply(error.status, body.encode(), "application/xml", dict(error.headers))
    if service == "ec2":
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f"<Response><Errors><Error><Code>{error.code}</Code><Message>{escape(error.message)}</Message></Error>"
            f"</Errors><RequestID>{request_id}</RequestID></Response>"
        )
        return Reply(error.status, body.encode(), "text/xml", dict(error.headers))
    if service in QUERY_SERVICES:
        kind = "Sender" if error.status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{kind}</Type><Code>{error.code}</Code>"
            f"<Message>{escape(error.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return Reply(error.status, body.encode(), "text/xml", dict(error.headers))
    document = {
        "__type": error.code,
        "Type": "User" if error.status < 500 else "Service",
        "message": error.message,
        "Message": error.message,
        **error.fields,
    }
    return as_json(document, error.status, {"x-amzn-ErrorType": error.code, **error.headers})
