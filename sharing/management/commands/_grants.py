"""Grants and checks as commands print them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sharing.models import Actor, Check, CheckState, Grant, GrantState, Verdict, Wanted
from sharing.services import access, granting
from sharing.services.errors import Refusal
from sharing.services.granting.wording import named, until

from ._output import Outcome, Problem, ShareCommand, timed_out, when

FIELDS = (
    "id, function_arn, qualifier, sid, principal, action, state, until, check {verdict, principal, at, detail}, reason, failure"
)


def item_of(grant: Grant) -> dict[str, Any]:
    """One grant for --json. `function_arn` is the function's own; `qualifier` the alias or version, "" for none."""
    return {
        "id": grant.pk,
        "function_arn": grant.policy.function.arn,
        "qualifier": grant.policy.qualifier,
        "sid": grant.sid,
        "principal": grant.principal,
        "action": grant.action,
        "state": grant.state,
        "until": grant.ends_at,
        "check": {
            "verdict": grant.verdict,
            "principal": grant.verdict_principal,
            "at": grant.checked_at,
            "detail": grant.verdict_detail,
        },
        "reason": grant.reason,
        "failure": grant.failure,
    }


def item_of_check(check: Check) -> dict[str, Any]:
    """One check for --json, in the same fields; `state` is the check's own."""
    return {
        "id": check.pk,
        "function_arn": check.policy.function.arn,
        "qualifier": check.policy.qualifier,
        "sid": "",
        "principal": check.principal or check.asked_as,
        "action": "lambda:InvokeFunction",
        "state": check.state,
        "until": None,
        "check": {"verdict": check.verdict, "principal": check.principal, "at": check.done_at, "detail": check.detail},
        "reason": "",
        "failure": check.detail if check.verdict == Verdict.ERROR else "",
    }


def line_of(grant: Grant) -> str:
    """One grant for people."""
    parts = [f"{grant.get_state_display()}: {named(grant)}, {until(grant.ends_at)} ({grant.sid})."]
    if grant.verdict:
        at = f" at {when(grant.checked_at)}" if grant.checked_at else ""
        parts.append(f"Check{at}: {Verdict(grant.verdict).label.lower()}. {grant.verdict_detail}".strip())
    if grant.failure:
        parts.append(f"{grant.failure} {grant.failure_next}".strip())
    return " ".join(parts)


def again(grants: Iterable[Grant]) -> list[Grant]:
    """The rows as they are now, in the same order."""
    keys = [grant.pk for grant in grants]
    found = Grant.objects.select_related("policy__function__account").in_bulk(keys)
    return [found[key] for key in keys]


def are_settled(keys: Sequence[uuid.UUID]) -> bool:
    """Whether no worker has anything left to do about these grants, their checks included."""
    if Grant.objects.unsettled().filter(pk__in=keys).exists():
        return False
    return not Check.objects.filter(grant__in=keys).exclude(state=CheckState.DONE).exists()


def problem_of(grant: Grant, *, wanted: str) -> Problem | None:
    """Why this settled grant is not what was asked for (`wanted`: present or absent); None if it is, or is not settled."""
    if grant.is_unsettled:
        return None
    good = {
        Wanted.PRESENT: (GrantState.ACTIVE,),
        Wanted.ABSENT: (GrantState.REVOKED, GrantState.EXPIRED, GrantState.VANISHED),
    }[Wanted(wanted)]
    withdrawn = wanted == Wanted.ABSENT and grant.failure_code == "withdrawn"
    return None if grant.state in good or withdrawn else _not_so(grant)


def the_live_grant(options: Mapping[str, Any], *, by: Actor) -> Grant:
    """The share that FUNCTION_ARN and --sid name. Raises NotFound, NotPermitted."""
    policy = access.find_policy(options["function_arn"], by=by)
    target = granting.target_with_sid(policy, options["sid"], by=by)
    if target.grant is None:
        raise Refusal(
            f"The statement {target.name} was made elsewhere: it is not suspended.",
            next="Revoke it, if it may go.",
            code="stale",
        )
    return target.grant


def settled_outcome(command: ShareCommand, grant: Grant, options: Mapping[str, Any], *, good: GrantState) -> Outcome:
    """What to print of a grant that was to be `good`, once it is settled if that is waited for."""
    settled = not options["wait"] or command.wait_until(lambda: are_settled([grant.pk]), options["timeout"])
    (grant,) = again([grant])
    problem = None if grant.is_unsettled or grant.state == good else _not_so(grant)
    return Outcome([item_of(grant)], [line_of(grant)], problem if settled else timed_out(options["timeout"]))


def _not_so(grant: Grant) -> Problem:
    return Problem(
        grant.failure_code or grant.state,
        grant.failure or f"It is {grant.get_state_display().lower()}.",
        grant.failure_next or "Look at it on its page.",
    )
