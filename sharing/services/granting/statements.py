"""Stored statements beside grants: which one is ours, whether it still is as granted, whether it can be removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sharing.models import Grant, Policy
from sharing.policy import Document, Statement, parse, same_statement
from sharing.policy.statement import canonical, parse_statement
from sharing.services.errors import Refusal
from sharing.services.masking import mask_tokens, tokens_in

from .shapes import Problem


def document_of(policy: Policy) -> Document:
    """The policy as last read (event source tokens masked); a document that does not exist where there is none."""
    return parse(policy.current.document or None if policy.current else None)


def statements_of(policy: Policy) -> tuple[Statement, ...]:
    """The statements as last read."""
    return document_of(policy).statements


def statement_at(policy: Policy, *, index: int, version_pk: int) -> Statement:
    """The statement a person saw at `index` of a version, as it is in the current one. Raises Refusal (`stale`)."""
    seen = policy.versions.filter(pk=version_pk).first()
    return as_it_is_now(seen.document if seen else "", index, statements_of(policy), changed=policy.current_id != version_pk)


def as_it_is_now(seen: str, index: int, now: Sequence[Statement], *, changed: bool) -> Statement:
    """The statement at `index` of the document that a person saw, found again among those of `now`. Raises Refusal (`stale`).

    `changed`: it is another document by now. Then it must be there once, with the same words.
    """
    statements = parse(seen or None).statements
    if 0 <= index < len(statements):
        wanted = canonical(statements[index].raw)
        same = [found for found in now if canonical(found.raw) == wanted] if changed else [statements[index]]
        if len(same) == 1:
            return same[0]
    raise Refusal(
        "The policy has changed since this page was made, and that statement with it.",
        next="Reload the page and look again.",
        code="stale",
    )


def stands(grant: Grant) -> bool:
    """Whether AWS holds what was granted, as last read."""
    return any(same_as_granted(grant, one.raw) for one in document_of(grant.policy).by_sid(grant.sid))


def same_as_granted(grant: Grant, stored: Mapping[str, Any]) -> bool:
    """Whether what AWS holds (as read, or as kept with its token masked) is what was granted, token included."""
    return same_statement(mask_tokens(stored), grant.statement)


def ghost_of_granted(grant: Grant, stored: Mapping[str, Any]) -> bool:
    """Whether this is our statement whose role or user was deleted: AWS shows its unique id in place of the ARN.

    It may also show so for a moment after a role was made (aws-facts 1.7).
    """
    read = parse_statement(stored)
    if grant.principal_kind not in ("role", "user") or [one.kind.value for one in read.principals] != ["ghost"]:
        return False
    return same_as_granted(grant, {**stored, "Principal": grant.statement["Principal"]})


def holds_token(statement: Mapping[str, Any]) -> bool:
    """Whether the statement is limited by an event source token."""
    return bool(tokens_in(statement))


def why_not_removable(statement: Statement, among: Sequence[Statement]) -> Problem | None:
    """Why fnshare never removes this statement, with what to do; None if RemovePermission can take it away.

    RemovePermission addresses by Sid, 1 to 100 of `[a-zA-Z0-9-_.]`; a document written by PutResourcePolicy may hold
    statements that it cannot address (aws-facts 1.1, 1.2).
    """
    if statement.is_deny:
        return Problem(
            "This is a Deny: removing it would widen access.",
            "Have it removed where it was made, if that is really wanted.",
            code="refused",
        )
    if not statement.sid:
        return Problem(
            "This statement has no Sid, so AWS offers no way to remove it by itself.",
            "Remove it with the tool that wrote the whole policy (PutResourcePolicy), or give it a Sid there.",
            code="refused",
        )
    if len(statement.sid) > 100 or not _addressable(statement.sid):
        return Problem(
            "RemovePermission does not accept this Sid.",
            "Remove it with the tool that wrote the whole policy (PutResourcePolicy).",
            code="refused",
        )
    if sum(one.sid == statement.sid for one in among) > 1:
        return Problem(
            f"Several statements have the Sid {statement.sid}: AWS could remove the wrong one.",
            "Give them Sids of their own with the tool that wrote the whole policy (PutResourcePolicy).",
            code="refused",
        )
    return None


def _addressable(sid: str) -> bool:
    return all(char.isascii() and (char.isalnum() or char in "-_.") for char in sid)
