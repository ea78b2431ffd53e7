"""Moving a grant from state to state: by compare-and-set, never by saving what was read."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from sharing.models import Grant, GrantState, LayerGrant, Wanted
from sharing.models.grant import TRANSITIONS, UNSETTLED
from sharing.services import waking

from .pausing import keeps_back

#: A grant that is unsettled for longer than this is stuck: it may still hold access and says so.
STUCK_AFTER = timedelta(minutes=15)
#: So long a grant is left alone that found everything frozen; the end of the freeze wakes it at once.
FROZEN_FOR = timedelta(minutes=1)


def move(grant: Grant | LayerGrant, to: GrantState, *, only_if: Mapping[str, Any] | None = None, **changes: Any) -> bool:
    """Set the state, and `changes`, if the row still is as `grant` remembers (state and wanted); else False.

    `only_if`: other fields that must still have these values.

    False means that somebody decided otherwise meanwhile: read the row again and look. On success `grant` has the new
    values. Raises AssertionError for a step that the table of transitions does not know: that is a defect, not an input.
    """
    seen = GrantState(grant.state)
    if to != seen and to not in TRANSITIONS[seen]:
        raise AssertionError(f"No way from {seen} to {to}.")
    now = timezone.now()
    if to in UNSETTLED:
        if seen not in UNSETTLED or changes.get("wanted", grant.wanted) != grant.wanted:
            changes.setdefault("unsettled_since", now)
            changes.setdefault("settled_at", None)
            changes.setdefault("next_try_at", None)
            changes.setdefault("tries", 0)
    else:
        changes.setdefault("unsettled_since", None)
        changes.setdefault("settled_at", now)
        changes.setdefault("next_try_at", None)
        changes.setdefault("tries", 0)
    changes["state"] = to
    as_seen = type(grant).objects.filter(pk=grant.pk, state=seen, wanted=grant.wanted, **(only_if or {}))
    with transaction.atomic(savepoint=False):
        moved = as_seen.update(**changes)
        if moved and isinstance(grant, Grant) and (GrantState.VANISHED in (seen, to) or grant.undo_of_id):
            waking.note(grant.policy.function_id)  # what vanished is listed until it is written again
    if moved:
        for name, value in changes.items():
            setattr(grant, name, value)
    return bool(moved)


def wait(grant: Grant | LayerGrant, sentence: str, following: str, *, code: str) -> bool:
    """Keep it as it is while a freeze stands: AWS is not asked, and it does not become stuck meanwhile."""
    now = timezone.now()
    changes: dict[str, Any] = {"failure": sentence, "failure_code": code, "failure_next": following}
    if grant.state != GrantState.STUCK:
        changes["unsettled_since"] = now
    return move(grant, GrantState(grant.state), tries=0, next_try_at=now + FROZEN_FOR, **changes)


def look_again(grant: Grant) -> Grant:
    """The row as it is now, with what it hangs on."""
    return _whole().get(pk=grant.pk)


def looked_at(pk: uuid.UUID | str) -> Grant | None:
    """The row with this key, as `look_again`; None if there is none."""
    try:
        return _whole().get(pk=pk)
    except Grant.DoesNotExist:
        return None


def _whole() -> QuerySet[Grant]:
    # Who approved, revoked or resumed is seldom somebody: read when asked for.
    found = Grant.objects.select_related("policy__function__account", "policy__current", "requested_by")
    return found.annotate(is_kept_back=keeps_back())  # type: ignore[no-redef]


def clear_failure() -> dict[str, Any]:
    """Changes that forget an earlier refusal."""
    return {"failure": "", "failure_code": "", "failure_next": ""}


def is_overdue(grant: Grant | LayerGrant, now: datetime) -> bool:
    """Whether its end date has come."""
    return grant.ends_at is not None and grant.ends_at <= now


def wants_absent(grant: Grant | LayerGrant) -> bool:
    """Whether the last decision is that AWS must not hold it."""
    return grant.wanted == Wanted.ABSENT
