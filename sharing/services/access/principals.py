"""Principals as people and AWS read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from sharing.models import Account
from sharing.policy import Exposure, Principal, PrincipalKind, Statement

from .rows import Who

_KINDS = {
    PrincipalKind.ROLE: "identity",
    PrincipalKind.USER: "identity",
    PrincipalKind.SESSION: "identity",
}


@dataclass(frozen=True)
class Names:
    """The accounts people named, by their digits."""

    accounts: Mapping[str, Account]

    @classmethod
    def of(cls, numbers: Iterable[str]) -> Names:
        """Those of these accounts that are known. One query."""
        wanted = {number for number in numbers if number}
        return cls({account.number: account for account in Account.objects.filter(number__in=wanted)})

    @cached_property
    def texts(self) -> dict[str, str]:
        """Digits to names."""
        return {number: account.name for number, account in self.accounts.items()}

    def who(self, principal: Principal) -> Who:
        """One principal."""
        account = principal.account or ""
        return Who(
            label=principal.label(self.texts),
            kind=_KINDS.get(principal.kind, principal.kind.value),
            principal=str(principal),
            account=account,
            known=self.accounts.get(account),
        )

    def of_statement(self, statement: Statement, reduced: list[Exposure]) -> tuple[Who, ...]:
        """Whom a statement names; for `*` those who remain after its conditions."""
        if statement.not_principals:
            spared = ", ".join(one.label(self.texts) for one in statement.not_principals)
            return (Who(label=f"everyone but {spared}", kind="everyone", principal="*"),)
        found: list[Who] = []
        for principal in statement.principals:
            if principal.kind is PrincipalKind.EVERYONE and statement.is_allow:
                found += self._remaining(reduced) or [self.who(principal)]
            else:
                found.append(self.who(principal))
        return tuple(dict.fromkeys(found))

    def _remaining(self, reduced: list[Exposure]) -> list[Who]:
        return [
            Who(
                label=self.label(one.kind.value, one.principal, one.account or ""),
                kind=one.kind.value,
                principal=one.principal,
                account=one.account or "",
                known=self.accounts.get(one.account or ""),
            )
            for one in reduced
        ]

    def label(self, kind: str, principal: str, account: str) -> str:
        """Words for somebody the policy room reduced a statement to. `kind`: one of its kinds of exposure."""
        match kind:
            case "everyone":
                return "everyone" if principal == "*" else f"everyone matching {principal}"
            case "account":
                return self.texts.get(account) or f"account {principal}"
            case "organization":
                return f"organisation {principal}"
            case "service":
                return Principal(PrincipalKind.SERVICE, principal).label()
        return Principal.from_stored(principal).label(self.texts)


def numbers_in(statements: Iterable[Statement]) -> set[str]:
    """The accounts that statements name."""
    return {
        principal.account
        for statement in statements
        for principal in (*statement.principals, *statement.not_principals)
        if principal.account
    }
