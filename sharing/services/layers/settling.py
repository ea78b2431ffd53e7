"""Writing down how it went: each end of a reconcile is one transaction, by compare-and-set, with its event."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from sharing.models import Actor, GrantState, LayerGrant, Wanted
from sharing.services.granting.ends import lateness, spoken
from sharing.services.granting.settling import EXPIRY_AGAIN
from sharing.services.granting.transitions import FROZEN_FOR, STUCK_AFTER, clear_failure, is_overdue, move, wait
from sharing.services.granting.wording import until
from sharing.services.history import record
from sharing.services.limits import Frozen

from .wording import named

_LONGEST_PAUSE = 300.0


@dataclass(frozen=True)
class Outcome:
    """How one run ended. `again_in`: seconds after which to come back, None when nothing is left to do."""

    grant: LayerGrant
    again_in: float | None = None


def tell(verb: str, text: str, grant: LayerGrant, **facts: Any) -> None:
    """One event about the grant, by fnshare itself."""
    record(f"layer.share-{verb}", text, by=Actor.system(), layer=grant.layer, sid=grant.sid, **facts)


def active(grant: LayerGrant, *, request_id: str) -> Outcome | None:
    """AWS holds it, seen by re-reading. None: somebody decided otherwise meanwhile, look again."""
    with transaction.atomic():
        changes = {**clear_failure(), "request_id": request_id or grant.request_id}
        if not move(grant, GrantState.ACTIVE, active_at=grant.active_at or timezone.now(), **changes):
            return None
        text = f"AWS holds it: {named(grant)}, {until(grant.ends_at)}."
        tell("active", text, grant, reason=grant.reason, request_id=grant.request_id)
    return Outcome(grant)


def gone(grant: LayerGrant, *, request_id: str) -> Outcome | None:
    """AWS does not hold it, seen by re-reading: revoked, or expired when its end date did it."""
    ended = by_end_date(grant)
    to = GrantState.EXPIRED if ended else GrantState.REVOKED
    with transaction.atomic():
        if not move(grant, to, **clear_failure(), request_id=request_id or grant.request_id):
            return None
        how = "Removed on its end date" if ended else "Taken back"
        if late := lateness(grant):
            how = f"Removed {spoken(late)} after its end date (until then access may have stood)"
        text = f"{how}, seen by re-reading the policy: {named(grant)}. Functions that use it already keep it."
        tell(to, text, grant, reason=grant.revoke_reason, request_id=grant.request_id)
    return Outcome(grant)


def failed(grant: LayerGrant, sentence: str, following: str, *, code: str, request_id: str = "") -> Outcome | None:
    """Refused for good, and AWS holds nothing of it."""
    changes: dict[str, Any] = {"failure": sentence, "failure_code": code[:100], "failure_next": following}
    with transaction.atomic():
        if not move(grant, GrantState.FAILED, wanted=Wanted.ABSENT, request_id=request_id or grant.request_id, **changes):
            return None
        text = f"Not shared: {named(grant)}. {sentence}"
        tell("failed", text, grant, request_id=request_id, error_code=code[:100])
    return Outcome(grant)


def still_there(grant: LayerGrant, sentence: str, following: str, *, code: str, request_id: str = "") -> Outcome | None:
    """The removal was refused: active again, with the error on the row. An end date is tried again by itself."""
    again = timezone.now() + EXPIRY_AGAIN if by_end_date(grant) else None
    with transaction.atomic():
        if not move(
            grant,
            GrantState.ACTIVE,
            wanted=Wanted.PRESENT,
            removes=None,
            failure=sentence,
            failure_code=code[:100],
            failure_next=following,
            request_id=request_id or grant.request_id,
            next_try_at=again,
        ):
            return None
        text = f"Not taken back: {named(grant)}. {sentence}"
        tell("revoke-refused", text, grant, request_id=request_id, error_code=code[:100])
    return Outcome(grant)


def later(grant: LayerGrant, sentence: str, following: str, *, code: str, at_least: float = 0.0) -> Outcome | None:
    """No answer yet: kept, tried again with growing pauses; stuck (and still tried) after 15 minutes."""
    now = timezone.now()
    tries = grant.tries + 1
    pause = max(at_least, min(_LONGEST_PAUSE, 2.0 ** min(tries, 9)) * random.uniform(0.75, 1.25))  # noqa: S311
    stuck = grant.unsettled_since is not None and now - grant.unsettled_since >= STUCK_AFTER
    newly = stuck and grant.state != GrantState.STUCK
    with transaction.atomic():
        if not move(
            grant,
            GrantState.STUCK if stuck else GrantState(grant.state),
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


def waits(grant: LayerGrant, stopped: Frozen) -> Outcome | None:
    """Everything is frozen: it stays as it is, and goes on by itself once the freeze is over."""
    if not wait(grant, stopped.sentence, stopped.next, code=stopped.code):
        return None
    return Outcome(grant, again_in=FROZEN_FOR.total_seconds())


def tell_stuck(grant: LayerGrant) -> None:
    """The event of a grant that stays unsettled; it goes on being tried."""
    minutes = int(STUCK_AFTER.total_seconds() // 60)
    text = f"Unsettled for {minutes} minutes, may still hold access: {named(grant)}. {grant.failure}".strip()
    tell("stuck", text, grant, error_code=grant.failure_code)


def by_end_date(grant: LayerGrant) -> bool:
    """Whether nobody but its end date took it back."""
    alone = grant.revoked_by_id is None and grant.revoked_as == Actor.system().label
    return alone and is_overdue(grant, timezone.now())
