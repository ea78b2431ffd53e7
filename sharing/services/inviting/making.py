"""What was accepted and confirmed becomes grants, one item at a time; safe to run twice, and at the same time."""

from __future__ import annotations

import uuid

from sharing.models import Actor, Grant, Invitation, InvitationItem, InvitationState
from sharing.services import granting
from sharing.services.errors import Refusal

from .asking import named


def due() -> list[Invitation]:
    """Confirmed invitations that some item is still missing of: whoever made the first ones died in between."""
    missing = InvitationItem.objects.filter(grant=None, failure="", invitation__state=InvitationState.ACCEPTED)
    missing = missing.filter(invitation__confirmed_at__isnull=False)
    return list(Invitation.objects.filter(pk__in=missing.values("invitation"))[:100])


def make_grants(pk: uuid.UUID | str) -> list[Grant]:
    """Make the grants of a confirmed invitation, on behalf of whoever confirmed it or made it; those made now or before.

    The gates of dangerous grants stay: such an item becomes a request that a second person approves. An item that cannot
    become a grant any more (the function is gone, the inviter lost the right, its date has passed) keeps why.
    """
    invitation = Invitation.objects.select_related("account", "created_by", "confirmed_by").get(pk=pk)
    account = invitation.account
    if invitation.state != InvitationState.ACCEPTED or invitation.confirmed_at is None or account is None:
        return []
    owner = invitation.confirmed_by or invitation.created_by
    by = Actor.of(owner) if owner else Actor.at_shell(invitation.created_as)
    made: list[Grant] = []
    for item in invitation.items.select_related("policy__function__account", "grant"):
        if item.grant is not None:
            made.append(item.grant)
        elif not item.failure and (grant := _make(item, account.number, invitation.email, by)):
            made.append(grant)
    return made


def _make(item: InvitationItem, number: str, email: str, by: Actor) -> Grant | None:
    token = f"invitation-{item.pk.hex}"
    mine = InvitationItem.objects.filter(pk=item.pk, grant=None)
    try:
        plan = granting.plan(policy=item.policy, who=number, by=by, action=item.action, ends_at=item.ends_at, form_token=token)
        grant = granting.grant(plan, reason=f"{email} accepted an invitation to {named(item)}"[:500], by=by, anyway=True)
    except Refusal as refusal:
        mine.update(failure=refusal.message, failure_next=refusal.next)
        return None
    if InvitationItem.objects.filter(grant=grant).exclude(pk=item.pk).exists():
        mine.update(failure="They already have exactly this, by another invitation.", failure_next="")
        return grant
    mine.update(grant=grant)
    return grant
