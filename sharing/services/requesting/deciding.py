"""The owners' answer: one of them wins. An approval becomes a grant, or another end date, through the gates of any other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from sharing.models import AccessRequest, Actor, Grant, Notice, Policy, RequestKind, RequestState, User
from sharing.services import granting, notices
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.services.granting import rights
from sharing.services.granting.wording import named, until
from sharing.services.history import record
from sharing.services.proofs import requests_paused

from .asking import acts_still, readable
from .previewing import policy_of, require_open, token_of

#: Characters of an answer that are kept.
_LONGEST = 500


@dataclass(frozen=True)
class Decided:
    """What came of it: the request, the grant it became (None when declined), the mail to the asker."""

    request: AccessRequest
    grant: Grant | None
    notice: Notice | None


def approve(
    request: AccessRequest,
    *,
    by: Actor,
    plan: granting.Plan | None = None,
    ends_at: datetime | None = None,
    answer: str = "",
    how: str = "grant",
) -> Decided:
    """Yes, as asked or changed. `plan`: what `previewing.plan_of` thought through and the owner saw; for a later end date
    (kind `longer`) there is no plan, but `ends_at`. `how`, where they have an equal grant with another end: `extend` that
    one or make a second lease `anyway`.

    The grant is the approver's: a worker asks for their right again before it writes. Raises Refusal (`stale`: somebody
    else decided, or it was withdrawn), NotPermitted, NotFound, and whatever granting refuses; nothing is decided then.
    """
    person, policy = _decider(request, by)
    if policy is None:
        raise Refusal(
            "No function with this ARN is known here.",
            next="Sync its account if it exists; else decline and say so.",
            code="unknown",
        )
    _require_asker(request)
    answer = _checked(answer)
    reason = f"Asked by {request.person.email} for {request.account}: {request.reason}"[:500]
    with transaction.atomic():
        _take(request, RequestState.APPROVED, person, answer)
        if request.kind == RequestKind.LONGER:
            if request.about is None:
                raise AssertionError("A request for a later end is about a grant.")
            grant = granting.extend(request.about, ends_at=ends_at, by=by, reason=reason)
            changed = ends_at != request.ends_at
        elif plan is None:
            raise AssertionError("A share is planned before it is approved.")
        else:
            if how == "extend" and plan.equal is not None:
                grant = granting.extend(plan.equal, ends_at=plan.ends_at, by=by, reason=reason)
            else:
                grant = granting.grant(plan, reason=reason, by=by, form_token=token_of(request), anyway=how == "anyway")
            changed = _changed(request, plan, policy)
        AccessRequest.objects.filter(pk=request.pk).update(grant=grant, changed=changed, policy=plan.policy if plan else policy)
        end = granting.waiting_end(grant)
        record(
            "request.approved",
            f"Approved{', with changes' if changed else ''}, as {request.person.email} asked: {named(grant)}, {until(end)}.",
            by=by,
            grant=grant,
            reason=answer,
            detail={"request": str(request.pk)},
        )
        notice = _tell(request)
    request.refresh_from_db()
    return Decided(request, grant, notice)


def decline(request: AccessRequest, *, by: Actor, answer: str) -> Decided:
    """No, and why: the asker reads the answer. Raises Refusal (`stale`), NotPermitted, NotFound."""
    person, policy = _decider(request, by)
    answer = _checked(answer)
    if not answer:
        raise Refusal("An answer is missing.", next="Say in a few words why not: they will read it.", field="answer")
    with transaction.atomic():
        _take(request, RequestState.DECLINED, person, answer)
        record(
            "request.declined",
            f"Declined: {request.person.email} asked for {request.account}: {request.action} on {request.asked_for}.",
            by=by,
            function=policy.function if policy else None,
            account=None if policy else request.account,
            reason=answer,
            detail={"request": str(request.pk)},
        )
        notice = _tell(request)
    request.refresh_from_db()
    return Decided(request, None, notice)


def _decider(request: AccessRequest, by: Actor) -> tuple[User, Policy | None]:
    """Who decides, and what it is about. Somebody's own request is another's to decide."""
    policy = policy_of(request)
    if policy is not None:
        rights.require_change(by, policy, "That request")
    elif not (by.active and by.sees_every_account and not by.is_consumer):
        raise NotFound("That request")
    elif not by.may_change():
        raise NotPermitted("Auditors look, they do not change anything.", next="Ask an owner or an admin of fnshare.")
    if by.kind != "person" or by.person is None:
        raise NotPermitted("Only a person who signed in may decide.", next="Sign in to fnshare and decide there.")
    if request.person_id == by.person.pk:
        raise NotPermitted("Nobody decides their own request.", next="Share it yourself, or let another owner decide.")
    return by.person, policy


def _require_asker(request: AccessRequest) -> None:
    """Refuse to give what nobody may ask for any more, or what waits until the account is proved again."""
    if not acts_still(request):
        raise Refusal(
            f"{request.person.email} does not act for {request.account} any more.",
            next="Decline it; if the account still needs it, share it yourself.",
            code="gone",
        )
    if why := requests_paused(request.account):
        raise Refusal(why, next="Answer once it is proved again, or decline.", code="paused")


def _take(request: AccessRequest, to: RequestState, person: User, answer: str) -> None:
    """Compare-and-set: one decides. Raises Refusal that says who was faster."""
    changes = {"state": to, "decided_by": person, "decided_at": timezone.now(), "answer": answer}
    if not AccessRequest.objects.open().filter(pk=request.pk).update(**changes):
        require_open(AccessRequest.objects.select_related("decided_by").get(pk=request.pk))
        raise Refusal("Somebody was faster.", next="Reload the page.", code="stale")


def _changed(request: AccessRequest, plan: granting.Plan, policy: Policy) -> bool:
    permission = plan.permission
    if permission is None:
        return True
    who = request.principal or request.account.number
    asked = (policy.pk, request.action, who, request.ends_at)
    return asked != (plan.policy.pk, permission.action, permission.principal.value, plan.ends_at)


def _tell(request: AccessRequest) -> Notice | None:
    person = request.person
    return notices.queue(
        "request-decided",
        to=person.email,
        person=person,
        access_request=request,
        once=f"request-decided:{request.pk}",
    )


def _checked(answer: str) -> str:
    answer = " ".join(readable(answer).split())
    if len(answer) > _LONGEST:
        raise Refusal(f"The answer has {len(answer)} characters; {_LONGEST} are kept.", next="Shorten it.", field="answer")
    return answer
