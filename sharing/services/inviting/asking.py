"""The owner's side of an invitation: made, sent again, cancelled, expired. Rows only: a worker sends the mail."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Actor, Invitation, InvitationItem, InvitationState, NoticeState, Policy
from sharing.services import granting, notices
from sharing.services.errors import NotFound, Refusal
from sharing.services.history import record

from .drafting import LASTS, Draft, Offer, draft, think
from .limiting import refuse_mail, refuse_more
from .writing import KIND

#: A mail may still be on its way.
_BETWEEN_MAILS = timedelta(minutes=1)


def invite(
    email: str, *, offers: Sequence[Offer], by: Actor, note: str = "", meant: str = "", form_token: str | None = None
) -> Invitation:
    """Offer these functions to an address. Nothing is granted before they accept and prove an account.

    meant: the account (12 digits or its name) or organisation (o-...) it is for; "": whoever they prove, and an owner
    confirms it. The same form twice makes one invitation. Raises Refusal (also when an open invitation offers them the same
    already, and when too many were sent), NotPermitted, NotFound.
    """
    thought = draft(email, offers=offers, by=by, note=note, meant=meant)
    if form_token and (sent := Invitation.objects.filter(form_token=form_token).first()):
        return _as_sent_before(sent, thought)
    if blocking := thought.first_problem:
        raise Refusal(blocking.message, next=blocking.next, code=blocking.code, field=blocking.field)
    now = timezone.now()
    row = Invitation(
        email=thought.email, note=thought.note, number=thought.number, organization=thought.organization,
        expires_at=now + LASTS, created_at=now, created_by=by.person, created_as=by.label[:300], form_token=form_token,
    )  # fmt: skip
    try:
        with transaction.atomic():
            _one_at_a_time(offer.policy.pk for offer in offers)
            if form_token and (sent := Invitation.objects.filter(form_token=form_token).first()):
                return _as_sent_before(sent, thought)  # the other click of a double click was quicker
            refuse_more(by, now)
            refuse_mail(row.email, now)
            _refuse_twice(row.email, [(offer.policy, offer.action) for offer in offers], now)
            row.full_clean(exclude=("created_by",), validate_unique=False)
            row.save(force_insert=True)
            for offer in offers:
                item = InvitationItem(invitation=row, policy=offer.policy, action=offer.action, ends_at=offer.ends_at)
                item.save(force_insert=True)
                tell("invitation.made", f"{row.email} was invited to {named(item)}.", row, item, by)
            notices.queue(KIND, to=row.email, invitation=row)
    except ValidationError as problem:
        raise Refusal(" ".join(problem.messages), next="Correct it and try again.") from None
    except IntegrityError:
        if form_token and (sent := Invitation.objects.filter(form_token=form_token).first()):
            return _as_sent_before(sent, thought)
        raise Refusal("Somebody changed this at the same moment.", next="Try again.", code="conflict") from None
    return row


def resend(invitation: Invitation, *, by: Actor) -> Invitation:
    """A new mail with a new link, good for seven more days; the old link opens nothing from now on.

    What it offers is thought through again: an end date may have passed meanwhile. Where whoever invited may not share it any
    more, whoever sends it again is the one who invites. Raises Refusal, NotPermitted, NotFound.
    """
    require_change(by, invitation)
    now = timezone.now()
    with transaction.atomic():
        held = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if held.state not in (InvitationState.PENDING, InvitationState.EXPIRED):
            text = f"This invitation is {held.get_state_display().lower()}."
            raise Refusal(text, next="Invite them again.", code="stale")
        items = list(held.items.select_related("policy__function__account"))
        _still_offerable(held, items, by)
        mails = held.notices.filter(kind=KIND)
        queued_at = mails.order_by("-created_at").values_list("created_at", flat=True).first()
        last = max(filter(None, (held.sent_at, queued_at)), default=None)
        if last is not None and now - last < _BETWEEN_MAILS:
            raise Refusal("A mail left less than a minute ago.", next="Give it a moment to arrive.", code="too-soon")
        refuse_mail(held.email, now)
        if held.state == InvitationState.EXPIRED:
            _refuse_twice(held.email, [(item.policy, item.action) for item in items], now)
        held.state = InvitationState.PENDING
        held.expires_at, held.token_digest = now + LASTS, None
        held.ended_at, held.ended_as, held.ended_reason = None, "", ""
        if by.person is not None and not _may_still_invite(held, items):
            # Grants are made on behalf of whoever invited: somebody who left cannot stand for them.
            held.created_by, held.created_as = by.person, by.label[:300]
        held.save()
        # A mail that waits for its server would bring a second link, of which only the newest works.
        mails.filter(state=NoticeState.QUEUED).update(state=NoticeState.DROPPED, next_try_at=None)
        for item in items:
            tell("invitation.resent", f"{held.email} gets a new link to {named(item)}.", held, item, by)
        notices.queue(KIND, to=held.email, invitation=held)
    return held


def cancel(invitation: Invitation, *, by: Actor, reason: str = "") -> Invitation:
    """Take the offer back: while it waits for an answer, or for a confirmation. Grants are revoked instead."""
    require_change(by, invitation)
    reason = " ".join(reason.split())[:500]
    with transaction.atomic():
        held = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if held.state == InvitationState.CANCELLED:
            return held
        if held.state != InvitationState.PENDING and not held.awaits_confirmation:
            text = f"This invitation is {held.get_state_display().lower()}: there is nothing to cancel."
            raise Refusal(text, next="Revoke the grants it became, if they should not stay.", code="stale")
        end(held, InvitationState.CANCELLED, by.label, reason)
        for item in held.items.select_related("policy__function__account"):
            text = f"The invitation of {held.email} to {named(item)} was cancelled."
            tell("invitation.cancelled", text, held, item, by, reason=reason)
    return held


def expire(now: datetime) -> int:
    """Turn what nobody answered in time to expired, and tell whoever invited; how many. The sweep's."""
    turned = 0
    for one in list(Invitation.objects.overdue(now).order_by("expires_at")[:200]):
        with transaction.atomic():
            held = Invitation.objects.select_for_update().get(pk=one.pk)
            if held.state != InvitationState.PENDING or held.expires_at > now:
                continue
            end(held, InvitationState.EXPIRED, Actor.system().label, "")
            for item in held.items.select_related("policy__function__account"):
                text = f"The invitation of {held.email} to {named(item)} expired unanswered."
                tell("invitation.expired", text, held, item, Actor.system())
            report("invitation-expired", held)
            turned += 1
    return turned


def require_change(by: Actor, invitation: Invitation) -> None:
    """Refuse unless the actor may share every function of it. NotFound when one is out of scope."""
    items = list(invitation.items.select_related("policy__function__account"))
    if not items or not all(by.sees(item.policy.function.account_id) for item in items):
        raise NotFound("That invitation")
    for item in items:
        granting.require_change(by, item.policy, "That invitation")


def named(item: InvitationItem) -> str:
    """The function, alias or version and what they may do: "hello_world:live (lambda:InvokeFunction)"."""
    policy = item.policy
    place = f"{policy.function.name}:{policy.qualifier}" if policy.qualifier else policy.function.name
    return f"{place} ({item.action})"


def tell(verb: str, text: str, invitation: Invitation, item: InvitationItem, by: Actor, reason: str = "") -> None:
    """An event about one item, on its function."""
    function = item.policy.function
    detail = {"invitation": str(invitation.pk)}
    record(verb, text, by=by, function=function, qualifier=item.policy.qualifier, reason=reason, detail=detail)


def report(kind: str, invitation: Invitation) -> None:
    """Queue a mail to whoever invited, in the caller's transaction; a person at a shell has no address."""
    person = invitation.created_by
    if person is not None and person.is_active:
        notices.queue(kind, to=person.email, person=person, invitation=invitation)


def end(held: Invitation, state: InvitationState, label: str, reason: str) -> None:
    """Over: declined, cancelled or expired. The caller holds the row."""
    held.state, held.ended_at, held.ended_as, held.ended_reason = state, timezone.now(), label[:300], reason[:500]
    held.save()


def _as_sent_before(sent: Invitation, thought: Draft) -> Invitation:
    """The invitation made by the same form, if it was the same wish; a form filled in anew after "back" is another."""
    offered = set(sent.items.values_list("policy", "action"))
    wished = {(one.offer.policy.pk, one.offer.action) for one in thought.thoughts}
    was = (sent.email, sent.number, sent.organization, sent.note)
    if was != (thought.email, thought.number, thought.organization, thought.note) or offered != wished:
        text = "This form was already sent, with other contents."
        raise Refusal(text, next="Look through it and send it once more.", code="stale")
    return sent


def _one_at_a_time(policies: Iterable[uuid.UUID | int]) -> None:
    """Two forms that offer the same function wait for each other, so that neither misses what the other one sends."""
    list(Policy.objects.select_for_update().filter(pk__in=list(policies)).order_by("pk").values_list("pk"))


def _may_still_invite(held: Invitation, items: Sequence[InvitationItem]) -> bool:
    inviter = Actor.of(held.created_by) if held.created_by else Actor.at_shell(held.created_as)
    return inviter.may_change() and all(inviter.sees(item.policy.function.account_id) for item in items)


def _still_offerable(held: Invitation, items: Sequence[InvitationItem], by: Actor) -> None:
    offers = [Offer(item.policy, item.action, item.ends_at) for item in items]
    for thought in think(offers, number=held.number, organization=held.organization, by=by):
        if thought.problems:
            problem = thought.problems[0]
            text = f"{thought.offer.policy.function.name}: {problem.message}"
            raise Refusal(text, next="Cancel this invitation and make another.", code=problem.code)


def _refuse_twice(email: str, offered: Sequence[tuple[Policy, str]], now: datetime) -> None:
    waiting = InvitationItem.objects.filter(invitation__in=Invitation.objects.open(now).filter(email=email))
    for policy, action in offered:
        if item := waiting.filter(policy=policy, action=action).select_related("policy__function").first():
            raise Refusal(
                f"{email} is invited to {named(item)} already and has not answered.",
                next="Send that invitation again, or cancel it first.",
                code="equal",
                field="email",
            )
