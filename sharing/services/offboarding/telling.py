"""How far an offboarding is: each thing's state is that of the row that carries it, never a copy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sharing.models import GrantState, Offboarding, OffboardingItem
from sharing.models.grant import UNSETTLED
from sharing.models.mapping_change import OPEN_CHANGES
from sharing.models.offboarding import OffboardingState as State

#: What a row's state means here, for pages: gone, under way, not gone, shared again.
GONE, WORKING, NOT, AGAIN = "gone", "working", "not", "again"
_OVER = (GrantState.REVOKED, GrantState.EXPIRED, GrantState.FAILED, GrantState.VANISHED, GrantState.SUSPENDED)


@dataclass(frozen=True)
class Standing:
    """How many things are where."""

    total: int
    gone: int
    working: int
    failed: int
    again: int

    @property
    def is_open(self) -> bool:
        """Whether something may still happen by itself: pages poll while this is true."""
        return self.working > 0


def status(item: OffboardingItem) -> tuple[str, str]:
    """Where one thing is (GONE, WORKING, NOT, AGAIN), and in a sentence what is worth saying about it."""
    grant, again = item.grant or item.layer_grant, item.again or item.layer_again
    undoing = item.offboarding.undo_wanted_at is not None
    states = [one.state if one else None for one in (item.change, grant, again)]
    where = _where(item.state, *states, undoing=undoing, said=bool(item.failure))
    if item.failure:
        return where, f"{item.failure} {item.failure_next}".strip()
    if again is not None and again.state == GrantState.REQUESTED:
        return where, "A second person has to approve it again."
    carrier = again or item.change or grant
    if carrier is None or where in (GONE, AGAIN) or _waits(item.state, undoing=undoing):
        return where, ""
    told = f"{carrier.failure} {carrier.failure_next}".strip()
    return where, told or (f"It is {carrier.get_state_display().lower()} by now." if where == NOT else "")


def standing_of(offboarding: Offboarding) -> Standing:
    """The counts. One query."""
    undoing = offboarding.undo_wanted_at is not None
    states = ("state", "failure", "change__state", "grant__state", "layer_grant__state", "again__state", "layer_again__state")
    counted: Counter[str] = Counter()
    for state, failure, change, grant, layer, again, layer_again in offboarding.items.values_list(*states):
        counted[_where(state, change, grant or layer, again or layer_again, undoing=undoing, said=bool(failure))] += 1
    return Standing(counted.total(), counted[GONE], counted[WORKING], counted[NOT], counted[AGAIN])


def _where(state: str, change: str | None, grant: str | None, again: str | None, *, undoing: bool, said: bool) -> str:
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
    return WORKING if grant in UNSETTLED else GONE if grant in _OVER else NOT


def _waits(state: str, *, undoing: bool) -> bool:
    """Whether its turn is still to come, or that of its undo."""
    return state == State.WAITING or (undoing and state == State.ASKED)
