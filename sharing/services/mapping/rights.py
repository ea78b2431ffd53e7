"""Who may change event source mappings: asked when somebody clicks, and again by the worker before it writes."""

from sharing.models import Actor, Function, MappingChange
from sharing.services.errors import NotFound, NotPermitted


def require_change(by: Actor, function: Function, what: str = "That event source mapping") -> None:
    """Raises NotFound (out of scope: the same words as for a thing that does not exist) or NotPermitted."""
    if not by.sees(function.account_id):
        raise NotFound(what)
    if not by.may_change():
        raise NotPermitted("Auditors look, they do not change anything.", next="Ask an owner or an admin of fnshare.")


def lost_by_requester(change: MappingChange) -> str:
    """Why the person who asked may not have it done any more; "" if they may."""
    if change.requested_by is None:
        return ""
    actor = Actor.of(change.requested_by)
    if not actor.active:
        return f"{actor.label} may not sign in any more."
    if not actor.may_change():
        return f"{actor.label} may not change anything any more."
    if not actor.sees(change.function.account_id):
        return f"{change.function.account.name} is no longer in the scope of {actor.label}."
    return ""
