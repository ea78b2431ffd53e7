"""Who stands on the other side of a matrix or a map: named, coloured by trust, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sharing.models import Account
from sharing.services.trusting import Trust

from .principals import Names

#: The widest kinds first: what concerns everybody must not stand on the last page.
RANKS = {"everyone": 0, "organization": 1, "ghost": 2, "federated": 3, "service": 4, "account": 5, "identity": 5}
UNKNOWN_RANK = 6

KINDS: tuple[tuple[str, str], ...] = (
    ("everyone", "Everyone"),
    ("organization", "Organisations"),
    ("account", "Accounts"),
    ("identity", "Roles and users"),
    ("service", "AWS services"),
    ("federated", "Identity providers"),
    ("ghost", "Ghosts"),
)


@dataclass(frozen=True)
class Party:
    """Somebody who may be let in. `zone`: owner, trusted, outside, or "" where no trust list can tell."""

    kind: str
    principal: str
    account: str
    label: str
    known: Account | None = None
    zone: str = ""

    @property
    def key(self) -> str:
        """How an address names it: `account:111122223333`."""
        return f"{self.kind}:{self.principal}"

    @property
    def digits(self) -> str:
        """The account id in fours, for whoever has one."""
        number = self.account
        return " ".join((number[:4], number[4:8], number[8:])) if len(number) == 12 else ""

    @property
    def beneath(self) -> str:
        """What AWS reads, where the label does not say it."""
        if self.kind == "account":
            return self.digits if self.known else ""
        return "" if self.principal == "*" or self.principal in self.label else self.principal


def party(kind: str, principal: str, account: str, *, names: Names, trust: Trust, owners: Iterable[str] = ()) -> Party:
    """Named and coloured. `owners`: the account ids whose functions are looked at."""
    together = kind == "ghost" and principal == "*"
    label = "ghosts: deleted roles and users" if together else names.label(kind, principal, account)
    return Party(
        kind,
        principal,
        account,
        f"{label[:1].upper()}{label[1:]}",
        names.accounts.get(account),
        _zone(kind, principal, account, trust, owners),
    )


def _zone(kind: str, principal: str, account: str, trust: Trust, owners: Iterable[str]) -> str:
    if kind == "organization":
        return "trusted" if principal.split("/", 1)[0] in trust.organizations else "outside"
    if kind in ("account", "identity") and account:
        if account in set(owners):
            return "owner"
        return "trusted" if account in trust.accounts else "outside"
    return ""


def parse_key(text: str) -> tuple[str, str] | None:
    """The kind and principal that an address names; None for what cannot be one."""
    kind, colon, principal = text.replace("\x00", "").partition(":")
    return (kind, principal[:2048]) if colon and principal and kind in RANKS else None
