"""The other side's answer, and the owner's word on an account they had not named."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from sharing.models import Account, Actor, Connection, Invitation, InvitationState, Proof, User
from sharing.services import memberships
from sharing.services.errors import Refusal

from .asking import end, named, require_change, tell


def accept(
    invitation: Invitation,
    *,
    person: User,
    account: Account,
    proof: Proof,
    connection: Connection | None = None,
    organization: str = "",
) -> Invitation:
    """The invited person accepts for an account that was proved: the caller has seen the proof for this very invitation.

    organization: the known organisation the account was found in. If the invitation named the account or its organisation,
    and a role proved it, it is confirmed at once and `make_grants` may follow; else it waits for an owner's word.
    Raises Refusal: over, another person's, another account's.
    """
    now = timezone.now()
    by = Actor.of(person)
    with transaction.atomic():
        held = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if held.state == InvitationState.ACCEPTED and (held.accepted_by_id, held.account_id) == (person.pk, account.pk):
            return held
        _require_open(held)
        if person.email != held.email or not person.is_active:
            raise Refusal(
                f"This invitation is for {held.email}.",
                next="Sign in with that address, or ask for one to yours.",
                code="wrong-person",
            )
        if held.number and account.number != held.number:
            raise Refusal(
                f"This invitation is for account {held.number}, not {account.number}.",
                next="Prove that account, or ask for an invitation for yours.",
                code="wrong-account",
            )
        if held.organization and organization != held.organization:
            raise Refusal(
                f"This invitation is for an account of organisation {held.organization}; {account.number} is not known as one.",
                next="Prove an account of it, or ask for an invitation for yours.",
                code="wrong-account",
            )
        # Membership of an organisation proves the account, not that this person belongs to it: only the owner can say that.
        named_by_owner = proof == Proof.ROLE and bool(held.number or held.organization)
        held.state = InvitationState.ACCEPTED
        held.account, held.connection, held.proof, held.proved_at = account, connection, proof, now
        held.accepted_by, held.accepted_at = person, now
        held.confirmed_at = now if named_by_owner else None
        held.save()
        if proof == Proof.ROLE:
            memberships.begin(person, account, by=by, invitation=held)
        for item in held.items.select_related("policy__function__account"):
            tell("invitation.accepted", f"{held.email} accepted {named(item)} for {account}.", held, item, by)
    return held


def decline(invitation: Invitation, *, reason: str = "") -> Invitation:
    """Whoever has the link says no. Declined already: nothing more happens. Raises Refusal when it is over otherwise."""
    with transaction.atomic():
        held = Invitation.objects.select_for_update().get(pk=invitation.pk)
        if held.state == InvitationState.DECLINED:
            return held
        _require_open(held)
        reason = " ".join(reason.split())[:500]
        end(held, InvitationState.DECLINED, held.email, reason)
        for item in held.items.select_related("policy__function__account"):
            text = f"{held.email} declined {named(item)}."
            tell("invitation.declined", text, held, item, Actor.system(), reason=reason)
    return held


def confirm(invitation: Invitation, *, account: Account, by: Actor) -> Invitation:
    """An owner says that the proved account is the one they meant; `make_grants` may follow.

    account: the one that was shown; another one by now is refused (`stale`). Raises NotPermitted, NotFound, Refusal.
    """
    require_change(by, invitation)
    with transaction.atomic():
        held = Invitation.objects.select_for_update().select_related("accepted_by", "account").get(pk=invitation.pk)
        if held.state == InvitationState.ACCEPTED and held.confirmed_at is not None and held.account_id == account.pk:
            return held
        if not held.awaits_confirmation or held.account_id != account.pk or held.accepted_by is None:
            raise Refusal("Nothing waits for your confirmation here any more.", next="Reload the page.", code="stale")
        held.confirmed_at, held.confirmed_by = timezone.now(), by.person
        held.save()
        memberships.begin(held.accepted_by, account, by=by, invitation=held)
        for item in held.items.select_related("policy__function__account"):
            text = f"{account} was confirmed as the account of {held.email} for {named(item)}."
            tell("invitation.confirmed", text, held, item, by)
    return held


def _require_open(held: Invitation) -> None:
    if held.state != InvitationState.PENDING:
        text = f"This invitation is {held.get_state_display().lower()}."
        raise Refusal(text, next="Ask whoever invited you for a new one.", code="stale")
    if held.expires_at <= timezone.now():
        raise Refusal("This invitation has expired.", next="Ask whoever invited you to send it again.", code="expired")
