"""Known service principals: names, which source closes each one, whether it crosses accounts."""

from __future__ import annotations

import pytest

from sharing.policy import services
from sharing.policy.services import KNOWN, Source


def test_every_service_of_the_table_is_known() -> None:
    for name in (
        "s3",
        "sns",
        "events",
        "logs",
        "lambda.alarms.cloudwatch",
        "ses",
        "iot",
        "cognito-idp",
        "config",
        "codecommit",
        "apigateway",
        "elasticloadbalancing",
        "secretsmanager",
        "scheduler",
        "pipes",
        "codepipeline",
        "cloudformation",
    ):
        assert f"{name}.amazonaws.com" in KNOWN
    assert {"alexa-appkit.amazon.com", "alexa-connectedhome.amazon.com"} <= set(KNOWN)


@pytest.mark.parametrize(
    ("name", "safe_with", "crosses"),
    [
        ("s3.amazonaws.com", {Source.ACCOUNT, Source.ORGANIZATION}, True),
        ("sns.amazonaws.com", {Source.ACCOUNT, Source.ARN, Source.ORGANIZATION}, True),
        ("logs.amazonaws.com", {Source.ACCOUNT, Source.ARN, Source.ORGANIZATION}, False),
        ("elasticloadbalancing.amazonaws.com", {Source.ACCOUNT, Source.ARN, Source.ORGANIZATION}, False),
        ("alexa-appkit.amazon.com", {Source.TOKEN}, True),
        ("iot.amazonaws.com", {Source.ACCOUNT, Source.ARN, Source.ORGANIZATION}, None),
    ],
)
def test_what_closes_a_service(name: str, safe_with: set[Source], crosses: bool | None) -> None:
    assert (set(KNOWN[name].safe_with), KNOWN[name].crosses_accounts) == (safe_with, crosses)


def test_every_service_has_a_label_and_its_own_names() -> None:
    seen: dict[str, str] = {}
    for service in KNOWN.values():
        assert service.label
        found = services.find(service.label)
        assert found is service, service.label
        for alias in service.aliases:
            assert seen.setdefault(alias, service.principal) == service.principal


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("s3.amazonaws.com", "s3.amazonaws.com.cn", True),
        ("s3.amazonaws.com", "s3.amazonaws.com", True),
        ("s3.amazonaws.com", "sns.amazonaws.com", False),
        ("S3.amazonaws.com", "s3.amazonaws.com", False),
        ("alexa-appkit.amazon.com", "alexa-appkit.amazonaws.com", False),
        ("sns.us-east-1.amazonaws.com", "sns.amazonaws.com", False),
    ],
)
def test_services_are_compared_by_their_first_labels(one: str, other: str, expected: bool) -> None:
    assert services.same_service(one, other) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("snss", "sns.amazonaws.com"),
        ("eventbrige", "events.amazonaws.com"),
        ("snss.amazonaws.com", "sns.amazonaws.com"),
        ("apigatway.amazonaws.com", "apigateway.amazonaws.com"),
        ("weird.amazonaws.com", None),
        ("zzz", None),
    ],
)
def test_misspelt_names_are_recognised(text: str, expected: str | None) -> None:
    assert services.suggestion(text) == expected


def test_a_regional_principal_counts_as_its_service() -> None:
    found = services.lookup("sns.ap-east-1.amazonaws.com")
    assert found is KNOWN["sns.amazonaws.com"]
    assert services.lookup("s3.amazonaws.com.cn") is KNOWN["s3.amazonaws.com"]
    assert services.lookup("unheard.amazonaws.com") is None
    assert services.label("unheard.amazonaws.com") == "unheard.amazonaws.com"
    assert services.lookup("s3.amazonaws.com", {}) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("s3.amazonaws.com", True), ("amazonaws.com", False), ("s3", False), ("a b.amazonaws.com", False)]
)
def test_the_shape_of_a_service_name(text: str, expected: bool) -> None:
    assert services.is_service_name(text) is expected
