"""Who may use a function: one principal of a statement, in one canonical form.

Facts: IAM User Guide, "AWS JSON policy elements: Principal" and the stored forms AddPermission leaves behind.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from . import services
from .arn import PARTITIONS, is_account_id

GHOST: Final = re.compile(r"(AROA|AIDA)[A-Z0-9]{12,}", re.ASCII)
ORGANIZATION_ID: Final = re.compile(r"o-[a-z0-9]{10,32}", re.ASCII)

_ACCOUNT_ROOT = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):root", re.ASCII)
_IDENTITY = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):(role|user)/((?:[\x21-\x7e]+/)?[\w+=,.@-]+)", re.ASCII)
_SESSION = re.compile(
    r"arn:(aws[a-z-]*):sts::([0-9]{12}):(?:assumed-role/([\w+=,.@-]+)/|federated-user/)([\w+=,.@-]+)", re.ASCII
)
_PROVIDER = re.compile(r"arn:(aws[a-z-]*):iam::([0-9]{12}):(saml-provider|oidc-provider)/.+", re.ASCII)


class PrincipalKind(StrEnum):
    """The forms a principal takes. `session` covers assumed-role and federated-user sessions."""

    ACCOUNT = "account"
    ROLE = "role"
    USER = "user"
    SESSION = "session"
    ORGANIZATION = "organization"
    SERVICE = "service"
    EVERYONE = "everyone"
    FEDERATED = "federated"
    GHOST = "ghost"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Principal:
    """One principal.

    `value` is canonical per kind: account → 12 digits; role, user, session → full ARN (case kept: principal names
    are case-sensitive); organization → `o-…`; service → its name; everyone → `*`; ghost → `AROA…`/`AIDA…`;
    federated → the provider; unknown → the text as found. `account` is the account id where the form tells it.
    """

    kind: PrincipalKind
    value: str
    account: str | None = None
    partition: str = "aws"

    @classmethod
    def from_stored(cls, value: str, *, key: str = "AWS", partition: str = "aws") -> Principal:
        """Read one value of a stored `Principal` element. Never raises: what is not understood is `unknown`.

        `key` is `AWS`, `Service`, `Federated` or `CanonicalUser`, or `""` for a bare string, which AWS uses only
        for `*`; other bare strings, written by other tools, are read by their shape.
        `partition` is that of the function, for the forms that do not say it themselves.
        """
        return _read(value, key, partition)

    @property
    def name(self) -> str:
        """Role or user name with its path, role/session of a session; else the value."""
        if self.kind in _NAMED:
            return self.value.split("/", 1)[1]
        return self.value

    @property
    def role_name(self) -> str | None:
        """The role's name without path, for a role or an assumed-role session; a session ARN carries no path."""
        if self.kind is PrincipalKind.ROLE:
            return self.value.rsplit("/", 1)[1]
        if self.kind is PrincipalKind.SESSION and ":assumed-role/" in self.value:
            return self.value.split("/")[1]
        return None

    @property
    def has_path(self) -> bool:
        """Whether a role or user ARN carries a path, which a session's ARN would not show."""
        return self.kind in (PrincipalKind.ROLE, PrincipalKind.USER) and self.value.count("/") > 1

    @property
    def arn(self) -> str | None:
        """The ARN as AWS stores it, for the kinds that have one."""
        if self.kind is PrincipalKind.ACCOUNT:
            return f"arn:{self.partition}:iam::{self.value}:root"
        return self.value if self.kind in _NAMED else None

    @property
    def parameter(self) -> str:
        """What AddPermission takes as `Principal`. For an organisation that is `*`: PrincipalOrgID does the rest."""
        return "*" if self.kind is PrincipalKind.ORGANIZATION else self.value

    @property
    def stored(self) -> str | dict[str, str]:
        """The `Principal` element as AWS stores it."""
        if self.kind in (PrincipalKind.EVERYONE, PrincipalKind.ORGANIZATION):
            return "*"
        if self.kind is PrincipalKind.SERVICE:
            return {"Service": self.value}
        if self.kind is PrincipalKind.FEDERATED:
            return {"Federated": self.value}
        return {"AWS": self.arn or self.value}

    def is_in(self, partition: str) -> bool:
        """Whether it can be somebody in that partition: AWS lets no account of another one in, nor shuts it out."""
        return self.account is None or self.partition in ("", partition)

    def label(self, names: Mapping[str, str] | None = None) -> str:
        """Text for people. `names` maps account ids to human names; ids are shown where a name is missing."""
        account = self.account or ""
        owner = (names or {}).get(account) or account
        match self.kind:
            case PrincipalKind.ACCOUNT:
                return owner if owner != account else f"account {account}"
            case PrincipalKind.ROLE:
                return f"role {self.name} of {owner}"
            case PrincipalKind.USER:
                return f"user {self.name} of {owner}"
            case PrincipalKind.SESSION:
                return f"session {self.name} of {owner}"
            case PrincipalKind.ORGANIZATION:
                return f"organisation {self.value}"
            case PrincipalKind.SERVICE:
                return services.label(self.value) or "a service without a name"
            case PrincipalKind.EVERYONE:
                return "everyone"
            case PrincipalKind.GHOST:
                return f"deleted {'role' if self.value.startswith('AROA') else 'user'} {self.value}"
            case PrincipalKind.FEDERATED:
                return f"identity provider {self.value}"
            case PrincipalKind.UNKNOWN:
                return f"unreadable principal {self.value}"

    def __str__(self) -> str:
        return self.arn or self.value


_NAMED: Final = frozenset({PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION})

EVERYONE: Final = Principal(PrincipalKind.EVERYONE, "*")


def account(account_id: str, partition: str = "aws") -> Principal:
    """The principal "every role and user of that account that its own administrators allow"."""
    if not is_account_id(account_id):
        raise ValueError(f"“{account_id}” is not an AWS account id: it must have exactly 12 digits.")
    return Principal(PrincipalKind.ACCOUNT, account_id, account_id, partition)


def organization(organization_id: str, partition: str = "aws") -> Principal:
    """The principal "every account of that organisation, now and later"."""
    return Principal(PrincipalKind.ORGANIZATION, organization_id, None, partition)


def service(name: str, partition: str = "aws") -> Principal:
    """An AWS service calling by its own principal."""
    return Principal(PrincipalKind.SERVICE, name, None, partition)


# The same few hundred principals recur in thousands of policies.
@lru_cache(maxsize=65536)
def _read(value: str, key: str, partition: str) -> Principal:
    if key == "AWS" and value.startswith("arn:"):
        return _read_arn(value, partition)
    folded = key.lower()
    if folded == "service":
        return Principal(PrincipalKind.SERVICE, value, None, partition)
    if folded == "federated":
        provider = _PROVIDER.fullmatch(value)
        if provider and provider[1] in PARTITIONS:
            return Principal(PrincipalKind.FEDERATED, value, provider[2], provider[1])
        return Principal(PrincipalKind.FEDERATED, value, None, partition)
    if folded not in ("aws", ""):
        return Principal(PrincipalKind.UNKNOWN, value, None, partition)
    if value == "*":
        return Principal(PrincipalKind.EVERYONE, "*", None, partition)
    if is_account_id(value):
        return Principal(PrincipalKind.ACCOUNT, value, value, partition)
    if value.startswith("arn:"):
        return _read_arn(value, partition)
    if GHOST.fullmatch(value):
        return Principal(PrincipalKind.GHOST, value, None, partition)
    if not folded and services.is_service_name(value):
        return Principal(PrincipalKind.SERVICE, value, None, partition)
    return Principal(PrincipalKind.UNKNOWN, value, None, partition)


def _read_arn(value: str, partition: str) -> Principal:
    if value[:13] == "arn:aws:iam::" and value[25:] == ":root" and is_account_id(value[13:25]):
        return Principal(PrincipalKind.ACCOUNT, value[13:25], value[13:25], "aws")
    pattern = _ACCOUNT_ROOT if value.endswith(":root") else _SESSION if ":sts:" in value[:24] else _IDENTITY
    found = pattern.fullmatch(value)
    if found is None or found[1] not in PARTITIONS or "*" in value or "?" in value:
        return Principal(PrincipalKind.UNKNOWN, value, None, partition)
    if pattern is _ACCOUNT_ROOT:
        return Principal(PrincipalKind.ACCOUNT, found[2], found[2], found[1])
    kind = PrincipalKind.SESSION if pattern is _SESSION else PrincipalKind.ROLE if found[3] == "role" else PrincipalKind.USER
    return Principal(kind, value, found[2], found[1])
