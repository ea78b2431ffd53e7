"""The statements and grants behind a page of rows."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sharing.models import Grant, Policy
from sharing.policy import parse
from sharing.policy.following import statement_key

from .shapes import Waker

_READ: Final = ("id", "unread_since", "current__document")


@dataclass(frozen=True)
class LetIn:
    """A statement that lets it in, or did. `grant`: ours, if it is. `key`: names it in its policy over time.

    `stale`: it is as it was last read, the policy is not readable any more.
    """

    name: str
    policy: uuid.UUID
    key: str
    grant: Grant | None = None
    stale: bool = False


def let_in(rows: Sequence[Waker]) -> list[tuple[LetIn, ...]]:
    """What lets each of these rows in, in their order; () for a pull mapping, which needs nothing. Three queries."""
    keys = {row.policy for row in rows if row.policy is not None}
    policies = {one.pk: one for one in Policy.objects.filter(pk__in=keys).select_related("current").only(*_READ)}
    grants = {(one.policy_id, one.sid): one for one in Grant.objects.live().filter(policy__in=keys)}
    vanished = Grant.objects.in_bulk([row.grant for row in rows if row.grant is not None])
    documents = {pk: parse(one.current.document or None if one.current else None) for pk, one in policies.items()}
    found: list[tuple[LetIn, ...]] = []
    for row in rows:
        policy = policies.get(row.policy) if row.policy is not None else None
        if policy is None:
            found.append(())
            continue
        if row.grant is not None:
            ours = vanished[row.grant]
            found.append((LetIn(ours.sid, policy.pk, ours.sid, ours),))
            continue
        statements = documents[policy.pk].statements
        stale = policy.unread_since is not None
        found.append(
            tuple(
                LetIn(one.name, policy.pk, statement_key(one), grants.get((policy.pk, one.sid or "")), stale)
                for one in (statements[place] for place in row.statements if 0 <= place < len(statements))
            )
        )
    return found
