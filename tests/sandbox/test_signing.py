"""Signatures are verified: header and presigned, keys, tokens, dates, body and path."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import time_machine
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import ONE_TRY, Speaker, code, function_arn, refused

PLATFORM = "444455556666"
POLICY_PATH = "/2015-03-31/functions/address-verify/policy"
IDENTITY_BODY = b"Action=GetCallerIdentity&Version=2011-06-15"


class Wire:
    """Signs with the SDK's signer, then sends exactly what it is told, changed or not."""

    def __init__(self, sandbox: Sandbox, credentials: Credentials) -> None:
        self.base = sandbox.url
        self.credentials = credentials

    def signed(self, service: str, method: str, path: str, body: bytes = b"", **headers: Any) -> AWSRequest:
        request = AWSRequest(method=method, url=f"{self.base}{path}", data=body, headers=headers)
        SigV4Auth(self.credentials, service, "us-east-1").add_auth(request)
        return request

    def send(self, request: AWSRequest, *, path: str | None = None, body: bytes | None = None) -> tuple[int, str]:
        parts = urlsplit(str(request.url))
        where = path or (f"{parts.path}?{parts.query}" if parts.query else parts.path)
        connection = HTTPConnection(parts.netloc, timeout=10)
        try:
            headers = {name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
            connection.request(str(request.method), where, body=request.data if body is None else body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def wire(sandbox: Sandbox) -> Wire:
    owner = sandbox.account("Platform")
    return Wire(sandbox, Credentials(owner.access_key_id, owner.secret_access_key))


def test_a_right_signature_is_answered(wire: Wire) -> None:
    assert wire.send(wire.signed("lambda", "GET", POLICY_PATH))[0] == 200


def test_names_that_need_encoding_are_signed_alike(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    arn = function_arn(PLATFORM, "address-verify")
    assert client.get_policy(FunctionName=arn)["Policy"]
    assert client.list_tags(Resource=arn)["Tags"]


@pytest.mark.parametrize("service", ["lambda", "sts", "iam"])
@pytest.mark.parametrize("broken", ["secret", "key", "token"])
def test_wrong_credentials_are_refused_in_the_services_own_words(speak: Speaker, service: str, broken: str) -> None:
    owner = speak.account("Platform")
    credentials = {"aws_access_key_id": owner.access_key_id, "aws_secret_access_key": owner.secret_access_key}
    if broken == "secret":
        credentials["aws_secret_access_key"] = "wrong" * 8
    elif broken == "key":
        credentials["aws_access_key_id"] = "AKIAIOSFODNN7EXAMPLE"
    else:
        credentials["aws_session_token"] = "a token that belongs to no such key"
    client = speak.client(service, owner, **credentials)
    call = {"lambda": "list_functions", "sts": "get_caller_identity", "iam": "list_roles"}[service]
    wanted = {
        ("lambda", True): "InvalidSignatureException",
        ("lambda", False): "UnrecognizedClientException",
        ("query", True): "SignatureDoesNotMatch",
        ("query", False): "InvalidClientTokenId",
    }[("lambda" if service == "lambda" else "query", broken == "secret")]
    found = refused(getattr(client, call))
    assert found[:2] == (wanted, 403)


def test_an_altered_body_path_query_or_method_is_refused(wire: Wire) -> None:
    body = json.dumps({"StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "111122223333"}).encode()
    request = wire.signed("lambda", "POST", POLICY_PATH, body)
    assert wire.send(request, body=body.replace(b"1111", b"2222"))[0] == 403
    assert wire.send(wire.signed("lambda", "GET", POLICY_PATH), path=POLICY_PATH.replace("address", "fraud"))[0] == 403
    assert wire.send(wire.signed("lambda", "GET", POLICY_PATH), path=f"{POLICY_PATH}?Qualifier=live")[0] == 403
    changed = wire.signed("lambda", "GET", POLICY_PATH)
    changed.method = "DELETE"
    assert wire.send(changed)[0] == 403
    assert wire.send(request)[0] == 201


def test_a_stated_body_hash_does_not_stand_in_for_the_body(wire: Wire) -> None:
    body = json.dumps({"StatementId": "a", "Action": "lambda:InvokeFunction", "Principal": "111122223333"}).encode()
    headers: dict[str, Any] = {"X-Amz-Content-SHA256": hashlib.sha256(body).hexdigest()}
    request = wire.signed("lambda", "POST", POLICY_PATH, body, **headers)
    assert wire.send(request, body=body.replace(b"1111", b"2222"))[0] == 403
    assert wire.send(request)[0] == 201


def test_an_altered_signed_header_is_refused_and_an_unsigned_one_is_not(wire: Wire) -> None:
    headers: dict[str, Any] = {"X-Amz-Invocation-Type": "DryRun"}
    request = wire.signed("lambda", "POST", "/2015-03-31/functions/hello_world/invocations", **headers)
    assert wire.send(request)[0] == 204
    request.headers.replace_header("X-Amz-Invocation-Type", "RequestResponse")
    assert wire.send(request)[0] == 403
    other = wire.signed("lambda", "GET", POLICY_PATH)
    other.headers["X-Whatever"] = "1"
    assert wire.send(other)[0] == 200


def test_requests_without_or_with_half_a_signature_are_refused(wire: Wire) -> None:
    plain = AWSRequest(method="GET", url=f"{wire.base}{POLICY_PATH}", headers={})
    status, body = wire.send(plain)
    assert status == 403
    assert "MissingAuthenticationToken" in body
    half = wire.signed("lambda", "GET", POLICY_PATH)
    half.headers.replace_header("Authorization", half.headers["Authorization"].split(", Signature")[0])
    status, body = wire.send(half)
    assert status == 400
    assert "IncompleteSignature" in body


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_that_is_off_is_refused(sandbox: Sandbox, wire: Wire, minutes: int) -> None:
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes)):
        request = wire.signed("sts", "POST", "/", IDENTITY_BODY, **{"Content-Type": "application/x-www-form-urlencoded"})
    status, body = wire.send(request)
    assert status == 403
    assert "SignatureDoesNotMatch" in body
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=minutes / 2)):
        request = wire.signed("sts", "POST", "/", IDENTITY_BODY, **{"Content-Type": "application/x-www-form-urlencoded"})
    assert wire.send(request)[0] == 200


def presigned(wire: Wire, seconds: int = 60) -> AWSRequest:
    request = AWSRequest(method="GET", url=f"{wire.base}/?{IDENTITY_BODY.decode()}")
    SigV4QueryAuth(wire.credentials, "sts", "us-east-1", expires=seconds).add_auth(request)
    return request


def test_a_presigned_caller_identity_works_until_it_expires(wire: Wire) -> None:
    status, body = wire.send(presigned(wire))
    assert status == 200
    assert f"<Account>{PLATFORM}</Account>" in body
    with time_machine.travel(datetime.now(UTC) - timedelta(seconds=120)):
        old = presigned(wire)
    status, body = wire.send(old)
    assert status == 403
    assert "SignatureDoesNotMatch" in body


def test_an_altered_presigned_request_is_refused(wire: Wire) -> None:
    request = presigned(wire)
    request.url = str(request.url).replace("X-Amz-Expires=60", "X-Amz-Expires=600")
    assert wire.send(request)[0] == 403


@pytest.mark.parametrize(("service", "wanted"), [("lambda", "ExpiredTokenException"), ("sts", "ExpiredToken")])
def test_an_expired_session_is_refused(speak: Speaker, sandbox: Sandbox, service: str, wanted: str) -> None:
    platform = speak.account("Platform")
    client = speak.assumed(service, platform.manager_role_arn, "fnshare", ExternalId=platform.external_id)
    call = client.list_functions if service == "lambda" else client.get_caller_identity
    assert call()
    sandbox.expire_sessions()
    assert refused(call)[:2] == (wanted, 403)


def test_a_session_needs_its_own_token(speak: Speaker, sandbox: Sandbox) -> None:
    platform = speak.account("Platform")
    sts = speak.client("sts", "fnshare")
    asked = {"RoleArn": platform.manager_role_arn, "ExternalId": platform.external_id, "RoleSessionName": "test"}
    first, second = (sts.assume_role(**asked)["Credentials"] for _ in range(2))
    assert code(speak.with_session("sts", {**first, "SessionToken": second["SessionToken"]}).get_caller_identity) == (
        "InvalidClientTokenId"
    )
    bare = boto3.client(
        "sts",
        endpoint_url=sandbox.url,
        region_name="us-east-1",
        config=ONE_TRY,
        aws_access_key_id=first["AccessKeyId"],
        aws_secret_access_key=first["SecretAccessKey"],
    )
    assert code(bare.get_caller_identity) == "InvalidClientTokenId"


def test_a_deactivated_or_deleted_key_is_unknown(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.user("sts", "Umbrella", "temp")
    iam = speak.client("iam", "Umbrella")
    key = iam.list_access_keys(UserName="temp")["AccessKeyMetadata"][0]["AccessKeyId"]
    assert client.get_caller_identity()["Account"]
    iam.update_access_key(UserName="temp", AccessKeyId=key, Status="Inactive")
    assert code(client.get_caller_identity) == "InvalidClientTokenId"
    iam.update_access_key(UserName="temp", AccessKeyId=key, Status="Active")
    assert client.get_caller_identity()["Account"]
    iam.delete_access_key(UserName="temp", AccessKeyId=key)
    assert code(client.get_caller_identity) == "InvalidClientTokenId"


def test_everything_behind_moto_is_verified_too(speak: Speaker, sandbox: Sandbox) -> None:
    owner = speak.account("Platform")
    s3 = speak.client("s3", owner)
    s3.create_bucket(Bucket="some-bucket")
    s3.put_object(Bucket="some-bucket", Key="a b/ü", Body=b"text")
    assert s3.get_object(Bucket="some-bucket", Key="a b/ü")["Body"].read() == b"text"
    wrong: Any = speak.client("s3", owner, aws_access_key_id=owner.access_key_id, aws_secret_access_key="x" * 40)
    assert refused(wrong.list_buckets)[:2] == ("SignatureDoesNotMatch", 403)
    sqs = speak.client("sqs", owner)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"
    assert code(speak.client("sqs", owner, aws_access_key_id=owner.access_key_id, aws_secret_access_key="x").list_queues)


def test_no_client_can_become_another_account(speak: Speaker, sandbox: Sandbox) -> None:
    stranger = speak.account("Umbrella")
    client = speak.client("iam", stranger)

    def pretend(request: Any, **_: Any) -> None:
        request.headers["x-moto-account-id"] = PLATFORM

    client.meta.events.register("before-sign.iam", pretend)
    assert "fnshare-manager" not in {role["RoleName"] for role in client.list_roles()["Roles"]}


@pytest.mark.parametrize(
    "path",
    ["/moto-api/", "/moto-api/reset", "/moto-api/data.json", "/%6doto-api/reset", "/latest/meta-data/", "/_sandbox/journal"],
)
def test_motos_own_pages_are_closed(sandbox: Sandbox, path: str) -> None:
    connection = HTTPConnection(urlsplit(sandbox.url).netloc, timeout=10)
    try:
        connection.request("POST" if "reset" in path else "GET", path)
        assert connection.getresponse().status == 404
    finally:
        connection.close()
    assert len(sandbox.accounts) == 7
