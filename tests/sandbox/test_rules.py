"""EventBridge rules: a function of another account is reached by a role of the bus's account alone, and only if all agree."""

import json
from typing import Any

import pytest

from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import Speaker, allow, code, function_arn, refused

PLATFORM, ACME, GLOBEX = "444455556666", "111122223333", "222233334444"
FUNCTION = function_arn(PLATFORM, "session-cleanup")
ROLE = f"arn:aws:iam::{ACME}:role/events-invoke"
RULE = f"arn:aws:events:us-east-1:{ACME}:rule/picture-approved"
EVENT = {"Source": "acme.retail", "DetailType": "Picture approved", "Detail": '{"picture": 1}'}


def aim(client: Any, **more: str) -> None:
    client.put_targets(Rule="picture-approved", Targets=[{"Id": "shared", "Arn": FUNCTION, **more}])


def let_in(speak: Speaker, principal: str, **limits: str) -> None:
    speak.lambda_("Platform").add_permission(
        FunctionName="session-cleanup", StatementId="rule", Action="lambda:InvokeFunction", Principal=principal, **limits
    )


def told(sandbox: Sandbox) -> list[tuple[bool, str]]:
    return [(one.delivered, one.detail) for one in sandbox.journal.deliveries]


def test_a_function_of_another_account_is_no_target_without_a_role(speak: Speaker) -> None:
    events = speak.client("events", "Acme Retail")
    said = refused(aim, events)
    assert said == ("ValidationException", 400, f"RoleArn is required for target {FUNCTION}.")
    assert "must be of the rule's account" in refused(aim, events, RoleArn=f"arn:aws:iam::{GLOBEX}:role/events-invoke")[2]
    far = {"Id": "far", "Arn": function_arn(PLATFORM, "vat-check", "eu-west-1"), "RoleArn": ROLE}
    assert "another region" in refused(events.put_targets, Rule="picture-approved", Targets=[far])[2]
    bus = f"arn:aws:events:us-east-1:{ACME}:event-bus/default"
    theirs = speak.client("events", "Platform")
    target = {"Id": "shared", "Arn": FUNCTION}
    asked = {"Rule": "picture-approved", "EventBusName": bus, "Targets": [target]}
    assert code(theirs.put_targets, **asked) == "AccessDeniedException"
    assert code(theirs.put_events, Entries=[{**EVENT, "EventBusName": bus}]) == "AccessDeniedException"


def test_an_event_arrives_once_the_functions_policy_lets_the_role_in(speak: Speaker, sandbox: Sandbox) -> None:
    events = speak.client("events", "Acme Retail")
    aim(events, RoleArn=ROLE)
    events.put_events(Entries=[EVENT])
    let_in(speak, "events.amazonaws.com", SourceArn=RULE)  # the service is not who calls here
    events.put_events(Entries=[EVENT])
    assert told(sandbox) == [(False, "The function's policy does not let the target's role in.")] * 2
    speak.lambda_("Platform").remove_permission(FunctionName="session-cleanup", StatementId="rule")
    let_in(speak, ROLE)
    events.put_events(Entries=[EVENT, {**EVENT, "DetailType": "Picture refused"}])
    (one,) = [found for found in sandbox.journal.deliveries if found.delivered]
    assert (one.service, one.source_arn, one.source_account) == ("events.amazonaws.com", RULE, ACME)
    events.disable_rule(Name="picture-approved")
    events.put_events(Entries=[EVENT])
    assert len(sandbox.journal.deliveries) == 3


@pytest.mark.parametrize(
    ("trust", "rights", "why"),
    [
        ("scheduler.amazonaws.com", "lambda:InvokeFunction", "The target's role does not let EventBridge assume it."),
        (
            "events.amazonaws.com",
            "lambda:GetFunction",
            "The target's role may not perform lambda:InvokeFunction on this function.",
        ),
    ],
)
def test_the_role_must_trust_eventbridge_and_may_invoke(
    speak: Speaker, sandbox: Sandbox, trust: str, rights: str, why: str
) -> None:
    statement = {"Effect": "Allow", "Principal": {"Service": trust}, "Action": "sts:AssumeRole"}
    sandbox.put_trust(ACME, "events-invoke", {"Version": "2012-10-17", "Statement": [statement]})
    sandbox.put_role_policy(ACME, "events-invoke", "Invoke", allow(rights, f"{FUNCTION}*"))
    let_in(speak, ROLE)
    events = speak.client("events", "Acme Retail")
    aim(events, RoleArn=ROLE)
    events.put_events(Entries=[EVENT])
    assert told(sandbox) == [(False, why)]
    sandbox.delete_role(ACME, "events-invoke")
    events.put_events(Entries=[EVENT])
    assert told(sandbox)[1] == (False, "The target's role does not exist.")


def test_inside_an_account_the_service_is_let_in_with_the_rules_arn(speak: Speaker, sandbox: Sandbox) -> None:
    events = speak.client("events", "Platform")
    rule = events.put_rule(Name="cleaning", EventPattern=json.dumps({"detail": {"carts": [{"numeric": [">", 9]}]}}))["RuleArn"]
    events.put_targets(Rule="cleaning", Targets=[{"Id": "own", "Arn": FUNCTION}])
    many = {"Source": "shop", "DetailType": "Carts", "Detail": '{"carts": 10}'}
    events.put_events(Entries=[many, {**many, "Detail": '{"carts": 9}'}])
    let_in(speak, "events.amazonaws.com", SourceArn=rule)
    events.put_events(Entries=[many])
    assert [delivered for delivered, _ in told(sandbox)] == [False, True]


def test_who_sets_a_target_with_a_role_must_be_allowed_to_pass_that_role_on(speak: Speaker, sandbox: Sandbox) -> None:
    narrow = allow("events:PutTargets", RULE)
    one = speak.user("events", "Acme Retail", "one", narrow)
    assert "iam:PassRole" in refused(aim, one, RoleArn=ROLE)[2]
    passing = allow("iam:PassRole", ROLE, Condition={"StringEquals": {"iam:PassedToService": "events.amazonaws.com"}})
    two = speak.user("events", "Acme Retail", "two", narrow, passing)
    aim(two, RoleArn=ROLE)
    other = {"Rule": "another", "Targets": [{"Id": "shared", "Arn": FUNCTION, "RoleArn": ROLE}]}
    assert code(two.put_targets, **other) == "AccessDenied"
