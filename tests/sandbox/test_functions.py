"""Functions, versions, aliases, tags and URLs: shapes and pages as AWS gives them."""

from typing import Any

import pytest

from sharing.sandbox.server import Sandbox
from sharing.sandbox.story import CANARY
from tests.sandbox.conftest import Speaker, code, function_arn, refused

PLATFORM = "444455556666"
WANTED = {"Runtime": "python3.13", "Handler": "app.run", "Code": {"ZipFile": b"code"}}


def pages(client: Any, operation: str, key: str, **parameters: Any) -> list[list[dict[str, Any]]]:
    """Every page of a listing, followed by hand from marker to marker."""
    found: list[list[dict[str, Any]]] = []
    marker: dict[str, str] = {}
    while True:
        answer = getattr(client, operation)(**parameters, **marker)
        found.append(answer[key])
        if "NextMarker" not in answer:
            return found
        marker = {"Marker": answer["NextMarker"]}


def test_functions_come_fifty_to_a_page_whatever_is_asked(speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.add_many_functions(120, account="Globex", region="eu-north-1")
    client = speak.lambda_("Globex", "eu-north-1")
    found = pages(client, "list_functions", "Functions", MaxItems=10000)
    assert [len(page) for page in found] == [50, 50, 20]
    names = [f["FunctionName"] for page in found for f in page]
    assert names == [f"bulk-{n:05d}" for n in range(120)]
    assert [len(page) for page in pages(client, "list_functions", "Functions", MaxItems=40)] == [40, 40, 40]
    assert client.list_functions(MaxItems=1)["Functions"][0]["FunctionName"] == "bulk-00000"
    for bad in (0, 10001):
        assert code(client.list_functions, MaxItems=bad) == "InvalidParameterValueException"
    assert code(client.list_functions, Marker="not-a-marker") == "InvalidParameterValueException"
    assert sum(len(p["Functions"]) for p in client.get_paginator("list_functions").paginate()) == 120


def test_a_deletion_between_two_pages_skips_nothing(speak: Speaker, sandbox: Sandbox) -> None:
    arns = sandbox.add_many_functions(60, account="Globex", region="eu-north-1")
    client = speak.lambda_("Globex", "eu-north-1")
    first = client.list_functions()
    sandbox.delete_function(arns[3])
    second = client.list_functions(Marker=first["NextMarker"])
    assert [f["FunctionName"] for f in second["Functions"]] == [f"bulk-{n:05d}" for n in range(50, 60)]


def test_all_versions_are_listed_when_asked_for(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    plain = [f["FunctionName"] for page in pages(client, "list_functions", "Functions") for f in page]
    assert len(plain) == len(set(plain)) == 27
    every = [f for page in pages(client, "list_functions", "Functions", FunctionVersion="ALL") for f in page]
    invoices = [(f["Version"], f["FunctionArn"]) for f in every if f["FunctionName"] == "invoice-render"]
    arn = function_arn(PLATFORM, "invoice-render")
    assert invoices == [(v, f"{arn}:{v}") for v in ("$LATEST", "1", "2", "3", "4", "5")]
    assert len(every) > 50
    versions = client.list_versions_by_function(FunctionName="invoice-render")["Versions"]
    assert [v["Version"] for v in versions] == ["$LATEST", "1", "2", "3", "4", "5"]


def test_aliases_come_fifty_to_a_page_and_by_version(speak: Speaker, sandbox: Sandbox) -> None:
    arn = sandbox.add_function(PLATFORM, "us-east-1", "many", aliases={f"a{n:03d}": str(1 + n % 2) for n in range(120)})
    client = speak.lambda_("Platform")
    found = pages(client, "list_aliases", "Aliases", FunctionName="many", MaxItems=10000)
    assert [len(page) for page in found] == [50, 50, 20]
    assert found[0][0] == {
        "AliasArn": f"{arn}:a000",
        "Name": "a000",
        "FunctionVersion": "1",
        "Description": "",
        "RevisionId": found[0][0]["RevisionId"],
    }
    second = pages(client, "list_aliases", "Aliases", FunctionName="many", FunctionVersion="2")
    assert [len(page) for page in second] == [50, 10]
    assert code(client.list_aliases, FunctionName="nothing") == "ResourceNotFoundException"


def test_a_listing_carries_the_environment_secrets_and_all(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    listed = {f["FunctionName"]: f for page in pages(client, "list_functions", "Functions") for f in page}
    assert listed["payment-capture"]["Environment"]["Variables"]["PAYMENT_API_KEY"] == CANARY
    read = client.get_function_configuration(FunctionName="payment-capture", Qualifier="live")
    assert read["Environment"]["Variables"]["PAYMENT_API_KEY"] == CANARY
    assert (read["Version"], read["FunctionArn"]) == ("9", f"{function_arn(PLATFORM, 'payment-capture')}:live")
    assert "State" in read
    assert "State" not in listed["payment-capture"]


def test_get_function_gives_code_location_and_tags(speak: Speaker) -> None:
    found = speak.lambda_("Platform").get_function(FunctionName="hello_world")
    assert found["Code"]["Location"].startswith("https://")
    assert found["Tags"] == {"team": "payments"}
    assert speak.lambda_("Platform").list_tags(Resource=function_arn(PLATFORM, "hello_world"))["Tags"] == found["Tags"]


def test_a_function_lives_from_creation_to_deletion(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    role = sandbox.add_role(PLATFORM, "runner")
    made = client.create_function(
        FunctionName="fresh", Role=role, Description="New", Environment={"Variables": {"A": "1"}}, **WANTED
    )
    assert (made["FunctionArn"], made["Version"]) == (function_arn(PLATFORM, "fresh"), "$LATEST")
    assert code(client.create_function, FunctionName="fresh", Role=role, **WANTED) == "ResourceConflictException"
    first = client.publish_version(FunctionName="fresh")
    assert first["Version"] == "1"
    assert client.publish_version(FunctionName="fresh")["Version"] == "1"  # nothing changed since
    client.update_function_code(FunctionName="fresh", ZipFile=b"other")
    assert client.publish_version(FunctionName="fresh", Description="second")["Version"] == "2"
    client.update_function_configuration(FunctionName="fresh", Timeout=9, Environment={"Variables": {}})
    latest = client.get_function_configuration(FunctionName="fresh")
    assert (latest["Timeout"], "Environment" in latest) == (9, False)
    assert client.get_function_configuration(FunctionName="fresh", Qualifier="2")["Timeout"] == 3
    alias = client.create_alias(FunctionName="fresh", Name="live", FunctionVersion="1")
    assert alias["AliasArn"] == f"{function_arn(PLATFORM, 'fresh')}:live"
    assert code(client.create_alias, FunctionName="fresh", Name="live", FunctionVersion="2") == "ResourceConflictException"
    assert code(client.create_alias, FunctionName="fresh", Name="x", FunctionVersion="9") == "ResourceNotFoundException"
    assert code(client.create_alias, FunctionName="fresh", Name="12", FunctionVersion="1") == "InvalidParameterValueException"
    assert client.update_alias(FunctionName="fresh", Name="live", FunctionVersion="2")["FunctionVersion"] == "2"
    assert client.get_alias(FunctionName="fresh", Name="live")["FunctionVersion"] == "2"
    assert code(client.delete_function, FunctionName="fresh", Qualifier="2") == "ResourceConflictException"
    assert code(client.delete_function, FunctionName="fresh", Qualifier="$LATEST") == "InvalidParameterValueException"
    client.delete_function(FunctionName="fresh", Qualifier="1")
    client.delete_alias(FunctionName="fresh", Name="live")
    client.delete_function(FunctionName="fresh")
    assert code(client.get_function, FunctionName="fresh") == "ResourceNotFoundException"
    assert code(client.delete_function, FunctionName="fresh") == "ResourceNotFoundException"


def test_a_function_needs_a_role_that_exists_and_may_be_passed(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    gone = f"arn:aws:iam::{PLATFORM}:role/nobody"
    assert code(client.create_function, FunctionName="fresh", Role=gone, **WANTED) == "InvalidParameterValueException"
    foreign = "arn:aws:iam::111122223333:role/fnshare-checker"
    assert code(client.create_function, FunctionName="fresh", Role=foreign, **WANTED) == "InvalidParameterValueException"
    builder = speak.user(
        "lambda",
        "Platform",
        "builder",
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}]},
    )
    role = sandbox.add_role(PLATFORM, "runner")
    assert "iam:PassRole" in refused(builder.create_function, FunctionName="fresh", Role=role, **WANTED)[2]


def test_function_urls_belong_to_the_function_or_an_alias(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    listed = client.list_function_url_configs(FunctionName="checkout-webhook")["FunctionUrlConfigs"]
    assert [(u["AuthType"], u["FunctionArn"]) for u in listed] == [("NONE", function_arn(PLATFORM, "checkout-webhook"))]
    assert listed[0]["FunctionUrl"].endswith(".lambda-url.us-east-1.on.aws/")
    live = client.get_function_url_config(FunctionName="partner-callback", Qualifier="live")
    assert (live["AuthType"], live["FunctionArn"]) == ("AWS_IAM", f"{function_arn(PLATFORM, 'partner-callback')}:live")
    assert code(client.get_function_url_config, FunctionName="partner-callback") == "ResourceNotFoundException"
    made = client.create_function_url_config(FunctionName="hello_world", AuthType="AWS_IAM")
    assert made["FunctionUrl"] != live["FunctionUrl"]
    again = {"FunctionName": "hello_world", "AuthType": "NONE"}
    assert code(client.create_function_url_config, **again) == "ResourceConflictException"
    version = {"FunctionName": "label-uploads", "Qualifier": "1", "AuthType": "NONE"}
    assert code(client.create_function_url_config, **version) == "InvalidParameterValueException"
    assert client.update_function_url_config(FunctionName="hello_world", AuthType="NONE")["AuthType"] == "NONE"
    client.delete_function_url_config(FunctionName="hello_world")
    assert client.list_function_url_configs(FunctionName="hello_world")["FunctionUrlConfigs"] == []


def test_tags_can_be_added_and_taken(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    arn = function_arn(PLATFORM, "hello_world")
    client.tag_resource(Resource=arn, Tags={"cost": "17"})
    client.untag_resource(Resource=arn, TagKeys=["team"])
    assert client.list_tags(Resource=arn)["Tags"] == {"cost": "17"}


def test_what_moto_plays_is_left_to_moto_in_the_right_account(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    client.put_function_concurrency(FunctionName=function_arn(PLATFORM, "hello_world"), ReservedConcurrentExecutions=5)
    assert client.get_function_concurrency(FunctionName="hello_world")["ReservedConcurrentExecutions"] == 5
    assert code(client.put_function_concurrency, FunctionName="none", ReservedConcurrentExecutions=5) == (
        "ResourceNotFoundException"
    )


def test_what_nobody_plays_says_so(speak: Speaker) -> None:
    found = refused(speak.lambda_("Platform").get_runtime_management_config, FunctionName="hello_world")
    assert found[0] == "NotImplementedException"
    assert "does not play lambda:GetRuntimeManagementConfig" in found[2]


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_regions_and_accounts_do_not_mix(speak: Speaker, region: str) -> None:
    wanted = {"us-east-1": 27, "eu-west-1": 6}[region]
    assert sum(map(len, pages(speak.lambda_("Platform", region), "list_functions", "Functions"))) == wanted
    assert speak.lambda_("Acme Retail", region).list_functions()["Functions"] == []
