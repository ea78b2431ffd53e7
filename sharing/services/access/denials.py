"""Why was I denied? A pasted error text, read as a hint, and held against what fnshare knows.

The text is used and forgotten: it is neither stored nor logged. A function that is out of scope is answered exactly like
one that does not exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.views.decorators.debug import sensitive_variables

from sharing.models import Actor, Function
from sharing.policy import FunctionArn
from sharing.policy.access_denied import AccessDenied, Refused, read_denial
from sharing.policy.actions import INVOKE
from sharing.policy.handing_over import identity_policy_text
from sharing.services.errors import Refusal

from .causes import causes_of
from .questioning import question
from .reasoning import Reasoned, functions_named, reason
from .repairs import Cause, HandOver
from .told import about_lambda, action_of, is_latest, of_action, of_form, of_kind, of_reason


@dataclass(frozen=True)
class Explained:
    """What the text tells (`told`, a hint), what fnshare could reason from it, and the causes, the likeliest first.

    `reasoned` is None where the text names no function in scope or no caller; `asks` then says what to add.
    """

    told: AccessDenied
    reasoned: Reasoned | None
    causes: tuple[Cause, ...]
    asks: str = ""


@sensitive_variables("text")
def why_denied(text: str, *, by: Actor) -> Explained:
    """Explain a refusal. Never raises for what the text says; nothing is written."""
    told = read_denial(text)
    function = told.function
    first = [*of_kind(told), *of_action(told), *of_form(told)]
    if told.kind in _ALONE:
        return Explained(told, None, tuple(first))
    if function is None:
        asks = "The text names no Lambda function. Ask above, with the function and who called."
        return Explained(told, None, (*first, *of_reason(told)), "" if told.action and not about_lambda(told) else asks)
    if not told.principal and told.kind is not Refused.URL:
        return _without_caller(told, function, first, by)
    if told.action and not about_lambda(told):
        return Explained(told, None, tuple(first))
    wanted = action_of(told)
    if not wanted:
        return Explained(told, None, tuple(first))
    called = function.unqualified if is_latest(function) else function
    try:
        asked = question(
            by=by,
            function=str(called),
            principal=told.principal or "anonymous",
            action=wanted,
            by_url=told.kind is Refused.URL,
        )
    except Refusal as problem:
        if problem.field == "principal":
            return Explained(told, None, tuple(first), f"{problem.message} {problem.next}".strip())
        if problem.code == "gone":
            gone = Cause("gone", "owner", problem.message, problem.next)
            return Explained(told, None, (*first, gone, *of_reason(told)))
        return Explained(told, None, (*first, *_unknown(function, told, by), *of_reason(told)))
    found = reason(asked, by=by)
    return Explained(told, found, (*first, *causes_of(found, told)))


#: Kinds after which there is nothing to reason about: permission is not what failed.
_ALONE: Final = frozenset(
    {Refused.THROTTLED, Refused.CREDENTIALS, Refused.ENCODED, Refused.KMS, Refused.UNKNOWN, Refused.LOGS, Refused.OTHER_REGION}
)


def _without_caller(told: AccessDenied, function: FunctionArn, first: list[Cause], by: Actor) -> Explained:
    """The text names a function and nobody who called."""
    known = Function.objects.visible_to(by).filter(arn=str(function.unqualified), vanished_at=None).first()
    form = function.qualifier or ""
    if known is None or not known.policies.filter(qualifier=form, vanished_at=None).exists():
        return Explained(told, None, (*first, *_unknown(function, told, by)))
    if told.kind is Refused.NOT_FOUND:
        text = "It was there at the last read. A client that works in another region, or another account's ARN, finds nothing."
        there = Cause("there", "call", "It is known here", text, hand_over=(HandOver("The ARN to call", str(function)),))
        return Explained(told, None, (*first, there))
    return Explained(told, None, tuple(first), "The text does not say who called. Ask above, with the caller.")


def _unknown(function: FunctionArn, told: AccessDenied, by: Actor) -> tuple[Cause, ...]:
    """Not known here: missing, misspelt, or out of the reader's scope; nobody can tell which from the answer."""
    near = functions_named(function.name, function.account, by=by)
    elsewhere = [one for one in near if one.region != function.region]
    wanted = (action_of(told) or INVOKE,)
    if elsewhere:
        where = elsewhere[0].region
        text = f"{function.name} is known in {where}, not in {function.region}. A client does not follow the region in an ARN."
        arn = f"{elsewhere[0].arn}:{function.qualifier}" if function.qualifier else elsewhere[0].arn
        return (
            Cause("region", "call", f"The call went to {function.region}", text, hand_over=(HandOver("The ARN to call", arn),)),
        )
    if near:
        text = f"{function.name} has no alias or version {function.qualifier} that was read. Re-read it, or check the name."
        return (
            Cause(
                "no-form",
                "call",
                "That alias or version is not known",
                text,
                hand_over=(HandOver("The function", near[0].arn),),
            ),
        )
    text = (
        "No function of that ARN is known here, or none in your scope. Check name, account and region; if it is another "
        "organisation's function, only its owner sees its policy."
    )
    give = (HandOver("Least identity policy for their side", identity_policy_text(wanted, function)),)
    return (Cause("unknown-function", "unknown", f"{function.name} is not known here", text, hand_over=give),)
