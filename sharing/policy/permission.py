"""One permission as a person grants it: everything AddPermission takes, and the statement AWS makes of it.

Facts: AddPermission's fields, patterns and stored forms (Lambda API; botocore checks none of the patterns, so this
module does). A source is one of source ARN, source account, or, for Alexa only, the event source token.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from . import actions, services
from .actions import ActionClass
from .arn import FunctionArn, is_account_id
from .checks import Problem, problems_of, warnings_of
from .principal import Principal, PrincipalKind
from .statement import Condition, parse_statement, same_statement

__all__ = ["MASK", "Permission", "Problem", "same_statement", "why_not_writable"]

MASK: Final = "••••••••"
_DEEPEST: Final = 50

_SID = re.compile(r"[a-zA-Z0-9_-]{1,100}", re.ASCII)
_ACTION = re.compile(r"lambda:(\*|[a-zA-Z]+)|\*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Permission:
    """One principal, one action, one form of one function, and the limits.

    `function` carries the qualifier and so chooses the policy. `organization` limits an account or role to members
    of an organisation; to share with a whole organisation use a principal of that kind. `url_auth_type` is "NONE" or
    "AWS_IAM"; `via_url` says "only through the function's URL". Building one never raises: ask `problems()`.
    """

    function: FunctionArn
    sid: str
    action: str
    principal: Principal
    source_arn: str | None = None
    source_account: str | None = None
    organization: str | None = None
    event_source_token: str | None = None
    url_auth_type: str | None = None
    via_url: bool = False

    def __post_init__(self) -> None:
        kind = self.principal.kind
        if kind is PrincipalKind.EVERYONE and self.organization:  # the same statement: one form for it
            whole = Principal(PrincipalKind.ORGANIZATION, self.organization, None, self.principal.partition)
            object.__setattr__(self, "principal", whole)
            object.__setattr__(self, "organization", None)
        elif kind is PrincipalKind.ORGANIZATION and self.organization == self.principal.value:
            object.__setattr__(self, "organization", None)
        for name in ("source_arn", "source_account", "organization", "event_source_token", "url_auth_type"):
            if getattr(self, name) == "":
                object.__setattr__(self, name, None)

    @property
    def action_class(self) -> ActionClass:
        """The danger class of the action; `lambda:*` and `*` count as manage."""
        return actions.action_class(self.action)

    @property
    def organization_id(self) -> str | None:
        """What goes into PrincipalOrgID: the organisation shared with, or the one that limits another principal."""
        if self.principal.kind is PrincipalKind.ORGANIZATION:
            return self.principal.value
        return self.organization

    @property
    def has_source(self) -> bool:
        """Whether a service may call only on behalf of something fixed: see `services.Service.safe_with`."""
        if self.source_account:
            return True
        if self.source_arn:
            parts = self.source_arn.split(":", 5)
            return len(parts) == 6 and (is_account_id(parts[4]) or self._names_one_bucket(parts))
        service = services.lookup(self.principal.value)
        return bool(self.event_source_token and service and services.Source.TOKEN in service.safe_with)

    @staticmethod
    def _names_one_bucket(parts: list[str]) -> bool:
        return parts[2] == "s3" and bool(parts[5]) and "*" not in parts[5] and "?" not in parts[5]

    @property
    def needs_second_person(self) -> str | None:
        """Why this must wait for another person's approval, as a sentence; None if one person may grant it."""
        if self.principal.kind is PrincipalKind.EVERYONE:
            return "It lets everyone in: any AWS account, or anyone at all through a function URL."
        if self.action_class is ActionClass.MANAGE:
            return "It lets them change or replace the function, and so run code with its execution role."
        if self.principal.kind is PrincipalKind.SERVICE and not self.has_source:
            label = services.label(self.principal.value)
            return f"Without a source, any AWS account could drive the function through {label}."
        return None

    def problems(self) -> list[Problem]:
        """Everything AWS would refuse or that could never work, each with what to do; empty when it can be granted."""
        return problems_of(self)

    def warnings(self) -> list[str]:
        """What a person should know before granting, as sentences."""
        return warnings_of(self)

    def parameters(self) -> dict[str, Any]:
        """The exact keyword arguments of boto3's `add_permission`; the function by full ARN, the qualifier apart."""
        found: dict[str, Any] = {
            "FunctionName": str(self.function.unqualified),
            "StatementId": self.sid,
            "Action": self.action,
            "Principal": self.principal.parameter,
        }
        optional = {
            "Qualifier": self.function.qualifier,
            "SourceArn": self.source_arn,
            "SourceAccount": self.source_account,
            "PrincipalOrgID": self.organization_id,
            "EventSourceToken": self.event_source_token,
            "FunctionUrlAuthType": self.url_auth_type,
        }
        found |= {name: value for name, value in optional.items() if value is not None}
        if self.via_url:
            found["InvokedViaFunctionUrl"] = True
        return found

    def statement(self) -> dict[str, Any]:
        """The statement exactly as AWS stores it."""
        equals = {
            "AWS:SourceAccount": self.source_account,
            "aws:PrincipalOrgID": self.organization_id,
            "lambda:EventSourceToken": self.event_source_token,
            "lambda:FunctionUrlAuthType": self.url_auth_type,
        }
        condition: dict[str, dict[str, str]] = {}
        given = {key: value for key, value in equals.items() if value is not None}
        if given:
            condition["StringEquals"] = given
        if self.source_arn is not None:
            condition["ArnLike"] = {"AWS:SourceArn": self.source_arn}
        if self.via_url:
            condition["Bool"] = {"lambda:InvokedViaFunctionUrl": "true"}
        found: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Principal": self.principal.stored,
            "Action": self.action,
            "Resource": str(self.function),
        }
        if condition:
            found["Condition"] = condition
        return found

    def masked(self) -> Permission:
        """The same with the event source token, a shared secret, hidden: for every place but its own form."""
        return replace(self, event_source_token=MASK) if self.event_source_token is not None else self

    def masked_statement(self) -> dict[str, Any]:
        """`statement()` with the event source token hidden."""
        return self.masked().statement()

    def digest(self) -> str:
        """SHA-256 over every field, in hex, the same on every machine: approvals are bound to it."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Every field as plain JSON, for keeping; the token is in it, so keep `masked()` where it does not belong."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Permission:
        """The opposite of `as_dict`. Raises KeyError, ArnError or ValueError when it was not made by it."""
        kind, principal, partition = values["principal"]
        known = {field.name for field in fields(cls)}
        rest = {name: value for name, value in values.items() if name in known - {"function", "principal"}}
        who = PrincipalKind(kind)
        if who is PrincipalKind.ORGANIZATION:
            found = Principal(who, principal, None, partition)
        else:
            key = {PrincipalKind.SERVICE: "Service", PrincipalKind.FEDERATED: "Federated"}.get(who, "AWS")
            found = Principal.from_stored(principal, key=key, partition=partition)
        return cls(function=FunctionArn.parse(values["function"]), principal=found, **rest)

    @classmethod
    def from_statement(cls, statement: Mapping[str, Any], function: FunctionArn) -> Permission | None:
        """The permission whose statement this is, or None when AddPermission could not write it back.

        `function` is the form whose policy held the statement. `why_not_writable` gives the reason for None.
        """
        found = _from_statement(statement, function)
        return found if isinstance(found, Permission) else None


def why_not_writable(statement: Mapping[str, Any], function: FunctionArn) -> str | None:
    """Why AddPermission could not write this stored statement back, as a sentence; None if it could."""
    found = _from_statement(statement, function)
    return None if isinstance(found, Permission) else found


def mask_statement(raw: Any) -> Any:
    """A copy of a stored statement or whole policy (JSON value) with every event source token hidden.

    What is nested more deeply than any real policy is replaced by a mask as a whole.
    """
    return _masked(raw, 0)


def _masked(raw: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return MASK
    if isinstance(raw, Mapping):
        return {
            key: _hide(value) if str(key).lower() == "lambda:eventsourcetoken" else _masked(value, depth + 1)
            for key, value in raw.items()
        }
    return [_masked(item, depth + 1) for item in raw] if isinstance(raw, list | tuple) else raw


def _hide(value: Any) -> Any:
    return [MASK for _ in value] if isinstance(value, list | tuple) else MASK


def _plain(value: Any) -> Any:
    if isinstance(value, Principal):
        return [value.kind.value, str(value), value.partition]
    return str(value) if isinstance(value, FunctionArn) else value


#: Condition entries AddPermission writes: (operators, lower-case key) → field.
_WRITABLE: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "aws:sourcearn": (("arnlike", "stringlike"), "source_arn"),
    "aws:sourceaccount": (("stringequals",), "source_account"),
    "aws:principalorgid": (("stringequals",), "organization"),
    "lambda:eventsourcetoken": (("stringequals",), "event_source_token"),
    "lambda:functionurlauthtype": (("stringequals",), "url_auth_type"),
    "lambda:invokedviafunctionurl": (("bool",), "via_url"),
}


def _from_statement(statement: Mapping[str, Any], function: FunctionArn) -> Permission | str:
    read = parse_statement(statement, partition=function.partition)
    reason = _shape_reason(read.problem, read.effect, read.sid)
    if reason:
        return reason
    if read.not_principals or read.not_actions or read.not_resources:
        return "It uses NotPrincipal, NotAction or NotResource, which AddPermission cannot write."
    if len(read.principals) != 1 or len(read.actions) != 1 or len(read.resources) != 1:
        return "It names several principals, actions or resources in one statement; AddPermission writes one of each."
    if read.resources[0] not in (str(function), str(function.unqualified)):
        return "Its Resource is not this function as a whole, and AddPermission writes no other."
    if not _ACTION.fullmatch(read.actions[0]):
        return "Its action has a form that AddPermission does not accept."
    principal = read.principals[0]
    if principal.kind is PrincipalKind.GHOST:
        return f"It names {principal.label()}: AWS accepts only principals that exist. Share with the new one instead."
    if principal.kind is PrincipalKind.FEDERATED:
        return "It names an identity provider, which AddPermission does not accept."
    limits = _limits(read.conditions)
    if isinstance(limits, str):
        return limits
    return Permission(function, read.sid or "", read.actions[0], principal, **limits)


def _shape_reason(problem: str | None, effect: str, sid: str | None) -> str | None:
    if effect == "Deny":
        return "It is a Deny; AddPermission writes only Allow."
    if problem:
        return f"It cannot be read with certainty: {problem}."
    if not sid:
        return "It has no Sid, and AddPermission writes none without."
    if not _SID.fullmatch(sid):
        return "Its Sid has characters or a length that AddPermission does not accept."
    return None


def _limits(conditions: tuple[Condition, ...]) -> dict[str, Any] | str:
    found: dict[str, Any] = {}
    for condition in conditions:
        operators, name = _WRITABLE.get(condition.key.lower(), ((), ""))
        if condition.operator.lower() not in operators or name in found:
            return f"Its condition ({condition.operator} {condition.key}) is one that AddPermission cannot write."
        if len(condition.values) != 1:
            return f"Its condition on {condition.key} lists several values; AddPermission writes one."
        value = condition.values[0]
        if name == "via_url" and value.lower() != "true":
            return f"Its condition {condition.key} is not true, and AddPermission writes only true."
        found[name] = True if name == "via_url" else value
    return found
