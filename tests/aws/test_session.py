"""Entering accounts: the worker's identity, regions, and what a session's ARN tells."""

from typing import TYPE_CHECKING

import pytest

from sharing.aws import session
from sharing.aws.errors import Unavailable
from sharing.aws.session import CallerIdentity, RoleRef

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox


def test_the_worker_says_who_it_is(sandbox: "Sandbox") -> None:
    dashboard = next(account for account in sandbox.accounts if account.kind == "dashboard")
    identity = session.identify()
    assert (identity.account, identity.partition) == (dashboard.id, "aws")
    assert identity.principal_arn == identity.arn
    assert not identity.lost_path


def test_a_sessions_role_is_named_without_its_path() -> None:
    identity = CallerIdentity("arn:aws-us-gov:sts::777788889999:assumed-role/worker/i-0123", "777788889999", "AROA:i-0123")
    assert identity.principal_arn == "arn:aws-us-gov:iam::777788889999:role/worker"
    assert identity.lost_path


def test_without_credentials_it_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    session.forget()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(Unavailable) as unavailable:
        session.identify()
    assert unavailable.value.code == "NoCredentials"
    session.forget()


def test_an_endpoint_nobody_listens_on_is_unavailable(sandbox: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    session.forget()
    with pytest.raises(Unavailable) as unavailable:
        session.identify()
    assert unavailable.value.code == "NoConnection"
    session.forget()


@pytest.mark.parametrize(
    ("partition", "named", "home"),
    [
        ("aws", "", "us-east-1"),
        ("aws", "eu-central-1", "eu-central-1"),
        ("aws", "cn-north-1", "us-east-1"),
        ("aws-cn", "eu-central-1", "cn-north-1"),
        ("aws-us-gov", "us-gov-east-1", "us-gov-east-1"),
    ],
)
def test_sts_is_asked_in_a_region_of_the_partition(
    monkeypatch: pytest.MonkeyPatch, partition: str, named: str, home: str
) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", named)
    assert session.home_region(partition) == home


def test_aws_region_counts_like_the_other_sdks_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-2")
    assert session.home_region() == "eu-west-1"


def test_known_regions_are_those_of_the_partition() -> None:
    assert "us-east-1" in session.known_regions()
    assert session.known_regions("aws-cn") == ["cn-north-1", "cn-northwest-1"]


def test_a_role_reference_keeps_its_external_id_out_of_logs() -> None:
    assert "sesame" not in repr(RoleRef("aws", "1" * 12, "arn:aws:iam::111111111111:role/r", "sesame"))
