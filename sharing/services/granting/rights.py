"""Who may share, approve and revoke: asked when somebody clicks, and again by the worker before it writes."""

import uuid

from sharing.models import Account, Actor, Grant, Membership, Policy, Role
from sharing.policy import PrincipalKind
from sharing.services.errors import NotFound, NotPermitted

#: Principals that are an account or belong to one: people who act for it may give such a grant back.
OF_AN_ACCOUNT = (PrincipalKind.ACCOUNT, PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION)


def require_sight(by: Actor, policy: Policy, what: str = "") -> None:
    """Refuse with the words of "not found" when the function's account is out of scope."""
    if not by.sees(policy.function.account_id):
        raise NotFound(what or "That function")


def require_change(by: Actor, policy: Policy, what: str = "") -> None:
    """Refuse unless the actor sees the function's account and may change things.

    Raises NotFound (out of scope: the same words as for a thing that does not exist) or NotPermitted.
    """
    require_change_in(policy.function.account_id, by=by, what=what or "That function")


def require_change_in(account_pk: uuid.UUID, *, by: Actor, what: str) -> None:
    """The same for whatever lies in this account (its primary key); `what` is not known to who does not see it."""
    if not by.sees(account_pk):
        raise NotFound(what)
    if not by.may_change():
        raise NotPermitted("Auditors look, they do not change anything.", next="Ask an owner or an admin of fnshare.")


def acts_for(by: Actor, grant: Grant) -> bool:
    """Whether the actor acts for the account that the grant lets in (all of it, or a role or user of it). Auditors never."""
    if by.role == Role.AUDITOR or grant.principal_kind not in OF_AN_ACCOUNT:
        return False
    return Membership.objects.of(by).filter(account__number=grant.principal_account).exists()


def lost_by_requester(grant: Grant) -> str:
    """Why the person who asked may not have it written any more; "" if they may. The worker's own look at their rights.

    Of what is resumed it is the person who resumed it.
    """
    asker = grant.resumed_by if grant.suspended_at is not None else grant.requested_by
    return lost(Actor.of(asker), grant.policy.function.account) if asker else ""


def lost_by_approver(grant: Grant) -> str:
    """Why the approval does not count any more: the approver left, lost the right or the scope; "" if it counts."""
    return lost(Actor.of(grant.approved_by), grant.policy.function.account) if grant.approved_by else "Nobody approved it."


def lost_by_revoker(grant: Grant) -> str:
    """Why the person who took it back may not any more; "" if they may, or if the end date did it.

    May: from the owner's side, or because they still act for the account that gives it back.
    """
    if not grant.revoked_by:
        return ""
    by = Actor.of(grant.revoked_by)
    return "" if acts_for(by, grant) else lost(by, grant.policy.function.account)


def lost(actor: Actor, account: Account) -> str:
    """Why they may not change anything of this account any more; "" if they may."""
    if not actor.active:
        return f"{actor.label} may not sign in any more."
    if not actor.may_change():
        return f"{actor.label} may not change anything any more."
    if not actor.sees(account.pk):
        return f"{account.name} is no longer in the scope of {actor.label}."
    return ""
