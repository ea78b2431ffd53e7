"""Single sign-on as the environment describes it: the provider, and which of its groups may do what here.

Read once at the start, like sharing/environment.py; what is missing or malformed ends it with one line.
"""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from sharing.environment import Misconfigured, is_loopback

#: Roles that a group can give, highest first. Consumers are outsiders: they come by invitation, never by a group.
ROLES = ("admin", "owner", "auditor")
#: The one provider's name in addresses and in allauth's rows.
KEY = "sso"
#: All that this module reads.
VARIABLES = (
    "OIDC_ISSUER",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "OIDC_NAME",
    "OIDC_GROUPS_CLAIM",
    "OIDC_ROLES",
    "SSO_ONLY",
    "SSO_SESSION_HOURS",
    "BREAK_GLASS",
    "REQUIRE_SECOND_FACTOR",
    "TRUSTED_PROXIES",
)
_EXAMPLE = "fnshare-admins=admin,platform=owner:444455556666+555566667777,audit=auditor"


@dataclass(frozen=True)
class Given:
    """What groups give: a role, and the accounts it is for by their 12 digits (None: every account)."""

    role: str
    numbers: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Provider:
    """An OpenID Connect provider.

    name: as people read it. groups_claim: the claim that lists a person's groups. roles: group to what it gives.
    only: owners, admins and auditors sign in through it alone. break_glass: the address of the one admin who may still use
    a password then. session_hours: how long a session that it began may last.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    groups_claim: str
    roles: Mapping[str, Given]
    only: bool = False
    break_glass: str = ""
    session_hours: float = 8.0

    def given(self, groups: Iterable[str]) -> Given | None:
        """What these groups give together: the highest role, on all accounts that any group gives with that role.

        None: no group of theirs is mapped, they may not come in.
        """
        found = [self.roles[group] for group in groups if group in self.roles]
        for role in ROLES:
            scopes = [each.numbers for each in found if each.role == role]
            if scopes:
                numbers = {number for scope in scopes for number in scope or ()}
                return Given(role, None if None in scopes else tuple(sorted(numbers)))
        return None

    def as_allauth(self) -> dict[str, object]:
        """The value of SOCIALACCOUNT_PROVIDERS."""
        app = {
            "provider_id": KEY,
            "name": self.name,
            "client_id": self.client_id,
            "secret": self.client_secret,
            "settings": {"server_url": self.issuer.rstrip("/"), "oauth_pkce_enabled": True},
        }
        return {"openid_connect": {"APPS": [app]}}


def read() -> Provider | None:
    """OIDC_* and what belongs to it; None without OIDC_ISSUER."""
    issuer = _text("OIDC_ISSUER")
    if not issuer:
        for name in ("OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ROLES", "BREAK_GLASS"):
            if _text(name):
                raise Misconfigured("OIDC_ISSUER", f"is not set, but {name} is. Set it to your provider's address, or neither.")
        if _yes("SSO_ONLY"):
            raise Misconfigured("OIDC_ISSUER", "is not set, but SSO_ONLY is: nobody could sign in. Set both, or neither.")
        return None
    return Provider(
        issuer=_issuer(issuer),
        client_id=_needed("OIDC_CLIENT_ID", "the client that your provider made for fnshare"),
        client_secret=_needed("OIDC_CLIENT_SECRET", "that client's secret"),
        name=_name(),
        groups_claim=_text("OIDC_GROUPS_CLAIM") or "groups",
        roles=_roles(_needed("OIDC_ROLES", f"which group gives which role, such as {_EXAMPLE}")),
        only=_yes("SSO_ONLY"),
        break_glass=_break_glass(),
        session_hours=_hours(),
    )


def second_factor() -> str:
    """REQUIRE_SECOND_FACTOR: off, admins or everyone."""
    value = _text("REQUIRE_SECOND_FACTOR").lower() or "off"
    if value not in ("off", "admins", "everyone"):
        raise Misconfigured("REQUIRE_SECOND_FACTOR", f"is {value!r}. Use off, admins or everyone.")
    return value


def trusted_proxies() -> int:
    """TRUSTED_PROXIES: how many proxies of ours add to X-Forwarded-For before a request comes here; 0 believes nobody."""
    value = _text("TRUSTED_PROXIES") or "0"
    if not re.fullmatch(r"\d", value):
        raise Misconfigured("TRUSTED_PROXIES", f"is {value!r}. Use the number of your proxies, from 0 to 9.")
    return int(value)


def _text(name: str) -> str:
    return os.environ.get(name, "").strip()


def _needed(name: str, what: str) -> str:
    value = _text(name)
    if not value:
        raise Misconfigured(name, f"is not set, but OIDC_ISSUER is. Set it to {what}.")
    return value


def _yes(name: str) -> bool:
    value = _text(name).lower()
    if value not in ("", "0", "1", "no", "yes", "false", "true"):
        raise Misconfigured(name, f"is {value!r}. Use 1 or 0.")
    return value in ("1", "yes", "true")


def _issuer(value: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        raise Misconfigured("OIDC_ISSUER", "is not a URL.") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise Misconfigured("OIDC_ISSUER", "is no issuer's address. Example: https://login.example.com/realms/main")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Misconfigured("OIDC_ISSUER", "must be https, unless it is on this machine (localhost).")
    if "/.well-known/" in value:
        raise Misconfigured("OIDC_ISSUER", "is the address of the configuration. Leave /.well-known/... out.")
    return value


def _name() -> str:
    value = _text("OIDC_NAME") or "single sign-on"
    if len(value) > 40:
        raise Misconfigured("OIDC_NAME", "is too long. Use at most 40 characters, as people call the provider.")
    return value


def _roles(value: str) -> dict[str, Given]:
    found: dict[str, Given] = {}
    for entry in value.split(","):
        group, equals, gives = entry.strip().rpartition("=")
        group, (role, colon, scope) = unquote(group.strip()), gives.strip().partition(":")
        if not equals or not group:
            raise Misconfigured("OIDC_ROLES", f"has {entry.strip()!r}, which is no GROUP=ROLE. Example: {_EXAMPLE}")
        if role not in ROLES:
            raise Misconfigured("OIDC_ROLES", f"gives {group!r} the role {role!r}. Use {', '.join(ROLES)}.")
        if group in found:
            raise Misconfigured("OIDC_ROLES", f"names the group {group!r} twice.")
        numbers = tuple(number.strip() for number in scope.split("+")) if colon else None
        if numbers is not None and not all(re.fullmatch(r"[0-9]{12}", number) for number in numbers):
            raise Misconfigured("OIDC_ROLES", f"gives {group!r} {scope!r}. Use account ids of 12 digits, joined by +.")
        if numbers is not None and role == "admin":
            raise Misconfigured("OIDC_ROLES", f"limits {group!r} to accounts, but an admin sees every account.")
        found[group] = Given(role, numbers)
    return found


def _break_glass() -> str:
    value = _text("BREAK_GLASS").lower()
    if value and not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", value):
        raise Misconfigured("BREAK_GLASS", f"is {value!r}, which is no e-mail address. Name one admin.")
    return value


def _hours() -> float:
    value = _text("SSO_SESSION_HOURS") or "8"
    if not re.fullmatch(r"\d{1,3}(\.\d+)?", value) or not 0.05 <= float(value) <= 168:
        raise Misconfigured("SSO_SESSION_HOURS", f"is {value!r}. Use a number of hours from 0.05 to 168, such as 8.")
    return float(value)
