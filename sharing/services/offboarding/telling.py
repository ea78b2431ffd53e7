"""How far an offboarding is: each thing's state is that of the row that carries it, never a copy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sharing.models import Account, Actor, GrantState, Offboarding, OffboardingItem
from sharing.models.grant import UNSETTLED
from sharing.models.mapping_change import OPEN_CHANGES
from sharing.models.offboarding import OffboardingState as State
from sharing.services.granting.pausing import stands_in

#: What a row's state means here, for pages: gone, under way, not gone, shared again; of a suspension also gone for good.
GONE, WORKING, NOT, AGAIN, OVER = "gone", "working", "not", "again", "over"
_OVER = (GrantState.REVOKED, GrantState.EXPIRED, GrantState.FAILED, GrantState.VANISHED, GrantState.SUSPENDED)


@dataclass(frozen=True)
class Standing:
    """How many things are where."""

    total: int
    gone: int
    working: int
    failed: int
    again: int
    over: int = 0

    @property
    def is_open(self) -> bool:
        """Whether something may still happen by itself: pages poll while this is true."""
        return self.working > 0


def status(item: OffboardingItem) -> tuple[str, str]:
    """Where one thing is (GONE, WORKING, NOT, AGAIN, OVER), and in a sentence what is worth saying about it."""
    grant, again = item.grant or item.layer_grant, item.again or item.layer_again
    of = item.offboarding
    undoing = of.undo_wanted_at is not None
    states = [one.state if one else None for one in (item.change, grant, again)]
    where = _where(item.state, *states, undoing=undoing, suspends=of.suspends, said=bool(item.failure))
    if item.failure:
        return where, f"{item.failure} {item.failure_next}".strip()
    if again is not None and again.state == GrantState.REQUESTED:
        return where, "A second person has to approve it again."
    carrier = again or item.change or grant
    if carrier is None or where in (GONE, AGAIN) or _waits(item.state, undoing=undoing):
        return where, ""
    told = f"{carrier.failure} {carrier.failure_next}".strip()
    return where, told or (f"It is {carrier.get_state_display().lower()} by now." if where in (NOT, OVER) else "")


def standing_of(offboarding: Offboarding) -> Standing:
    """The counts. One query."""
    how = {"undoing": offboarding.undo_wanted_at is not None, "suspends": offboarding.suspends}
    states = ("state", "failure", "change__state", "grant__state", "layer_grant__state", "again__state", "layer_again__state")
    counted: Counter[str] = Counter()
    for state, failure, change, grant, layer, again, layer_again in offboarding.items.values_list(*states):
        counted[_where(state, change, grant or layer, again or layer_again, **how, said=bool(failure))] += 1
    return Standing(counted.total(), counted[GONE], counted[WORKING], counted[NOT], counted[AGAIN], counted[OVER])


def suspended_by_others(number: str, *, by: Actor) -> Offboarding | None:
    """A suspension of this account that stands and that they may not see, though it keeps them from sharing. One query."""
    if not by.active or by.is_consumer or by.sees_every_account:
        return None
    there = stands_in(Account.objects.visible_to(by), "__in")
    return Offboarding.objects.suspensions().filter(there, number=number).exclude(requested_by=by.person).first()


def _where(
    state: str, change: str | None, grant: str | None, again: str | None, *, undoing: bool, suspends: bool, said: bool
) -> str:
    """From states alone: its own, and those of what carries it. `said`: something was said of it, so nothing carries it."""
    if _waits(state, undoing=undoing):
        return WORKING
    if state in (State.FAILED, State.LOST):
        return NOT
    restored = state == State.RESTORED
    if restored and said:
        return AGAIN  # it was never taken away
    if again is not None:
        return WORKING if again in UNSETTLED else AGAIN if again in (GrantState.ACTIVE, GrantState.REQUESTED) else NOT
    if change is not None:
        return WORKING if change in OPEN_CHANGES else NOT if change != "done" else AGAIN if restored else GONE
    if restored:
        return AGAIN
    if grant is None:
        return GONE
    if suspends and grant in _OVER and grant != GrantState.SUSPENDED:
        return OVER
    return WORKING if grant in UNSETTLED else GONE if grant in _OVER else NOT


def _waits(state: str, *, undoing: bool) -> bool:
    """Whether its turn is still to come, or that of its undo."""
    return state == State.WAITING or (undoing and state == State.ASKED)
