"""Error texts of refused calls, as tools print them: who, what, on what, and the reason that AWS gave."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sharing.policy.access_denied import LONGEST, PolicyType, Refused, read_denial

F = "arn:aws:lambda:us-east-1:444455556666:function:label-uploads"
S = "arn:aws:sts::111122223333:assumed-role/deploy/build-17"
U = "arn:aws:iam::111122223333:user/bob"
INVOKE = "lambda:InvokeFunction"
CORE = f"User: {S} is not authorized to perform: {INVOKE} on resource: {F}"
CLI = f"An error occurred (AccessDeniedException) when calling the Invoke operation: {CORE}"
BECAUSE = f"because no resource-based policy allows the {INVOKE} action"


@pytest.mark.parametrize(
    "text",
    [
        CORE,
        CLI,
        f"{CLI} {BECAUSE}",
        f"aws: [ERROR]: {CLI}",
        f"botocore.exceptions.ClientError: {CLI} {BECAUSE}",
        f"AccessDeniedException: {CORE}",
        f'{{"Message":"{CORE}"}}',
        f'{{"message":"{CORE} {BECAUSE}","code":"AccessDeniedException"}}',
        f'"{{\\"Message\\":\\"{CORE}\\"}}"',
        f"{CORE} (Service: Lambda, Status Code: 403, Request ID: 8d1c4f0a-0000-0000-0000-000000000000)",
        f"{CORE} (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException; Request ID: 8d1c)",
        "operation error Lambda: Invoke, https response error StatusCode: 403, RequestID: 8d1c, "
        f"api error AccessDeniedException: {CORE} {BECAUSE}",
        f"Amazon.Lambda.AmazonLambdaException: {CORE}",
        f"Aws::Lambda::Errors::AccessDeniedException ({CORE})",
        f"<Message>{CORE}</Message>",
        f"2026-11-25T10:00:00Z ERROR  calling  labels:\n   {CORE}\n   {BECAUSE}\nTraceback (most recent call last):",
        f"“{CORE}.”",
        CORE.replace(" is not", "\n  is not").replace(" on resource", "\r\n on resource"),
        f"{CORE} and {CORE.replace('deploy', 'other')}",
        CORE.replace("User: ", "user:"),
    ],
)
def test_principal_action_and_resource_are_found_in_whatever_stands_around_them(text: str) -> None:
    found = read_denial(text)
    assert (found.kind, found.principal, found.action, found.resource) == (Refused.NOT_AUTHORIZED, S, INVOKE, F)
    assert str(found.function) == F


@pytest.mark.parametrize(
    ("ending", "explicit", "policy_type"),
    [
        ("", False, None),
        ("with an explicit deny", True, None),
        ("with an explicit deny in a resource-based policy", True, PolicyType.RESOURCE),
        ("with an explicit deny in an identity-based policy", True, PolicyType.IDENTITY),
        ("with an explicit deny in the identity-based policy", True, PolicyType.IDENTITY),
        ("with an explicit deny in a service control policy", True, PolicyType.SERVICE_CONTROL),
        ("with an explicit deny in a resource control policy", True, PolicyType.RESOURCE_CONTROL),
        ("with an explicit deny in a permissions boundary", True, PolicyType.BOUNDARY),
        ("with an explicit deny in a session policy", True, PolicyType.SESSION),
        ("with an explicit deny in a VPC endpoint policy", True, PolicyType.ENDPOINT),
        (f"because no resource-based policy allows the {INVOKE} action", False, PolicyType.RESOURCE),
        (f"because no identity-based policy allows the {INVOKE} action", False, PolicyType.IDENTITY),
        (f"because no service control policy allows the {INVOKE} action", False, PolicyType.SERVICE_CONTROL),
        (f"because no resource control policy allows the {INVOKE} action", False, PolicyType.RESOURCE_CONTROL),
        (f"because no permissions boundary allows the {INVOKE} action", False, PolicyType.BOUNDARY),
        (f"because no session policy allows the {INVOKE} action", False, PolicyType.SESSION),
        (f"because no VPC endpoint policy allows the {INVOKE} action", False, PolicyType.ENDPOINT),
        ("because no moon policy allows it", False, None),
    ],
)
def test_the_reason_is_read_where_aws_gives_one(ending: str, explicit: bool, policy_type: PolicyType | None) -> None:
    for text in (f"{CLI} {ending}", f"{CLI} {ending}. (Request ID: 1)", f"{CLI} {ending}".replace(" in ", "\n in ")):
        found = read_denial(text)
        assert (found.explicit, found.policy_type) == (explicit, policy_type)
        assert found.resource == F


def test_the_policy_that_denied_is_kept_where_aws_names_it() -> None:
    arn = "arn:aws:organizations::777788889999:policy/o-k3s8w1q9zt/service_control_policy/p-abcd1234"
    found = read_denial(f"{CLI} with an explicit deny in a service control policy: {arn}")
    assert found.policy_arn == arn
    assert found.reason == "an explicit deny in a service control policy"


@pytest.mark.parametrize(
    "principal", [U, "anonymous", "arn:aws:sts::111122223333:federated-user/ann", "arn:aws-cn:iam::1:role/x"]
)
def test_any_principal_is_kept_as_written(principal: str) -> None:
    assert read_denial(CORE.replace(S, principal)).principal == principal


@pytest.mark.parametrize("qualifier", ["prod", "7", "$LATEST"])
def test_the_form_that_was_called_is_kept(qualifier: str) -> None:
    found = read_denial(f"{CORE}:{qualifier} {BECAUSE}")
    assert found.function is not None
    assert found.function.qualifier == qualifier


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            "An error occurred (AccessDeniedException) when calling the Invoke operation: "
            "Cross-account log access is not allowed",
            "logs",
        ),
        (
            f"An error occurred (ResourceNotFoundException) when calling the Invoke operation: Function not found: {F}:prod",
            "not-found",
        ),
        ("ResourceNotFoundException: Cannot find alias arn: " + F + ":prod", "not-found"),
        (
            "An error occurred (ResourceNotFoundException) when calling the Invoke operation: "
            "Functions from 'us-east-1' are not reachable in this region ('us-west-2')",
            "other-region",
        ),
        (
            "An error occurred (TooManyRequestsException) when calling the Invoke operation (reached max retries: 4): "
            "Rate Exceeded.",
            "throttled",
        ),
        ("TooManyRequestsException: null (Reason: CallerRateLimitExceeded)", "throttled"),
        (
            "KMSAccessDeniedException: Lambda was unable to decrypt the environment variables because KMS access was denied. "
            "KMS Exception: AccessDeniedException KMS Message: User: arn:aws:sts::4:assumed-role/x/y is not authorized "
            "to perform: kms:Decrypt",
            "kms",
        ),
        ("UnauthorizedOperation: You are not authorized. Encoded authorization failure message: 4Qx9aZ", "encoded"),
        (
            "ExpiredTokenException: The security token included in the request is expired",
            "credentials",
        ),
        ("UnrecognizedClientException: The security token included in the request is invalid.", "credentials"),
        ("InvalidSignatureException: Signature expired: 20261125T100000Z is now earlier than 20261125T100500Z", "credentials"),
        ('Unable to locate credentials. You can configure credentials by running "aws login".', "credentials"),
        ("CredentialsProviderError: Could not load credentials from any providers", "credentials"),
        ('{"Message":"Forbidden"}', "url"),
        (
            '{"Message":"Forbidden. For troubleshooting Function URL authorization issues, see: '
            'https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"}',
            "url",
        ),
        (
            "An error occurred (InvalidArgument) when calling the PutBucketNotificationConfiguration operation: "
            "Unable to validate the following destination configurations",
            "service",
        ),
        ("Execution failed due to configuration error: Invalid permissions on Lambda function", "service"),
        ("AccessDenied", "not-authorized"),
        ("Access Denied", "not-authorized"),
        ("Task timed out after 3.00 seconds", "unknown"),
        ("", "unknown"),
        ("   \x00 \x07 ", "unknown"),
    ],
)
def test_refusals_of_other_kinds_are_told_apart(text: str, kind: str) -> None:
    assert read_denial(text).kind == kind


def test_what_the_other_kinds_name_is_kept() -> None:
    assert str(read_denial(f"ResourceNotFoundException: Function not found: {F}:prod").function) == f"{F}:prod"
    assert read_denial("Functions from 'us-east-1' are not reachable in this region ('us-west-2')").regions == (
        "us-east-1",
        "us-west-2",
    )
    assert read_denial("Unable to validate the following destination configurations").service == "s3.amazonaws.com"
    assert read_denial(CLI).code == "AccessDeniedException"


def test_the_wrong_name_of_the_action_is_kept_as_written() -> None:
    assert read_denial(CORE.replace(INVOKE, "lambda:Invoke")).action == "lambda:Invoke"


def test_other_services_are_read_too() -> None:
    role = "arn:aws:iam::444455556666:role/reader"
    found = read_denial(f"User: {S} is not authorized to perform: sts:AssumeRole on resource: {role}")
    assert (found.action, found.resource, found.function) == ("sts:AssumeRole", role, None)


def test_a_resource_that_is_missing_is_looked_for_in_the_rest() -> None:
    assert read_denial(f"User: {S} is not authorized to perform: {INVOKE}").resource == ""
    assert read_denial(f"User: {S} is not authorized to perform: {INVOKE}; function {F}").resource == F


@given(some.text(max_size=400))
def test_no_text_makes_it_fail(text: str) -> None:
    read_denial(text)
    found = read_denial(f"{text} {CORE} {text}")
    assert found.kind in set(Refused)


@pytest.mark.parametrize(
    "hostile",
    [
        "a" * 200_000,
        "User:" * 50_000,
        "arn:aws:lambda:" * 20_000,
        "explicit deny in a " * 10_000,
        "A" * 8000,
        CORE * 2000,
        "\\n" * 90_000,
    ],
)
def test_a_hostile_text_is_cut_and_read_at_once(hostile: str) -> None:
    started = time.perf_counter()
    read_denial(hostile)
    assert time.perf_counter() - started < 0.25
    assert LONGEST < 10_000


def test_control_characters_are_not_kept() -> None:
    found = read_denial("User: a\x1b[31mb is not authorized to perform: x\x07y on resource: arn:aws:lambda:\x08")
    assert all(char.isprintable() for char in found.principal + found.action + found.resource)
