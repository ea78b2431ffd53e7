"""What mail about leases says, written when it leaves. Consumers read of their own access alone."""

from __future__ import annotations

from django.utils import timezone

from sharing.models import Account, Actor, Grant, GrantState, Membership, Notice, Wanted
from sharing.services import granting
from sharing.services.errors import Refusal
from sharing.services.granting.ends import LATE, spoken
from sharing.services.granting.wording import doing, named, place_of
from sharing.services.letters import Letter, link, moment_for
from sharing.services.naming import account_names

#: So many overdue leases are listed in one mail; it says how many others there are.
_LISTED = 10


def ending(notice: Notice) -> Letter | None:
    """A lease ends soon. Not needed any more: it ended, or has another end date by now, the reader has lost sight of it, or
    wants no reminders."""
    grant, person = notice.grant, notice.person
    if grant is None or person is None or not person.is_active or not person.reminders or grant.ends_at is None:
        return None
    stands = grant.state == GrantState.ACTIVE and grant.wanted == Wanted.PRESENT
    if not stands or grant.ends_at.isoformat() != notice.detail.get("ends_at") or grant.ends_at <= timezone.now():
        return None
    return _to_consumer(grant, notice) if notice.detail.get("side") == "consumer" else _to_owner(grant, notice)


def _to_consumer(grant: Grant, notice: Notice) -> Letter | None:
    person = notice.person
    acts = Membership.objects.current().filter(person=person, account__number=grant.principal_account).first()
    if acts is None or grant.ends_at is None:
        return None
    context = {
        "arn": grant.policy.arn,
        "doing": doing(grant.action),
        "place": place_of(grant.policy),
        "account": acts.account,
        "whom": grant.principal if grant.principal_kind != "account" else "",
        "end": moment_for(person, grant.ends_at),
        "ask": link("request-new", asking=f"about={grant.pk}"),
    }
    return Letter(f"Your access to {place_of(grant.policy)} ends {_when(notice)}", "mail/lease-ending", context)


def _to_owner(grant: Grant, notice: Notice) -> Letter | None:
    person = notice.person
    if person is None or grant.ends_at is None:
        return None
    me = Actor.of(person)
    if not me.may_change() or not me.sees(grant.policy.function.account_id):
        return None
    try:
        follows = granting.consequences(grant, by=me)
    except Refusal:
        return None
    context = {
        "sentence": named(grant),
        "account": grant.policy.function.account,
        "region": grant.policy.function.region,
        "reason": grant.reason,
        "by": grant.requested_as,
        "end": moment_for(person, grant.ends_at),
        "remaining": [covering.sentence for covering in follows.remaining[:5]],
        "more": max(0, len(follows.remaining) - 5),
        "stale": follows.stale,
        "waits": grant.extension is not None,
        "extend": link("grant-extend", grant.pk),
        "show": link("grant-detail", grant.pk),
    }
    return Letter(f"Ends {_when(notice)}: {named(grant)}", "mail/lease-ending-owner", context)


def _when(notice: Notice) -> str:
    """At most a day ahead, or more: the exact end stands in the mail."""
    return "within a day" if notice.detail.get("days") == 1 else "within 7 days"


def overdue(notice: Notice) -> Letter | None:
    """Leases of one account are past their end and AWS still holds them. Not needed any more: it has let go of all."""
    person = notice.person
    account = Account.objects.filter(number=notice.detail.get("account", "")).first()
    if person is None or account is None:
        return None
    me = Actor.of(person)
    if not me.may_change() or not me.sees(account.pk):
        return None
    now = timezone.now()
    found = Grant.objects.visible_to(me).past_their_end(now - LATE).filter(policy__function__account=account)
    count = found.count()
    if not count:
        return None
    names = account_names()
    rows = [
        {
            "sentence": named(grant, names),
            "end": moment_for(person, grant.ends_at),
            "ago": spoken(now - grant.ends_at),
            "failure": f"{grant.failure} {grant.failure_next}".strip(),
            "show": link("grant-detail", grant.pk),
        }
        for grant in found.select_related("policy__function__account").order_by("ends_at", "id")[:_LISTED]
        if grant.ends_at is not None
    ]
    subject = f"Past {'its' if count == 1 else 'their'} end, access still stands: {count} in {account.name}"
    context = {"account": account, "count": count, "rows": rows, "more": count - len(rows), "all": link("overview")}
    return Letter(subject, "mail/lease-overdue", context)


def approval(notice: Notice) -> Letter | None:
    """A second person is asked to approve a share or a later end. Not needed any more: it was decided."""
    grant, person = notice.grant, notice.person
    if grant is None or person is None:
        return None
    me = Actor.of(person)
    if not me.may_change() or not me.sees(grant.policy.function.account_id):
        return None
    extension = grant.extension if grant.state == GrantState.ACTIVE else None
    if grant.state != GrantState.REQUESTED and not extension:
        return None
    if notice.detail.get("digest") != granting.approval_digest(grant):
        return None
    asked = extension or {"requested_as": grant.requested_as, "reason": grant.reason}
    context = {
        "sentence": named(grant),
        "account": grant.policy.function.account,
        "why": grant.second_person,
        "by": asked["requested_as"],
        "reason": asked["reason"],
        "later": bool(extension),
        "approve": link("grant-approve", grant.pk),
    }
    what = "A later end waits for you" if extension else "Waits for a second person"
    return Letter(f"{what}: {named(grant)}", "mail/approval-asked", context)
