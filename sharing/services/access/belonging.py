"""One decision by one policy, with what was read of the organisation of the caller's account."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sharing.policy import Certainty, Decision, Document, FunctionArn, decide
from sharing.policy.caller import Caller
from sharing.policy.near import Context, circumstances

if TYPE_CHECKING:
    from .questioning import Question

_ID: Final = "aws:principalorgid"
_PATHS: Final = "aws:principalorgpaths"
#: What a caller carries of the organisation of its account.
MEMBERSHIP: Final = frozenset({_ID, _PATHS})
#: An organisation that no policy names: what a caller carries who is in one that nobody here knows.
_ANOTHER: Final[dict[str, str | Sequence[str]]] = {_ID: "o-another", _PATHS: ["o-another/r-another/"]}


def decided_for(
    asked: Question, document: Document, arn: FunctionArn, action: str, now: datetime, *, caller: Caller, principal: str
) -> tuple[Decision, Context, frozenset[str]]:
    """One action of one caller by one document, with what is known and not known of the call.

    An account that is known to be outside every organisation the policy names is in another one, or in none: where both
    come to the same, that is the answer; else it depends on which.
    """
    context, unknown = circumstances(document, caller=caller, function=arn, given=asked.context, at=now)

    def told(given: Context, not_known: frozenset[str]) -> Decision:
        return decide(document, function_arn=arn, principal=principal, action=action, context=given, unknown=not_known)

    decision = told(context, unknown)
    if decision.certainty is Certainty.YES or not MEMBERSHIP & unknown or not _all_named(document, asked.belonging.outside):
        return decision, context, unknown
    rest = unknown - MEMBERSHIP
    in_none, in_another = told(context, rest), told({**context, **_ANOTHER}, rest)
    if (in_none.outcome, in_none.certainty) == (in_another.outcome, in_another.certainty):
        return in_none, context, rest
    return decision, context, unknown


def _all_named(document: Document, outside: Collection[str]) -> bool:
    """Whether the policy asks for organisations by their ids, or for units by these, and only for these."""
    if not outside:
        return False
    for statement in document.statements:
        if any("${" in text for text in (*statement.resources, *statement.not_resources)):
            return False
        for condition in statement.conditions:
            if any("${" in value for value in condition.values):
                return False
            if condition.key.lower() in MEMBERSHIP and not {one.partition("/")[0] for one in condition.values} <= set(outside):
                return False
    return True
