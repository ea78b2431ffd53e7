"""A finding as programs read it: the same in the export and in the command."""

from __future__ import annotations

from typing import Any

from sharing.models import Finding, Weight

from .settling import title_of


def item(one: Finding) -> dict[str, Any]:
    """All of it. `account`, `function`, `policy` and `owner` should be loaded with it."""
    return {
        "id": one.pk,
        "rule": one.rule,
        "title": title_of(one.rule),
        "severity": Weight(one.severity).label.lower(),
        "certain": one.certain,
        "status": one.status,
        "account": one.account.number if one.account else "",
        "account_name": one.account.name if one.account else "",
        "region": one.region or (one.function.region if one.function else ""),
        "function_arn": one.function.arn if one.function else "",
        "qualifier": one.policy.qualifier if one.policy else "",
        "sid": one.sid,
        "text": one.text,
        "depends_on": one.detail.get("depends_on", []),
        "who": [dict(zip(("kind", "principal", "account"), who, strict=True)) for who in one.detail.get("who", [])],
        "first_seen_at": one.first_seen_at,
        "opened_at": one.opened_at,
        "closed_at": one.closed_at,
        "owner": one.owner.email if one.owner else "",
        "accepted_until": one.accepted_until,
        "accepted_by": one.accepted_as,
        "accepted_because": one.accepted_reason,
    }
