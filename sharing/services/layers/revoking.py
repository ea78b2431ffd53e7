"""A person takes something back: a grant of a layer version, or a statement made elsewhere. A worker makes AWS agree."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Actor, GrantState, LayerGrant, LayerVersion, Wanted
from sharing.policy import Statement
from sharing.policy.layers import LayerArn, let_in
from sharing.policy.statement import canonical, same_statement
from sharing.services.errors import Refusal
from sharing.services.granting.revoking import OVER
from sharing.services.granting.statements import as_it_is_now, why_not_removable
from sharing.services.granting.transitions import clear_failure, move
from sharing.services.history import record

from . import rights
from .deciding import look_again
from .planning import document_of, way_in_problem
from .wording import named


def revoke(grant: LayerGrant, *, by: Actor, reason: str = "", anyway: bool = False) -> LayerGrant:
    """Take a grant back. A request that nobody approved yet is withdrawn; anything else is removed by a worker.

    Doing it twice, or to a grant that is over, changes nothing. When another tool changed the statement since, the revoke
    is refused once (code `changed`) so that the person sees both; `anyway` says that they did. Raises Refusal.
    """
    rights.require_change(by, grant.layer, "That grant")
    reason = " ".join(reason.split())[:500]
    for _ in range(5):
        grant = look_again(grant)
        if grant.state in OVER or grant.wanted == Wanted.ABSENT:
            return grant
        waiting = grant.state == GrantState.REQUESTED
        changes: dict[str, Any] = {"failure": f"Withdrawn by {by.label} before anybody approved it."} if waiting else {}
        if not waiting:
            changes = {"removes": _agreed(grant, anyway=anyway), **clear_failure()}
            if grant.state == GrantState.ACTIVE and (problem := way_in_problem(grant.layer, taking=True)):
                raise problem
        with transaction.atomic():
            if move(
                grant,
                GrantState.FAILED if waiting else GrantState.REVOKING,
                wanted=Wanted.ABSENT,
                revoked_by=by.person,
                revoked_as=by.label[:300],
                revoke_reason=reason,
                **changes,
            ):
                verb, told = ("withdrawn", "Withdrawn") if waiting else ("revoke-asked", "To be taken back")
                text = f"{told}: {named(grant)}."
                record(f"layer.share-{verb}", text, by=by, layer=grant.layer, sid=grant.sid, reason=reason)
                return grant
    raise Refusal("The grant keeps changing.", next="Reload the page and try again.", code="conflict")


def revoke_statement(layer: LayerVersion, *, index: int, content_pk: int, by: Actor, reason: str = "") -> LayerGrant:
    """Take back a statement that was made elsewhere: it is adopted (a grant row that wants it absent) and removed.

    `content_pk`, `index`: the content the person looked at and the statement's place in it. A statement of a live grant
    revokes that grant. Raises Refusal: `stale` when the statement is not there as it was shown; `refused` for what is
    never removed here (a Deny: removing it widens access) or cannot be addressed (no Sid...), with what to do.
    """
    rights.require_change(by, layer)
    statement = statement_at(layer, index=index, content_pk=content_pk)
    if statement.sid and (ours := LayerGrant.objects.live().filter(layer=layer, sid=statement.sid).first()):
        return revoke(ours, by=by, reason=reason)
    if refusal := why_not_removable(statement, document_of(layer).statements):
        raise Refusal(refusal.message, next=refusal.next, code=refusal.code)
    if problem := way_in_problem(layer, taking=True):
        raise problem
    row = adopted(layer, statement, by=by, reason=" ".join(reason.split())[:500])
    try:
        with transaction.atomic():
            row.full_clean(validate_unique=False)
            row.save(force_insert=True)
            text = f"Adopted, to be taken back: {named(row)}."
            record("layer.share-adopted", text, by=by, layer=layer, sid=row.sid, reason=row.revoke_reason)
    except (IntegrityError, ValidationError) as problem:
        if twin := LayerGrant.objects.live().filter(layer=layer, sid=row.sid).first():
            return twin
        raise Refusal("Somebody changed this at the same moment.", next="Reload the page.", code="conflict") from problem
    return row


def statement_at(layer: LayerVersion, *, index: int, content_pk: int) -> Statement:
    """The statement a person saw at `index` of a content, as it is in the current one. Raises Refusal (`stale`)."""
    seen = layer.contents.filter(pk=content_pk).first()
    now = document_of(layer).statements
    return as_it_is_now(seen.document if seen else "", index, now, changed=layer.current_id != content_pk)


def adopted(layer: LayerVersion, statement: Statement, *, by: Actor, reason: str) -> LayerGrant:
    """A grant row for a statement made elsewhere, not saved: wanted absent."""
    found = [one for one in let_in(document_of(layer), LayerArn.parse(layer.arn)) if one.statement == statement.index]
    one = found[0] if len(found) == 1 else None
    now = timezone.now()
    return LayerGrant(
        layer=layer,
        adopted=True,
        wanted=Wanted.ABSENT,
        state=GrantState.REVOKING,
        sid=statement.sid or "",
        principal_kind=one.kind if one else "unknown",
        principal=one.principal[:2048] if one else "several principals",
        principal_account=one.account if one else "",
        statement=dict(statement.raw),
        reason=f"Made elsewhere; adopted to be taken back{': ' if reason else ''}{reason}"[:500],
        requested_by=by.person,
        requested_as=by.label[:300],
        revoked_by=by.person,
        revoked_as=by.label[:300],
        revoke_reason=reason,
        created_at=now,
        unsettled_since=now,
    )


def _agreed(grant: LayerGrant, *, anyway: bool) -> dict[str, Any] | None:
    """The stored statement, if it is unlike ours and the person said to remove it all the same; None if it is ours."""
    stored = next(iter(document_of(grant.layer).by_sid(grant.sid)), None)
    if stored is None or same_statement(stored.raw, grant.statement):
        return None
    if stored.is_deny:
        raise Refusal(
            f"{grant.sid} on {grant.layer.label} is a Deny now: another tool changed it. Removing it would widen access.",
            next="Have the Deny removed where it was made, if that is wanted.",
            code="refused",
        )
    if not anyway and canonical(stored.raw) != canonical(grant.removes or {}):
        raise Refusal(
            f"Another tool changed the statement {grant.sid} since it was granted here.",
            next="Look at both statements; revoke once more to remove the one that AWS holds.",
            code="changed",
        )
    return dict(stored.raw)
