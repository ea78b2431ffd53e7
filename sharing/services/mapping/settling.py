"""Writing down how it went: each end of a run is one transaction, by compare-and-set, with its event."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from sharing.aws.mapped import ListedMapping
from sharing.aws.mappings import Accepted
from sharing.models import Actor, Mapping, MappingChange, MappingChangeState
from sharing.services import waking
from sharing.services.granting.transitions import FROZEN_FOR
from sharing.services.history import record
from sharing.services.limits import Frozen
from sharing.services.syncing.keeping import keep_mapping

from .wording import doing

#: A change that is unsettled for longer than this is stuck: it is said, and still tried.
STUCK_AFTER = timedelta(minutes=15)
#: And after this long it has failed: a page must not wait for ever, and whoever wants it can ask again.
GIVES_UP_AFTER = timedelta(hours=24)
_LONGEST_PAUSE = 300.0
_LONGEST_LOOK = 20.0


@dataclass(frozen=True)
class Outcome:
    """How one run ended. `again_in`: seconds after which to come back, None when nothing is left to do."""

    change: MappingChange
    again_in: float | None = None


def tell(verb: str, text: str, change: MappingChange, **facts: Any) -> None:
    """One event about the change, by fnshare itself."""
    detail = {"change": str(change.pk), "mapping": str(change.mapping_id or ""), "source": change.source_arn}
    record(
        f"mapping.{verb}",
        text,
        by=Actor.system(),
        function=change.function,
        qualifier=change.qualifier,
        detail=detail,
        **facts,
    )


def keep(change: MappingChange, found: ListedMapping) -> Mapping:
    """Keep the mapping as AWS tells it now."""
    held = Mapping.objects.filter(pk=found.id).first()
    now = timezone.now()
    with transaction.atomic():
        keep_mapping(change.function, found, now, held=held)
        Mapping.objects.filter(pk=found.id).update(read_at=now, read_failure="")
    return Mapping.objects.get(pk=found.id)


def told(change: MappingChange, accepted: Accepted) -> bool:
    """AWS accepted it, or holds it already: from now on its state is looked at. False: the row is not as it was."""
    with transaction.atomic():
        mapping = keep(change, accepted.mapping)
        return _move(
            change,
            MappingChangeState.TOLD,
            told_at=timezone.now(),
            mapping=mapping,
            tries=0,
            next_try_at=None,
            request_id=accepted.request_id or change.request_id,
            failure="",
            failure_code="",
            failure_next="",
        )


def done(change: MappingChange, text: str) -> Outcome:
    """It is so in AWS, seen by looking."""
    cleared = {"failure": "", "failure_code": "", "failure_next": ""}
    with transaction.atomic():
        if _move(change, MappingChangeState.DONE, settled_at=timezone.now(), next_try_at=None, **cleared):
            tell("done", f"{doing(change)}: {text}", change, request_id=change.request_id)
    return Outcome(change)


def failed(change: MappingChange, sentence: str, following: str, *, code: str, request_id: str = "") -> Outcome:
    """Refused for good."""
    with transaction.atomic():
        if _move(
            change,
            MappingChangeState.FAILED,
            settled_at=timezone.now(),
            next_try_at=None,
            failure=sentence,
            failure_code=code[:100],
            failure_next=following,
            request_id=request_id or change.request_id,
        ):
            tell("failed", f"{doing(change)}: {sentence}", change, request_id=request_id, error_code=code[:100])
    return Outcome(change)


def gone(change: MappingChange) -> None:
    """AWS knows the mapping no more."""
    if change.mapping_id is None:
        return
    with transaction.atomic():
        if Mapping.objects.filter(pk=change.mapping_id, vanished_at=None).update(vanished_at=timezone.now()):
            waking.note(change.function_id)


def on_its_way(change: MappingChange) -> Outcome:
    """AWS accepted it and is not there yet: look again soon, then more rarely."""
    return _again(change, min(_LONGEST_LOOK, 1.0 * 1.5 ** min(change.tries, 9)), "", "", code="", at_least=0.0)


def later(change: MappingChange, sentence: str, following: str, *, code: str, at_least: float = 0.0) -> Outcome:
    """No answer, or AWS is busy with it: tried again with growing pauses; stuck (and still tried) after 15 minutes."""
    pause = min(_LONGEST_PAUSE, 2.0 ** min(change.tries + 1, 9)) * random.uniform(0.75, 1.25)  # noqa: S311
    return _again(change, pause, sentence, following, code=code, at_least=at_least)


def waits(change: MappingChange, stopped: Frozen) -> Outcome:
    """Everything is frozen: it stays as it is, neither stuck nor given up, and goes on by itself once the freeze is over."""
    failure = {"failure": stopped.sentence, "failure_code": stopped.code, "failure_next": stopped.next}
    _move(change, MappingChangeState(change.state), next_try_at=timezone.now() + FROZEN_FOR, **failure)
    return Outcome(change, again_in=FROZEN_FOR.total_seconds())


def mark_stuck(change: MappingChange) -> None:
    """Say that it takes too long; it goes on being tried."""
    with transaction.atomic():
        if _move(change, MappingChangeState.STUCK):
            minutes = int(STUCK_AFTER.total_seconds() // 60)
            text = f"{doing(change)}: unsettled for {minutes} minutes. {change.failure}".strip()
            tell("stuck", text, change, error_code=change.failure_code)


def _again(change: MappingChange, pause: float, sentence: str, following: str, *, code: str, at_least: float) -> Outcome:
    now = timezone.now()
    age = now - change.created_at
    if now - (change.told_at or change.created_at) >= GIVES_UP_AFTER:  # it may have waited for the end of a freeze before
        text = f"It was not settled within a day. {sentence}".strip()
        return failed(change, text, "Look at the mapping as it is now, then ask again.", code=code or "not-settled")
    if age >= STUCK_AFTER and change.state != MappingChangeState.STUCK:
        mark_stuck(change)
    pause = max(at_least, pause)
    changes = {"failure": sentence, "failure_code": code[:100], "failure_next": following}
    _move(
        change,
        MappingChangeState(change.state),
        tries=change.tries + 1,
        next_try_at=now + timedelta(seconds=pause),
        **changes,
    )
    return Outcome(change, again_in=pause)


def _move(change: MappingChange, to: MappingChangeState, **changes: Any) -> bool:
    """Set the state if the row still is as `change` remembers it; `change` then has the new values."""
    if to == MappingChangeState.TOLD and change.state == MappingChangeState.STUCK:
        to = MappingChangeState.STUCK
    moved = MappingChange.objects.filter(pk=change.pk, state=change.state).update(state=to, **changes)
    if moved:
        for name, value in {"state": to, **changes}.items():
            setattr(change, name, value)
    return bool(moved)
