"""Condition keys as data: whose calls carry them, and what a fixed value of each says about who is let in.

Facts: IAM global condition keys; "aws:SourceAccount… only service-to-service calls"; keys that the caller's own
account sets, and keys that describe our own function, never narrow a `*`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final


class Role(Enum):
    """What a key is about."""

    ACCOUNT = "the caller's account"
    ARN = "the caller's role or user"
    USER_ID = "the caller's unique id"
    ORGANIZATION = "the caller's organisation"
    ORGANIZATION_PATH = "the caller's organisational unit"
    SOURCE_ACCOUNT = "the account a service calls for"
    SOURCE_ARN = "the resource a service calls for"
    SOURCE_ORGANIZATION = "the organisation a service calls for"
    SOURCE_ORGANIZATION_PATH = "the organisational unit a service calls for"
    IS_SERVICE = "whether a service calls"
    SERVICE_NAME = "which service calls"
    TYPE = "what kind of principal calls"
    NETWORK = "the network the call comes from"
    ADDRESS = "the address the call comes from"
    TOKEN = "a shared secret"  # noqa: S105 (describes a key)
    URL_AUTH = "the type of function URL"
    VIA_URL = "whether the call comes by the function URL"
    SOURCE_FUNCTION = "the function whose code calls"
    TIME = "the time of the call"
    CALLER = "something the caller's own side chooses"
    OURS = "our own function"
    FOREIGN = "a key Lambda calls never carry"
    CONSTANT = "always the same"
    UNKNOWN = "a key that is not known here"


class Presence(Enum):
    """Whether a kind of call carries the key."""

    ALWAYS = "always"
    SOMETIMES = "sometimes"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Key:
    """One condition key: its role, and whether signed callers, services and anonymous URL callers carry it."""

    role: Role
    signed: Presence = Presence.SOMETIMES
    service: Presence = Presence.SOMETIMES
    anonymous: Presence = Presence.SOMETIMES
    constant: str = ""


_ALWAYS, _SOMETIMES, _NEVER = Presence.ALWAYS, Presence.SOMETIMES, Presence.NEVER
_SOURCE = (_NEVER, _SOMETIMES, _NEVER)
_SIGNED_ONLY = (_SOMETIMES, _NEVER, _NEVER)
_ANY = (_SOMETIMES, _SOMETIMES, _SOMETIMES)

_KEYS: Final[dict[str, Key]] = {
    "aws:principalaccount": Key(Role.ACCOUNT, _ALWAYS, _NEVER, _ALWAYS),
    "aws:principalarn": Key(Role.ARN, _ALWAYS, _NEVER, _NEVER),
    "aws:userid": Key(Role.USER_ID, _ALWAYS, _NEVER, _NEVER),
    "aws:principalorgid": Key(Role.ORGANIZATION, *_SIGNED_ONLY),
    "aws:principalorgpaths": Key(Role.ORGANIZATION_PATH, *_SIGNED_ONLY),
    "aws:sourceaccount": Key(Role.SOURCE_ACCOUNT, *_SOURCE),
    "aws:sourceowner": Key(Role.SOURCE_ACCOUNT, *_SOURCE),
    "aws:sourcearn": Key(Role.SOURCE_ARN, *_SOURCE),
    "aws:sourceorgid": Key(Role.SOURCE_ORGANIZATION, *_SOURCE),
    "aws:sourceorgpaths": Key(Role.SOURCE_ORGANIZATION_PATH, *_SOURCE),
    "aws:principalisawsservice": Key(Role.IS_SERVICE, _ALWAYS, _ALWAYS, _ALWAYS),
    "aws:principalservicename": Key(Role.SERVICE_NAME, _NEVER, _ALWAYS, _NEVER),
    "aws:principalservicenameslist": Key(Role.SERVICE_NAME, _NEVER, _ALWAYS, _NEVER),
    **{
        f"aws:{name}": Key(Role.NETWORK, *_ANY)
        for name in ("sourcevpce", "sourcevpc", "sourcevpcarn", "vpceaccount", "vpceorgid", "vpceorgpaths")
    },
    "aws:sourceip": Key(Role.ADDRESS, *_ANY),
    "lambda:eventsourcetoken": Key(Role.TOKEN, *_ANY),
    "lambda:functionurlauthtype": Key(Role.URL_AUTH, *_ANY),
    "lambda:invokedviafunctionurl": Key(Role.VIA_URL, *_ANY),
    "lambda:sourcefunctionarn": Key(Role.SOURCE_FUNCTION, _SOMETIMES, _NEVER, _NEVER),
    "aws:currenttime": Key(Role.TIME, _ALWAYS, _ALWAYS, _ALWAYS),
    "aws:epochtime": Key(Role.TIME, _ALWAYS, _ALWAYS, _ALWAYS),
    **{
        f"aws:{name}": Key(Role.CALLER, *_SIGNED_ONLY)
        for name in (
            "sourceidentity",
            "username",
            "federatedprovider",
            "multifactorauthpresent",
            "multifactorauthage",
            "tokenissuetime",
            "viaawsservice",
            "calledvia",
            "calledviafirst",
            "calledvialast",
            "assumedroot",
            "rolesessionname",
        )
    },
    **{f"aws:{name}": Key(Role.CALLER, *_ANY) for name in ("useragent", "referer", "vpcsourceip", "tagkeys")},
    "aws:principaltype": Key(Role.TYPE, _ALWAYS, _SOMETIMES, _ALWAYS),
    "aws:securetransport": Key(Role.CONSTANT, _ALWAYS, _ALWAYS, _ALWAYS, "true"),
    "aws:requestedregion": Key(Role.CONSTANT, _ALWAYS, _ALWAYS, _ALWAYS, "region"),
    "aws:resourceaccount": Key(Role.CONSTANT, _ALWAYS, _ALWAYS, _ALWAYS, "account"),
    "aws:resourceorgid": Key(Role.OURS, *_ANY),
    "aws:resourceorgpaths": Key(Role.OURS, *_ANY),
    # Credentials bring these along to every service they are used with.
    **{
        name: Key(Role.CALLER, *_SIGNED_ONLY)
        for name in ("ec2:roledelivery", "glue:roleassumedby", "glue:credentialissuingservice")
    },
    "ec2:sourceinstancearn": Key(Role.UNKNOWN, *_SIGNED_ONLY),
}
#: Keys that end in a name of the policy author's choice: text before the slash.
_FAMILIES: Final[dict[str, Key]] = {
    "aws:principaltag": Key(Role.CALLER, *_SIGNED_ONLY),
    "aws:requesttag": Key(Role.CALLER, *_ANY),
    "aws:resourcetag": Key(Role.OURS, *_ANY),
}
#: Keys that sessions of federated people carry: `saml:sub`, `identitystore:UserId`, `accounts.google.com:sub`…
_SESSION_PREFIXES: Final = frozenset(("saml", "identitystore"))
_SESSION: Final = Key(Role.CALLER, *_SIGNED_ONLY)
_FOREIGN: Final = Key(Role.FOREIGN, _NEVER, _NEVER, _NEVER)
_UNKNOWN: Final = Key(Role.UNKNOWN, *_ANY)


@lru_cache(maxsize=4096)
def key_of(name: str) -> Key:
    """What is known about a condition key; `name` in lower case.

    Keys of other services (`kms:`, `s3:`, `sns:`…) never occur on Lambda calls, those of identity providers do; an
    `aws:` or `lambda:` key that is not listed is unknown, and whatever hangs on it depends.
    """
    found = _KEYS.get(name) or _FAMILIES.get(name.split("/", 1)[0])
    if found:
        return found
    prefix, colon, _ = name.rpartition(":")
    if prefix in _SESSION_PREFIXES or "." in prefix:
        return _SESSION
    return _FOREIGN if colon and prefix not in ("aws", "lambda") else _UNKNOWN
