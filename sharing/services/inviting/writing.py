"""The words of the mail about invitations, to the invited and to whoever invited them.

What people typed stands in it as text of theirs: in one line or quoted, never as a link, never in a header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from sharing.models import Actor, Invitation, InvitationState, Notice, Policy, User
from sharing.services.granting.wording import doing, place_of
from sharing.services.letters import Letter, moment_for
from sharing.services.letters import link as address_of
from sharing.services.quoting import one_line, paragraphs

from . import tokens

KIND = "invitation"


@dataclass(frozen=True)
class Item:
    """One line of the offer: "invoke hello_world:live", where, and until when."""

    what: str
    region: str
    until: str


def item_of(policy: Policy, action: str, ends_at: datetime | None) -> Item:
    """The line about one offer."""
    until = f"until {moment_for(None, ends_at)}" if ends_at else "without an end date"
    return Item(f"{doing(action)} {place_of(policy)}", policy.function.region, until)


def letter(
    *,
    inviter: User | None,
    items: Sequence[Item],
    note: str,
    number: str,
    organization: str,
    expires_at: datetime,
    link: str,
) -> Letter:
    """The mail to the invited: who invites them to what, until when, what to do, and that looking commits to nothing."""
    who = one_line(str(inviter)) if inviter else "An operator of fnshare"
    address = inviter.email if inviter else ""
    what = one_line(items[0].what, 120) if len(items) == 1 else f"use {len(items)} functions"
    context = {
        "who": who,
        "address": address if address != who else "",
        "items": items,
        "note": paragraphs(note),
        "number": number,
        "organization": organization,
        "expires": moment_for(None, expires_at),
        "link": link,
    }
    return Letter(f"{who} invites you to {what} on AWS Lambda", "mail/invitation", context)


def invited(notice: Notice) -> Letter | None:
    """The mail with a fresh link: its token is made now and kept nowhere. None: the invitation waits for no answer any more."""
    now = timezone.now()
    with transaction.atomic():
        held = Invitation.objects.select_for_update().filter(notices=notice).first()
        if held is None or held.state != InvitationState.PENDING or held.expires_at <= now:
            return None
        token = tokens.renew(held)
    items = held.items.select_related("policy__function")
    return letter(
        inviter=held.created_by,
        items=[item_of(item.policy, item.action, item.ends_at) for item in items],
        note=held.note,
        number=held.number,
        organization=held.organization,
        expires_at=held.expires_at,
        link=f"{settings.PUBLIC_URL}{tokens.path_of(token)}",
    )


def left(notice: Notice, at: datetime) -> None:
    """The mail was taken by a mail server."""
    Invitation.objects.filter(notices=notice).update(sent_at=at)


def accepted(notice: Notice) -> Letter | None:
    """To whoever invited: accepted for the account that was named; what became of it is on the page."""
    held = _held(notice, InvitationState.ACCEPTED)
    if held is None or held.account is None or held.confirmed_at is None:
        return None
    text = f"{held.email} accepted your invitation for account {held.account.spaced}."
    then = "fnshare is sharing what you offered. Accepted is not yet active: each share says how far it is."
    return _news(held, f"{held.email} accepted your invitation", text, then)


def to_confirm(notice: Notice) -> Letter | None:
    """To whoever invited: an account was proved that the invitation did not name."""
    held = _held(notice, InvitationState.ACCEPTED)
    if held is None or held.account is None or held.confirmed_at is not None:
        return None
    text = f"{held.email} accepted your invitation for account {held.account.spaced}, which the invitation does not name."
    then = "Is that whom you meant? Nothing is shared before you confirm the account."
    return _news(held, f"Confirm the account of {held.email}", text, then)


def declined(notice: Notice) -> Letter | None:
    """To whoever invited: they said no, perhaps why."""
    held = _held(notice, InvitationState.DECLINED)
    if held is None:
        return None
    text = f"{held.email} declined your invitation."
    return _news(held, f"{held.email} declined your invitation", text, "Nothing was shared.", held.ended_reason)


def expired(notice: Notice) -> Letter | None:
    """To whoever invited: nobody answered in time."""
    held = _held(notice, InvitationState.EXPIRED)
    if held is None:
        return None
    text = f"{held.email} did not answer your invitation in time."
    then = "Its link opens nothing any more and nothing was shared. Send it again from its page if it still stands."
    return _news(held, f"Your invitation to {held.email} expired", text, then)


def _held(notice: Notice, state: InvitationState) -> Invitation | None:
    """The invitation, if it is still in that state and whoever is told may still see it."""
    if notice.person is None or not notice.person.is_active:
        return None
    seen = Invitation.objects.visible_to(Actor.of(notice.person)).select_related("account")
    return seen.filter(notices=notice, state=state).first()


def _news(held: Invitation, subject: str, text: str, then: str, quoted: str = "") -> Letter:
    items = held.items.select_related("policy__function")
    context = {
        "text": text,
        "then": then,
        "quoted": paragraphs(quoted),
        "items": [item_of(item.policy, item.action, item.ends_at) for item in items],
        "link": address_of("invitation-detail", held.pk),
    }
    return Letter(subject, "mail/invitation-news", context)
