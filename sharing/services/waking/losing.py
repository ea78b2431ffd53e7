"""What stops waking a function when a statement goes: said before it is revoked, since the source's side will not say it."""

from __future__ import annotations

from sharing.models import Actor, Grant, Policy, StepState, WiringStep
from sharing.policy import PrincipalKind, Statement, services
from sharing.policy.wiring import SOURCES
from sharing.services.naming import account_names

from .gathering import of_function
from .shapes import Problem, Waker, Way
from .sources import name_of

_SHOWN = 5


def losses(policy: Policy, statement: Statement, *, by: Actor, sure: bool = True) -> tuple[str, ...]:
    """A sentence for each source that this statement of the policy (as last read) lets in.

    `sure` False: something else may let the same in afterwards. What wakes nothing now is left out.
    """
    if not _may_wake(policy, statement):
        return ()
    found = [
        one
        for one in of_function(policy.function, by=by)
        if one.policy == policy.pk and statement.index in one.statements and _works(one)
    ]
    said = [_of_url(one, sure) if one.way is Way.URL else _of_push(one, sure) for one in found[:_SHOWN]]
    if len(found) > _SHOWN:
        said.append(f"The same for {len(found) - _SHOWN:,} more sources.")
    return tuple(said)


def wirings_lost(grant: Grant) -> tuple[str, ...]:
    """A sentence for each wiring that is built on this share; none for what is being taken back anyway."""
    steps = WiringStep.objects.filter(grant=grant, wiring__abandoned_at=None).exclude(state=StepState.FAILED)
    steps = steps.select_related("wiring__function").order_by("wiring__created_at")
    names = account_names()
    found = []
    for step in steps[:_SHOWN]:
        wiring = step.wiring
        kind = SOURCES.get(wiring.kind)
        whose = names.get(wiring.source_account) or (f"account {wiring.source_account}" if wiring.source_account else "")
        what = f"{kind.label if kind else 'source'} {name_of(wiring.source_arn)}{f' of {whose}' if whose else ''}"
        found.append(f"The wiring of {what} needs this share: it fails when the share is gone, and what it set up there stays.")
    if (count := len(steps)) > _SHOWN:
        found.append(f"The same for {count - _SHOWN:,} more wirings.")
    return tuple(found)


def _may_wake(policy: Policy, statement: Statement) -> bool:
    """Whether it is worth asking: most statements name accounts and roles of functions without a URL."""
    if statement.not_principals or any(
        one.kind in (PrincipalKind.SERVICE, PrincipalKind.EVERYONE) for one in statement.principals
    ):
        return True
    urls = policy.function.urls
    return policy.qualifier in urls if urls else urls is None and bool(statement.conditions)


def _works(one: Waker) -> bool:
    return not one.lacks and all(trouble.problem is not Problem.ORPHAN_GRANT for trouble in one.troubles)


def _of_push(one: Waker, sure: bool) -> str:
    what = f"{one.label} {one.source}" if one.source else f"any source of {services.label(one.service)}"
    if one.service == "*" and not one.source:
        what = "any source of any service"
    whose = f" of {one.whose_name or f'account {one.whose}'}" if one.whose else ""
    if one.organization and not one.whose:
        whose = f" of organisation {one.organization}"
    teller = "nobody" if one.service == "*" else services.label(one.service)
    tells = "nobody will tell them" if teller == "nobody" else f"{teller} will not tell them"
    will = "will" if sure else "may"
    return f"Events from {what}{whose} {will} not arrive any more, if any are sent (that is not looked at), and {tells}."


def _of_url(one: Waker, sure: bool) -> str:
    type_ = f" (type {one.auth})" if one.auth else ", if it has one (that was not read yet),"
    then = "it answers 403 to whom it names" if sure else "it may answer 403 to whom it names"
    return f"The URL of {one.form}{type_} needs this statement: afterwards {then}."
