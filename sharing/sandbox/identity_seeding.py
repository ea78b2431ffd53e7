"""Putting users, roles and organisations into the sandbox, in-process: quick, and in force at once."""

import json
import re
from collections.abc import Mapping
from typing import Any

from sharing.sandbox import identity
from sharing.sandbox.evaluation import Document
from sharing.sandbox.identity import Directory, Unit, backend, root_of

LAMBDA_TRUST: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


class IdentitySeeding:
    """Mixed into Seeding. Everything raises ValueError with a sentence when it cannot be done."""

    directory: Directory

    def add_user(
        self,
        account: str,
        name: str,
        *,
        path: str = "/",
        policies: Mapping[str, Document] | None = None,
        key: tuple[str, str] | None = None,
    ) -> tuple[str, str]:
        """A new IAM user: its access key id and secret (`key`, or fresh ones)."""
        iam = backend(account)
        user = iam.create_user(identity.PARTITION, name, path)
        identity.user_id(user)
        for policy, document in (policies or {}).items():
            user.put_policy(policy, json.dumps(document))
        made = iam.create_access_key(name)
        if key is not None:
            del iam.access_keys[made.access_key_id]
            made.access_key_id, made.secret_access_key = key
            iam.access_keys[made.access_key_id] = made
        self.directory.note_changes(account)
        return made.access_key_id, made.secret_access_key

    def add_role(
        self,
        account: str,
        name: str,
        path: str = "/",
        trust: Document | None = None,
        policies: Mapping[str, Document] | None = None,
        *,
        max_session_duration: int = 3600,
    ) -> str:
        """A new role, its ARN. trust: trust policy (Lambda's by default). policies: inline policies by name."""
        if identity.find_role(account, name):
            raise ValueError(f"Account {account} has a role {name} already.")
        role = backend(account).create_role(
            role_name=name,
            assume_role_policy_document=json.dumps(trust or LAMBDA_TRUST),
            path=path,
            permissions_boundary=None,
            description="",
            tags=[],
            max_session_duration=str(max_session_duration),
        )
        for policy, document in (policies or {}).items():
            role.put_policy(policy, json.dumps(document))
        self.directory.note_changes(account)
        return str(role.arn)

    def put_role_policy(self, account: str, role: str, name: str, document: Document | None) -> None:
        """Set or (None) remove an inline policy of a role. Counts as a change made now."""
        held = self._role(account, role)
        if document is None:
            held.policies.pop(name, None)
        else:
            held.policies[name] = json.dumps(document)
        self.directory.note_changes(account)

    def put_trust(self, account: str, role: str, trust: Document) -> None:
        """Replace a role's trust policy."""
        self._role(account, role).assume_role_policy_document = json.dumps(trust)

    def delete_role(self, account: str, name: str) -> None:
        """Delete a role with its policies; policies that name it show its unique id from now on."""
        del backend(account).roles[self._role(account, name).id]
        self.directory.note_changes(account)

    def expire_sessions(self) -> None:
        """Every temporary credential given so far is expired from now on."""
        self.directory.expire_sessions()

    def add_to_organisation(self, account: str, organisation: str) -> None:
        """Make the account a member (o-...); empty: it leaves."""
        if organisation and not re.fullmatch(r"o-[a-z0-9]{10,32}", organisation):
            raise ValueError(f"{organisation!r} is not an organisation id: o- and 10 to 32 letters or digits.")
        if organisation:
            self.directory.organisations[account] = organisation
        else:
            self.directory.organisations.pop(account, None)
        self.directory.placed.pop(account, None)

    def found_organisation(self, organisation: str, management: str, *delegated: str, name: str = "") -> None:
        """Make `management` its management account (called `name`) and those members delegated administrators."""
        self.add_to_organisation(management, organisation)
        if name:
            self.directory.names[management] = name
        self.directory.administrators[organisation] = (management, *delegated)

    def add_unit(self, organisation: str, unit: str, name: str, *, under: str = "") -> None:
        """An organisational unit (ou-...), beneath another one or the organisation's root."""
        if not re.fullmatch(r"ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}", unit):
            raise ValueError(f"{unit!r} is not a unit's id: ou-, the root's letters, - and 8 to 32 letters or digits.")
        self.directory.units[unit] = Unit(organisation, under or root_of(organisation), name)

    def place(self, account: str, unit: str) -> None:
        """Move a member into a unit; empty: beneath the root."""
        if unit and unit not in self.directory.units:
            raise ValueError(f"The sandbox has no unit {unit!r}.")
        self.directory.placed[account] = unit

    def set_state(self, account: str, state: str, *, name: str = "") -> None:
        """What the organisation says of a member: ACTIVE, SUSPENDED, PENDING_CLOSURE... name: what it is called there."""
        self.directory.states[account] = state
        if name:
            self.directory.names[account] = name

    def _role(self, account: str, name: str) -> Any:
        role = identity.find_role(account, name)
        if role is None:
            raise ValueError(f"Account {account} has no role {name}.")
        return role
