"""A second person's say, and other end dates."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from sharing.models import Actor, Grant, GrantState, Wanted
from sharing.services import limits
from sharing.services.errors import NotPermitted, Refusal
from sharing.services.history import record

from . import rights
from .alerting import ask_second_person
from .deciding import check_end, checked_reason
from .digests import approval_of
from .ends import next_reminder
from .pausing import require_open, take_turn
from .transitions import look_again, move
from .wording import named, until


def approve(grant: Grant, *, digest: str, by: Actor) -> Grant:
    """A second person says yes to exactly what `digest` stands for: the statement and its end date, or a new end date.

    Raises Refusal (`stale`) when the grant is not what was shown, NotPermitted for the person who asked, for operators of
    a shell, claimed or not, and for those without the right or scope.
    """
    rights.require_change(by, grant.policy, "That grant")
    person = by.person
    if by.kind != "person" or person is None:
        raise NotPermitted(
            "Only a person who signed in may approve; a name given on a shell is a claim.",
            next="Sign in to fnshare and approve there.",
        )
    grant = look_again(grant)
    if grant.state == GrantState.REQUESTED:
        asked_by, ends_at = grant.requested_by_id, grant.ends_at
    elif grant.state == GrantState.ACTIVE and grant.extension:
        asked_by, ends_at = grant.extension["requested_by"], extension_end(grant)
    else:
        raise Refusal("Nothing waits for approval here any more.", next="Reload the page.", code="stale")
    if asked_by is not None and str(asked_by) == str(person.pk):
        raise NotPermitted("Nobody approves their own request.", next="Ask another owner or admin.")
    if approval_of(grant, ends_at=ends_at) != digest:
        raise Refusal("The request is not the one that was shown.", next="Reload the page and read it again.", code="stale")
    if grant.extension:
        _require_no_freeze()
    now = timezone.now()
    if ends_at is not None and ends_at <= now:
        raise Refusal(
            "Its end date has passed in the meantime.", next="Decline it and ask for a later end date.", field="ends_at"
        )
    changes: dict[str, Any] = {"approved_by": person, "approved_at": now, "approval_digest": digest}
    changes["remind_at"] = next_reminder(ends_at, after=now)
    with transaction.atomic():
        if grant.state == GrantState.REQUESTED:
            take_turn(grant.principal_account)
            require_open(grant.principal_account, grant.policy.function.account_id)
            moved = move(grant, GrantState.PENDING, **changes)
        else:
            moved = move(grant, GrantState.ACTIVE, ends_at=ends_at, extension=None, settled_at=grant.settled_at, **changes)
        if not moved:
            raise Refusal("Somebody was faster.", next="Reload the page.", code="stale")
        record(
            "grant.approved",
            f"Approved: {named(grant)}, {until(ends_at)}.",
            by=by,
            grant=grant,
            detail={"digest": digest, "second_person": grant.second_person},
        )
    return grant


def decline(grant: Grant, *, reason: str, by: Actor) -> Grant:
    """A second person says no; the request is over. A waiting extension is dropped, the grant keeps its end date."""
    rights.require_change(by, grant.policy, "That grant")
    reason = checked_reason(reason)
    grant = look_again(grant)
    with transaction.atomic():
        if grant.state == GrantState.REQUESTED:
            moved = move(
                grant,
                GrantState.FAILED,
                wanted=Wanted.ABSENT,
                event_source_token="",
                failure=f"Declined by {by.label}: {reason}",
                failure_code="declined",
                failure_next="Talk to them, or ask again with a narrower permission.",
            )
        elif grant.state == GrantState.ACTIVE and grant.extension:
            moved = move(grant, GrantState.ACTIVE, extension=None, settled_at=grant.settled_at)
        else:
            moved = False
        if not moved:
            raise Refusal("Nothing waits for approval here any more.", next="Reload the page.", code="stale")
        record("grant.declined", f"Declined: {named(grant)}.", by=by, grant=grant, reason=reason)
    return grant


def extend(grant: Grant, *, ends_at: datetime | None, by: Actor, reason: str = "") -> Grant:
    """Another end date (None: no end). Only here: AWS knows no end dates, so nothing is written there.

    Where the grant needed a second person, a later end needs one again (`extension` waits for `approve`); an earlier one
    takes effect at once, also while everything is frozen. Raises Refusal.
    """
    rights.require_change(by, grant.policy, "That grant")
    grant = look_again(grant)
    if grant.state != GrantState.ACTIVE or grant.wanted != Wanted.PRESENT:
        raise Refusal(
            f"Only an active grant has an end date to change; this one is {grant.get_state_display().lower()}.",
            next="Share again, or wait until it is settled.",
            code="stale",
        )
    check_end(ends_at, everyone=grant.principal_kind == "everyone", now=timezone.now())
    if ends_at == grant.ends_at:
        return grant
    later = ends_at is None or (grant.ends_at is not None and ends_at > grant.ends_at)
    asks = bool(grant.second_person) and later
    if later and not asks:
        _require_no_freeze()
    with transaction.atomic():
        if asks:
            waiting = {
                "ends_at": ends_at.isoformat() if ends_at else None,
                "reason": reason[:500],
                "requested_by": str(by.person.pk) if by.person else None,
                "requested_as": by.label[:300],
            }
            verb, text = "grant.extension-requested", f"Another end asked for: {named(grant)}, {until(ends_at)}."
            moved = move(grant, GrantState.ACTIVE, extension=waiting, settled_at=grant.settled_at)
        else:
            verb, text = "grant.extended", f"New end date: {named(grant)}, {until(ends_at)} (was {until(grant.ends_at)})."
            moved = move(
                grant,
                GrantState.ACTIVE,
                ends_at=ends_at,
                remind_at=next_reminder(ends_at, after=timezone.now()),
                extension=None,
                settled_at=grant.settled_at,
                approval_digest=approval_of(grant, ends_at=ends_at) if grant.approval_digest else "",
            )
        if not moved:
            raise Refusal("The grant changed in the meantime.", next="Reload the page.", code="stale")
        record(verb, text, by=by, grant=grant, reason=reason)
        if grant.extension:
            ask_second_person(grant, digest=approval_of(grant, ends_at=ends_at), by=by)
    return grant


def _require_no_freeze() -> None:
    """A later end date counts at once and no worker is asked: while everything is frozen nobody gets access for longer."""
    if limits.is_frozen():
        raise Refusal(
            "Everything that gives access is frozen, and so are later end dates.",
            next="Ask again once an admin unfreezes.",
            code=limits.Frozen.code,
            field="ends_at",
        )


def approval_digest(grant: Grant) -> str:
    """What an approving page shows and sends back: the digest of the request, or of the waiting extension."""
    return approval_of(grant, ends_at=waiting_end(grant))


def extension_end(grant: Grant) -> datetime | None:
    """The end date that waits for approval (None: no end)."""
    text = (grant.extension or {}).get("ends_at")
    return datetime.fromisoformat(text) if text else None


def waiting_end(grant: Grant) -> datetime | None:
    """The end date that was last asked for: the waiting one, if any, else the grant's (None: no end)."""
    return extension_end(grant) if grant.extension else grant.ends_at
