"""A grant, a found statement, an unread policy: each as a line of who has access."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sharing.models import Grant, GrantState, Policy, Reading
from sharing.policy import Document, Permission, Statement, Tool, origin_of, plain, sentence
from sharing.policy.actions import ACTIONS, ActionClass, action_class, expand
from sharing.services.granting.keeping import arn_of, permission_of, principal_of
from sharing.services.granting.statements import ghost_of_granted, same_as_granted, why_not_removable
from sharing.services.granting.wording import doing

from .judging import Judged
from .principals import Names
from .rows import AccessRow

#: States that say who took it away, and why, rather than who gave it.
_TAKEN = (GrantState.REVOKED, GrantState.SUSPENDED)


@dataclass(frozen=True)
class Told:
    """What every line of one policy shares. `open_checks`: grants whose check is not answered yet."""

    policy: Policy
    words: str
    names: Names
    open_checks: frozenset[uuid.UUID]

    @property
    def stale(self) -> str:
        """Why what is shown may be old; "" if it is not."""
        policy = self.policy
        if policy.unread_since is None:
            return ""
        shown = f" Shown as read {policy.read_at:%Y-%m-%d %H:%M} UTC." if policy.read_at else ""
        return f"Not readable since {policy.unread_since:%Y-%m-%d %H:%M} UTC.{shown}"


def of_grant_row(told: Told, grant: Grant, stored: Statement | None, judged: Judged) -> AccessRow:
    """A decision made here, whatever became of it."""
    policy = told.policy
    grant.policy = policy
    changed = stored is not None and not (same_as_granted(grant, stored.raw) or ghost_of_granted(grant, stored.raw))
    who = told.names.of_statement(stored, list(judged.reduced)) if stored and not changed else ()
    permission = permission_of(grant)
    return AccessRow(
        key=grant.pk.hex,
        kind="grant",
        policy=policy,
        qualifier=policy.qualifier,
        place=told.words,
        who=who or (told.names.who(permission.principal if permission else principal_of(grant)),),
        verb=doing(grant.action),
        actions=(grant.action,),
        action_class=_worst((grant.action,)),
        sentence=plain(sentence(permission, told.names.texts)) if permission else "",
        sid=grant.sid,
        state=grant.state,
        state_label=grant.get_state_display(),
        verdict=grant.verdict,
        verdict_principal=grant.verdict_principal,
        verdict_detail=grant.verdict_detail,
        checked_at=grant.checked_at,
        until=grant.ends_at,
        by=grant.revoked_as if grant.state in _TAKEN else grant.requested_as,
        why=grant.revoke_reason if grant.state in _TAKEN and grant.revoke_reason else grant.reason,
        public=judged.public,
        external=judged.external,
        open_service=judged.open_service,
        depends_on=judged.depends_on,
        ghost=stored is not None and _is_ghost(stored),
        latent=judged.latent,
        grant=grant,
        version=policy.current if stored else None,
        index=stored.index if stored else None,
        statement=grant.statement,
        stored=dict(stored.raw) if stored and isinstance(stored.raw, dict) else None,
        changed=changed,
        stale=told.stale,
        failure=grant.failure,
        failure_next=grant.failure_next,
        unsettled=grant.is_unsettled or grant.pk in told.open_checks,
    )


def of_statement(told: Told, statement: Statement, judged: Judged, document: Document) -> AccessRow:
    """A statement made elsewhere, exactly as stored."""
    policy = told.policy
    refusal = why_not_removable(statement, document.statements)
    raw: dict[str, Any] = dict(statement.raw) if isinstance(statement.raw, dict) else {}
    actions = statement.actions or tuple(f"everything but {name}" for name in statement.not_actions)
    permission = Permission.from_statement(raw, arn_of(policy)) if raw else None
    origin = origin_of(statement)
    named = origin.tool is not Tool.UNKNOWN
    return AccessRow(
        key=f"{policy.pk.hex}-{statement.index}",
        kind="statement",
        policy=policy,
        qualifier=policy.qualifier,
        place=told.words,
        who=told.names.of_statement(statement, list(judged.reduced)),
        effect=statement.effect or "Allow",
        verb=doing(actions[0]) if len(actions) == 1 and actions[0] in ACTIONS else "",
        actions=actions,
        action_class=_worst(statement.actions) if statement.actions else ActionClass.MANAGE.value,
        sentence=plain(sentence(permission, told.names.texts)) if permission else "",
        sid=statement.sid or "",
        state_label="Denies" if statement.is_deny else "In the policy",
        by="",
        why=origin.text if named else "",
        origin=str(origin.tool) if named else "",
        public=judged.public,
        external=judged.external,
        open_service=judged.open_service,
        depends_on=judged.depends_on or ((statement.problem,) if statement.problem else ()),
        ghost=_is_ghost(statement),
        latent=judged.latent or ("" if judged.reduced or statement.is_deny else "It lets nobody in."),
        version=policy.current,
        index=statement.index,
        statement=raw,
        stored=raw,
        stale=told.stale,
        revoke_refusal=f"{refusal.message} {refusal.next}" if refusal else "",
    )


def unread_row(told: Told, problem: str) -> AccessRow:
    """A policy that nobody could read or understand: never taken for an empty one."""
    policy = told.policy
    reason = policy.unread_reason or (f"The policy cannot be understood: {problem}." if problem else "")
    if not reason and policy.reading == Reading.UNREAD:
        reason = "It has not been read yet."
    known = " What is listed below is as it was last read." if policy.current is not None else ""
    return AccessRow(
        key=f"{policy.pk.hex}-unread",
        kind="unread",
        policy=policy,
        qualifier=policy.qualifier,
        place=told.words,
        effect="",
        state_label="Unread",
        stale=told.stale,
        problem=f"{reason}{known}",
        next="Re-read the function." if not problem else "Look at the stored policy.",
    )


def _is_ghost(statement: Statement) -> bool:
    return any(one.kind.value == "ghost" for one in (*statement.principals, *statement.not_principals))


def _worst(patterns: tuple[str, ...]) -> str:
    """The most dangerous class among actions and action patterns."""
    found = [action_class(name) for pattern in patterns for name in (expand(pattern) or {pattern})]
    return max(found, key=lambda one: one.danger).value if found else ""
