"""Taking a grant away for a while, and writing back exactly the same: same Sid, same end date, same approval."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from sharing.models import Actor, Grant, GrantState, Offboarding, Wanted
from sharing.policy.permission import why_not_writable
from sharing.services import limits, trusting
from sharing.services.errors import Refusal
from sharing.services.history import record

from . import rights
from .applying import why_not_as_kept
from .deciding import checked_reason
from .ground import Ground, ground_of
from .keeping import arn_of, permission_of
from .pausing import RESUME_FIRST, is_paused, paused_in, take_turn
from .revoking import OVER, agreed, require_way_in
from .shapes import Problem
from .statements import holds_token, same_as_granted
from .transitions import clear_failure, is_overdue, look_again, move
from .undoing import may_be_another
from .wording import named

_MAY_BE: Final = (GrantState.PENDING, GrantState.GRANTING, GrantState.ACTIVE, GrantState.STUCK)
#: A grant that was not resumed by itself says why until somebody resumes it.
_NOT_RESUMED: Final = "not-resumed"


@dataclass(frozen=True)
class Resuming:
    """What would come of resuming a grant, as far as it is known before AWS is asked.

    `problem`: why it would not come back; None: it would. `warnings`: what else to know. `confirm_role`: the role or user of
    this name may be another one by now.
    """

    grant: Grant
    sentence: str
    problem: Problem | None
    warnings: tuple[Problem, ...]
    confirm_role: bool


def suspend(grant: Grant, *, by: Actor, reason: str, until: datetime | None = None) -> Grant:
    """Have its statement removed by a worker, and keep what is needed to write the very same again.

    `until`: when it is resumed by itself. Twice is once. Raises Refusal when it could not be written back, or is not there
    to be taken away.
    """
    rights.require_change(by, grant.policy, "That grant")
    reason = checked_reason(reason)
    check_until(until, now=timezone.now())
    for _ in range(5):
        grant = look_again(grant)
        if grant.suspended_at is not None and grant.wanted == Wanted.ABSENT and grant.state not in OVER:
            return grant
        if problem := why_not_suspended(grant):
            raise Refusal(problem.message, next=problem.next, code=problem.code)
        agreed(grant, anyway=False)
        if grant.state == GrantState.ACTIVE:
            require_way_in(grant.policy)
        with transaction.atomic():
            if move(
                grant,
                GrantState.REVOKING,
                wanted=Wanted.ABSENT,
                suspended_at=timezone.now(),
                resume_at=until,
                resumed_by=None,
                revoked_by=by.person,
                revoked_as=by.label[:300],
                revoke_reason=reason,
                removes=None,
                extension=None,
                **clear_failure(),
            ):
                text = f"To be suspended{f' until {until:%Y-%m-%d %H:%M} UTC' if until else ''}: {named(grant)}."
                record("grant.suspend-asked", text, by=by, grant=grant, reason=reason)
                return grant
    raise Refusal("The grant keeps changing.", next="Reload the page and try again.", code="conflict")


def why_not_suspended(grant: Grant) -> Problem | None:
    """Why this grant cannot be taken away for a while, with what to do; None if it can."""
    if grant.state not in _MAY_BE or grant.wanted != Wanted.PRESENT:
        said = grant.get_state_display().lower()
        return Problem(f"Only what is shared can be suspended; this grant is {said}.", "Reload the page.", code="stale")
    if grant.permission is None:
        why = why_not_writable(grant.statement, arn_of(grant.policy)) or "AddPermission cannot write this statement."
        return Problem(f"It could not be written back. {why}", "Revoke it, if it has to go.", code="not-writable")
    if holds_token(grant.statement):
        return Problem(
            "It could not be written back: its event source token is a secret and was not kept.",
            "Revoke it, if it has to go; undo asks for the token again.",
            code="token-needed",
        )
    return None


def check_until(until: datetime | None, *, now: datetime) -> None:
    """Refuse a moment that has passed."""
    if until is not None and until <= now:
        raise Refusal("That moment has passed.", next="Choose a later one, or none.", field="until")


def resume(
    grant: Grant, *, by: Actor, confirm_role: bool = False, itself: bool = False, under: Offboarding | None = None
) -> Grant:
    """Have the same statement written again by a worker, and proved. Twice is once.

    Everything is judged anew, here and by the worker: rights, approval, limits, end date, whether the function is there.
    `confirm_role`: the role or user of this name is meant (code `confirm-role` without). `itself`: its day has come; nobody
    did it, it is only judged with the rights of `by`. `under`: as in `resuming`. Raises Refusal.
    """
    rights.require_change(by, grant.policy, "That grant")
    with transaction.atomic():
        take_turn(grant.principal_account)
        grant = look_again(grant)
        if grant.wanted == Wanted.PRESENT and grant.state in _MAY_BE:
            return grant
        [found] = resuming([grant], by=by, under=under)
        if found.problem is not None:
            raise Refusal(found.problem.message, next=found.problem.next, code=found.problem.code)
        if found.confirm_role and not confirm_role:
            raise Refusal(
                f"{grant.principal} may be another {grant.principal_kind} by now: AWS ties a statement to the one that exists "
                "when it is written.",
                next="Confirm that the one of this name today is meant.",
                code="confirm-role",
                field="confirm_role",
            )
        if not move(
            grant,
            GrantState.PENDING,
            wanted=Wanted.PRESENT,
            resume_at=None,
            resumed_by=by.person,
            **clear_failure(),
        ):
            raise Refusal("Somebody was faster.", next="Reload the page.", code="stale")
        text = f"To be resumed{' by itself' if itself else ''}: {named(grant)}."
        who = Actor.system() if itself else by
        record("grant.resume-asked", text, by=who, grant=grant, reason=grant.revoke_reason)
    return grant


def resuming(grants: Collection[Grant], *, by: Actor, under: Offboarding | None = None) -> list[Resuming]:
    """Of each whether it would come back, judged now on what is known here: what a preview shows, and `resume` asks.

    The grants with their policy, function and account. `under`: the suspension of their account that ends with it; none comes
    back by that while another stands. One alone does, if whoever resumes it could resume the account as well. The number of
    queries does not grow with the grants, but for approvals. Raises NotFound, NotPermitted.
    """
    ground = ground_of([one.policy for one in grants], by=by)
    others = Offboarding.objects.suspensions()
    others = others.exclude(pk=under.pk) if under else others.exclude(pk__in=Offboarding.objects.visible_to(by))
    paused = paused_in({one.policy.function.account_id for one in grants}, among=others)
    frozen = limits.is_frozen()
    trusted = trusting.trust().accounts
    found = []
    for grant in grants:
        problem = _why_not_resumed(grant, ground, paused)
        warnings = tuple(_warnings(grant, ground, frozen=frozen, trusted=trusted, alone=under is None))
        found.append(Resuming(grant, named(grant, ground.names), problem, warnings, may_be_another(grant)))
    return found


def resume_due(now: datetime) -> list[Grant]:
    """Resume what is to be resumed by itself, with the rights of whoever suspended it. Gives those a worker has to write.

    One that cannot be, or whose role may be another one by now, stays suspended and says why. One of an account that is
    suspended waits until that is resumed.
    """
    due = Grant.objects.filter(~is_paused(), state=GrantState.SUSPENDED, resume_at__lte=now).select_related("revoked_by")
    found = [(one, Actor.of(one.revoked_by) if one.revoked_by else Actor.system()) for one in due.order_by("resume_at")[:200]]
    return [grant for grant, by in found if resume_or_say(grant, by=by, itself=True)]


def resume_or_say(
    grant: Grant, *, by: Actor, confirm_role: bool = False, itself: bool = False, under: Offboarding | None = None
) -> bool:
    """Resume it, or say on the row and in its history why not, and try it by itself no more. Whether it is resumed."""
    try:
        resume(grant, by=by, confirm_role=confirm_role, itself=itself, under=under)
    except Refusal as refusal:
        said: dict[str, Any] = {"failure": refusal.message, "failure_code": _NOT_RESUMED, "failure_next": refusal.next}
        grant = look_again(grant)
        if grant.state != GrantState.SUSPENDED:
            return False
        with transaction.atomic():
            if move(grant, GrantState.SUSPENDED, resume_at=None, settled_at=grant.settled_at, **said):
                text = f"Not resumed: {named(grant)}. {refusal.message}"
                record("grant.resume-refused", text, by=Actor.system(), grant=grant)
        return False
    return True


def _why_not_resumed(grant: Grant, ground: Ground, paused: Mapping[tuple[str, uuid.UUID], str]) -> Problem | None:
    if grant.state != GrantState.SUSPENDED:
        said = grant.get_state_display().lower()
        return Problem(f"Only a suspended share is resumed; this one is {said}.", "Reload the page.", code="stale")
    if is_overdue(grant, timezone.now()):
        return Problem("Its end date came meanwhile: it does not come back.", "Share anew, if it is needed.", code="ended")
    if grant.policy.vanished_at or grant.policy.function.vanished_at:
        what = grant.policy.qualifier or grant.policy.function.name
        return Problem(f"{what} does not exist any more in AWS.", "Make it again there and sync, then resume.", code="gone")
    if why := paused.get((grant.principal_account, grant.policy.function.account_id)):
        return Problem(why, RESUME_FIRST, code="suspended")
    if refusal := ground.ways[grant.policy.function.account_id]:
        return Problem(refusal.message, refusal.next, code=refusal.code)
    if why := why_not_as_kept(grant, permission_of(grant)):  # who may change it was asked for the ground
        return Problem(why, "Revoke it and share anew: that asks for what is missing.", code="not-permitted")
    stored = ground.document(grant.policy).by_sid(grant.sid)
    if stored and not same_as_granted(grant, stored[0].raw):
        return Problem(
            f"The statement id {grant.sid} is taken by another statement, made elsewhere.",
            "Revoke this share, and share anew with another statement id.",
            code="conflict",
        )
    return None


def _warnings(grant: Grant, ground: Ground, *, frozen: bool, trusted: Collection[str], alone: bool) -> Iterable[Problem]:
    if alone and (why := ground.paused.get((grant.principal_account, grant.policy.function.account_id))):
        yield Problem(why, "This share alone comes back.")
    if ground.document(grant.policy).by_sid(grant.sid):
        yield Problem("As last read, AWS holds the statement again: somebody put it back.", "It is then only proved.")
    if trusted and grant.principal_account and grant.principal_account not in trusted:
        yield Problem("The account is not on the trust list.", "Look there first, if it should be.")
    if grant.policy.unread_reason:
        yield Problem(f"The policy could not be read: {grant.policy.unread_reason}", "It is read again before it is written.")
    if frozen:
        yield Problem("Everything that gives access is frozen.", "It is written once an admin unfreezes.")
