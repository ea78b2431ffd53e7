"""Errors are sorted by what follows from them, speak to people, and carry nothing secret."""

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from sharing.aws.errors import AwsError, Refused, Throttled, Unavailable, classify


def answer(code: str, status: int, message: str = "", headers: dict[str, str] | None = None) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": message},
            "ResponseMetadata": {
                "HTTPStatusCode": status,
                "RequestId": "r-1",
                "HTTPHeaders": headers or {},
                "HostId": "",
                "RetryAttempts": 0,
            },
        },
        "AddPermission",
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("ResourceNotFoundException", 404),
        ("ResourceConflictException", 409),
        ("PreconditionFailedException", 412),
        ("PolicyLengthExceededException", 400),
        ("PublicPolicyException", 400),
        ("InvalidParameterValueException", 400),
        ("AccessDeniedException", 403),
        ("AccessDenied", 403),
        ("ValidationException", 400),
        ("SomethingNobodyHeardOf", 400),
    ],
)
def test_a_4xx_is_a_final_answer_with_a_sentence_and_a_next_step(code: str, status: int) -> None:
    error = classify(answer(code, status), "AddPermission")
    assert isinstance(error, Refused)
    assert (error.code, error.status, error.request_id, error.operation) == (code, status, "r-1", "AddPermission")
    assert error.sentence.endswith((".", "!"))
    assert error.next


@pytest.mark.parametrize("code", ["TooManyRequestsException", "Throttling", "RequestLimitExceeded", "AnyCodeAtAll"])
def test_a_429_says_how_long_to_wait(code: str) -> None:
    status = 429 if code in ("TooManyRequestsException", "AnyCodeAtAll") else 400
    error = classify(answer(code, status, headers={"retry-after": "7"}), "GetPolicy")
    assert isinstance(error, Throttled)
    assert error.retry_after == 7.0


@pytest.mark.parametrize("header", ["", "soon", "-3"])
def test_a_strange_retry_after_is_none(header: str) -> None:
    error = classify(answer("TooManyRequestsException", 429, headers={"retry-after": header}), "GetPolicy")
    assert isinstance(error, Throttled)
    assert error.retry_after == 0.0


@pytest.mark.parametrize(
    "code", ["ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException", "SignatureDoesNotMatch"]
)
def test_credentials_that_ended_are_no_final_answer(code: str) -> None:
    error = classify(answer(code, 403), "AddPermission", write=True)
    assert isinstance(error, Unavailable)
    assert not error.maybe_done  # refused before AWS looked at the request


@pytest.mark.parametrize(
    ("problem", "maybe"),
    [
        (ReadTimeoutError(endpoint_url="https://x"), True),
        (ConnectionClosedError(endpoint_url="https://x"), True),
        (answer("ServiceException", 500), True),
        (answer("InternalFailure", 503), True),
        (ConnectTimeoutError(endpoint_url="https://x"), False),
        (EndpointConnectionError(endpoint_url="https://x"), False),
        (NoCredentialsError(), False),
    ],
)
def test_a_write_without_answer_may_have_been_done_unless_it_was_never_sent(problem: Exception, maybe: bool) -> None:
    written = classify(problem, "AddPermission", write=True)
    read = classify(problem, "GetPolicy")
    assert isinstance(written, Unavailable)
    assert isinstance(read, Unavailable)
    assert (written.maybe_done, read.maybe_done) == (maybe, False)


def test_a_missing_permission_is_named() -> None:
    message = (
        "User: arn:aws:sts::444455556666:assumed-role/fnshare-manager/x is not authorized to perform: lambda:GetPolicy on "
        "resource: arn:aws:lambda:us-east-1:444455556666:function:f because no "
        "identity-based policy allows the lambda:GetPolicy action"
    )
    error = classify(answer("AccessDeniedException", 403, message), "GetPolicy")
    assert error.is_access_denied
    assert error.sentence == "The role may not do lambda:GetPolicy on arn:aws:lambda:us-east-1:444455556666:function:f."


@pytest.mark.parametrize(
    ("message", "part"),
    [
        ("… with an explicit deny in a service control policy", "rule of the organisation"),
        ("… with an explicit deny in an identity-based policy", "A Deny forbids"),
    ],
)
def test_the_kind_of_denial_is_told_where_aws_tells_it(message: str, part: str) -> None:
    error = classify(
        answer("AccessDeniedException", 403, f"User: x is not authorized to perform: lambda:GetPolicy {message}"), "GetPolicy"
    )
    assert part in error.sentence


def test_a_full_policy_says_how_full() -> None:
    error = classify(
        answer("PolicyLengthExceededException", 400, "The final policy size (20749) is bigger than the limit (20480)."),
        "AddPermission",
    )
    assert "20749 of 20480 bytes" in error.sentence


def test_a_refused_assume_role_names_what_to_check() -> None:
    error = classify(answer("AccessDenied", 403, "User: x is not authorized to perform: sts:AssumeRole"), "AssumeRole")
    assert "ExternalId" in error.next


@pytest.mark.parametrize("operation", ["ListFunctions", "GetFunctionConfiguration", "ListVersionsByFunction"])
def test_errors_of_calls_that_carry_environments_keep_nothing_of_the_body(operation: str) -> None:
    secret = "canary-in-a-broken-body"
    for error in (
        classify(answer("500", 500, f'{{"Environment": "{secret}"}}'), operation),
        classify(answer("Whatever", 400, secret), operation),
        classify(ValueError(secret), operation),
    ):
        assert secret not in f"{error!r} {error} {error.message} {error.sentence} {error.next} {vars(error)}"


def test_tokens_are_masked_in_aws_own_words() -> None:
    message = "1 validation error detected: Value 's3cr3t token' at 'eventSourceToken' failed to satisfy constraint"
    error = classify(answer("ValidationException", 400, message), "AddPermission", secrets=("s3cr3t token",))
    assert "s3cr3t" not in f"{error.message} {error.sentence} {vars(error)}"


def test_an_error_of_ours_passes_through() -> None:
    error = AwsError("Said already.")
    assert classify(error, "GetPolicy") is error
