"""Whom a Deny shuts out although a statement lets them in."""

from __future__ import annotations

from django.db.models import QuerySet

from sharing.models import Policy, PolicyVersion
from sharing.policy.ineffective import Blocked, blocked

from .answers import Group
from .lines import Cited, Line, Lines, who
from .principals import Names
from .subjects import Subject

_MOST_DENIES = 12


def denied_line(policy: Policy, version: PolicyVersion, one: Blocked, names: Names) -> Line:
    """Somebody a Deny shuts out: the Deny is cited first, then what it takes away."""
    principal = one.principal
    return Line(
        policy,
        version,
        one.kind.value,
        principal,
        one.account or "",
        who(names, one.kind.value, principal, one.account or ""),
        "invoke" if any("Invoke" in action for action in one.actions) else "manage",
        one.actions,
        tuple(Cited(statement.index, statement.name) for statement in (one.by, *one.statements)),
        effect="Deny",
    )


def shut_out(subject: Subject, policies_: QuerySet[Policy]) -> Group | None:
    """Whom an Allow names and a Deny shuts out, of the policies that hold a Deny and name them; of very many the first."""
    wanted = subject.account or subject.principal
    if wanted in ("", "*"):
        return None
    rows = (
        policies_.filter(denies=True, current__document__contains=wanted)
        .select_related("function__account", "current")
        .order_by("function__name", "pk")
    )
    policies = list(rows[:_MOST_DENIES])
    found = [
        (policy, one)
        for policy in policies
        if policy.current is not None
        for one in blocked(policy.current.document or None, function_arn=policy.arn)
        if _is_about(one.kind.value, one.principal, one.account or "", subject)
    ]
    if not found:
        return None
    names = Names.of(one.account for _, one in found if one.account)
    lines = [denied_line(policy, policy.current, one, names) for policy, one in found if policy.current]
    return Group(
        "deny",
        "Shut out by a Deny",
        Lines(lines),
        len({line.policy.function_id for line in lines}),
        note="A statement would let them in, and a Deny takes it away."
        + (f" Of the policies with a Deny, the first {_MOST_DENIES} were looked at." if len(policies) == _MOST_DENIES else ""),
    )


def _is_about(kind: str, principal: str, account: str, subject: Subject) -> bool:
    if subject.kind == "account":
        return account == subject.account and kind in ("account", "identity", "service")
    return principal == subject.principal or (subject.kind == "identity" and kind == "account" and account == subject.account)
