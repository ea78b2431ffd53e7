"""The closed list of grantable actions (Lambda Developer Guide, 2026) and what is refused instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.policy import ACTIONS, ActionClass
from sharing.policy.actions import action_class, expand, find, matches, refusal

CLOSED_LIST = [
    "CreateAlias",
    "DeleteAlias",
    "DeleteFunction",
    "DeleteFunctionConcurrency",
    "DeleteFunctionEventInvokeConfig",
    "DeleteProvisionedConcurrencyConfig",
    "GetAlias",
    "GetFunction",
    "GetFunctionConcurrency",
    "GetFunctionConfiguration",
    "GetFunctionEventInvokeConfig",
    "GetPolicy",
    "GetProvisionedConcurrencyConfig",
    "InvokeFunction",
    "InvokeFunctionUrl",
    "ListAliases",
    "ListFunctionEventInvokeConfigs",
    "ListProvisionedConcurrencyConfigs",
    "ListTags",
    "ListVersionsByFunction",
    "PublishVersion",
    "PutFunctionConcurrency",
    "PutFunctionEventInvokeConfig",
    "PutProvisionedConcurrencyConfig",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateFunctionCode",
    "UpdateFunctionEventInvokeConfig",
]


def test_the_list_is_the_documented_one() -> None:
    assert set(ACTIONS) == {f"lambda:{name}" for name in CLOSED_LIST}
    assert all(action.verb for action in ACTIONS.values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lambda:InvokeFunction", ActionClass.INVOKE),
        ("lambda:InvokeFunctionUrl", ActionClass.INVOKE_URL),
        ("lambda:GetFunction", ActionClass.READ),
        ("lambda:ListTags", ActionClass.READ),
        ("lambda:UpdateFunctionCode", ActionClass.MANAGE),
        ("lambda:TagResource", ActionClass.MANAGE),
        ("lambda:invokefunction", ActionClass.INVOKE),
        ("lambda:*", ActionClass.MANAGE),
        ("*", ActionClass.MANAGE),
        ("lambda:Unheard", ActionClass.MANAGE),
    ],
)
def test_actions_are_classed_by_danger(name: str, expected: ActionClass) -> None:
    assert action_class(name) is expected


def test_danger_is_ordered() -> None:
    assert ActionClass.INVOKE.danger < ActionClass.READ.danger < ActionClass.MANAGE.danger
    assert "environment" in ACTIONS["lambda:GetFunction"].warning
    assert "execution role" in ACTIONS["lambda:UpdateFunctionCode"].warning


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_what_is_on_the_list_is_not_refused(name: str) -> None:
    assert refusal(name) is None


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lambda:Invoke", "choose lambda:InvokeFunction"),
        ("lambda:invoke", "choose lambda:InvokeFunction"),
        ("lambda:InvokeAsync", "choose lambda:InvokeFunction"),
        ("lambda:CreateEventSourceMapping", "only the owner account can wire an event source"),
        ("lambda:ListEventSourceMappings", "only the owner account"),
        ("lambda:AddPermission", "works only inside the owner account"),
        ("lambda:PutResourcePolicy", "give them a role"),
        ("lambda:UpdateFunctionConfiguration", "give them a role"),
        ("lambda:*", "grants everything"),
        ("*", "grants everything"),
        ("lambda:Get*", "wildcard"),
        ("lambda:InvokeFunctoin", "did you mean lambda:InvokeFunction?"),
        ("InvokeFunction", "exactly as AWS does: lambda:InvokeFunction"),
        ("lambda:invokefunction", "exactly as AWS does: lambda:InvokeFunction"),
        ("s3:GetObject", "another service"),
        ("lambda:Zzz", "choose one from the list"),
        ("", "Choose what they may do"),
    ],
)
def test_everything_else_is_refused_with_what_to_do_instead(name: str, words: str) -> None:
    reason = refusal(name)
    assert reason is not None
    assert words in reason


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("*", "lambda:InvokeFunction", True),
        ("lambda:*", "lambda:InvokeFunction", True),
        ("lambda:Invoke*", "lambda:InvokeFunctionUrl", True),
        ("lambda:InvokeFunctio?", "lambda:InvokeFunction", True),
        ("LAMBDA:INVOKEFUNCTION", "lambda:InvokeFunction", True),
        ("lambda:Invoke", "lambda:InvokeFunction", False),
        ("lambda:InvokeFunction?", "lambda:InvokeFunction", False),
        ("s3:*", "lambda:InvokeFunction", False),
    ],
)
def test_patterns_match_without_regard_to_case(pattern: str, action: str, expected: bool) -> None:
    assert matches(pattern, action) is expected


def test_patterns_expand_to_concrete_names() -> None:
    assert expand("lambda:*") == expand("*") == frozenset(ACTIONS)
    assert expand("lambda:Invoke*") == {"lambda:InvokeFunction", "lambda:InvokeFunctionUrl"}
    assert expand("lambda:invokefunction") == {"lambda:InvokeFunction"}
    assert expand("lambda:Invoke") == frozenset()


def test_names_are_found_in_any_spelling() -> None:
    found = find(" getfunction ")
    assert found is not None
    assert found.name == "lambda:GetFunction"
    assert find("lambda:Nothing") is None


@given(st.text(max_size=60))
def test_any_text_is_granted_or_refused_with_a_reason(text: str) -> None:
    reason = refusal(text)
    assert (reason is None) == (text.strip() in ACTIONS)


def test_a_hostile_pattern_does_not_take_forever() -> None:
    assert not matches("lambda:" + "*a" * 2000 + "b", "lambda:" + "a" * 3000)
