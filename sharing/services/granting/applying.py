"""Towards present: the statement is added if it is not there, and believed only when it was read again."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from sharing.aws.errors import Refused
from sharing.models import Actor, Grant, GrantState, Wanted
from sharing.policy import Permission, Statement, same_statement
from sharing.services import limits
from sharing.services.history import record
from sharing.services.masking import mask_tokens
from sharing.services.operating import restored

from . import refusals, rights, settling
from .digests import approval_of
from .door import Door
from .keeping import permission_of
from .pausing import RESUME_FIRST, why_kept_back
from .remembering import remember
from .settling import Outcome
from .statements import ghost_of_granted, same_as_granted
from .transitions import is_overdue, move
from .wording import named, place_of

#: AWS says these when the policy is not as it was read: look again.
_LOOK_AGAIN = ("PreconditionFailedException", "ResourceConflictException")


def apply(grant: Grant, door: Door) -> Outcome | None:
    """One round. None: look again (the row or the policy changed, or the statement was just written)."""
    if is_overdue(grant, timezone.now()):
        return _drop(grant, "Its end date came before it was settled.")
    if grant.state == GrantState.PENDING and limits.is_frozen():
        return settling.waits(grant, limits.Frozen())
    permission = permission_of(grant, event_source_token=grant.event_source_token)
    if problem := why_not_written(grant, permission):
        if grant.state == GrantState.PENDING:
            return settling.failed(grant, problem, "Ask again, or have somebody ask who may.", code="not-permitted")
        return _drop(grant, problem)
    before = door.read()
    found = before.document.by_sid(grant.sid)
    if why := why_kept_back(grant):
        if found or grant.state != GrantState.PENDING:
            return _drop(grant, why)
        remember(grant, before)
        return settling.failed(grant, why, RESUME_FIRST, code="suspended")
    if found:
        with transaction.atomic():
            remember(grant, before)
            return _found(grant, found, door)
    if restored.asked_before(grant.unsettled_since):
        remember(grant, before)
        return settling.failed(grant, restored.SENTENCE, restored.NEXT, code=restored.CODE)
    if permission is None:
        raise AssertionError("why_not_written lets no grant without a permission pass.")
    if not door.may_share:
        return settling.failed(
            grant,
            f"fnshare may only read in {grant.policy.function.account}: its manager role lacks the share stage.",
            "Add lambda:AddPermission and lambda:RemovePermission to the manager role, test the connection, share again.",
            code="read-only",
        )
    try:
        limits.require(grant.policy.function.account.number, subject=grant.pk, lets_in=limits.LetsIn.by(permission))
    except limits.Frozen as stopped:
        return settling.waits(grant, stopped)
    except limits.Beyond as stopped:
        if grant.state == GrantState.PENDING:
            return settling.failed(grant, stopped.sentence, stopped.next, code=stopped.code)
        return _drop(grant, stopped.sentence)
    if grant.state != GrantState.GRANTING and not move(grant, GrantState.GRANTING):
        return None
    try:
        written = door.add(permission, revision_id=before.revision_id)
    except Refused as error:
        if error.code in _LOOK_AGAIN:
            return None
        sentence, following = refusals.of_adding(error, grant, before.document)
        remember(grant, before)
        return settling.failed(grant, sentence, following, code=error.code, request_id=error.request_id)
    after = door.read()
    with transaction.atomic():
        remember(grant, before, after)
        if found := after.document.by_sid(grant.sid):
            return _found(grant, found, door, request_id=written.request_id)
    return None


def _found(grant: Grant, found: tuple[Statement, ...], door: Door, request_id: str = "") -> Outcome | None:
    """The Sid is there: ours only if its statement equals ours; then AWS holds it, whoever's call it was."""
    stored = found[0].raw
    if len(found) == 1 and (same_as_granted(grant, stored) or ghost_of_granted(grant, stored)):
        outcome = settling.active(grant, request_id=request_id)
        if outcome is not None:
            door.leave()
        return outcome
    return settling.failed(
        grant,
        f"The statement id {grant.sid} on {place_of(grant.policy)} is taken by another statement, made elsewhere.",
        "Share again with another statement id, or leave the one that is offered.",
        code="conflict",
    )


def why_not_written(grant: Grant, permission: Permission | None) -> str:
    """What the worker checks for itself, whatever the web process wrote: rights, approval, and that it is one permission."""
    return rights.lost_by_requester(grant) or why_not_as_kept(grant, permission)


def why_not_as_kept(grant: Grant, permission: Permission | None) -> str:
    """The same but for the rights of whoever asked."""
    if permission is None or not same_statement(mask_tokens(permission.statement()), grant.statement):
        return "The kept permission and the kept statement differ."
    if problems := permission.problems():
        return problems[0].message
    if permission.needs_second_person or grant.second_person:
        if lost := rights.lost_by_approver(grant):
            return lost
        if grant.approved_by_id is None or grant.approved_by_id == grant.requested_by_id:
            return "Nobody approves their own request."
        if grant.approval_digest != approval_of(grant, ends_at=grant.ends_at):
            return "What was approved is not what would be written."
    return ""


def _drop(grant: Grant, why: str) -> Outcome | None:
    """It must not be written (any more), and an earlier try may have: towards absent, by fnshare itself."""
    with transaction.atomic():
        if move(
            grant,
            GrantState.REVOKING,
            wanted=Wanted.ABSENT,
            revoked_by=None,
            revoked_as=Actor.system().label,
            revoke_reason=why,
        ):
            record("grant.dropped", f"Not to be shared any more: {named(grant)}. {why}", by=Actor.system(), grant=grant)
    return None
