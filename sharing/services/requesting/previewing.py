"""What a request would become: the policy it means, and the plan of the share."""

from __future__ import annotations

from datetime import datetime

from sharing.models import AccessRequest, Actor, Policy, RequestState
from sharing.policy.arn import ArnError, FunctionArn
from sharing.services import granting
from sharing.services.errors import Refusal

from .asking import checked_principal


def policy_of(request: AccessRequest) -> Policy | None:
    """What it means: found when it was taken up, or since. None: no function of that name is known."""
    return request.policy or find_policy(request.asked_for)


def find_policy(asked_for: str) -> Policy | None:
    """The policy of the function, alias or version with this ARN, if AWS listed it at the last read."""
    try:
        arn = FunctionArn.parse(asked_for)
    except ArnError:
        return None
    present = Policy.objects.present().select_related("function__account", "current")
    return present.filter(function__arn=str(arn.unqualified), qualifier=arn.qualifier or "").first()


def plan_of(
    request: AccessRequest,
    *,
    by: Actor,
    policy: Policy,
    action: str = "",
    principal: str | None = None,
    ends_at: datetime | None,
) -> granting.Plan:
    """The share it would become, thought through: as asked, or with what the owner changed. Raises as granting.plan does.

    Whoever is named must belong to the account that is asked for: a request is no way to share with anybody else. The same
    request always plans the same grant, so that it becomes one at most.
    """
    wanted = request.principal if principal is None else checked_principal(principal, request.account)
    return granting.plan(
        policy=policy,
        who=wanted or request.account.number,
        by=by,
        action=action or request.action,
        ends_at=ends_at,
        form_token=token_of(request),
    )


def token_of(request: AccessRequest) -> str:
    """The form token of the one grant it may become."""
    return f"request:{request.pk.hex}"


def require_open(request: AccessRequest) -> None:
    """Raises Refusal (`stale`) that says what became of it."""
    if request.state == RequestState.OPEN:
        return
    if request.state == RequestState.WITHDRAWN:
        raise Refusal("It was withdrawn in the meantime.", next="Nothing is left to decide.", code="stale")
    who = request.decided_by.email if request.decided_by else "Somebody"
    raise Refusal(f"{who} has {request.state} it already.", next="Reload the page to see the answer.", code="stale")
