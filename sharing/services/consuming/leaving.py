"""Leaving: a share is given back for the whole account, or a person stops acting for an account."""

from __future__ import annotations

from sharing.models import Grant, GrantState, Membership, Role, Wanted
from sharing.services import granting, memberships
from sharing.services.errors import NotPermitted, Refusal

from .reaching import Side

#: What the owner's side would be told in its own terms, said for the other side.
_REFUSED = {
    "changed": "The owner changed this share by other means, so it is theirs to end.",
    "conflict": "The share keeps changing.",
}


def what_stops(grant: Grant) -> str:
    """Whether their calls stop with this share: "no" (nothing else lets them in), "yes" or "depends"."""
    return granting.left_after(grant)


def give_back(side: Side, grant: Grant, *, reason: str = "") -> Grant:
    """Take their account out of this share. A worker removes the statement; nothing is revoked before AWS says so.

    Raises NotPermitted for auditors, NotFound for what is not theirs, Refusal in words for the other side.
    """
    me = side.me
    if me.role == Role.AUDITOR:
        raise NotPermitted("Auditors look, they do not change anything.", next="Have somebody else of your account do it.")
    try:
        return granting.give_back(grant, by=me, reason=reason)
    except Refusal as refusal:
        if refusal.code == "not-found":
            raise
        told = _REFUSED.get(refusal.code, "The owner's account cannot be reached from here right now, so it stays as it is.")
        raise Refusal(told, next="Ask the owner, or try again later.", code=refusal.code) from refusal


def leave_account(side: Side, membership: Membership) -> Membership:
    """Stop acting for an account. What is shared with it stays: it belongs to the account.

    Raises Refusal while something that this person gives back is not settled: who has left could not have it done.
    """
    me = side.me
    if me.role == Role.AUDITOR:
        raise NotPermitted("Auditors look, they do not change anything.")
    waiting = Grant.objects.unsettled().filter(
        principal_account=membership.account.number, wanted=Wanted.ABSENT, revoked_by=me.person
    )
    if waiting.exclude(state=GrantState.STUCK).exists():
        raise Refusal(
            "Something that you give back for this account is not finished.",
            next="Wait until it is, then leave.",
            code="unsettled",
        )
    return memberships.end(membership, by=me)
