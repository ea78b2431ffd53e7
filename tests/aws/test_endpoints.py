"""Signed calls go to AWS and to what is configured, whatever regions, buckets and answers say."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import BotoCoreError
from hypothesis import given
from hypothesis import strategies as st

from sharing.aws import endpoints, session
from sharing.aws.errors import ForeignEndpoint, Refused, Unavailable, classify
from sharing.aws.session import RoleRef

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

ROLE = RoleRef("aws", "444455556666", "arn:aws:iam::444455556666:role/fnshare-manager", "external-id")
AWS = (".amazonaws.com", ".api.aws", ".amazonaws.com.cn")
#: Hosts that a text put in a region's, a bucket's or an answer's place could lead to.
FOREIGN = (
    "https://evil.example/",
    "https://lambda.us-east-1.amazonaws.com.evil.example/",
    "https://lambda.us-east-1.amazonaws.com@evil.example/",
    "https://evil.example#.amazonaws.com/",
    "https://evil.example?.amazonaws.com",
    "https://evil.example\\.amazonaws.com/",
    "https://lambda.us-east-1.amazonaws.com:444/",
    "http://lambda.us-east-1.amazonaws.com/",
    "https://notamazonaws.com/",
    "https://amazonaws.com.evil.example/",
    "http://169.254.169.254/latest/meta-data/",
    "ftp://lambda.us-east-1.amazonaws.com/",
)
REGIONS = (
    "",
    "s3",
    "evil.example/",
    "us-east-1.evil.example",
    "us-east-1@evil",
    "us-east-1#",
    "us-east-1\n",
    "x-x-1",
    "cn-north-1",
)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker without an endpoint of its own: calls would leave for AWS."""
    for name, value in {"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "b", "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session.forget()
    yield
    session.forget()


@pytest.mark.parametrize("url", FOREIGN)
def test_no_other_host_is_taken_for_one_of_aws(url: str) -> None:
    assert not endpoints.allowed(url, AWS, set())


@pytest.mark.parametrize(
    "url",
    [
        "https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/",
        "https://sts.cn-north-1.amazonaws.com.cn/",
        "https://uploads.s3.eu-west-1.amazonaws.com/?notification",
        "https://lambda.us-east-1.api.aws/",
    ],
)
def test_hosts_of_aws_are_allowed(url: str) -> None:
    assert endpoints.allowed(url, AWS, set())


def test_a_configured_endpoint_is_https_unless_it_is_this_machine() -> None:
    places = {"http://127.0.0.1:5000/x": True, "https://aws.internal:8443/x": True, "http://aws.internal/x": False}
    for url, fine in places.items():
        origin = url.removesuffix("/x")
        assert endpoints.allowed(url, AWS, {endpoints._origin(origin)}) is fine, url


@pytest.mark.parametrize("region", REGIONS)
def test_a_text_that_is_no_region_of_the_partition_makes_no_client(nowhere: None, region: str) -> None:
    with pytest.raises(Refused) as refused:
        session.client("lambda", region, ROLE, session_name="test")
    assert refused.value.code == "NotARegion"


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[a-z]{2}-[a-z]+-[0-9].{0,3}", fullmatch=True)))
def test_whatever_passes_for_a_region_adds_no_dot_and_no_slash_to_a_host(region: str) -> None:
    try:
        endpoints.check_region(region, "aws")
    except Refused:
        return
    assert set(region) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_known_regions_of_every_partition_pass() -> None:
    ones = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1"}
    for partition, one in ones.items():
        regions = session.known_regions(partition)
        assert one in regions
        for region in regions:
            endpoints.check_region(region, partition)  # raises for one that does not pass


@pytest.mark.parametrize("service", ["lambda", "sts", "s3", "sqs"])
def test_a_client_that_was_led_elsewhere_sends_nothing(nowhere: None, monkeypatch: pytest.MonkeyPatch, service: str) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", lambda _, request: sent.append(request))
    with session._lock:
        made: Any = session._worker_session().create_client(service, "us-east-1", endpoint_url="https://evil.example")
    calls = {
        "lambda": lambda: made.get_policy(FunctionName="f"),
        "sts": lambda: made.get_caller_identity(),
        "s3": lambda: made.get_bucket_notification_configuration(Bucket="uploads"),
        "sqs": lambda: made.get_queue_attributes(QueueUrl="https://evil.example/queue"),
    }
    with pytest.raises(BotoCoreError) as problem:
        calls[service]()
    assert isinstance(problem.value, ForeignEndpoint)
    assert sent == []
    error = classify(problem.value, "GetPolicy", write=True)
    assert isinstance(error, Refused), "nothing was sent, so nothing may have been done"


def test_a_call_that_is_led_nowhere_leaves_for_aws(nowhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []

    def send(_: Any, request: Any) -> None:
        sent.append(request.url)
        raise OSError

    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", send)
    with pytest.raises(Unavailable):
        session.identify()
    assert sent == ["https://sts.us-east-1.amazonaws.com/"]


def test_a_worker_reaches_the_sandbox_and_nothing_else(sandbox: "Sandbox") -> None:
    session.identify()
    with session._lock:
        elsewhere: Any = session._worker_session().create_client("sts", "us-east-1", endpoint_url="http://127.0.0.1:9")
    with pytest.raises(ForeignEndpoint):
        elsewhere.get_caller_identity()
