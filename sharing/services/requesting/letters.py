"""What mail about requests says, written when it leaves."""

from __future__ import annotations

from sharing.models import Actor, Notice, RequestKind, RequestState
from sharing.services import granting
from sharing.services.granting.wording import doing
from sharing.services.letters import Letter, link, moment_for


def made(notice: Notice) -> Letter | None:
    """To an owner: somebody asks. Not needed any more: it was decided or withdrawn, or is out of the owner's scope."""
    request, person = notice.access_request, notice.person
    if request is None or person is None or request.policy is None or request.state != RequestState.OPEN:
        return None
    me = Actor.of(person)
    if not me.may_change() or not me.sees(request.policy.function.account_id):
        return None
    longer = request.kind == RequestKind.LONGER
    context = {
        "asker": request.person.email,
        "account": request.account,
        "whom": request.principal,
        "doing": doing(request.action),
        "arn": request.asked_for,
        "name": request.policy.function.name,
        "longer": longer,
        "until": moment_for(person, request.ends_at) if request.ends_at else "",
        "now_until": moment_for(person, request.about.ends_at) if request.about and request.about.ends_at else "",
        "reason": request.reason,
        "decide": link("request-detail", request.pk),
    }
    what = "more time" if longer else "access"
    subject = f"{request.account.name} asks for {what}: {request.policy.function.name}"
    return Letter(subject, "mail/request-made", context)


def decided(notice: Notice) -> Letter | None:
    """To the asker: the answer. What was asked for is told in the words they typed."""
    request, person = notice.access_request, notice.person
    if request is None or person is None or not person.is_active:
        return None
    if request.state not in (RequestState.APPROVED, RequestState.DECLINED):
        return None
    approved = request.state == RequestState.APPROVED
    grant = request.grant if approved else None
    end = granting.waiting_end(grant) if grant else None
    context = {
        "approved": approved,
        "changed": request.changed,
        "arn": grant.policy.arn if grant else request.asked_for,
        "doing": doing(grant.action if grant else request.action),
        "whom": grant.principal if grant and grant.principal_kind != "account" else "",
        "account": request.account,
        "until": moment_for(person, end) if end else "",
        "waits": bool(grant and (grant.state == "requested" or grant.extension)),
        "answer": request.answer,
        "mine": link("request-mine"),
    }
    word = "Approved" if approved else "Declined"
    return Letter(f"{word}: your request for {request.asked_for.rpartition('function:')[2]}", "mail/request-decided", context)
