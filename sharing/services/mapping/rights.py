"""Who may change event source mappings: asked when somebody clicks, and again by the worker before it writes."""

from sharing.models import Actor, Function, MappingChange
from sharing.services.granting.rights import lost, require_change_in


def require_change(by: Actor, function: Function, what: str = "That event source mapping") -> None:
    """Raises NotFound (out of scope: the same words as for a thing that does not exist) or NotPermitted."""
    require_change_in(function.account_id, by=by, what=what)


def lost_by_requester(change: MappingChange) -> str:
    """Why the person who asked may not have it done any more; "" if they may."""
    return lost(Actor.of(change.requested_by), change.function.account) if change.requested_by else ""
