"""The demo's estate has every kind of policy that real estates have, and the second one is another in every name."""

import json
import re
from typing import Any

import pytest

from sharing.sandbox.server import Sandbox
from sharing.sandbox.story import CANARY, demo
from tests.sandbox.conftest import Speaker, function_arn

Statements = list[tuple[str, dict[str, Any]]]


def every_statement(sandbox: Sandbox) -> Statements:
    """(ARN with qualifier, statement) of the whole estate."""
    found: Statements = []
    for function in sandbox.estate.everything():
        for qualifier in function.policies:
            arn = function.qualified(qualifier or None)
            found += [(arn, statement) for statement in (sandbox.policy(arn) or {})["Statement"]]
    return found


def sids(sandbox: Sandbox) -> list[str]:
    return [statement.get("Sid", "") for _, statement in every_statement(sandbox)]


def test_six_accounts_two_regions_and_some_thirty_functions(sandbox: Sandbox) -> None:
    kinds = {kind: [a.name for a in sandbox.accounts if a.kind == kind] for kind in ("dashboard", "owner", "stranger")}
    assert kinds == {"dashboard": ["fnshare"], "owner": ["Platform"], "stranger": ["Umbrella"]}
    assert [a.name for a in sandbox.accounts if a.kind == "consumer"] == ["Acme Retail", "Globex", "Initech"]
    functions = sandbox.estate.everything()
    assert 28 <= len(functions) <= 36
    assert {f.region for f in functions} == {"us-east-1", "eu-west-1"} == set(sandbox.account("Platform").regions)
    assert all(re.fullmatch(r"\d{12}", account.id) for account in sandbox.accounts)
    assert all(f.latest.description for f in functions)


def test_the_two_functions_of_the_story_are_there(sandbox: Sandbox) -> None:
    hello = sandbox.function(function_arn("444455556666", "hello_world"))
    labels = sandbox.function(function_arn("444455556666", "label-uploads"))
    assert hello is not None
    assert labels is not None
    assert hello.policies == {}
    assert set(labels.policies) == {"live"}
    assert labels.aliases["live"].version == "3"


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("an account", lambda s: re.fullmatch(r"arn:aws:iam::\d{12}:root", str(_aws(s)))),
        ("a role", lambda s: ":role/" in str(_aws(s))),
        ("a ghost", lambda s: str(_aws(s)).startswith("AROA")),
        ("a list of principals", lambda s: isinstance(_aws(s), list)),
        ("everyone", lambda s: s.get("Principal") == "*" and "Condition" not in s),
        ("an organisation", lambda s: "aws:PrincipalOrgID" in str(s.get("Condition"))),
        ("a service with its source", lambda s: _service(s) == "s3.amazonaws.com" and "AWS:SourceAccount" in str(s)),
        ("a service without source", lambda s: _service(s) and "Condition" not in s),
        ("a service by token", lambda s: "lambda:EventSourceToken" in str(s.get("Condition"))),
        ("a Deny", lambda s: s["Effect"] == "Deny" and "Principal" in s),
        ("a NotPrincipal Deny", lambda s: s["Effect"] == "Deny" and "NotPrincipal" in s),
        ("no Sid", lambda s: "Sid" not in s),
        ("a managing action", lambda s: s["Action"] == "lambda:UpdateFunctionCode"),
        ("the founding post's action", lambda s: s["Action"] == "lambda:Invoke"),
    ],
)
def test_every_kind_of_statement_is_there(sandbox: Sandbox, kind: str, found: Any) -> None:
    assert [arn for arn, statement in every_statement(sandbox) if found(statement)], kind


def _aws(statement: dict[str, Any]) -> Any:
    principal = statement.get("Principal")
    return principal.get("AWS", "") if isinstance(principal, dict) else ""


def _service(statement: dict[str, Any]) -> Any:
    principal = statement.get("Principal")
    return principal.get("Service") if isinstance(principal, dict) else None


@pytest.mark.parametrize(
    "pattern",
    [
        r"terraform-\d{26}",
        r"images-prod-\w+Permission-[0-9A-Z]{12,14}",  # CloudFormation
        r"photos-\w+FunctionUploadPermission-\w{12}",  # SAM
        r"billing-prod-\w+LambdaPermission\w+-[0-9A-Z]{12,14}",  # Serverless Framework
        r"lc-[0-9a-f-]{36}",  # console
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",  # console, API Gateway
        r"FunctionURLAllowPublicAccess",
    ],
)
def test_statements_are_named_as_each_tool_names_them(sandbox: Sandbox, pattern: str) -> None:
    assert any(re.fullmatch(pattern, sid) for sid in sids(sandbox))


def test_the_url_pair_and_the_half_pair_have_their_urls(sandbox: Sandbox) -> None:
    actions: dict[str, set[str]] = {}
    for arn, statement in every_statement(sandbox):
        if "FunctionUrl" in json.dumps(statement):
            actions.setdefault(arn, set()).add(statement["Action"])
    both, half = function_arn("444455556666", "checkout-webhook"), f"{function_arn('444455556666', 'partner-callback')}:live"
    assert actions == {
        both: {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"},
        half: {"lambda:InvokeFunctionUrl"},
    }
    assert sandbox.function(both).urls[""].auth_type == "NONE"  # type: ignore[union-attr]
    assert sandbox.function(half).urls["live"].auth_type == "AWS_IAM"  # type: ignore[union-attr]


def test_one_policy_is_nearly_full_and_one_secret_is_kept_in_an_environment(sandbox: Sandbox) -> None:
    document = sandbox.policy(function_arn("444455556666", "feature-flags"))
    assert 20_200 < len(json.dumps(document, separators=(",", ":"))) <= 20_480
    holders = [f.name for f in sandbox.estate.everything() if CANARY in f.latest.environment.values()]
    assert holders == ["payment-capture"]


def test_a_hostile_description_and_the_longest_name_are_there(sandbox: Sandbox) -> None:
    functions = sandbox.estate.everything()
    assert any("<script>" in f.latest.description for f in functions)
    assert len(demo.LONG_NAME) == 64
    assert demo.LONG_NAME in {f.name for f in functions}


@pytest.mark.parametrize("story", ["demo", "other"])
def test_the_storys_roles_let_the_worker_in_with_their_external_ids_only(speak: Speaker, sandbox: Sandbox, story: str) -> None:
    sandbox.reset(story=story)
    dashboard = next(a for a in sandbox.accounts if a.kind == "dashboard")
    connected = [(a, a.manager_role_arn or a.checker_role_arn) for a in sandbox.accounts if a.external_id]
    assert [a.kind for a, _ in connected] == ["owner", "consumer", "consumer", "consumer"]
    assert len({a.external_id for a, _ in connected}) == 4
    for account, role in connected:
        client = speak.assumed("sts", role, dashboard, ExternalId=account.external_id)
        assert client.get_caller_identity()["Account"] == account.id
    owner = connected[0][0]
    reader = speak.assumed("lambda", owner.manager_role_arn, dashboard, owner.regions[0], ExternalId=owner.external_id)
    name = reader.list_functions()["Functions"][0]["FunctionName"]
    reader.add_permission(FunctionName=name, StatementId="a", Action="lambda:InvokeFunction", Principal=connected[1][0].id)


def test_the_second_estate_shares_no_name_with_the_first(sandbox: Sandbox) -> None:
    def names() -> set[str]:
        accounts = {word for a in sandbox.accounts for word in (a.id, a.name, a.external_id, a.manager_role_arn)}
        functions = {word for f in sandbox.estate.everything() for word in (f.name, f.region)}
        return {word for word in accounts | functions if word}

    first = names()
    sandbox.reset(story="other")
    assert first & names() == set()
    assert sandbox.estate.everything()
