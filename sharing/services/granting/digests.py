"""What makes two grants equal, and what exactly a second person approved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sharing.models import Grant, Policy
from sharing.policy.statement import canonical


def equality_of(policy: Policy, statement: Mapping[str, Any]) -> str:
    """Digest of everything that a grant lets happen: the policy it is on and the statement's meaning without its Sid.

    `statement`: masked; two tokens have two masks. The end date is left out: two leases of one access are equal and end alone.
    """
    meaning = canonical({key: value for key, value in statement.items() if key != "Sid"})
    return _digest([str(policy.pk), _stable(meaning)])


def approval_of(grant: Grant, *, ends_at: datetime | None) -> str:
    """Digest of what a second person says yes to: the exact statement, Sid included, on this policy, and its end date.

    Computed for the page that asks, and again by the worker before it writes: any difference voids the approval.
    """
    end = ends_at.astimezone(UTC).isoformat() if ends_at else "no end"
    return _digest([grant.policy.arn, _stable(canonical(grant.statement)), grant.token_fingerprint, end])


def _stable(value: Any) -> Any:
    """Sets and tuples as lists in a fixed order, so that equal meanings have equal digests."""
    if isinstance(value, frozenset):
        return sorted((_stable(item) for item in value), key=json.dumps)
    if isinstance(value, tuple):
        return [_stable(item) for item in value]
    return value


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
