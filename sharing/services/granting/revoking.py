"""A person takes something back: a grant made here, or a statement made elsewhere. A worker makes AWS agree."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from sharing.models import Account, Actor, Connection, ConnectionState, Grant, GrantState, Policy, Purpose, Wanted
from sharing.policy import Permission, Statement
from sharing.policy.statement import canonical
from sharing.services.errors import NotFound, Refusal
from sharing.services.history import record
from sharing.services.masking import mask_tokens

from . import rights
from .digests import equality_of
from .keeping import arn_of, fields_of
from .statements import same_as_granted, stands, statement_at, statements_of, why_not_removable
from .transitions import clear_failure, look_again, move
from .wording import named, place_of

OVER = (GrantState.REVOKED, GrantState.EXPIRED, GrantState.FAILED, GrantState.VANISHED)


def revoke(grant: Grant, *, by: Actor, reason: str = "", anyway: bool = False) -> Grant:
    """Take a grant back. A request that nobody approved yet is withdrawn; anything else is removed from AWS by a worker.

    Doing it twice, or to a grant that is over, changes nothing. When another tool changed the statement since, the revoke
    is refused once (code `changed`) so that the person sees both; `anyway` says that they did. Raises Refusal.
    """
    rights.require_change(by, grant.policy, "That grant")
    return _taken_back(grant, by=by, reason=reason, anyway=anyway)


def give_back(grant: Grant, *, by: Actor, reason: str = "") -> Grant:
    """The other side takes itself out: a person who acts for the account that the grant lets in. As `revoke`, otherwise.

    A statement that another tool changed is left to the owner (code `changed`): the other side sees no statements, so it
    can agree to the removal of none but ours. Raises NotFound for whoever does not act for that account, and Refusal.
    """
    if not rights.acts_for(by, grant):
        raise NotFound("That share")
    return _taken_back(grant, by=by, reason=reason, anyway=False, event="grant.given-back", words="To be given back")


def _taken_back(
    grant: Grant,
    *,
    by: Actor,
    reason: str,
    anyway: bool,
    event: str = "grant.revoke-asked",
    words: str = "To be taken back",
) -> Grant:
    reason = " ".join(reason.split())[:500]
    for _ in range(5):
        grant = look_again(grant)
        suspended = grant.suspended_at is not None
        if grant.state in OVER or (grant.wanted == Wanted.ABSENT and not suspended):
            return grant
        if grant.state == GrantState.REQUESTED:
            if _withdraw(grant, reason, by):
                return grant
            continue
        if grant.state == GrantState.SUSPENDED and not stands(grant):
            if _ended(grant, reason, by, event=event):
                return grant
            continue
        stored = agreed(grant, anyway=anyway)
        if grant.state == GrantState.ACTIVE:
            require_way_in(grant.policy)
        with transaction.atomic():
            if move(
                grant,
                GrantState.REVOKING,
                only_if={"suspended_at": grant.suspended_at},
                wanted=Wanted.ABSENT,
                suspended_at=None,
                resume_at=None,
                revoked_by=by.person,
                revoked_as=by.label[:300],
                revoke_reason=reason,
                removes=stored,
                extension=None,
                **clear_failure(),
            ):
                record(event, f"{words}: {named(grant)}.", by=by, grant=grant, reason=reason)
                return grant
    raise Refusal("The grant keeps changing.", next="Reload the page and try again.", code="conflict")


def revoke_statement(
    policy: Policy, *, index: int, version_pk: int, by: Actor, reason: str = "", anyway: bool = False
) -> Grant:
    """Take back a statement that was made elsewhere: it is adopted (a grant row that wants it absent) and removed.

    `version_pk`, `index`: the policy version the person looked at and the statement's place in it. A statement of a live
    grant revokes that grant. Raises Refusal: `stale` when the statement is not there as it was shown; `refused` for what
    is never removed here (a Deny: removing it widens access) or cannot be addressed (no Sid...), with what to do.
    """
    rights.require_change(by, policy)
    statement = statement_at(policy, index=index, version_pk=version_pk)
    if statement.sid and (ours := Grant.objects.live().filter(policy=policy, sid=statement.sid).first()):
        return revoke(ours, by=by, reason=reason, anyway=anyway)
    if refusal := why_not_removable(statement, statements_of(policy)):
        raise Refusal(refusal.message, next=refusal.next, code=refusal.code)
    require_way_in(policy)
    row = adopted(policy, statement, reason=" ".join(reason.split())[:500], by=by)
    try:
        with transaction.atomic():
            row.full_clean(validate_unique=False)
            row.save(force_insert=True)
            record("grant.adopted", f"Adopted, to be taken back: {named(row)}.", by=by, grant=row, reason=row.revoke_reason)
    except (IntegrityError, ValidationError) as problem:
        if twin := Grant.objects.live().filter(policy=policy, sid=row.sid).first():
            return twin
        raise Refusal("Somebody changed this at the same moment.", next="Reload the page.", code="conflict") from problem
    return row


def adopted(policy: Policy, statement: Statement, *, reason: str, by: Actor) -> Grant:
    """A grant row for a statement made elsewhere, not saved: wanted absent, keeping what is needed to write it back."""
    permission = Permission.from_statement(statement.raw, arn_of(policy))
    principals = statement.principals
    principal = permission.principal if permission else (principals[0] if len(principals) == 1 else None)
    raw: dict[str, Any] = mask_tokens(dict(statement.raw))
    now = timezone.now()
    return Grant(
        policy=policy,
        adopted=True,
        wanted=Wanted.ABSENT,
        state=GrantState.REVOKING,
        sid=statement.sid or "",
        action=statement.actions[0] if len(statement.actions) == 1 else "*",
        principal_kind=principal.kind.value if principal else "unknown",
        principal=principal.value if principal else ", ".join(str(one) for one in principals)[:2048] or "*",
        principal_account=(principal.account or "") if principal else "",
        permission=fields_of(permission) if permission else None,
        statement=raw,
        token_fingerprint="",
        equality=equality_of(policy, raw),
        reason=f"Made elsewhere; adopted to be taken back{': ' if reason else ''}{reason}"[:500],
        requested_by=by.person,
        requested_as=by.label[:300],
        revoked_by=by.person,
        revoked_as=by.label[:300],
        revoke_reason=reason,
        created_at=now,
        unsettled_since=now,
    )


def require_way_in(policy: Policy) -> Connection:
    """The manager connection through which a worker could take something back now. Raises Refusal with what to do."""
    problem = way_in_problem(policy, taking=True)
    if problem is not None:
        raise problem
    return Connection.objects.standing().get(account=policy.function.account, purpose=Purpose.MANAGER)


def way_in_problem(policy: Policy, *, taking: bool = False) -> Refusal | None:
    """Why no worker could write to this policy now, as a Refusal to raise or show; None if one could.

    taking: something is only taken back (see way_into).
    """
    account = policy.function.account
    found = Connection.objects.standing().filter(account=account, purpose=Purpose.MANAGER).first()
    return why_no_way_in(account, found, taking=taking)


def why_no_way_in(account: Account, connection: Connection | None, *, taking: bool = False) -> Refusal | None:
    """The same of an account, through its manager connection that stands (None: there is none)."""
    problem = why_not_usable(account, connection, taking=taking)
    if problem is None and connection is not None and not connection.verbs.get("share"):
        problem = Refusal(
            f"fnshare may only read in {account}: its manager role lacks the share stage.",
            next="Add lambda:AddPermission and lambda:RemovePermission to the manager role (the template has them), "
            "then test the connection.",
            code="read-only",
        )
    return problem


def why_not_usable(account: Account, connection: Connection | None, *, taking: bool) -> Refusal | None:
    """Why nothing is written through this connection now, whatever its role may do; None if something could be."""
    if connection is None:
        return Refusal(f"{account} is not connected.", next="Ask an admin to connect it.", code="not-connected")
    if connection.state == ConnectionState.CONNECTED or (taking and connection.lets_take_back):
        return None
    if connection.state == ConnectionState.PAUSED:
        return Refusal(f"The connection of {account} is paused.", next="Ask an admin to resume it in Settings.", code="paused")
    return Refusal(
        f"The connection of {account} does not work yet: {connection.get_state_display().lower()}.",
        next="Ask an admin to test the connection in Settings.",
        code="not-connected",
    )


def _ended(grant: Grant, reason: str, by: Actor, *, event: str) -> bool:
    """A suspended grant is taken back for good: as last read AWS does not hold it, so nobody has to ask AWS again."""
    with transaction.atomic():
        moved = move(
            grant,
            GrantState.REVOKED,  # `suspended_at` stays: it was not what they had when it was taken back
            resume_at=None,
            revoked_by=by.person,
            revoked_as=by.label[:300],
            revoke_reason=reason,
            **clear_failure(),
        )
        if moved:
            record(event, f"To be taken back, it was suspended: {named(grant)}.", by=by, grant=grant, reason=reason)
            text = f"Taken back while it was suspended, AWS does not hold it as last read: {named(grant)}."
            record("grant.revoked", text, by=Actor.system(), grant=grant, reason=reason)
    return moved


def _withdraw(grant: Grant, reason: str, by: Actor) -> bool:
    with transaction.atomic():
        moved = move(
            grant,
            GrantState.FAILED,
            wanted=Wanted.ABSENT,
            event_source_token="",
            revoked_by=by.person,
            revoked_as=by.label[:300],
            revoke_reason=reason,
            failure=f"Withdrawn by {by.label} before anybody approved it.",
            failure_code="withdrawn",
            failure_next="Ask again if it is still needed.",
        )
        if moved:
            record("grant.withdrawn", f"Withdrawn: {named(grant)}.", by=by, grant=grant, reason=reason)
    return moved


def agreed(grant: Grant, *, anyway: bool) -> dict[str, Any] | None:
    """The stored statement, if it is unlike ours and the person said to remove it all the same; None if it is ours."""
    stored = next((found for found in statements_of(grant.policy) if found.sid == grant.sid), None)
    if stored is None or same_as_granted(grant, stored.raw):
        return None
    if stored.is_deny:
        raise Refusal(
            f"{grant.sid} on {place_of(grant.policy)} is a Deny now: another tool changed it. Removing it would widen access.",
            next="Look at both statements and have the Deny removed where it was made, if that is wanted.",
            code="refused",
        )
    if not anyway and canonical(stored.raw) != canonical(grant.removes or {}):
        raise Refusal(
            f"Another tool changed the statement {grant.sid} since it was granted here.",
            next="Look at both statements; revoke once more to remove the one that AWS holds.",
            code="changed",
        )
    return dict(stored.raw)
