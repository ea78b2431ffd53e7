"""Whether a write is within the limits: no rows, no clock, nothing but the file's words and the write's."""

from __future__ import annotations

from dataclasses import dataclass

from sharing.policy import Permission, Principal, PrincipalKind
from sharing.policy.actions import ActionClass
from sharing.policy.arn import is_account_id
from sharing.policy.layers import LayerShare

from .file import Limits

_OF_AN_ACCOUNT = (PrincipalKind.ACCOUNT, PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION)


@dataclass(frozen=True)
class LetsIn:
    """Whom a write lets in. Of a service: for which account it acts, "" where nothing says so; `by_token`: a secret does."""

    principal: Principal
    manage: bool = False
    source_account: str = ""
    by_token: bool = False

    @classmethod
    def by(cls, permission: Permission) -> LetsIn:
        """Whom a statement of a function's policy lets in."""
        parts = (permission.source_arn or "").split(":", 5)
        of_arn = parts[4] if len(parts) == 6 and is_account_id(parts[4]) else ""
        return cls(
            permission.principal,
            manage=permission.action_class is ActionClass.MANAGE,
            source_account=permission.source_account or of_arn,
            by_token=bool(permission.event_source_token),
        )

    @classmethod
    def by_layer(cls, share: LayerShare) -> LetsIn:
        """Whom a share of a layer version lets in."""
        return cls(share.principal)


def why_not(limits: Limits, account: str, lets_in: LetsIn | None) -> str:
    """Why a worker may not write this into the account (12 digits), as a sentence; "" if it may.

    `lets_in`: None for a write that names nobody, such as an event source mapping.
    """
    if limits.writable_accounts is not None and account not in limits.writable_accounts:
        return f"Workers may not write in account {account}."
    if lets_in is None:
        return ""
    if lets_in.manage and not limits.manage:
        return "Workers may not share rights to change a function."
    principal = lets_in.principal
    if principal.kind is PrincipalKind.EVERYONE:
        return "" if limits.everyone else "Workers may not share with everyone."
    if principal.kind is PrincipalKind.ORGANIZATION:
        known = limits.organisations is None or principal.value in limits.organisations
        return "" if known else f"Workers may not share with organisation {principal.value}."
    if principal.kind is PrincipalKind.SERVICE:
        return _of_service(limits, account, lets_in)
    if principal.kind in _OF_AN_ACCOUNT and principal.account:
        known = _is_known(limits, account, principal.account)
        return "" if known else f"Workers may not share with account {principal.account}."
    return "" if limits.accounts is None else f"Workers may not share with a principal of the kind {principal.kind}."


def _of_service(limits: Limits, account: str, lets_in: LetsIn) -> str:
    service = lets_in.principal.value
    if limits.services is not None and service not in limits.services:
        return f"Workers may not share with {service}."
    if limits.accounts is None or lets_in.by_token:
        return ""
    if not lets_in.source_account:
        return f"Workers may not share with {service} on behalf of an account that the statement does not name."
    known = _is_known(limits, account, lets_in.source_account)
    return "" if known else f"Workers may not share with {service} on behalf of account {lets_in.source_account}."


def _is_known(limits: Limits, account: str, number: str) -> bool:
    """Whether it is among the accounts that may be let in. The account that is written in is no stranger to itself."""
    return limits.accounts is None or number == account or number in limits.accounts
