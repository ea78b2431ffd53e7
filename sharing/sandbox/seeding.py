"""Putting accounts, roles, functions and policies into the sandbox, in-process: quick, and in force at once."""

import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sharing.sandbox.documents import rendered
from sharing.sandbox.estate import Alias, Configuration, Estate, Function, Url
from sharing.sandbox.evaluation import Document
from sharing.sandbox.identity import Directory
from sharing.sandbox.identity_seeding import IdentitySeeding
from sharing.sandbox.layer_seeding import LayerSeeding
from sharing.sandbox.permissions import seed_policy
from sharing.sandbox.source_seeding import SourceSeeding
from sharing.sandbox.sources import NEEDS
from sharing.sandbox.urls import url_of

Kind = Literal["dashboard", "owner", "consumer", "stranger", "management"]

ADMINISTRATOR: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}

#: What AWS's own managed policies for queue and stream functions allow.
READS_SOURCES: Document = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [action for actions in NEEDS.values() for action in actions],
            "Resource": "*",
        }
    ],
}


@dataclass(frozen=True)
class Account:
    """An account of the local AWS.

    kind: dashboard, owner, consumer, stranger, or management (of the organisation: it moves accounts). The keys are an
    administrator user's, except the dashboard's, whose user may only sts:AssumeRole. manager_role_arn, checker_role_arn,
    external_id, invoker_role_arn, invoker_external_id: roles of the story that exist for the product to connect with; empty
    where there are none. regions: where the account has functions. organization_role_arn, organization_external_id: the
    role that reads who belongs to the account's organisation. sources: what may be tried of what can wake functions, by
    ARN, with an example (see `offer`). source_role_arn, source_external_id: the role that wires them.
    """

    id: str
    name: str
    kind: Kind
    access_key_id: str
    secret_access_key: str
    manager_role_arn: str = ""
    checker_role_arn: str = ""
    external_id: str = ""
    invoker_role_arn: str = ""
    invoker_external_id: str = ""
    regions: tuple[str, ...] = ()
    organization_role_arn: str = ""
    organization_external_id: str = ""
    source_role_arn: str = ""
    source_external_id: str = ""
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


class Seeding(IdentitySeeding, LayerSeeding, SourceSeeding):
    """Mixed into Sandbox. Everything raises ValueError with a sentence when it cannot be done."""

    def __init__(self, directory: Directory, estate: Estate) -> None:
        self.directory = directory
        self.estate = estate
        self._accounts: dict[str, Account] = {}
        self._execution_roles: dict[str, str] = {}
        self._keys: dict[str, tuple[str, str]] = {}

    @property
    def accounts(self) -> list[Account]:
        """Every account, in the order of the story."""
        return list(self._accounts.values())

    def account(self, name_or_id: str) -> Account:
        """The account with this id or name."""
        for account in self._accounts.values():
            if name_or_id in (account.id, account.name):
                return account
        raise ValueError(f"The sandbox has no account {name_or_id!r}.")

    def clear_accounts(self) -> None:
        """Forget every account, but not the key it had."""
        self._accounts.clear()
        self._execution_roles.clear()

    def add_account(
        self,
        id: str,  # noqa: A002 - the field's own name
        name: str,
        kind: Kind,
        *,
        regions: Iterable[str] = (),
        user: str = "admin",
        path: str = "/",
        policy: Document = ADMINISTRATOR,
    ) -> Account:
        """A new account with one IAM user and its access key; the user is an administrator unless `policy` says less.

        The account keeps its key over resets, so that what was told to a client stays true.
        """
        if not re.fullmatch(r"\d{12}", id):
            raise ValueError(f"{id!r} is not an account id: 12 digits.")
        if id in self._accounts:
            raise ValueError(f"Account {id} exists already.")
        key, secret = self.add_user(id, user, path=path, policies={"Rights": policy}, key=self._keys.get(id))
        self._keys[id] = key, secret
        self.directory.names[id] = name
        self._accounts[id] = Account(id, name, kind, key, secret, regions=tuple(regions))
        return self._accounts[id]

    def describe_account(self, id: str, **facts: Any) -> Account:  # noqa: A002 - the field's own name
        """Set the roles, ExternalIds or regions of an account."""
        self._accounts[id] = replace(self._accounts[id], **facts)
        return self._accounts[id]

    def add_function(
        self,
        account: str,
        region: str,
        name: str,
        *,
        description: str = "",
        environment: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        url: str | None = None,
        alias_urls: Mapping[str, str] | None = None,
        last_modified: str | None = None,
        runtime: str = "python3.13",
        memory: int = 128,
        answer: Any = None,
        fails: bool = False,
        takes: float = 0.0,
        timeout: int = 3,
    ) -> str:
        """A new function, its ARN.

        aliases: name -> version number; versions up to the highest are published. url: AuthType of the function's URL
        (NONE or AWS_IAM), alias_urls the same by alias. answer: what a RequestResponse invoke returns. fails: it throws.
        takes: seconds that a run lasts; timeout: seconds after which AWS ends it.
        """
        if not re.fullmatch(r"[a-zA-Z0-9-_]{1,64}", name):
            raise ValueError(f"{name!r} cannot name a function: 1 to 64 letters, digits, - and _.")
        if self.estate.find(account, region, name):
            raise ValueError(f"{name} exists already in {account} {region}.")
        latest = Configuration(
            description=description,
            runtime=runtime,
            role=self._execution_role(account),
            memory=memory,
            timeout=timeout,
            environment=dict(environment or {}),
        )
        if last_modified:
            latest.last_modified = last_modified
        function = Function(account, region, name, latest, tags=dict(tags or {}), answer=answer, fails=fails, takes=takes)
        for _ in range(max((int(version) for version in (aliases or {}).values()), default=0)):
            function.publish()
        for alias, version in (aliases or {}).items():
            function.aliases[alias] = Alias(alias, version)
        for qualifier, auth_type in {**({"": url} if url else {}), **(alias_urls or {})}.items():
            function.urls[qualifier] = Url(auth_type, url_of(function, qualifier))
        self.estate.add(function)
        return function.arn

    def add_many_functions(
        self, n: int, *, account: str | None = None, region: str | None = None, prefix: str = "bulk", shared_with: str = ""
    ) -> list[str]:
        """n plain functions (default: in the first owner's first region), their ARNs. shared_with: an account id that
        each one's policy lets invoke."""
        owner = self.account(account) if account else next(a for a in self.accounts if a.kind == "owner")
        place = region or (owner.regions[0] if owner.regions else "us-east-1")
        role = self._execution_role(owner.id)
        made = []
        for number in range(n):
            name = f"{prefix}-{number:05d}"
            latest = Configuration(description=f"Function {number} of {n}", role=role, revision=str(uuid.UUID(int=number)))
            function = Function(owner.id, place, name, latest)
            if shared_with:
                function.set_policy(None, _simple_policy(function, shared_with), at=float("-inf"))
            self.estate.add(function)
            made.append(function.arn)
        return made

    def publish_version(self, function_arn: str, description: str = "") -> str:
        """Publish the next version of a function: its number."""
        return self._function(function_arn)[0].publish(description)

    def add_alias(self, function_arn: str, name: str, version: str = "$LATEST") -> None:
        function, _ = self._function(function_arn)
        function.aliases[name] = Alias(name, version)

    def delete_alias(self, function_arn: str, name: str) -> None:
        """Delete an alias, and with it its policy and URL."""
        function, _ = self._function(function_arn)
        function.aliases.pop(name, None)
        function.forget(name)

    def delete_function(self, function_arn: str) -> None:
        """Delete a function with every version, alias, URL and policy."""
        self.estate.remove(self._function(function_arn)[0])

    def function(self, function_arn: str) -> Function | None:
        """What the estate holds of a function, None when there is none."""
        try:
            return self._function(function_arn)[0]
        except ValueError:
            return None

    def put_policy(self, function_arn: str, document: Document | None) -> None:
        """Set the policy of the function, alias or version that the ARN names (None removes it), in force at once.

        Ids of deleted principals (AROA..., AIDA...) are accepted as they are; ARNs of roles must exist.
        """
        function, qualifier = self._function(function_arn)
        seed_policy(function, qualifier, document)

    def policy(self, function_arn: str) -> Document | None:
        """The policy as GetPolicy would show it, None when there is none."""
        function, qualifier = self._function(function_arn)
        held = function.policy(qualifier)
        return rendered(held.document) if held else None

    def _function(self, arn: str) -> tuple[Function, str | None]:
        parts = arn.split(":")
        if len(parts) not in (7, 8) or parts[5] != "function":
            raise ValueError(f"{arn!r} is not a function ARN.")
        function = self.estate.find(parts[4], parts[3], parts[6])
        if function is None:
            raise ValueError(f"The sandbox has no function {arn}.")
        return function, parts[7] if len(parts) == 8 else None

    def _execution_role(self, account: str) -> str:
        if account not in self._execution_roles:
            self._execution_roles[account] = self.add_role(
                account, "function-execution", path="/service-role/", policies={"ReadSources": READS_SOURCES}
            )
        return self._execution_roles[account]


def _simple_policy(function: Function, account: str) -> Document:
    statement = {
        "Sid": f"share-{account}",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "lambda:InvokeFunction",
        "Resource": function.arn,
    }
    return {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
