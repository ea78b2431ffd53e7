"""Why a policy does not let somebody in: the one thing by which a statement misses, and what is not known of the call."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sharing.policy import FunctionArn, decide, parse
from sharing.policy.caller import caller_of
from sharing.policy.near import Near, circumstances, near_misses

from .documents import ACME, GLOBEX, INVOKE, OWNER, F, Json, allow, deny, policy, role, root, service

FUNCTION = FunctionArn.parse(F)
ROLE = role()
SESSION = f"arn:aws:sts::{ACME}:assumed-role/deploy/s1"
GHOST = "AROAEXAMPLEEXAMPLE12"
ORG = {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}


def misses(*statements: Any, principal: str = ROLE, action: str = INVOKE, context: Json | None = None) -> list[tuple[str, str]]:
    found = near_misses(
        parse(policy(*statements)),
        function=FUNCTION,
        caller=caller_of(principal, "aws"),
        action=action,
        context=context or {},
    )
    return [(one.why.value, ", ".join(str(who) for who in one.principals)) for one in found]


@pytest.mark.parametrize(
    ("stored", "principal", "why"),
    [
        ({"AWS": ROLE}, ROLE, None),
        (root(), ROLE, None),
        ({"AWS": GHOST}, ROLE, Near.GHOST),
        ({"AWS": [GHOST, role("other")]}, ROLE, Near.GHOST),
        ({"AWS": role("team/deploy")}, ROLE, Near.PATH),
        ({"AWS": role("Deploy")}, ROLE, Near.SPELLING),
        ({"AWS": role("other")}, ROLE, Near.IDENTITY),
        ({"AWS": role("other")}, ACME, Near.IDENTITY),
        ({"AWS": f"{SESSION[:-1]}2"}, SESSION, Near.SESSION),
        ({"AWS": role("deploy", GLOBEX)}, ROLE, None),
        (root(GLOBEX), ROLE, None),
        (service(), ROLE, None),
        ({"AWS": GHOST}, "s3.amazonaws.com", None),
        ({"AWS": GHOST}, "anonymous", None),
    ],
)
def test_the_nearest_of_those_who_are_named_instead_is_told(stored: Any, principal: str, why: Near | None) -> None:
    found = misses(allow(stored), principal=principal)
    assert [one for one, _ in found] == ([why.value] if why else [])


def test_a_condition_that_is_not_met_is_named() -> None:
    found = near_misses(
        parse(policy(allow(root(), Condition={**ORG, "Bool": {"aws:SecureTransport": "true"}}))),
        function=FUNCTION,
        caller=caller_of(ROLE, "aws"),
        action=INVOKE,
        context={"aws:PrincipalOrgID": "o-zzzzzzzzzz", "aws:SecureTransport": "true"},
    )
    assert [(one.why, [condition.key for condition in one.conditions]) for one in found] == [
        (Near.CONDITION, ["aws:PrincipalOrgID"])
    ]


def test_another_action_or_another_form_is_told_and_two_misses_are_no_near_miss() -> None:
    assert misses(allow(root(), Action="lambda:GetFunction"))[0][0] == Near.ACTION
    assert misses(allow(root(), Resource=f"{F}:prod"))[0][0] == Near.FORM
    assert misses(allow(root(), Resource=f"{F}:prod", Action="lambda:GetFunction")) == []
    assert misses(allow({"AWS": role("other")}, Resource=f"{F}:prod")) == []
    assert misses(deny(root())) == []
    assert misses({"Effect": "Allow", "Principal": 7, "Action": INVOKE, "Resource": F}) == []


def asked(*statements: Any, principal: str = ROLE, given: Json | None = None, at: datetime | None = None) -> tuple[str, str]:
    document = parse(policy(*statements))
    caller = caller_of(principal, "aws")
    context, unknown = circumstances(document, caller=caller, function=FUNCTION, given=given or {}, at=at)
    found = decide(document, function_arn=F, principal=principal, context=context, unknown=unknown)
    return found.outcome, found.certainty


@pytest.mark.parametrize(
    ("principal", "condition", "expected"),
    [
        (ROLE, ORG, ("none", "depends")),
        (ACME, ORG, ("none", "depends")),
        ("s3.amazonaws.com", ORG, ("none", "yes")),
        (ROLE, {"StringEquals": {"aws:SourceAccount": ACME}}, ("none", "yes")),
        ("s3.amazonaws.com", {"StringEquals": {"aws:SourceAccount": ACME}}, ("none", "depends")),
        (ROLE, {"ArnLike": {"aws:PrincipalArn": ROLE}}, ("allowed", "yes")),
        (role("other"), {"ArnLike": {"aws:PrincipalArn": ROLE}}, ("none", "yes")),
        (ACME, {"ArnLike": {"aws:PrincipalArn": ROLE}}, ("none", "depends")),
        (ROLE, {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, ("none", "depends")),
        (ROLE, {"Bool": {"aws:SecureTransport": "true"}}, ("allowed", "yes")),
        (ROLE, {"StringEquals": {"aws:ResourceAccount": OWNER}}, ("allowed", "yes")),
        (ROLE, {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, ("allowed", "yes")),
        (ROLE, {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}, ("none", "yes")),
        (ROLE, {"StringEquals": {"kms:ViaService": "x"}}, ("none", "yes")),
        (ROLE, {"StringEquals": {"aws:BrandNewKey": "x"}}, ("none", "depends")),
        (ROLE, {"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}}, ("none", "depends")),
    ],
)
def test_what_is_not_known_of_a_call_makes_the_answer_depend(
    principal: str, condition: Json, expected: tuple[str, str]
) -> None:
    assert asked(allow("*", Condition=condition), principal=principal) == expected


def test_what_is_given_is_judged_and_so_is_the_time() -> None:
    assert asked(allow("*", Condition=ORG), given={"aws:PrincipalOrgID": "o-a1b2c3d4e5"}) == ("allowed", "yes")
    assert asked(allow("*", Condition=ORG), given={"AWS:principalorgid": "o-other"}) == ("none", "yes")
    now = datetime(2026, 11, 25, tzinfo=UTC)
    before = allow("*", Condition={"DateLessThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"}})
    epoch = allow("*", Condition={"NumericLessThan": {"aws:EpochTime": "1900000000"}})
    assert asked(before, at=now) == asked(epoch, at=now) == ("allowed", "yes")


def test_a_deny_that_hangs_on_something_unknown_leaves_the_answer_depending() -> None:
    outside = deny("*", Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}})
    assert asked(allow(root()), outside) == ("allowed", "depends")
    # Judged as if the key were absent it would be a Deny for certain, which is not known.
    assert decide(policy(allow(root()), outside), function_arn=F, principal=ROLE).outcome == "denied"
