"""What a revoke would do, said before the click."""

from __future__ import annotations

from typing import Any

from sharing.models import Actor, Grant, Policy, PolicyVersion, Reading
from sharing.policy import Permission, Statement
from sharing.policy.permission import why_not_writable
from sharing.services.naming import account_names
from sharing.services.waking import losses, wirings_lost

from . import rights
from .keeping import arn_of
from .overlaps import still_let_in
from .revoking import adopted, way_in_problem
from .shapes import Consequences, Problem
from .statements import document_of, ghost_of_granted, holds_token, same_as_granted, statement_at, why_not_removable
from .transitions import look_again
from .undoing import may_be_another
from .wording import named


def consequences(grant: Grant, *, by: Actor) -> Consequences:
    """Of revoking a grant made here. Raises NotFound."""
    rights.require_sight(by, grant.policy, "That grant")
    grant = look_again(grant)
    stored = next(iter(document_of(grant.policy).by_sid(grant.sid)), None)
    changed = stored is not None and not (same_as_granted(grant, stored.raw) or ghost_of_granted(grant, stored.raw))
    return _of(grant, grant.policy, stored, changed=changed, ours=dict(grant.statement), saved=True, by=by)


def consequences_of_statement(policy: Policy, *, index: int, version_pk: int, by: Actor) -> Consequences:
    """Of revoking a statement made elsewhere. Raises NotFound, Refusal (`stale`)."""
    rights.require_sight(by, policy)
    statement = statement_at(policy, index=index, version_pk=version_pk)
    live = Grant.objects.live().filter(policy=policy, sid=statement.sid).first() if statement.sid else None
    if live is not None:
        return consequences(live, by=by)
    row = adopted(policy, statement, reason="", by=by)
    version = policy.versions.filter(pk=version_pk).first()
    return _of(row, policy, statement, changed=False, ours=None, saved=False, by=by, version=version)


def left_after(grant: Grant) -> str:
    """Whether something else lets the same principal in once the grant is gone: "yes", "depends" or "no".

    Judged on the policy as last read. What it is stays with the owner's side.
    """
    stored = next(iter(document_of(grant.policy).by_sid(grant.sid)), None)
    remaining = still_let_in(grant.policy, grant, stored, account_names())
    if any(one.certainty == "yes" for one in remaining):
        return "yes"
    return "depends" if remaining or _stale(grant.policy) else "no"


def _of(
    grant: Grant,
    policy: Policy,
    stored: Statement | None,
    *,
    changed: bool,
    ours: dict[str, Any] | None,
    saved: bool,
    by: Actor,
    version: PolicyVersion | None = None,
) -> Consequences:
    names = account_names()
    raw = dict(stored.raw) if stored is not None and isinstance(stored.raw, dict) else None
    kept = raw or ours or {}
    why_not = why_not_writable(kept, arn_of(policy)) or ""
    permission = Permission.from_statement(kept, arn_of(policy))
    remaining = still_let_in(policy, grant, stored, names)
    sure = [one for one in remaining if one.certainty == "yes"]
    refusal = why_not_removable(stored, document_of(policy).statements) if stored is not None else None
    way = way_in_problem(policy)
    return Consequences(
        policy=policy,
        sentence=named(grant, names),
        sid=grant.sid,
        stored=raw,
        ours=ours,
        grant=grant if saved else None,
        version=version or policy.current,
        index=stored.index if stored is not None else None,
        refusal=refusal or (Problem(way.message, way.next, code=way.code) if way else None),
        remaining=remaining,
        still_allowed="yes" if sure else "depends" if remaining else "no",
        depends_on=tuple(dict.fromkeys(what for one in remaining for what in one.depends_on)),
        writable=not why_not,
        why_not=why_not,
        token_needed=holds_token(kept),
        role_may_be_another=may_be_another(grant) and permission is not None,
        changed=changed,
        stale=_stale(policy),
        warnings=tuple(_warnings(stored, why_not)),
        wakes=(
            *(wirings_lost(grant) if saved else ()),
            *(losses(policy, stored, by=by, sure=not remaining) if stored is not None and not sure else ()),
        ),
    )


def _stale(policy: Policy) -> str:
    if policy.unread_reason:
        return f"The policy could not be read lately; this is judged on what was last known. {policy.unread_reason}"
    return "The policy has not been read yet." if policy.reading == Reading.UNREAD else ""


def _warnings(stored: Statement | None, why_not: str) -> list[Problem]:
    found = []
    if stored is not None and len(stored.principals) > 1:
        listed = ", ".join(str(one) for one in stored.principals)
        found.append(Problem(f"The statement names several principals, who all lose it: {listed}.", code="several-principals"))
    if stored is not None and len(stored.actions) > 1:
        found.append(Problem(f"The statement holds several actions: {', '.join(stored.actions)}.", code="several-actions"))
    if why_not:
        found.append(
            Problem(f"This cannot be undone here. {why_not}", "Keep a copy of the statement first.", code="not-writable")
        )
    return found
