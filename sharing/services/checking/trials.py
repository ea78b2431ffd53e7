"""Who can be tried: a DryRun proves one role's invoke, so most questions have one fitting role, and some have none."""

from __future__ import annotations

from dataclasses import dataclass

from sharing.models import Account, Check, Connection, Grant, Policy, Purpose
from sharing.policy import FunctionArn, Principal, PrincipalKind, WhoError, parse, parse_who
from sharing.policy.actions import INVOKE
from sharing.policy.decision import Outcome, decide
from sharing.policy.verdicts import Answer
from sharing.services.errors import Refusal
from sharing.services.gaps import utc
from sharing.services.naming import numbers_by_name
from sharing.services.organizations import known

#: An organisation may have many connected members; more than this are not tried for one check.
_MEMBERS = 5
_WHOLE_ROLES = (PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION)


@dataclass(frozen=True)
class Trial:
    """The checker connections to try as, in order; without any, `reason` says why nobody can be tried.

    `any_member`: whether these only may belong to whom the grant names (an organisation): a denial then disproves
    nothing. `ever`: whether it could be tried one day (a checker role is missing), or never (DryRun cannot prove it).
    """

    connections: tuple[Connection, ...] = ()
    reason: str = ""
    any_member: bool = False
    ever: bool = True


def trial_of(check: Check) -> Trial:
    """Whom this check tries, as connections are now."""
    return trial_of_grant(check.grant) if check.grant else trial_as(check.policy, check.asked_as)


def trial_of_grant(grant: Grant) -> Trial:
    """Account: its checker role. Role or user: only if it is the checker role. Organisation: any connected member, by what
    was read of it; where that is not known, any consumer that may belong. Everyone: any connected consumer.
    Services, read and manage actions, URLs: not provable by DryRun."""
    if refusal := _never(grant):
        return Trial(reason=refusal, ever=False)
    kind = PrincipalKind(grant.principal_kind)
    if kind is PrincipalKind.ACCOUNT:
        return _as_account(grant.principal_account)
    if kind in _WHOLE_ROLES:
        return _as_identity(grant.principal, grant.principal_account)
    others = _checkers_outside(grant)
    if kind is PrincipalKind.ORGANIZATION:
        return _as_member(grant.principal, others)
    if not others:
        return Trial(reason="No consumer has a connected checker role to try as.")
    return Trial(others[:1])


def trial_as(policy: Policy, asked: str) -> Trial:
    """As the account or role that somebody named. Raises Refusal when the text names neither."""
    try:
        principal = principal_named(policy, asked)
    except WhoError as error:
        raise Refusal(str(error), field="as_", next="Give an account id, its name, or a checker role's ARN.") from error
    if principal.kind is PrincipalKind.ACCOUNT:
        return _as_account(principal.account or "")
    if principal.kind in _WHOLE_ROLES:
        return _as_identity(principal.value, principal.account or "")
    raise Refusal(
        "A check is made as one account or role.",
        field="as_",
        next="Give an account id, its name, or the ARN of its checker role.",
    )


def principal_named(policy: Policy, asked: str) -> Principal:
    """The principal a person names. Raises WhoError."""
    return parse_who(asked, names=numbers_by_name(), partition=FunctionArn.parse(policy.arn).partition)


def lets_in(policy: Policy, principal: str, *, without_sid: str = "") -> tuple[str, ...]:
    """Names of the statements by which the policy, as last read, lets this principal invoke; () when none does."""
    document = parse(policy.current.document or None if policy.current else None)
    if without_sid:
        document = document.without(without_sid)
    decision = decide(document, function_arn=policy.arn, principal=principal)
    if decision.outcome is not Outcome.ALLOWED:
        return ()
    return tuple(statement.name for statement in decision.statements)


def _never(grant: Grant) -> str:
    kept = grant.permission or {}
    if grant.permission is None:
        return "This statement names more than one principal or limit; a check as one of them is made from its own line."
    if grant.action != INVOKE:
        return f"A DryRun proves lambda:InvokeFunction only; this grants {grant.action}."
    if kept.get("via_url"):
        return "It is limited to the function's URL, which a DryRun does not use."
    if grant.principal_kind == PrincipalKind.SERVICE:
        return "A service calls by itself; nobody can act as one to try."
    if grant.principal_kind in (PrincipalKind.GHOST, PrincipalKind.FEDERATED, PrincipalKind.UNKNOWN):
        return "Nobody can act as this principal."
    return ""


def _as_account(number: str) -> Trial:
    connection = _checker_of(number)
    if connection is None:
        return Trial(reason=f"{_account(number)} has no connected checker role.")
    return Trial((connection,))


def _as_member(organization: str, others: tuple[Connection, ...]) -> Trial:
    """As accounts that are known to be in it, whose denial then counts; as those that may be, where nobody is known to be."""
    members = known()
    sure = [one for one in others if members.is_in(one.account.number, organization) is Answer.YES]
    if sure:
        return Trial(tuple(sure[:_MEMBERS]))
    perhaps = [one for one in others if members.is_in(one.account.number, organization) is Answer.DEPENDS]
    if perhaps:
        return Trial(tuple(perhaps[:_MEMBERS]), any_member=True)
    root = organization.split("/", 1)[0]
    if others and root in members.whole:
        reason = f"No member of {organization}, as read at {utc(members.whole[root])}, has a connected checker role."
        return Trial(reason=reason)
    return Trial(reason=f"No account that could belong to {organization} has a connected checker role.")


def _as_identity(arn: str, number: str) -> Trial:
    connection = _checker_of(number)
    if connection is not None and connection.role_arn == arn:
        return Trial((connection,))
    if connection is None:
        return Trial(reason=f"fnshare cannot act as {arn}: {_account(number)} has no connected checker role.")
    return Trial(reason=f"fnshare cannot act as {arn}; in that account it can only act as {connection.role_arn}.")


def _checker_of(number: str) -> Connection | None:
    usable = Connection.objects.usable().filter(purpose=Purpose.CHECKER, account__number=number)
    return usable.select_related("account").order_by().first()


def _checkers_outside(grant: Grant) -> tuple[Connection, ...]:
    """Every connected checker of another account; first those whom no other statement lets in, whose answer says more."""
    found = list(
        Connection.objects.usable()
        .filter(purpose=Purpose.CHECKER)
        .exclude(account=grant.policy.function.account)
        .select_related("account")
        .order_by("account__number")
    )
    found.sort(key=lambda connection: bool(lets_in(grant.policy, connection.role_arn, without_sid=grant.sid)))
    return tuple(found)


def _account(number: str) -> str:
    known = Account.objects.filter(number=number).first()
    return str(known) if known else f"Account {number}"
