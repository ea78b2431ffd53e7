"""EventBridge rules: what PutTargets takes, and how an event that matches reaches a function (aws-facts 0.13 and 3).

moto keeps the rules and matches their patterns; it knows no function as a target, and asks nobody. A function of another
account is reached by a role of the bus's account alone: the role must trust EventBridge and be allowed to invoke, and the
function's policy must let that role in. Inside an account the function's policy lets the service in, with the rule's ARN.
"""

import copy
import threading
from datetime import UTC, datetime
from typing import Any

from moto.events.models import Rule

from sharing.sandbox.authorization import decide
from sharing.sandbox.deliveries import NO_FUNCTION, Deliveries
from sharing.sandbox.errors import AwsError
from sharing.sandbox.estate import Function, parse_function_name
from sharing.sandbox.evaluation import Reach, Who, resource_outcome
from sharing.sandbox.identity import Caller, Rights, find_role_by_arn, parsed, policies_of

SERVICE = "events.amazonaws.com"

_INVOKE = "lambda:InvokeFunction"


def check(operation: str, asked: dict[str, Any], account: str, region: str) -> None:
    """Raise what EventBridge answers to a call about a foreign bus, or to a target that a rule cannot have."""
    buses = [asked.get("EventBusName")] + [entry.get("EventBusName") for entry in asked.get("Entries", ())]
    for bus in filter(None, buses):
        parts = str(bus).split(":")
        if len(parts) > 5 and parts[4] != account:
            raise AwsError("AccessDeniedException", 403, f"The bus {bus} is another account's, and lets nobody else use it.")
    if operation != "PutTargets":
        return
    for target in asked.get("Targets", ()):
        arn = str(target.get("Arn", ""))
        named = (parse_function_name(arn) or {}) if arn.startswith("arn:") else {}
        if not named.get("marker"):
            continue
        if named.get("region") != region:
            raise _invalid(f"Parameter {arn} is not valid. Reason: the target is in another region than the rule.")
        role = target.get("RoleArn", "")
        if named.get("account") != account and not role:
            raise _invalid(f"RoleArn is required for target {arn}.")
        if role and role.split(":")[4:5] != [account]:
            raise _invalid(f"Parameter {role} is not valid. Reason: the role must be of the rule's account.")


def passed(operation: str, asked: dict[str, Any]) -> list[str]:
    """The roles that a call hands to EventBridge, which its caller must be allowed to pass on."""
    targets = asked.get("Targets", ()) if operation == "PutTargets" else ()
    return [str(target["RoleArn"]) for target in targets if target.get("RoleArn")]


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", 400, message)


def hand_over(deliveries: Deliveries, rule: Any, target: dict[str, Any], event: Any) -> bool:
    """Bring an event of this rule to one of its functions, as the target's role or as EventBridge itself."""
    arn, role_arn = str(target["Arn"]), str(target.get("RoleArn") or "")
    function, qualifier = deliveries.find(arn)
    if not role_arn and (function is None or function.account == rule.account_id):
        return deliveries.push(SERVICE, rule.arn, rule.account_id, arn, event)
    if function is None or not function.has(qualifier):
        why = NO_FUNCTION
    elif not role_arn:
        why = "The target names no role, which a function of another account needs."
    else:
        why = _refusal(deliveries, rule, role_arn, function, qualifier)
    if why or function is None:
        return deliveries.lose(SERVICE, rule.arn, rule.account_id, arn, why)
    deliveries.run(SERVICE, rule.arn, rule.account_id, function, qualifier, event, "Event")
    return True


def _refusal(deliveries: Deliveries, rule: Any, role_arn: str, function: Function, qualifier: str | None) -> str:
    """Why EventBridge cannot invoke the function as this role; "" if it can."""
    role = find_role_by_arn(role_arn)
    if role is None:
        return "The target's role does not exist."
    source = {"aws:sourcearn": [rule.arn], "aws:sourceaccount": [rule.account_id]}
    trust = resource_outcome(
        parsed(role.assume_role_policy_document), Who("service", "", SERVICE), "sts:AssumeRole", role_arn, source, trust=True
    )
    if trust.denied or trust.allowed is Reach.NONE:
        return "The target's role does not let EventBridge assume it."
    session = f"arn:aws:sts::{role.account_id}:assumed-role/{role.name}/eventbridge"
    who = Who("role", role.account_id, role.arn, role.id, session)
    caller = Caller(who, session, f"{role.id}:eventbridge", role.account_id, "")
    context = deliveries.gate.context(caller, function.region) | {"aws:resourceaccount": [function.account]}
    policy = function.policy_in_force(qualifier, deliveries.switches.propagation_delay)
    identity, boundary = policies_of(role)
    target = function.qualified(qualifier)
    verdict = decide(caller, Rights(identity, boundary, None), _INVOKE, target, function.account, policy, context)
    if verdict.allowed:
        return ""
    if verdict.side == "resource":
        return "The function's policy does not let the target's role in."
    return f"The target's role may not perform {_INVOKE} on this function."


_lock = threading.Lock()
_send = Rule.send_to_targets


def lead_here(deliveries: Deliveries) -> None:
    """From now on what moto's rules send to functions goes through these deliveries. One per process."""

    def send_to_targets(self: Any, original_event: Any, transform_input: bool = True) -> None:
        if self.state != "ENABLED" or not self.event_pattern.get_pattern():
            return
        if not self.event_pattern.matches_event(original_event):
            return
        functions = [target for target in self.targets if ":lambda:" in target["Arn"]]
        for target in functions:
            hand_over(deliveries, self, target, target.get("Input") or _as_sent(original_event))
        if len(functions) < len(self.targets):
            others = copy.copy(self)
            others.targets = [target for target in self.targets if target not in functions]
            _send(others, original_event, transform_input)

    with _lock:
        Rule.send_to_targets = send_to_targets  # type: ignore[method-assign]


def _as_sent(event: Any) -> dict[str, Any]:
    """moto's event as a target reads it."""
    sent = {key: value for key, value in event.items() if key != "ingestion-time"}
    if isinstance(sent.get("time"), (int, float)):
        sent["time"] = datetime.fromtimestamp(sent["time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return sent
