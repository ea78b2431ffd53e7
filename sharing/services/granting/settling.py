"""Writing down how it went: each end of a reconcile is one transaction, by compare-and-set, with its event."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from sharing.models import Actor, Check, Grant, GrantState, Occasion, Wanted
from sharing.models.grant import NOT_SUSPENDED
from sharing.services import checking
from sharing.services.history import record
from sharing.services.limits import Frozen

from .ends import lateness, spoken
from .transitions import FROZEN_FOR, STUCK_AFTER, clear_failure, is_overdue, move, wait
from .wording import named, until

#: An end date whose removal AWS refused is tried again after this long.
EXPIRY_AGAIN = timedelta(minutes=10)
_LONGEST_PAUSE = 300.0


@dataclass(frozen=True)
class Outcome:
    """How one run ended. `again_in`: seconds after which to come back, None when nothing is left to do.

    `check`: a check that became due and waits for a worker.
    """

    grant: Grant
    again_in: float | None = None
    check: Check | None = None


def active(grant: Grant, *, request_id: str) -> Outcome | None:
    """AWS holds it, seen by re-reading. None: somebody decided otherwise meanwhile, look again."""
    with transaction.atomic(savepoint=False):
        changes = {**clear_failure(), "event_source_token": "", "request_id": request_id or grant.request_id}
        resumed = grant.suspended_at is not None
        asked = grant.events.filter(verb="grant.resume-asked").order_by("-sequence").first() if resumed else None
        if not move(grant, GrantState.ACTIVE, **changes, **(NOT_SUSPENDED if resumed else {})):
            return None
        record(
            "grant.active",
            f"AWS holds it{' again' if resumed else ''}: {named(grant)}, {until(grant.ends_at)}.",
            by=Actor.system(),
            grant=grant,
            reason=grant.reason,
            request_id=grant.request_id,
            detail={"resumed": asked.actor if asked else True} if resumed else None,
        )
        check = checking.request(grant=grant, occasion=Occasion.GRANT, by=Actor.system())
    return Outcome(grant, check=check if check.state != "done" else None)


def gone(grant: Grant, *, request_id: str) -> Outcome | None:
    """AWS does not hold it, seen by re-reading: revoked, suspended, or expired when its end date did it."""
    ended = by_end_date(grant)
    if grant.suspended_at is not None and not ended:
        return _suspended(grant, request_id=request_id)
    to = GrantState.EXPIRED if ended else GrantState.REVOKED
    with transaction.atomic(savepoint=False):
        changes = {**clear_failure(), "event_source_token": "", "request_id": request_id or grant.request_id}
        if not move(grant, to, only_if=_as_meant(grant), **changes):
            return None
        late = lateness(grant) if ended else None
        text = "Removed on its end date" if ended else "Taken back"
        if late is not None:
            stood = "until then access stood" if request_id else "until then access may have stood"
            text = f"Removed {spoken(late)} after its end date ({stood})"
        record(
            f"grant.{to}",
            f"{text}, seen by re-reading the policy: {named(grant)}.",
            by=Actor.system(),
            grant=grant,
            reason=grant.revoke_reason,
            request_id=grant.request_id,
            detail={"late_seconds": int(late.total_seconds())} if late is not None else None,
        )
        checking.renew_others(grant)
        check = checking.request(grant=grant, occasion=Occasion.REVOKE, by=Actor.system())
    return Outcome(grant, check=check if check.state != "done" else None)


def _suspended(grant: Grant, *, request_id: str) -> Outcome | None:
    with transaction.atomic(savepoint=False):
        changes = {**clear_failure(), "request_id": request_id or grant.request_id}
        if not move(grant, GrantState.SUSPENDED, only_if=_as_meant(grant), **changes):
            return None
        record(
            "grant.suspended",
            f"Suspended, seen by re-reading the policy: {named(grant)}.",
            by=Actor.system(),
            grant=grant,
            reason=grant.revoke_reason,
            request_id=grant.request_id,
            detail={"suspended": grant.revoked_as},
        )
        checking.renew_others(grant)
        check = checking.request(grant=grant, occasion=Occasion.REVOKE, by=Actor.system())
    return Outcome(grant, check=check if check.state != "done" else None)


def ended_suspended(grant: Grant) -> bool:
    """Its end date came while it is suspended, and as last read AWS does not hold it: expired, without asking AWS again."""
    with transaction.atomic():
        changes = {**clear_failure(), "resume_at": None}
        if not move(grant, GrantState.EXPIRED, only_if={"ends_at": grant.ends_at}, **changes):
            return False
        text = f"Its end date came while it was suspended, it does not come back: {named(grant)}."
        record("grant.expired", text, by=Actor.system(), grant=grant)
    return True


def failed(grant: Grant, sentence: str, following: str, *, code: str, request_id: str = "") -> Outcome | None:
    """Refused for good, and AWS holds nothing of it. What was to be resumed stays suspended, with the error on the row."""
    if grant.suspended_at is not None:
        return _not_resumed(grant, sentence, following, code=code, request_id=request_id)
    with transaction.atomic():
        if not move(
            grant,
            GrantState.FAILED,
            wanted=Wanted.ABSENT,
            event_source_token="",
            failure=sentence,
            failure_code=code[:100],
            failure_next=following,
            request_id=request_id or grant.request_id,
        ):
            return None
        record(
            "grant.failed",
            f"Not shared: {named(grant)}. {sentence}",
            by=Actor.system(),
            grant=grant,
            request_id=request_id,
            error_code=code[:100],
        )
    return Outcome(grant)


def _not_resumed(grant: Grant, sentence: str, following: str, *, code: str, request_id: str) -> Outcome | None:
    with transaction.atomic():
        if not move(
            grant,
            GrantState.SUSPENDED,
            wanted=Wanted.ABSENT,
            failure=sentence,
            failure_code=code[:100],
            failure_next=following,
            request_id=request_id or grant.request_id,
        ):
            return None
        text = f"Not resumed: {named(grant)}. {sentence}"
        record("grant.resume-refused", text, by=Actor.system(), grant=grant, request_id=request_id, error_code=code[:100])
    return Outcome(grant)


def still_there(grant: Grant, sentence: str, following: str, *, code: str, request_id: str = "") -> Outcome | None:
    """The removal was refused: active again, with the error on the row. An end date is tried again by itself."""
    now = timezone.now()
    ended = by_end_date(grant)
    paused = grant.suspended_at is not None
    with transaction.atomic():
        if not move(
            grant,
            GrantState.ACTIVE,
            only_if=_as_meant(grant),
            wanted=Wanted.PRESENT,
            removes=None,
            **(NOT_SUSPENDED if paused else {}),
            failure=sentence,
            failure_code=code[:100],
            failure_next=following,
            request_id=request_id or grant.request_id,
            next_try_at=now + EXPIRY_AGAIN if ended else None,
        ):
            return None
        record(
            "grant.revoke-refused",
            f"{'Not suspended' if paused else 'Not taken back'}: {named(grant)}. {sentence}",
            by=Actor.system(),
            grant=grant,
            request_id=request_id,
            error_code=code[:100],
        )
    return Outcome(grant)


def later(grant: Grant, sentence: str, following: str, *, code: str, at_least: float = 0.0) -> Outcome | None:
    """No answer yet: kept, tried again with growing pauses; stuck (and still tried) after 15 minutes."""
    now = timezone.now()
    tries = grant.tries + 1
    pause = max(at_least, min(_LONGEST_PAUSE, 2.0 ** min(tries, 9)) * random.uniform(0.75, 1.25))  # noqa: S311
    stuck = grant.unsettled_since is not None and now - grant.unsettled_since >= STUCK_AFTER
    to = GrantState.STUCK if stuck else GrantState(grant.state)
    newly = stuck and grant.state != GrantState.STUCK
    with transaction.atomic():
        if not move(
            grant,
            to,
            tries=tries,
            next_try_at=now + timedelta(seconds=pause),
            failure=sentence,
            failure_code=code[:100],
            failure_next=following,
        ):
            return None
        if newly:
            tell_stuck(grant)
    return Outcome(grant, again_in=pause)


def waits(grant: Grant, stopped: Frozen) -> Outcome | None:
    """Everything is frozen: it stays as it is, and goes on by itself once the freeze is over."""
    if not wait(grant, stopped.sentence, stopped.next, code=stopped.code):
        return None
    return Outcome(grant, again_in=FROZEN_FOR.total_seconds())


def tell_stuck(grant: Grant) -> None:
    """The event of a grant that stays unsettled; it goes on being tried."""
    minutes = int(STUCK_AFTER.total_seconds() // 60)
    record(
        "grant.stuck",
        f"Unsettled for {minutes} minutes, may still hold access: {named(grant)}. {grant.failure}".strip(),
        by=Actor.system(),
        grant=grant,
        error_code=grant.failure_code,
    )


def _as_meant(grant: Grant) -> dict[str, Any]:
    """For good or for a while: who takes back what was being suspended is not answered with "suspended"."""
    return {"suspended_at": grant.suspended_at}


def by_end_date(grant: Grant) -> bool:
    """Whether nobody but its end date took it back."""
    alone = grant.revoked_by_id is None and grant.revoked_as == Actor.system().label
    return alone and is_overdue(grant, timezone.now())
