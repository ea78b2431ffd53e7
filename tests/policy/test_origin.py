"""Which tool a Sid betrays, and how sure one may be."""

from __future__ import annotations

import pytest

from sharing.policy import origin_of
from sharing.policy.statement import parse_statement

from .documents import allow

UUID = "0d5d2a6a-1b2c-4d3e-8f90-a1b2c3d4e5f6"


@pytest.mark.parametrize(
    ("sid", "tool", "confidence", "keeps"),
    [
        ("fnshare-0d5d2a6a1b2c4d3e8f90a1b2c3d4e5f6", "fnshare", "certainly", False),
        ("terraform-20240131093412345600000001", "Terraform", "certainly", True),
        ("AllowS3-20240131093412345600000001", "Terraform", "probably", True),
        ("AllowExecutionFromCloudWatch", "Terraform", "perhaps", True),
        ("orders-LambdaInvokePermission-1A2B3C4D5E6F", "CloudFormation", "probably", True),
        ("prod-orders-InvokePermission-aBcD1fGh2JkL", "CloudFormation", "probably", True),
        ("sam-app-HelloWorldFunctionHelloWorldPermissionProd-1A2B3C4D5E6F", "SAM", "probably", True),
        ("sam-app-LabelFunctionUrlPublicPermissions-1A2B3C4D5E6F", "SAM", "probably", True),
        ("api-dev-HelloLambdaPermissionApiGateway-1A2B3C4D5E6F", "Serverless Framework", "probably", True),
        ("Pipeline-HandlerAllowInvokeBucket3F2504E0-1A2B3C4D5E6F", "AWS CDK", "probably", True),
        (f"lc-{UUID}", "AWS console", "probably", False),
        (f"lambda-{UUID}", "AWS console", "probably", False),
        (UUID, "AWS console", "perhaps", False),
        ("FunctionURLAllowPublicAccess", "AWS console", "probably", False),
        ("FunctionURLInvokeAllowPublicAccess", "AWS console", "probably", False),
        ("AWSEvents_nightly_Id1234", "AWS console", "probably", False),
        ("my-own-statement", "unknown", "", False),
        ("acme-production-access", "unknown", "", False),
        ("", "unknown", "", False),
        (None, "unknown", "", False),
    ],
)
def test_tools_are_told_by_the_sid_they_leave(sid: str | None, tool: str, confidence: str, keeps: bool) -> None:
    found = origin_of(parse_statement(allow(Sid=sid)))
    assert (found.tool, found.confidence, found.keeps_it) == (tool, confidence, keeps)
    assert found.text.endswith(".")


def test_the_stack_is_named() -> None:
    found = origin_of(parse_statement(allow(Sid="prod-orders-InvokePermission-1A2B3C4D5E6F")))
    assert found.stack == "prod-orders"
    assert "stack prod-orders" in found.text
