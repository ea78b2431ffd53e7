"""One round towards present or absent: the policy is read, changed if needed, and believed only when read again."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from sharing.aws.errors import AwsError, Refused
from sharing.models import Actor, GrantState, LayerGrant, Wanted
from sharing.policy import Statement, same_statement
from sharing.policy.statement import canonical
from sharing.services import limits
from sharing.services.granting.door import Read
from sharing.services.granting.removing import UNSEEN
from sharing.services.granting.statements import why_not_removable
from sharing.services.granting.transitions import is_overdue, move
from sharing.services.operating import restored

from . import rights, settling
from .deciding import approval_digest
from .door import LayerDoor
from .settling import Outcome
from .storing import store_policy
from .wording import named, share_of

#: AWS says these when the policy is not as it was read: look again.
_LOOK_AGAIN = ("PreconditionFailedException", "ResourceConflictException")
_STAGE = "Add lambda:AddLayerVersionPermission and lambda:RemoveLayerVersionPermission to the manager role, test the connection"


def apply(grant: LayerGrant, door: LayerDoor) -> Outcome | None:
    """Towards present. None: look again (the row or the policy changed, or the statement was just written)."""
    if is_overdue(grant, timezone.now()):
        return _drop(grant, "Its end date came before it was settled.")
    if grant.state == GrantState.PENDING and limits.is_frozen():
        return settling.waits(grant, limits.Frozen())
    if problem := _why_not(grant):
        if grant.state == GrantState.PENDING:
            return settling.failed(grant, problem, "Ask again, or have somebody ask who may.", code="not-permitted")
        return _drop(grant, problem)
    before = door.read()
    if found := before.document.by_sid(grant.sid):
        _remember(grant, before)
        return _found(grant, found)
    if restored.asked_before(grant.unsettled_since):
        _remember(grant, before)
        return settling.failed(grant, restored.SENTENCE, restored.NEXT, code=restored.CODE)
    if not door.may_share:
        sentence = f"The manager role of {grant.layer.account} may not share layers."
        return settling.failed(grant, sentence, f"{_STAGE}, share again.", code="read-only")
    share = share_of(grant)
    try:
        limits.require(grant.layer.account.number, subject=grant.pk, lets_in=limits.LetsIn.by_layer(share))
    except limits.Frozen as stopped:
        return settling.waits(grant, stopped)
    except limits.Beyond as stopped:
        if grant.state == GrantState.PENDING:
            return settling.failed(grant, stopped.sentence, stopped.next, code=stopped.code)
        return _drop(grant, stopped.sentence)
    if grant.state != GrantState.GRANTING and not move(grant, GrantState.GRANTING):
        return None
    try:
        written = door.add(share, revision_id=before.revision_id)
    except Refused as error:
        if error.code in _LOOK_AGAIN:
            return None
        _remember(grant, before)
        sentence, following = _explained(grant, error)
        return settling.failed(grant, sentence, following, code=error.code, request_id=error.request_id)
    after = door.read()
    _remember(grant, before, after)
    held = after.document.by_sid(grant.sid)
    return _found(grant, held, request_id=written.request_id) if held else None


def remove(grant: LayerGrant, door: LayerDoor) -> Outcome | None:
    """Towards absent. None: look again."""
    before = door.read()
    found = before.document.by_sid(grant.sid)
    ours = any(same_statement(one.raw, grant.statement) for one in found)
    if not found or not (ours or grant.adopted or grant.active_at):
        # Not there, or the Sid of somebody else's statement that never was ours: nothing to take away.
        _remember(grant, before)
        return settling.gone(grant, request_id="")
    if lost := rights.lost_by_revoker(grant):
        return settling.still_there(grant, lost, "Have somebody revoke it who may.", code="not-permitted")
    if problem := why_not_removable(found[0], before.document.statements):
        _remember(grant, before)
        return settling.still_there(grant, problem.message, problem.next, code=problem.code)
    if not ours and not _agreed(grant, found[0]):
        _remember(grant, before)
        sentence = f"Another tool changed the statement {grant.sid} since it was granted here."
        following = "Look at both statements; revoke once more to remove the one that AWS holds."
        return settling.still_there(grant, sentence, following, code="changed")
    if not door.may_share:
        sentence = f"The manager role of {grant.layer.account} may not change layers: {grant.layer.label} is still shared."
        return settling.still_there(grant, sentence, f"{_STAGE}, revoke again.", code="read-only")
    try:
        written = door.remove(grant.sid, revision_id=before.revision_id)
    except Refused as error:
        if error.code in (*_LOOK_AGAIN, "ResourceNotFoundException"):
            return None
        _remember(grant, before)
        sentence = f"{error.sentence} {grant.layer.label} is still shared."
        return settling.still_there(
            grant, sentence, error.next or "Revoke again.", code=error.code, request_id=error.request_id
        )
    try:
        after = door.read()
    except Refused as error:
        # AWS took the removal: nobody may say that it is still shared, nor that it is gone.
        sentence = f"AWS took the removal, and does not show what is left. {error.sentence}"
        return settling.later(grant, sentence, error.next or "It is looked at again by itself.", code=UNSEEN)
    _remember(grant, before, after)
    if after.document.by_sid(grant.sid):
        return None
    return settling.gone(grant, request_id=written.request_id)


def _remember(grant: LayerGrant, *reads: Read) -> None:
    """Store each read, the one before a write and the one after it: whatever differs and is not this grant's own
    statement becomes an event, whoever did it (the whole document is compared)."""
    for read in reads:
        store_policy(grant.layer, read.stored, read_at=read.at, ours=[grant.sid])


def _found(grant: LayerGrant, found: tuple[Statement, ...], request_id: str = "") -> Outcome | None:
    """The Sid is there: ours only if its statement equals ours; then AWS holds it, whoever's call it was."""
    if len(found) == 1 and same_statement(found[0].raw, grant.statement):
        return settling.active(grant, request_id=request_id)
    sentence = f"The statement id {grant.sid} on {grant.layer.label} is taken by another statement, made elsewhere."
    return settling.failed(grant, sentence, "Share again.", code="conflict")


def _why_not(grant: LayerGrant) -> str:
    """What the worker checks for itself, whatever the web process wrote: rights, approval, and that it is one share."""
    if lost := rights.lost_by_requester(grant):
        return lost
    share = share_of(grant)
    if problem := share.problem():
        return problem
    if not same_statement(share.statement(), grant.statement):
        return "The kept principal and the kept statement differ."
    if share.needs_second_person or grant.second_person:
        if lost := rights.lost_by_approver(grant):
            return lost
        if grant.approved_by_id is None or grant.approved_by_id == grant.requested_by_id:
            return "Nobody approves their own request."
        if grant.approval_digest != approval_digest(grant):
            return "What was approved is not what would be written."
    return ""


def _explained(grant: LayerGrant, error: AwsError) -> tuple[str, str]:
    """Sentence and next step for a refused AddLayerVersionPermission."""
    if error.code == "ResourceNotFoundException":
        return f"{grant.layer.label} does not exist in AWS any more.", "Read the layers again, then share another version."
    if error.code == "PolicyLengthExceededException":
        sentence = error.sentence
        return sentence, "Take back shares that are no longer needed, or share with an organisation instead."
    if error.code == "InvalidParameterValueException" and "principal" in error.message.lower():
        return f"AWS knows no principal {grant.principal}.", "Check the account id, then share again."
    return error.sentence, error.next


def _agreed(grant: LayerGrant, stored: Statement) -> bool:
    """Whether the revoker saw this very statement; an end date removes whatever now stands under our Sid."""
    if settling.by_end_date(grant):
        return True
    return grant.removes is not None and canonical(stored.raw) == canonical(grant.removes)


def _drop(grant: LayerGrant, why: str) -> Outcome | None:
    """It must not be written (any more), and an earlier try may have: towards absent, by fnshare itself."""
    by = Actor.system().label
    with transaction.atomic():
        if move(grant, GrantState.REVOKING, wanted=Wanted.ABSENT, revoked_by=None, revoked_as=by, revoke_reason=why):
            settling.tell("dropped", f"Not to be shared any more: {named(grant)}. {why}", grant)
    return None
