"""Who may share layer versions: asked when somebody clicks, and again by the worker before it writes."""

from sharing.models import Actor, LayerGrant, LayerVersion
from sharing.services.errors import NotFound, NotPermitted


def require_change(by: Actor, layer: LayerVersion, what: str = "That layer version") -> None:
    """Raises NotFound (out of scope: the same words as for a thing that does not exist) or NotPermitted."""
    if not by.sees(layer.account_id):
        raise NotFound(what)
    if not by.may_change():
        raise NotPermitted("Auditors look, they do not change anything.", next="Ask an owner or an admin of fnshare.")


def lost_by_requester(grant: LayerGrant) -> str:
    """Why the person who asked may not have it written any more; "" if they may."""
    return _lost(Actor.of(grant.requested_by), grant) if grant.requested_by else ""


def lost_by_approver(grant: LayerGrant) -> str:
    """Why the approval does not count any more; "" if it counts."""
    return _lost(Actor.of(grant.approved_by), grant) if grant.approved_by else "Nobody approved it."


def lost_by_revoker(grant: LayerGrant) -> str:
    """Why the person who took it back may not any more; "" if they may, or if the end date did it."""
    return _lost(Actor.of(grant.revoked_by), grant) if grant.revoked_by else ""


def _lost(actor: Actor, grant: LayerGrant) -> str:
    if not actor.active:
        return f"{actor.label} may not sign in any more."
    if not actor.may_change():
        return f"{actor.label} may not change anything any more."
    if not actor.sees(grant.layer.account_id):
        return f"{grant.layer.account.name} is no longer in the scope of {actor.label}."
    return ""
