"""Who could invoke what at a moment in the past, for the command: every function that was there, with how sure it is."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sharing.models import Actor, Function, Policy
from sharing.policy import ArnError, FunctionArn
from sharing.services import gaps
from sharing.services.errors import Refusal
from sharing.services.trusting import trust

from . import past, unlooked
from .about_function import lines_of
from .finding import find_function, find_policy
from .lines import INVOKE, Certainty, Line
from .past import Content


@dataclass(frozen=True)
class Then:
    """One function as it was: its ways in, and what each of its policies held. `certainty` is the worst of them."""

    function: Function
    lines: tuple[Line, ...]
    contents: tuple[Content, ...]

    @property
    def certainty(self) -> Certainty:
        """How sure the whole of it is."""
        found = {one.certainty for one in self.contents}
        order = (Certainty.UNREAD, Certainty.CHANGED, Certainty.KNOWN)
        return next((one for one in order if one in found), Certainty.UNREAD)


def who_could_invoke(*, by: Actor, at: datetime, function_arn: str = "") -> tuple[list[Then], tuple[str, ...]]:
    """The functions in scope that were, or may have been, there; then what was not looked at.

    `function_arn`: only that one, or exactly the alias or version that is named. The number of queries does not depend on
    how many there are. Raises Refusal and NotFound for an ARN that names nothing, or what was not there then.
    """
    policies = Policy.objects.visible_to(by)
    if function_arn:
        policies = policies.filter(pk__in=_asked(function_arn, by))
    contents = past.contents(policies.order_by("function__account__name", "function__region", "function__name"), at=at, by=by)
    by_function: dict[uuid.UUID, list[Content]] = {}
    for content in contents:
        if content.certainty is not Certainty.ABSENT:
            by_function.setdefault(content.policy.function_id, []).append(content)
    if function_arn and not by_function:
        note = next((one.note for one in contents), "Its policy was never read.")
        raise Refusal(f"It was not there then. {note}", next="Ask about another moment.", code="gone")
    ways: dict[uuid.UUID, list[Line]] = {}
    for line in lines_of([one for found in by_function.values() for one in found], at=at, known=trust(), past_=True):
        if line.effect == "Allow" and line.action_class in INVOKE:
            ways.setdefault(line.policy.function_id, []).append(line)
    found = [Then(held[0].policy.function, tuple(ways.get(key, ())), tuple(held)) for key, held in by_function.items()]
    never = (unlooked.SOURCES, unlooked.CONSUMERS, unlooked.PAST_MAPPINGS, unlooked.PAST_URLS)
    said = (*gaps.summary(by), unlooked.owner("the owner accounts"), *never)
    return found, said


def _asked(function_arn: str, by: Actor) -> list[uuid.UUID]:
    try:
        arn = FunctionArn.parse(function_arn)
    except ArnError:
        find_policy(function_arn, by=by)  # says what is wrong with it
        raise
    function = find_function(arn, by=by)
    held = function.policies.filter(qualifier=arn.qualifier) if arn.qualifier else function.policies.all()
    found = list(held.values_list("pk", flat=True))
    if not found:
        find_policy(function_arn, by=by)  # says which aliases there are
    return found
