"""Who signed a request and what their own account lets them do. Users, roles and their policies live in moto's IAM."""

import json
import re
import secrets
import string
import threading
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from moto.iam.models import IAMBackend, Role, User, iam_backends

from sharing.sandbox.evaluation import Document, Who

PARTITION = "aws"

_ENTITY_ARN = re.compile(r"arn:aws:iam::(\d{12}):(role|user)/(.+)")


@dataclass(frozen=True)
class Session:
    """Temporary credentials of an assumed role."""

    access_key_id: str
    secret_access_key: str
    token: str
    expires: float
    account: str
    role_id: str
    role_arn: str
    role_name: str
    session_name: str
    policies: tuple[Document, ...]
    source_identity: str = ""

    @property
    def arn(self) -> str:
        return f"arn:{PARTITION}:sts::{self.account}:assumed-role/{self.role_name}/{self.session_name}"


@dataclass(frozen=True)
class Caller:
    """A verified caller. policies: identity policies; boundary and session: None when there is none of it."""

    who: Who
    arn: str
    user_id: str
    account: str
    access_key_id: str
    user_name: str = ""
    session: Session | None = None


@dataclass(frozen=True)
class Rights:
    """The caller's side of a decision."""

    identity: tuple[Document, ...]
    boundary: tuple[Document, ...] | None
    session: tuple[Document, ...] | None


@lru_cache(maxsize=8192)
def parsed(text: str) -> Document:
    """A policy document from its text; an unreadable one grants nothing."""
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def backend(account: str) -> IAMBackend:
    return iam_backends[account][PARTITION]


def fresh_id(prefix: str) -> str:
    """A unique id like IAM's: AROA or AIDA and 17 more."""
    return prefix + "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(17))


def user_id(user: User) -> str:
    """The user's unique id. moto gives users another form, so it is set once to IAM's."""
    if not user.id.startswith("AIDA"):
        user.id = fresh_id("AIDA")
    return str(user.id)


def find_role(account: str, name: str) -> Role | None:
    return next((role for role in list(backend(account).roles.values()) if role.name == name), None)


def find_role_by_arn(arn: str) -> Role | None:
    found = _ENTITY_ARN.fullmatch(arn)
    if not found or found.group(2) != "role" or found.group(1) not in iam_backends:
        return None
    role = find_role(found.group(1), found.group(3).rsplit("/", 1)[-1])
    return role if role is not None and role.arn == arn else None


def find_user_by_arn(arn: str) -> User | None:
    found = _ENTITY_ARN.fullmatch(arn)
    if not found or found.group(2) != "user" or found.group(1) not in iam_backends:
        return None
    user = backend(found.group(1)).users.get(found.group(3).rsplit("/", 1)[-1])
    return user if user is not None and user.arn == arn else None


def _documents(entity: Any) -> list[Document]:
    inline = [parsed(text) for text in list(entity.policies.values())]
    return inline + [_managed_document(policy) for policy in list(entity.managed_policies.values())]


def _managed_document(policy: Any) -> Document:
    text = next((version.document for version in policy.versions if version.is_default), "")
    return parsed(text)


def _boundary(account: str, arn: str | None) -> tuple[Document, ...] | None:
    if not arn:
        return None
    policy = backend(account).managed_policies.get(arn)
    return (_managed_document(policy),) if policy else ()


def policies_of(role: Role | None) -> tuple[tuple[Document, ...], tuple[Document, ...] | None]:
    """(identity policies, boundary) of a role; a deleted role has none."""
    if role is None:
        return (), None
    return tuple(_documents(role)), _boundary(role.account_id, role.permissions_boundary_arn)


def policies_of_user(account: str, name: str) -> tuple[tuple[Document, ...], tuple[Document, ...] | None]:
    """(identity policies with those of the user's groups, boundary) of a user."""
    iam = backend(account)
    user = iam.users.get(name)
    if user is None:
        return (), None
    documents = _documents(user)
    for group in list(iam.groups.values()):
        if user in group.users:
            documents += _documents(group)
    return tuple(documents), _boundary(account, getattr(user, "permissions_boundary_arn", None))


@dataclass(frozen=True)
class Unit:
    """An organisational unit. parent: the unit or root above it."""

    organisation: str
    parent: str
    name: str


def root_of(organisation: str) -> str:
    """The id of the organisation's root, `r-` and the first four of its own."""
    return f"r-{organisation.removeprefix('o-')[:4]}"


@dataclass
class Directory:
    """Credentials, sessions, organisations, and the identity of every principal over time.

    organisations: account -> organisation. administrators: organisation -> its management account, then delegated ones.
    names, states: of accounts, as their organisation lists them (a state is ACTIVE unless told). units: unit id ->
    what is above it and its name. placed: account -> the unit it is in; beneath the organisation's root unless told.
    """

    organisations: dict[str, str] = field(default_factory=dict)
    administrators: dict[str, tuple[str, ...]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    placed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._keys: dict[str, tuple[str, str]] = {}
        self._history: dict[tuple[str, str], list[tuple[float, tuple[Any, Any]]]] = {}
        self._lock = threading.Lock()

    def reset(self) -> None:
        with self._lock:
            for told in (self.organisations, self.administrators, self.names, self.states, self.units, self.placed):
                told.clear()
            self._sessions.clear()
            self._keys.clear()
            self._history.clear()

    def parent_of(self, account: str) -> str:
        """The unit or root that a member is in; "" for an account of no organisation."""
        organisation = self.organisations.get(account)
        if organisation is None:
            return ""
        unit = self.units.get(self.placed.get(account, ""))
        return self.placed[account] if unit is not None and unit.organisation == organisation else root_of(organisation)

    def path_of(self, account: str) -> str:
        """What aws:PrincipalOrgPaths says of a member (`o-x/r-y/ou-z/`); "" for an account of no organisation."""
        parts = [self.parent_of(account)]
        while parts[0] in self.units:
            parts.insert(0, self.units[parts[0]].parent)
        return "/".join((self.organisations[account], *parts, "")) if parts[0] else ""

    def add_session(self, session: Session) -> None:
        with self._lock:
            self._sessions[session.access_key_id] = session

    def session(self, access_key_id: str) -> Session | None:
        return self._sessions.get(access_key_id)

    def long_term_key(self, access_key_id: str) -> tuple[str, str, str] | None:
        """(account, user name, secret) of an active access key of a user."""
        known = self._keys.get(access_key_id)
        accounts = [known[0]] if known else list(iam_backends)
        for account in accounts:
            key = backend(account).access_keys.get(access_key_id)
            if key is not None and key.user_name and key.status == "Active":
                self._keys[access_key_id] = (account, key.user_name)
                return account, key.user_name, key.secret_access_key
        return None

    def caller(self, access_key_id: str) -> Caller | None:
        """The principal behind an access key whose signature was verified."""
        session = self.session(access_key_id)
        if session is not None:
            who = Who("role", session.account, session.role_arn, session.role_id, session.arn)
            unique = f"{session.role_id}:{session.session_name}"
            return Caller(who, session.arn, unique, session.account, access_key_id, session=session)
        key = self.long_term_key(access_key_id)
        if key is None:
            return None
        account, name, _ = key
        user = backend(account).users.get(name)
        if user is None:
            return None
        unique = user_id(user)
        return Caller(Who("user", account, user.arn, unique), user.arn, unique, account, access_key_id, name)

    def rights(self, caller: Caller, delay: float = 0.0) -> Rights:
        """What the caller's own account allows. delay: only changes older than this many seconds count."""
        if caller.session is not None:
            current = policies_of(backend(caller.account).roles.get(caller.session.role_id))
            session = caller.session.policies or None
        else:
            current = policies_of_user(caller.account, caller.user_name)
            session = None
        identity, boundary = self._as_of((caller.account, caller.who.unique_id), delay, current) if delay else current
        return Rights(identity, boundary, session)

    def note_changes(self, account: str) -> None:
        """Remember the policies of every principal of the account as they are from now on."""
        moment = time.monotonic()
        iam = backend(account)
        current: dict[str, tuple[Any, Any]] = {role.id: policies_of(role) for role in list(iam.roles.values())}
        for name, user in list(iam.users.items()):
            current[user_id(user)] = policies_of_user(account, name)
        with self._lock:
            for unique in {*current, *(known for place, known in self._history if place == account)}:
                policies = current.get(unique, ((), None))
                versions = self._history.setdefault((account, unique), [])
                if not versions or versions[-1][1] != policies:
                    versions.append((moment, policies))

    def settle(self) -> None:
        """Count everything known so far as in force: used after seeding."""
        with self._lock:
            for principal, versions in self._history.items():
                self._history[principal] = [(float("-inf"), versions[-1][1])]

    def expire_sessions(self) -> None:
        """Every temporary credential given so far is expired from now on."""
        with self._lock:
            self._sessions = {key: replace(session, expires=0.0) for key, session in self._sessions.items()}

    def _as_of(self, principal: tuple[str, str], delay: float, current: tuple[Any, Any]) -> tuple[Any, Any]:
        horizon = time.monotonic() - delay
        versions = self._history.get(principal)
        if not versions:
            return current
        old = [policies for since, policies in versions if since <= horizon]
        return old[-1] if old else ((), None)
