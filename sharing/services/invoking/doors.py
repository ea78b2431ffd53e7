"""Who may call what, and as which role: owners through their account's invoker role, consumers through their own."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils import timezone

from sharing.models import (
    Account,
    Actor,
    Connection,
    Function,
    Grant,
    GrantState,
    Membership,
    OrganizationMember,
    Policy,
    Purpose,
    Role,
    User,
    Wanted,
)
from sharing.policy import PrincipalKind
from sharing.policy.actions import INVOKE
from sharing.services.errors import NotPermitted


def may_ask(by: Actor) -> User:
    """The person. Raises NotPermitted for whom no side lets call: auditors, shells, people who may not act any more."""
    if by.kind != "person" or by.person is None or not by.active:
        raise NotPermitted("A test invoke belongs to a person who signed in.", next="Sign in to the dashboard.")
    if by.role == Role.AUDITOR:
        raise NotPermitted("Auditors do not invoke: a test invoke really runs the function.")
    return by.person


def is_on(function: Function) -> bool:
    """Whether the function's own account has an invoker role that works."""
    return _invokers().filter(account=function.account_id).exists()


def owner_door(function: Function, *, by: Actor) -> Connection | None:
    """The invoker role of the function's own account, for its owners; None: there is none, or `by` is not one of them."""
    if not by.may_change() or not by.sees(function.account_id):
        return None
    return _invokers().filter(account=function.account_id).first()


def consumer_doors(policy: Policy, *, by: Actor) -> list[Connection]:
    """Invoker roles of the accounts `by` acts for, as far as this function, alias or version is shared with them."""
    doors = _invokers().filter(account__in=_accounts(by)).exclude(account=policy.function.account_id)
    return [
        door
        for door in doors.order_by("account__name", "account__number")
        if _grants(Account.objects.filter(pk=door.account_id)).filter(policy=policy).exists()
    ]


def shared_with(by: Actor) -> QuerySet[Policy]:
    """What is shared with the accounts `by` acts for, invoker role or not, function by function, alias by alias."""
    return Policy.objects.filter(pk__in=_grants(_accounts(by)).values("policy")).select_related("function__account")


def is_door(connection: Connection, policy: Policy, *, by: Actor) -> bool:
    """Whether `by` may call this policy's function through this connection, as everything is now."""
    return connection == owner_door(policy.function, by=by) or connection in consumer_doors(policy, by=by)


def _invokers() -> QuerySet[Connection]:
    return Connection.objects.usable().filter(purpose=Purpose.INVOKER).select_related("account")


def _accounts(by: Actor) -> QuerySet[Account]:
    if by.role == Role.AUDITOR:
        return Account.objects.none()
    return Account.objects.filter(pk__in=Membership.objects.of(by).values("account"))


def _grants(accounts: QuerySet[Account]) -> QuerySet[Grant]:
    """Live grants by which their invoker roles may call: to the account, to the very role, to its organisation."""
    numbers = accounts.values("number")
    organisations = OrganizationMember.objects.present().filter(number__in=numbers).values("organization__organization_id")
    named = (
        Q(principal_kind=PrincipalKind.ACCOUNT, principal_account__in=numbers)
        | Q(principal__in=_invokers().filter(account__in=accounts).values("role_arn"))
        | Q(principal_kind=PrincipalKind.ORGANIZATION, principal__in=organisations)
    )
    live = Q(state=GrantState.ACTIVE, wanted=Wanted.PRESENT) & (Q(ends_at=None) | Q(ends_at__gt=timezone.now()))
    return Grant.objects.filter(live, named, action=INVOKE)
