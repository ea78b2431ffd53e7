"""What the words of a refusal say by themselves, whatever is known of the function: a hint, marked as told."""

from __future__ import annotations

from sharing.policy import ACTIONS, FunctionArn
from sharing.policy.access_denied import AccessDenied, PolicyType, Refused
from sharing.policy.actions import INVOKE, find, refusal
from sharing.policy.arn import LATEST
from sharing.policy.handing_over import invoke_command

from .repairs import Cause, HandOver


def is_latest(function: FunctionArn) -> bool:
    return bool(function.qualifier and function.qualifier.startswith(LATEST))


def about_lambda(told: AccessDenied) -> bool:
    return told.action.lower().startswith("lambda:")


def action_of(told: AccessDenied) -> str:
    """The grantable action that was meant; "" for one that a function's policy cannot grant."""
    if not told.action or told.action.lower() in ("lambda:invoke", "lambda:invokeasync", "lambda:invokewithresponsestream"):
        return INVOKE
    known = find(told.action)
    return known.name if known else ""


def of_kind(told: AccessDenied) -> list[Cause]:
    function = told.function
    match told.kind:
        case Refused.LOGS:
            text = (
                "AWS gives the end of the log (LogType=Tail, --log-type Tail) to callers of the function's own account only. "
                "Leave it out, or ask for None. Whether the call itself is permitted, this text does not say."
            )
            call = (HandOver("The call without its log", invoke_command(function)),) if function else ()
            return [Cause("logs", "call", "They asked for the function's log", text, hand_over=call, told=True)]
        case Refused.OTHER_REGION:
            there, here = told.regions
            text = f"The function is in {there}, the client called {here}. A client does not follow the region in an ARN."
            return [
                Cause(
                    "region",
                    "call",
                    f"Call it in {there}",
                    text,
                    hand_over=(HandOver("Option of the CLI", f"--region {there}"),),
                )
            ]
        case Refused.NOT_FOUND:
            text = (
                "AWS found no such function, alias or version there. Callers of other accounts usually see that only once they "
                "are let in: so look for a deleted alias, a wrong name or a wrong region before a permission."
            )
            return [Cause("not-found", "call", "Not denied: not found", text, told=True)]
        case Refused.THROTTLED:
            text = (
                "Too many calls at once, not a missing permission: wait, retry with growing pauses, or raise the concurrency."
            )
            return [Cause("throttled", "call", "Not denied: throttled", text, told=True)]
        case Refused.KMS:
            text = (
                "The function may be called; its own execution role may not use the KMS key of its environment. Its owner "
                "allows that role kms:Decrypt in the key's policy."
            )
            return [Cause("kms", "owner", "The function cannot decrypt its environment", text, told=True)]
        case Refused.ENCODED:
            text = "AWS encoded the reason. Whoever has sts:DecodeAuthorizationMessage in their account reads it; paste that."
            call = (HandOver("Decode it", "aws sts decode-authorization-message --encoded-message MESSAGE"),)
            return [Cause("encoded", "caller", "The reason is encoded", text, hand_over=call, told=True)]
        case Refused.CREDENTIALS:
            text = (
                "AWS did not accept who they are, and never came to what they may: sign in anew; check key, clock and region."
            )
            return [Cause("credentials", "caller", "Their credentials were refused", text, told=True)]
        case Refused.URL:
            text = (
                "A function URL needs two permissions since October 2025: lambda:InvokeFunctionUrl and lambda:InvokeFunction. "
                "An unsigned call is let in only if the URL's auth type is NONE and both are given to everyone."
            )
            return [Cause("url", "unknown", "The function URL refused the call", text, told=True)]
        case Refused.SERVICE:
            text = "A service tried to use the function, and the function's policy does not let it in for that source."
            return [Cause("service", "owner", "A service is not let in", text, told=True)]
        case Refused.UNKNOWN:
            text = "It does not look like a refusal by AWS. Paste the whole message, from “User:” or “An error occurred” on."
            return [Cause("unread-text", "unknown", "Nothing in this text says that something was denied", text)]
    return []


def of_action(told: AccessDenied) -> list[Cause]:
    """Actions that are named wrongly, or that no function policy grants."""
    if told.kind is not Refused.NOT_AUTHORIZED or not told.action:
        return []
    if not about_lambda(told):
        text = (
            f"The refused action is {told.action}, on {told.resource or 'something the text does not name'}: sharing a "
            "function does not change that. Whoever runs that resource, or the caller's account, has to allow it."
        )
        return [Cause("other-service", "caller", "This is not about calling a function", text, told=True)]
    if told.action in ACTIONS:
        return []
    why = refusal(told.action) or ""
    if action_of(told):
        text = f"{why} An identity policy that allows {told.action} allows nothing."
        return [Cause("action-name", "caller", f"{told.action} is not the name of the permission", text, told=True)]
    return [Cause("not-grantable", "call", f"{told.action} cannot be shared", why, told=True)]


def of_form(told: AccessDenied) -> list[Cause]:
    function = told.function
    if function is None or not is_latest(function):
        return []
    text = f"AWS keeps no policy for {function.qualifier}, so it can be shared with nobody. Without it the same code runs."
    arn = function.unqualified
    return [
        Cause(
            "latest", "call", "They called $LATEST by name", text, hand_over=(HandOver("The ARN to call", str(arn)),), told=True
        )
    ]


def of_reason(told: AccessDenied) -> tuple[Cause, ...]:
    """What AWS's words alone point to, where nothing can be reasoned."""
    if told.policy_type is None:
        return ()
    sides = {PolicyType.RESOURCE: "owner", PolicyType.RESOURCE_CONTROL: "owner"}
    text = "That is AWS's own hint. What the function's policy says is not known here."
    return (Cause("hint", sides.get(told.policy_type, "caller"), f"AWS says: {told.reason}", text, told=True),)
