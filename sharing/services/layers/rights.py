"""Who may share layer versions: asked when somebody clicks, and again by the worker before it writes."""

from sharing.models import Actor, LayerGrant, LayerVersion
from sharing.services.granting.rights import lost, require_change_in


def require_change(by: Actor, layer: LayerVersion, what: str = "That layer version") -> None:
    """Raises NotFound (out of scope: the same words as for a thing that does not exist) or NotPermitted."""
    require_change_in(layer.account_id, by=by, what=what)


def lost_by_requester(grant: LayerGrant) -> str:
    """Why the person who asked may not have it written any more; "" if they may."""
    return lost(Actor.of(grant.requested_by), grant.layer.account) if grant.requested_by else ""


def lost_by_approver(grant: LayerGrant) -> str:
    """Why the approval does not count any more; "" if it counts."""
    return lost(Actor.of(grant.approved_by), grant.layer.account) if grant.approved_by else "Nobody approved it."


def lost_by_revoker(grant: LayerGrant) -> str:
    """Why the person who took it back may not any more; "" if they may, or if the end date did it."""
    return lost(Actor.of(grant.revoked_by), grant.layer.account) if grant.revoked_by else ""
