"""Who may wire, and who may say that a step of the other side is done: asked at the click, and again by the worker."""

from __future__ import annotations

from sharing.models import Actor, Function, Membership, Role, Wiring, WiringStep
from sharing.services.errors import NotFound, NotPermitted
from sharing.services.granting.rights import lost, require_change_in

_WHAT = "That wiring"


def require_change(by: Actor, function: Function, what: str = _WHAT) -> None:
    """Raises NotFound (out of scope: the same words as for a thing that does not exist) or NotPermitted."""
    require_change_in(function.account_id, by=by, what=what)


def require_word(by: Actor, step: WiringStep) -> None:
    """Whoever may change the wiring, and for a step of their own side those who act for its account.

    Raises NotFound or NotPermitted.
    """
    function = step.wiring.function
    if by.sees(function.account_id) and by.may_change():
        return
    if acts_for(by, step.account) and step.side == "source":
        return
    if by.sees(function.account_id) or (by.role == Role.AUDITOR and by.active):
        raise NotPermitted("Auditors look, they do not change anything.", next="Ask an owner or an admin of fnshare.")
    raise NotFound(_WHAT)


def acts_for(by: Actor, number: str) -> bool:
    """Whether the actor acts for the account with these digits. Auditors never."""
    return by.role != Role.AUDITOR and bool(number) and Membership.objects.of(by).filter(account__number=number).exists()


def responsible(wiring: Wiring) -> Actor:
    """On whose behalf a worker acts now: who asked, or who abandoned it."""
    person = wiring.undone_by if wiring.abandoned_at else wiring.requested_by
    return Actor.of(person) if person else Actor.system()


def lost_by_responsible(wiring: Wiring) -> str:
    """Why that person may not have it done any more; "" if they may."""
    by = responsible(wiring)
    return lost(by, wiring.function.account) if by.person else ""
