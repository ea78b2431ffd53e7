"""Writing back what was taken away: undo of one grant, and of several that vanished together."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.utils import timezone

from sharing.models import Actor, Function, Grant, GrantState
from sharing.models.grant import LIVE
from sharing.policy.permission import why_not_writable
from sharing.services.errors import NotFound, Refusal
from sharing.services.masking import fingerprint, same_token

from . import rights
from .deciding import grant as decide
from .keeping import arn_of, permission_of
from .planning import FORMS, plan_permission
from .shapes import Plan, Problem, Restorable, Restored
from .statements import holds_token
from .transitions import is_overdue, look_again
from .wording import named

_UNDONE = (GrantState.REVOKED, GrantState.EXPIRED, GrantState.VANISHED)


class _AsBefore:
    """The end date stays what it was."""


AS_BEFORE = _AsBefore()


def undo(
    grant: Grant,
    *,
    by: Actor,
    form_token: str | None = None,
    confirm_role: bool = False,
    event_source_token: str = "",
    ends_at: datetime | _AsBefore | None = AS_BEFORE,
    reason: str = "",
) -> Grant:
    """Write the same statement again, same Sid, as a new grant with `undo_of`. The gates of a share are passed again.

    `confirm_role`: the role or user name may belong to another one by now; without the confirmation it is refused (code
    `confirm-role`). `event_source_token`: is not kept, so it is asked for again (code `token-needed`). `ends_at`: another
    end date, needed when the old one has passed. Raises Refusal with what to do.
    """
    rights.require_change(by, grant.policy, "That grant")
    if form_token and (sent := Grant.objects.filter(form_token=form_token, undo_of=grant).first()):
        return sent
    plan = undo_plan(
        grant,
        by=by,
        form_token=form_token,
        confirm_role=confirm_role,
        event_source_token=event_source_token,
        ends_at=ends_at,
    )
    why = f"Undo: {reason}" if reason.strip() else f"Undo of what was taken back: {grant.reason}"
    return decide(plan, reason=why[:500], by=by, form_token=form_token, anyway=True)


def undo_plan(
    grant: Grant,
    *,
    by: Actor,
    form_token: str | None = None,
    confirm_role: bool = False,
    event_source_token: str = "",
    ends_at: datetime | _AsBefore | None = AS_BEFORE,
) -> Plan:
    """The preview of an undo: the same plan as of a share, for exactly the old statement. Raises Refusal."""
    rights.require_change(by, grant.policy, "That grant")
    grant = look_again(grant)
    end = grant.ends_at if isinstance(ends_at, _AsBefore) else ends_at
    if problem := why_not_undone(grant, now=timezone.now(), ends_at=end):
        raise Refusal(problem.message, next=problem.next, code=problem.code, field=problem.field)
    if needs_token(grant) and not event_source_token.strip():
        raise Refusal(
            "The event source token is a secret and was not kept.",
            next="Give it again; for Alexa it is the skill id.",
            code="token-needed",
            field="event_source_token",
        )
    if needs_token(grant) and not same_token(grant.statement, fingerprint(event_source_token.strip())):
        raise Refusal(
            "That is not the event source token this statement had.",
            next="Give the same token, or share anew with another.",
            code="token-needed",
            field="event_source_token",
        )
    if may_be_another(grant) and not confirm_role:
        raise Refusal(
            f"{grant.principal} may be another {grant.principal_kind} by now: AWS ties a statement to the one that existed "
            "when it was written.",
            next="Confirm that the one of this name today is meant.",
            code="confirm-role",
            field="confirm_role",
        )
    permission = permission_of(grant, event_source_token=event_source_token.strip())
    if permission is None:
        raise AssertionError("why_not_undone lets no grant without a permission pass.")
    grant_id = uuid.uuid5(FORMS, form_token) if form_token else uuid.uuid4()
    return plan_permission(
        permission, policy=grant.policy, ends_at=end, by=by, grant_id=grant_id, form_token=form_token, undo_of=grant
    )


def why_not_undone(grant: Grant, *, now: datetime, ends_at: datetime | None) -> Problem | None:
    """Why this grant cannot be written back, with what to do; None if it can."""
    if grant.state not in _UNDONE:
        return Problem(
            f"Only what was taken back can be undone; this grant is {grant.get_state_display().lower()}.",
            "Share it anew." if grant.state == GrantState.FAILED else "Wait until it is settled.",
            code="stale",
        )
    again = Grant.objects.filter(policy=grant.policy, sid=grant.sid, state__in=LIVE).first()
    if again is not None:
        return Problem("It was written back already.", "Look at the grant that has this statement id now.", code="conflict")
    if grant.permission is None:
        reason = why_not_writable(grant.statement, arn_of(grant.policy)) or "AddPermission cannot write this statement."
        return Problem(
            reason, "Share anew in a form AddPermission can write, or use the tool that made it.", code="not-writable"
        )
    if ends_at is not None and ends_at <= now:
        return Problem("Its end date has passed.", "Choose a new end date.", field="ends_at", code="ended")
    if ends_at is None and grant.principal_kind == "everyone":
        return Problem("Sharing with everyone needs an end date.", "Choose one.", field="ends_at", code="ended")
    return None


def needs_token(grant: Grant) -> bool:
    """Whether an undo must ask for the event source token again."""
    return holds_token(grant.statement)


def may_be_another(grant: Grant) -> bool:
    """Whether the name in the statement may belong to another role or user by now."""
    return grant.principal_kind in ("role", "user")


def vanished_together(function: Function, *, by: Actor) -> list[Restorable]:
    """Grants on the function, its aliases and versions that AWS lost (deleted and made again) and nobody restored yet.

    Previewed one by one: what can be written again, what first needs an answer, what cannot and why.
    """
    if not by.sees(function.account_id):
        raise NotFound("That function")
    now = timezone.now()
    found = (
        Grant.objects.filter(policy__function=function, state=GrantState.VANISHED)
        .exclude(undone_by__state__in=(*LIVE, *_UNDONE))
        .select_related("policy__function__account", "policy__current")
        .order_by("policy__qualifier", "created_at")
    )
    items = []
    for grant in found:
        problem = _gone_for_good(grant) or why_not_undone(grant, now=now, ends_at=grant.ends_at)
        if is_overdue(grant, now):
            problem = Problem("Its end date has passed meanwhile.", "It is not restored; share anew if needed.", code="ended")
        items.append(
            Restorable(
                grant=grant,
                sentence=named(grant),
                possible=problem is None,
                problem=problem,
                token_needed=needs_token(grant),
                role_may_be_another=may_be_another(grant),
            )
        )
    return items


def restore(
    grants: Iterable[Grant],
    *,
    by: Actor,
    form_token: str = "",
    confirm_roles: bool = False,
    event_source_tokens: Mapping[str, str] | None = None,
) -> list[Restored]:
    """Undo each; one that cannot be written back does not stop the others, and says why.

    `event_source_tokens`: by grant id (text). The same `form_token` twice gives the same grants.
    """
    tokens = event_source_tokens or {}
    outcomes = []
    for one in grants:
        token = f"{form_token}:{one.pk.hex}"[-64:] if form_token else None
        try:
            made = undo(
                one,
                by=by,
                form_token=token,
                confirm_role=confirm_roles,
                event_source_token=tokens.get(str(one.pk), ""),
                reason="restored after it vanished from AWS",
            )
            outcomes.append(Restored(one, made))
        except Refusal as refusal:
            outcomes.append(Restored(one, None, refusal.message, refusal.next))
    return outcomes


def _gone_for_good(grant: Grant) -> Problem | None:
    if grant.policy.vanished_at or grant.policy.function.vanished_at:
        what = grant.policy.qualifier or grant.policy.function.name
        return Problem(f"{what} does not exist any more in AWS.", "Make it again there and sync, then restore.", code="gone")
    return None
