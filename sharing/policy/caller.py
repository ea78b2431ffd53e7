"""Somebody who calls, and whether a statement's principals take them in.

Facts: IAM User Guide, Principal element and "principal key values": a role's ARN covers all its sessions, a session
ARN only one; an account covers every principal of it; `*` covers services and, by a function URL, anonymous callers;
no principal matches across partitions; NotPrincipal must list account, role and session to spare a session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from . import services
from .arn import is_account_id, shorten
from .matching import Truth, all_of, any_of
from .principal import Principal, PrincipalKind
from .statement import Statement
from .variables import Known

ANONYMOUS: Final = "anonymous"

_TYPES: Final = {PrincipalKind.ACCOUNT: "Account", PrincipalKind.ROLE: "AssumedRole", PrincipalKind.USER: "User"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `kind` is "anonymous" or a PrincipalKind; `principal` is None only for anonymous callers."""

    kind: str
    partition: str
    principal: Principal | None = None

    def keys(self) -> dict[str, Known]:
        """The condition keys that follow from who calls, in lower case."""
        principal = self.principal
        if principal is None:
            return _known(principalaccount="anonymous", principaltype="Anonymous", principalisawsservice="false")
        if principal.kind is PrincipalKind.SERVICE:
            found = _known(principalisawsservice="true", principalservicename=principal.value)
            # IAM's table of principal types does not list services.
            return {**found, "aws:principaltype": Known(unknown=True)}
        found = _known(principalaccount=principal.account or "", principalisawsservice="false")
        found["aws:principaltype"] = Known((self._type(),))
        found["aws:principalarn"] = self._arn()
        return found

    def _type(self) -> str:
        assert self.principal is not None  # noqa: S101 (anonymous callers never get here)
        if self.principal.kind is PrincipalKind.SESSION:
            return "AssumedRole" if self.principal.role_name else "FederatedUser"
        return _TYPES[self.principal.kind]

    def _arn(self) -> Known:
        """aws:PrincipalArn: of a session it is the role's ARN, whose path the session does not show."""
        assert self.principal is not None  # noqa: S101
        role = self.principal.role_name
        if self.principal.kind is PrincipalKind.SESSION and role:
            base = f"arn:{self.principal.partition}:iam::{self.principal.account}:role/"
            return Known((f"{base}{role}",), possible=f"{base}*/{role}")
        return Known((self.principal.arn or "",))


def _known(**values: str) -> dict[str, Known]:
    return {f"aws:{name}": Known((value,)) for name, value in values.items()}


def caller_of(text: str, partition: str) -> Caller:
    """Read the caller. Raises ValueError, with a sentence, for somebody who cannot call."""
    wanted = text.strip()
    if wanted == ANONYMOUS:
        return Caller(ANONYMOUS, partition)
    if services.is_service_name(wanted):
        return Caller(PrincipalKind.SERVICE, partition, Principal(PrincipalKind.SERVICE, wanted, None, partition))
    principal = Principal.from_stored(wanted, partition=partition)
    callers = (PrincipalKind.ACCOUNT, PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION)
    if principal.kind not in callers:
        raise ValueError(
            f"“{shorten(text)}” cannot call a function: give an account id, the ARN of a role, user or session, "
            "a service such as s3.amazonaws.com, or “anonymous”."
        )
    return Caller(principal.kind, principal.partition if not is_account_id(wanted) else partition, principal)


def principal_truth(statement: Statement, caller: Caller) -> tuple[Truth, bool, list[str]]:
    """Whether the statement is about this caller; whether only through the account's root; what is in doubt."""
    if statement.not_principals:
        spared = _spared(statement.not_principals, caller)
        doubts = ["whether NotPrincipal spares every form of this caller"] if spared is None else []
        return (None if spared is None else not spared), False, doubts
    judged = [(matches(principal, caller), principal) for principal in statement.principals]
    found = any_of(truth for truth, _ in judged)
    by_root = all(principal.kind is PrincipalKind.ACCOUNT for truth, principal in judged if truth) and found is True
    doubts = [f"whether {principal} is this caller" for truth, principal in judged if truth is None]
    return found, by_root, doubts if found is None else []


def matches(stored: Principal, caller: Caller) -> Truth:
    """Whether one stored principal takes the caller in; None where the ARNs alone cannot tell."""
    who = caller.principal
    match stored.kind:
        case PrincipalKind.EVERYONE:
            return True
        case PrincipalKind.UNKNOWN:
            return None
        case PrincipalKind.SERVICE:
            if who is None or who.kind is not PrincipalKind.SERVICE:
                return False
            return stored.value == "*" or services.same_service(stored.value, who.value)
        case PrincipalKind.ACCOUNT:
            return who is not None and who.account == stored.account and stored.partition in ("", caller.partition)
        case PrincipalKind.ROLE | PrincipalKind.USER | PrincipalKind.SESSION:
            return who is not None and _same_identity(stored, who)
    # A ghost's role or user is gone and a federated principal occurs in trust policies only: neither lets anybody in.
    return False


def _same_identity(stored: Principal, who: Principal) -> Truth:
    if stored.value == who.value:
        return True
    if stored.kind is PrincipalKind.USER and who.kind is PrincipalKind.SESSION and who.role_name is None:
        # What a user is granted holds for its federated sessions too, but such a session does not say whose it is.
        return None if (stored.partition, stored.account) == (who.partition, who.account) else False
    kinds = {stored.kind, who.kind}
    if kinds != {PrincipalKind.ROLE, PrincipalKind.SESSION}:
        return False
    same = (stored.partition, stored.account, stored.role_name) == (who.partition, who.account, who.role_name)
    if not same or stored.role_name is None:
        return False
    # A role takes in all its sessions, but a session's ARN does not show the path that belongs to the role's.
    return True if stored.kind is PrincipalKind.ROLE and not stored.has_path else None


def _spared(listed: tuple[Principal, ...], caller: Caller) -> Truth:
    """Whether NotPrincipal names the caller in every form that has to be named; None for some of them only."""
    who = caller.principal
    if who is None or who.kind is PrincipalKind.SERVICE:
        return any_of(matches(principal, caller) for principal in listed)
    forms = [any_of(_lists(principal, form) for principal in listed) for form in _forms(who)]
    if all(form is False for form in forms) and not any(_session_of(principal, who) for principal in listed):
        return False
    if who.kind is PrincipalKind.ROLE:  # the sessions it calls by would have to be listed too
        return True if any(principal.kind is PrincipalKind.EVERYONE for principal in listed) else None
    return True if all_of(forms) else None


def _forms(who: Principal) -> list[Principal]:
    forms = [who]
    if who.kind is PrincipalKind.SESSION and who.role_name:
        arn = f"arn:{who.partition}:iam::{who.account}:role/{who.role_name}"
        forms.append(Principal(PrincipalKind.ROLE, arn, who.account, who.partition))
    if who.kind is not PrincipalKind.ACCOUNT and who.account:
        forms.append(Principal(PrincipalKind.ACCOUNT, who.account, who.account, who.partition))
    return forms


def _lists(principal: Principal, form: Principal) -> Truth:
    if principal.kind is PrincipalKind.EVERYONE or str(principal) == str(form):
        return True
    if principal.kind is PrincipalKind.UNKNOWN:
        return None
    if principal.kind is form.kind is PrincipalKind.ACCOUNT:
        return principal.account == form.account and principal.partition in ("", form.partition)
    if principal.kind is form.kind is PrincipalKind.ROLE and principal.has_path and not form.has_path:
        return None if principal.role_name == form.role_name and principal.account == form.account else False
    return False


def _session_of(principal: Principal, who: Principal) -> bool:
    return (
        who.kind is PrincipalKind.ROLE
        and principal.kind is PrincipalKind.SESSION
        and ((principal.account, principal.role_name) == (who.account, who.role_name))
    )
