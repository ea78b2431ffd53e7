"""A running local AWS (the suite's one sandbox) and quick ways to speak to it as somebody."""

from collections.abc import Callable
from typing import Any, Protocol

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sharing.sandbox.server import Account, Sandbox

ONE_TRY = Config(retries={"total_max_attempts": 1}, read_timeout=20, parameter_validation=False)


class Credentials(Protocol):
    """Anything that carries an access key."""

    @property
    def access_key_id(self) -> str: ...
    @property
    def secret_access_key(self) -> str: ...


class Speaker:
    """Makes SDK clients that sign as an account's user, or as a role it assumed."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def account(self, name: str) -> Account:
        return self.sandbox.account(name)

    def client(self, service: str, name: str | Account, region: str = "us-east-1", **credentials: str) -> Any:
        """A client of the account's own user, or with the given SDK credential arguments."""
        if not credentials:
            account = name if isinstance(name, Account) else self.account(name)
            credentials = {
                "aws_access_key_id": account.access_key_id,
                "aws_secret_access_key": account.secret_access_key,
            }
        return boto3.client(  # type: ignore[call-overload]
            service, endpoint_url=self.sandbox.url, region_name=region, config=ONE_TRY, **credentials
        )

    def lambda_(self, name: str, region: str = "us-east-1") -> Any:
        return self.client("lambda", name, region)

    def user(self, service: str, account: str, user: str, *policies: dict[str, Any], region: str = "us-east-1") -> Any:
        """A client of a fresh IAM user with these inline policies."""
        number = self.account(account).id
        key, secret = self.sandbox.add_user(number, user, policies={f"p{i}": p for i, p in enumerate(policies)})
        return self.client(service, account, region, aws_access_key_id=key, aws_secret_access_key=secret)

    def assumed(self, service: str, role_arn: str, by: str | Account, region: str = "us-east-1", **parameters: Any) -> Any:
        """A client of a session of the role."""
        parameters.setdefault("RoleSessionName", "test")
        found = self.client("sts", by, region).assume_role(RoleArn=role_arn, **parameters)["Credentials"]
        return self.with_session(service, found, region)

    def with_session(self, service: str, found: dict[str, Any], region: str = "us-east-1") -> Any:
        return self.client(
            service,
            "",
            region,
            aws_access_key_id=found["AccessKeyId"],
            aws_secret_access_key=found["SecretAccessKey"],
            aws_session_token=found["SessionToken"],
        )


@pytest.fixture
def speak(sandbox: Sandbox) -> Speaker:
    return Speaker(sandbox)


Refusal = tuple[str, int, str]


def refused(call: Callable[..., Any], *arguments: Any, **parameters: Any) -> Refusal:
    """(code, HTTP status, message) of a call that must be refused."""
    with pytest.raises(ClientError) as caught:
        call(*arguments, **parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def code(call: Callable[..., Any], *arguments: Any, **parameters: Any) -> str:
    """Only the code of a call that must be refused."""
    return refused(call, *arguments, **parameters)[0]


def outcome(call: Callable[..., Any], *arguments: Any, **parameters: Any) -> str:
    """The code of a call's refusal, empty when it was answered."""
    try:
        call(*arguments, **parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    """An identity policy of one Allow statement."""
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource, **more}],
    }


def function_arn(account: str, name: str, region: str = "us-east-1") -> str:
    return f"arn:aws:lambda:{region}:{account}:function:{name}"
