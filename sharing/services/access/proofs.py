"""What checks proved of the policies in view: told is not proved, and a proof is of one named principal."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping

from django.utils import timezone

from sharing.models import Check, CheckState, Grant, GrantState, Policy, Verdict
from sharing.policy import Principal

from .cells import Key, Proof

Proofs = Mapping[tuple[uuid.UUID, Key], Proof]


def proofs(policies: Iterable[Policy]) -> Proofs:
    """By policy and principal, the last check of each that found the way open. Two queries.

    A grant's verdict counts while the grant is active and not past its end. A check without a grant counts while the
    policy is what it was when the check was made, unless a later one found otherwise.
    """
    policies = list(policies)
    now = timezone.now()
    found: dict[tuple[uuid.UUID, Key], Proof] = {}
    since = {one.pk: one.current.first_seen_at for one in policies if one.current is not None}
    checks = (
        Check.objects.filter(policy__in=since, state=CheckState.DONE, grant=None)
        .exclude(connection=None)
        .order_by("done_at")
        .values_list("policy_id", "connection__account__number", "asked_as", "verdict", "principal", "done_at")
    )
    for policy, number, asked, verdict, principal, at in checks:
        if at is None or at < since[policy]:
            continue
        for key in _keys(number, asked):
            if verdict == Verdict.ALLOWED:
                found[policy, key] = Proof(principal, at)
            elif verdict == Verdict.DENIED:
                found.pop((policy, key), None)
    grants = Grant.objects.filter(
        policy__in=[one.pk for one in policies],
        state=GrantState.ACTIVE,
        wanted="present",
        verdict=Verdict.ALLOWED,
        checked_at__isnull=False,
    ).values_list("policy_id", "principal_kind", "principal", "verdict_principal", "checked_at", "ends_at")
    for policy, kind, name, principal, at, ends in grants:
        if at is not None and (ends is None or ends > now):
            found[policy, (_kind(kind), name)] = Proof(principal, at)
    return found


def _kind(kind: str) -> str:
    return "identity" if kind in ("role", "user", "session") else kind


def _keys(number: str | None, asked: str) -> list[Key]:
    """Whom a check made as `asked` (an account id, or the ARN of a role) speaks for."""
    if asked.startswith("arn:"):
        principal = Principal.from_stored(asked)
        return [(_kind(principal.kind.value), principal.value)]
    return [("account", number)] if number else []
