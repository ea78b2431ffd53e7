"""Towards absent: the statement is removed if it is there, and believed gone only when it was read again."""

from __future__ import annotations

from django.db import transaction

from sharing.aws.errors import Refused
from sharing.models import Grant
from sharing.policy import Statement
from sharing.policy.statement import canonical
from sharing.services.masking import mask_tokens

from . import refusals, rights, settling
from .door import Door
from .remembering import remember
from .settling import Outcome
from .statements import ghost_of_granted, same_as_granted, why_not_removable
from .wording import place_of

#: The code of a removal that AWS took and nobody could see: it stays unsettled until it is seen.
UNSEEN = "removal-unseen"
_LOOK_AGAIN = ("PreconditionFailedException", "ResourceConflictException", "ResourceNotFoundException")


def remove(grant: Grant, door: Door) -> Outcome | None:
    """One round. None: look again (the row or the policy changed)."""
    before = door.read()
    found = before.document.by_sid(grant.sid)
    if not found or not (_is_ours(grant, found) or was_active(grant)):
        # Not there, or the Sid of somebody else's statement that never was ours: nothing to take away.
        remember(grant, before)
        return settling.gone(grant, request_id="")
    if lost := rights.lost_by_revoker(grant):
        return settling.still_there(grant, lost, "Have somebody revoke it who may.", code="not-permitted")
    if problem := why_not_removable(found[0], before.document.statements):
        remember(grant, before)
        return settling.still_there(grant, problem.message, problem.next, code=problem.code)
    if not _is_ours(grant, found) and not _agreed(grant, found[0]):
        remember(grant, before)
        return settling.still_there(
            grant,
            f"Another tool changed the statement {grant.sid} since it was granted here.",
            "Look at both statements; revoke once more to remove the one that AWS holds.",
            code="changed",
        )
    if not door.may_share:
        return settling.still_there(
            grant,
            f"fnshare may only read in {grant.policy.function.account}: its manager role lacks the share stage. "
            f"{place_of(grant.policy)} is still shared.",
            "Add lambda:AddPermission and lambda:RemovePermission to the manager role, test the connection, revoke again.",
            code="read-only",
        )
    try:
        written = door.remove(grant.sid, revision_id=before.revision_id)
    except Refused as error:
        if error.code in _LOOK_AGAIN:
            return None
        sentence, following = refusals.of_removing(error, grant)
        remember(grant, before)
        return settling.still_there(grant, sentence, following, code=error.code, request_id=error.request_id)
    try:
        after = door.read()
    except Refused as error:
        # AWS took the removal: nobody may say that it is still shared, nor that it is gone.
        sentence = f"AWS took the removal, and does not show what is left. {error.sentence}"
        return settling.later(grant, sentence, error.next or "It is looked at again by itself.", code=UNSEEN)
    with transaction.atomic():
        remember(grant, before, after)
        if not after.document.by_sid(grant.sid):
            outcome = settling.gone(grant, request_id=written.request_id)
            if outcome is not None:
                door.leave()
            return outcome
    return None


def was_active(grant: Grant) -> bool:
    """Whether AWS was ever seen to hold it, and not seen without it since, as of what is suspended."""
    seen = grant.events.filter(verb__in=("grant.active", "grant.put-back", "grant.suspended"))
    last = seen.order_by("-sequence").values_list("verb", flat=True).first()
    return last != "grant.suspended" if last else grant.adopted


def _is_ours(grant: Grant, found: tuple[Statement, ...]) -> bool:
    return any(same_as_granted(grant, one.raw) or ghost_of_granted(grant, one.raw) for one in found)


def _agreed(grant: Grant, stored: Statement) -> bool:
    """Whether the revoker saw this very statement; an end date removes whatever now stands under our Sid."""
    if settling.by_end_date(grant):
        return True
    return grant.removes is not None and canonical(mask_tokens(stored.raw)) == canonical(grant.removes)
