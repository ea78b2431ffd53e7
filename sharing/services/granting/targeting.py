"""What a revoke by statement id or by principal means: grants made here and statements made elsewhere alike."""

from __future__ import annotations

from dataclasses import dataclass

from sharing.models import Actor, Grant, Policy, Reading
from sharing.policy import Permission, Principal, PrincipalKind, Statement, WhoError, parse_who
from sharing.services.errors import NotFound, Refusal
from sharing.services.naming import numbers_by_name

from . import rights
from .keeping import arn_of
from .revoking import revoke, revoke_statement
from .statements import statements_of
from .wording import place_of


@dataclass(frozen=True)
class Target:
    """One thing to take back: a grant, or a stored statement that no grant owns."""

    policy: Policy
    grant: Grant | None = None
    statement: Statement | None = None

    @property
    def name(self) -> str:
        """Its statement id, or its place."""
        return self.grant.sid if self.grant else self.statement.name if self.statement else ""

    def revoke(self, *, by: Actor, reason: str = "", anyway: bool = False) -> Grant:
        """Take it back. Raises Refusal as `revoke` and `revoke_statement` do."""
        if self.grant is not None:
            return revoke(self.grant, by=by, reason=reason, anyway=anyway)
        if self.statement is None or self.policy.current_id is None:
            raise AssertionError("A target without a grant has a stored statement.")
        return revoke_statement(
            self.policy,
            index=self.statement.index,
            version_pk=self.policy.current_id,
            by=by,
            reason=reason,
            anyway=anyway,
        )


def target_with_sid(policy: Policy, sid: str, *, by: Actor) -> Target:
    """The live grant, else the stored statement, with that id; else the last grant that had it. Raises NotFound."""
    rights.require_change(by, policy)
    sid = sid.strip()
    grants = Grant.objects.filter(policy=policy, sid=sid)
    if live := grants.live().first():
        return Target(policy, grant=live)
    for statement in statements_of(policy):
        if statement.sid == sid:
            return Target(policy, statement=statement)
    if over := grants.order_by("-created_at").first():
        return Target(policy, grant=over)
    raise NotFound(f"A statement {sid} on {place_of(policy)}", next=_unseen(policy))


def targets_from(policy: Policy, who: str, *, by: Actor) -> list[Target]:
    """Everything on exactly this policy that names exactly this principal and allows something. Raises NotFound, Refusal.

    A statement that names others besides is left out: taking it back from one takes it from all, so it wants its id.
    """
    rights.require_change(by, policy)
    try:
        principal = parse_who(who, names=numbers_by_name(), partition=arn_of(policy).partition)
    except WhoError as error:
        raise Refusal(str(error), next="Name them as when sharing.", field="who") from error
    live = list(Grant.objects.live().filter(policy=policy))
    found = [Target(policy, grant=one) for one in live if _is(one, principal)]
    ours = {one.sid for one in live}
    shared_with_others = []
    for statement in statements_of(policy):
        if statement.is_deny or (statement.sid and statement.sid in ours):
            continue
        meant = _principals(statement, policy)
        if principal in meant:
            if len(meant) == 1:
                found.append(Target(policy, statement=statement))
            else:
                shared_with_others.append(statement.name)
    if found:
        return found
    if shared_with_others:
        raise Refusal(
            f"{', '.join(shared_with_others)} names others besides {who}, who would all lose it.",
            next="Name the statement with --sid if that is wanted.",
            code="ambiguous",
        )
    raise NotFound(f"A statement that lets {who} use {place_of(policy)}", next=_unseen(policy))


def _is(grant: Grant, principal: Principal) -> bool:
    return grant.principal_kind == principal.kind.value and grant.principal == principal.value


def _principals(statement: Statement, policy: Policy) -> set[Principal]:
    """Whom it names; an organisation where `*` is limited to one."""
    permission = Permission.from_statement(statement.raw, arn_of(policy)) if isinstance(statement.raw, dict) else None
    found = (permission.principal,) if permission else statement.principals
    partition = arn_of(policy).partition
    return {Principal(one.kind, one.value, one.account, one.partition or partition) for one in found} - {
        Principal(PrincipalKind.UNKNOWN, "", None)
    }


def _unseen(policy: Policy) -> str:
    if policy.reading == Reading.UNREAD or policy.unread_since:
        return "The policy could not be read lately: sync the account, then try again."
    return "If it was made elsewhere just now, sync the account and try again; alias and version have policies of their own."
