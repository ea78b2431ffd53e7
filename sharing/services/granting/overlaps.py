"""What already lets somebody in: said before a share is written, and before a revoke is believed to close the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sharing.models import Grant, Policy
from sharing.policy import (
    Document,
    Extent,
    FunctionArn,
    Permission,
    Principal,
    PrincipalKind,
    Statement,
    covering,
    denying,
    parse,
    still_lets_in,
)
from sharing.policy.verdicts import Answer
from sharing.services.organizations import UNKNOWN, Memberships, known

from .ground import Ground
from .keeping import arn_of, permission_of
from .shapes import Covering, Problem
from .statements import document_of
from .wording import until

#: Of a statement that names more principals than this, the first are looked at.
_PRINCIPALS = 20


def already_granted(policy: Policy, permission: Permission, ground: Ground) -> tuple[Covering, ...]:
    """Statements of the same policy that already allow all of what the permission would."""
    grants = {grant.sid: grant for grant in ground.live.get(policy.pk, ())}
    return tuple(
        _covering(statement, grants, f"Already granted by {_pointed(statement, grants, ground.names)}")
        for statement in covering(ground.document(policy), permission)
    )


def in_the_way(policy: Policy, permission: Permission, ground: Ground) -> list[Problem]:
    """Warnings about what makes the share less than it seems: a Deny, and access through another form of the function.

    Function, alias and version have a policy each, and a caller is judged by the one of exactly the form they name
    (aws-facts 1.4): access to `f` is none to `f:live`.
    """
    found = [
        Problem(
            f"{statement.name} on this policy is a Deny that may hit them: a Deny beats every Allow.",
            "Look at it before you share.",
            code="denied",
        )
        for statement in denying(ground.document(policy), permission)
    ]
    for sibling in ground.siblings(policy):
        if sibling.current is None or not sibling.current.document:
            continue
        form = arn_of(sibling)
        if covering(ground.document(sibling), replace(permission, function=form)):
            found.append(
                Problem(
                    f"They already have this on {_form(form)}, which does not count for {_form(permission.function)}: "
                    "callers must name exactly the form that is shared.",
                    "Share this form too only if they call it.",
                    code="other-form",
                )
            )
    return found


def still_let_in(policy: Policy, grant: Grant, stored: Statement | None, names: Mapping[str, str]) -> tuple[Covering, ...]:
    """Other statements of the same policy that let the same principal in after a revoke."""
    document = document_of(policy)
    without = document.without(grant.sid) if grant.sid else _without_index(document, stored)
    grants = _grants_by_sid(policy)
    members = known() if any(demanded_organizations(one) for one in without.statements) else UNKNOWN
    found: dict[int, Covering] = {}
    for permission in _permissions(policy, grant, stored):
        for still in still_lets_in(without, permission):
            sure = still.extent is not Extent.DEPENDS
            belongs = _belongs(still.statement, permission, members)
            if belongs is Answer.NO:
                continue
            pointed = _pointed(still.statement, grants, names)
            sentence = still.sentence.replace(still.statement.name, pointed, 1)
            if not sure and belongs is Answer.YES and _asks_nothing_else(still.statement):
                sure = True
                sentence = f"{pointed} lets them in as well. {members.of(permission.principal.account or '').words}"
            depends_on = () if sure else tuple(dict.fromkeys(one.key for one in still.statement.conditions))
            covered = _covering(still.statement, grants, sentence[:1].upper() + sentence[1:], sure=sure, depends_on=depends_on)
            place = still.statement.index
            if place not in found or (sure and found[place].certainty != "yes"):
                found[place] = covered
    return tuple(found.values())


def demanded_organizations(statement: Statement) -> tuple[str, ...]:
    """The organisations one of which a caller must belong to; () where none is demanded, or not by its id."""
    for one in statement.conditions:
        if one.operator.lower() == "stringequals" and one.key.lower() == "aws:principalorgid":
            return tuple(one.values)
    return ()


def _belongs(statement: Statement, permission: Permission, members: Memberships) -> Answer:
    """Whether an account, role or user is in an organisation that the statement demands, as its members were read."""
    number = permission.principal.account
    demanded = demanded_organizations(statement)
    if not number or not demanded or not statement.is_allow:
        return Answer.DEPENDS
    found = {members.is_in(number, name) for name in demanded}
    return Answer.YES if Answer.YES in found else Answer.DEPENDS if Answer.DEPENDS in found else Answer.NO


def _asks_nothing_else(statement: Statement) -> bool:
    """Whether everybody is let in who belongs to the organisation: no other condition, nothing that cannot be read."""
    everyone = any(one.kind is PrincipalKind.EVERYONE for one in statement.principals)
    return everyone and len(statement.conditions) == 1 and not statement.doubts - {"Sid"}


def _permissions(policy: Policy, grant: Grant, stored: Statement | None) -> list[Permission]:
    """The permission that goes away; one per principal and action where a statement holds several."""
    own = permission_of(grant)
    if own is not None and stored is None:
        return [own]
    function = arn_of(policy)
    if stored is None:
        return []
    written = Permission.from_statement(stored.raw, function)
    if written is not None:
        return [written]
    principals = [one for one in stored.principals if one.kind is not PrincipalKind.UNKNOWN][:_PRINCIPALS]
    return [_plain(function, principal, action) for principal in principals for action in stored.actions[:_PRINCIPALS]]


def _plain(function: FunctionArn, principal: Principal, action: str) -> Permission:
    return Permission(function, "gone", action, principal)


def _without_index(document: Document, stored: Statement | None) -> Document:
    """The document without a statement that has no Sid."""
    kept = [one.raw for one in document.statements if stored is None or one.index != stored.index]
    return parse({"Version": document.version, "Statement": kept})


def _covering(
    statement: Statement,
    grants: Mapping[str, Grant],
    sentence: str,
    *,
    sure: bool = True,
    depends_on: tuple[str, ...] = (),
) -> Covering:
    return Covering(
        sentence=sentence,
        certainty="yes" if sure else "depends",
        sid=statement.sid or "",
        index=statement.index,
        grant=grants.get(statement.sid or ""),
        depends_on=depends_on,
    )


def _pointed(statement: Statement, grants: Mapping[str, Grant], names: Mapping[str, str]) -> str:
    """Which statement, for whom, and until when if it is a grant."""
    who = ", ".join(one.label(names) for one in statement.principals[:3]) or "all but some"
    more = f" and {len(statement.principals) - 3} more" if len(statement.principals) > 3 else ""
    ours = grants.get(statement.sid or "")
    end = f", {until(ours.ends_at)}" if ours else ""
    label = statement.name if not statement.sid else f"statement {statement.sid}"
    return f"{label} ({who}{more}{end})"


def _grants_by_sid(policy: Policy) -> dict[str, Grant]:
    return {grant.sid: grant for grant in Grant.objects.live().filter(policy=policy)}


def _form(arn: FunctionArn) -> str:
    return f"{arn.name}:{arn.qualifier}" if arn.qualifier else arn.name
