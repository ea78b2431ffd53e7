"""Whom a statement names on the condition of a membership that they are known not to have: let in on paper only."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from sharing.models import Exposure
from sharing.policy import Exposure as Reduced
from sharing.policy import parse
from sharing.services.organizations import Memberships
from sharing.services.trusting import Trust

from .answers import Group
from .appraising import NOT_A_MEMBER, appraise
from .lines import Lines, of_reduced
from .principals import Names
from .subjects import Subject

#: More policies than these are not judged one by one: what they let in then stays counted as it stands.
_MOST = 200
#: An account's own ways in, where a membership is demanded besides.
_KINDS = ("account", "identity")


def outsiders(
    subject: Subject, kept: QuerySet[Exposure], *, members: Memberships, trust: Trust, at: datetime
) -> tuple[list[int], Group | None]:
    """Keys of the ways in that are none, and what is told about them instead. One query; a second for the names.

    Each is judged by its policy's whole text: what is kept beside a policy names one of the organisations it demands.
    """
    if not members or not subject.account:
        return [], None
    demanding = kept.filter(account=subject.account, kind__in=_KINDS).exclude(details__organization="")
    rows = list(
        demanding.select_related("policy__function__account", "policy__current").order_by("policy_id", "pk")[: _MOST + 1]
    )
    if not rows or len(rows) > _MOST:
        return [], None
    names = Names.of([subject.account])
    keys, lines = [], []
    judged: dict[object, list[Reduced]] = {}
    for row in rows:
        policy = row.policy
        if policy.pk not in judged:
            document = parse(policy.current.document or None if policy.current else None)
            found = appraise(policy, document, trust=trust, members=members, at=at)
            judged[policy.pk] = [one for one in found if one.latent == NOT_A_MEMBER]
        for one in judged[policy.pk]:
            places = [statement.index for statement in one.statements]
            same = (row.kind, row.principal, row.action_class) == (one.kind, one.principal, one.action_class)
            if same and row.details.get("statements") == places:
                keys.append(row.pk)
                lines.append(of_reduced(policy, policy.current, one, names))
    if not keys:
        return [], None
    return keys, Group(
        "outsider",
        "Named, but not in the organisation that is demanded",
        Lines(lines),
        len({line.policy.function_id for line in lines}),
        note=members.of(subject.account).words,
    )
