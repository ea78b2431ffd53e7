"""How far an offboarding is: each thing's state is that of the row that carries it, never a copy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sharing.models import GrantState, Offboarding, OffboardingItem
from sharing.models.grant import UNSETTLED
from sharing.models.mapping_change import OPEN_CHANGES
from sharing.models.offboarding import OffboardingKind as Kind
from sharing.models.offboarding import OffboardingState as State

#: What a row's state means here, for pages: gone, under way, not gone, shared again.
GONE, WORKING, NOT, AGAIN = "gone", "working", "not", "again"
_OVER = (GrantState.REVOKED, GrantState.EXPIRED, GrantState.FAILED, GrantState.VANISHED)


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
    if item.state == State.WAITING or (item.state == State.ASKED and item.offboarding.undo_wanted_at is not None):
        return WORKING, ""
    if item.state in (State.FAILED, State.LOST):
        return NOT, f"{item.failure} {item.failure_next}".strip()
    if item.state == State.RESTORED:
        return _restored(item)
    if item.kind == Kind.MAPPING and item.change is not None:
        if item.change.state in OPEN_CHANGES:
            return WORKING, item.change.failure
        return (GONE, "") if item.change.state == "done" else (NOT, f"{item.change.failure} {item.change.failure_next}")
    grant = item.grant or item.layer_grant
    if grant is None:
        return GONE, ""
    if grant.state in UNSETTLED:
        return WORKING, grant.failure
    return (GONE, "") if grant.state in _OVER else (NOT, f"{grant.failure} {grant.failure_next}".strip())


def standing_of(offboarding: Offboarding) -> Standing:
    """The counts. One query."""
    undoing = offboarding.undo_wanted_at is not None
    states = ("state", "kind", "grant__state", "layer_grant__state", "change__state", "again__state", "layer_again__state")
    counted: Counter[str] = Counter()
    for state, kind, grant, layer, change, again, layer_again in offboarding.items.values_list(*states):
        waits = undoing and state == State.ASKED
        counted[WORKING if waits else _rough(state, kind, grant or layer, change, again or layer_again)] += 1
    return Standing(counted.total(), counted[GONE], counted[WORKING], counted[NOT], counted[AGAIN])


def _restored(item: OffboardingItem) -> tuple[str, str]:
    again = item.again or item.layer_again
    if again is not None:
        told = f"{again.failure} {again.failure_next}".strip()
        if again.state in UNSETTLED:
            return WORKING, told
        if again.state == GrantState.REQUESTED:
            return AGAIN, "A second person has to approve it again."
        return (AGAIN, "") if again.state == GrantState.ACTIVE else (NOT, told)
    if item.kind == Kind.MAPPING and item.change is not None and not item.failure:
        if item.change.state in OPEN_CHANGES:
            return WORKING, item.change.failure
        return (AGAIN, "") if item.change.state == "done" else (NOT, f"{item.change.failure} {item.change.failure_next}")
    return AGAIN, item.failure


def _rough(state: str, kind: str, grant: str | None, change: str | None, again: str | None) -> str:
    """`status` from the states alone."""
    if state in (State.FAILED, State.LOST):
        return NOT
    if state == State.WAITING:
        return WORKING
    of_mapping = change if kind == Kind.MAPPING else None
    if state == State.RESTORED:
        if again is not None:
            return WORKING if again in UNSETTLED else AGAIN if again in (GrantState.ACTIVE, GrantState.REQUESTED) else NOT
        if of_mapping in OPEN_CHANGES:
            return WORKING
        return NOT if of_mapping == "failed" else AGAIN
    if of_mapping is not None:
        return WORKING if of_mapping in OPEN_CHANGES else GONE if of_mapping == "done" else NOT
    if grant is None:
        return GONE
    return WORKING if grant in UNSETTLED else GONE if grant in _OVER else NOT
