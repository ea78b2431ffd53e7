"""Layer versions shared by policy: their ARN, the statement of one share, and whom a version's policy lets in.

A layer version's policy is written with AddLayerVersionPermission only: it grants lambda:GetLayerVersion to an account, to
an organisation or to everyone (aws-facts 7). Whatever else is found in one is kept, and counts as not safe: depends.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

from .arn import PARTITIONS, ArnError, partition_of_region, shorten
from .document import Document
from .elements import Statement
from .principal import ORGANIZATION_ID, Principal, PrincipalKind
from .sentence import Part

GET: Final = "lambda:GetLayerVersion"
#: Whom AddLayerVersionPermission takes.
KINDS: Final = (PrincipalKind.ACCOUNT, PrincipalKind.ORGANIZATION, PrincipalKind.EVERYONE)

_ARN = re.compile(
    rf"arn:(?P<partition>{'|'.join(PARTITIONS)}):lambda:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{{12}}):layer:"
    r"(?P<name>[a-zA-Z0-9_-]{1,140}):(?P<number>[0-9]{1,18})",
    re.ASCII,
)
#: Counted up whenever an unchanged policy lets in somebody else, or more or less widely: every one is looked at anew then.
VERSION: Final = 1
_WIDTH: Final = {"no": 0, "depends": 1, "yes": 2}


@dataclass(frozen=True, slots=True, order=True)
class LayerArn:
    """One version of a layer: each has a policy of its own."""

    partition: str
    region: str
    account: str
    name: str
    number: int

    @classmethod
    def parse(cls, text: str) -> LayerArn:
        """Read a layer version's ARN. Raises ArnError with a sentence for a person."""
        found = _ARN.fullmatch(text.strip())
        if found is None or partition_of_region(found["region"]) != found["partition"]:
            raise ArnError(
                f"“{shorten(text)}” names no layer version: its ARN has the form "
                "arn:aws:lambda:REGION:ACCOUNT:layer:NAME:VERSION."
            )
        return cls(found["partition"], found["region"], found["account"], found["name"], int(found["number"]))

    @property
    def label(self) -> str:
        """As people say it: `image-tools:2`."""
        return f"{self.name}:{self.number}"

    def __str__(self) -> str:
        return f"arn:{self.partition}:lambda:{self.region}:{self.account}:layer:{self.name}:{self.number}"


@dataclass(frozen=True, slots=True)
class LayerShare:
    """A layer version shared with one principal, under one Sid."""

    layer: LayerArn
    sid: str
    principal: Principal

    def problem(self) -> str:
        """Why AWS would not take it; "" if it would."""
        kind = self.principal.kind
        if kind not in KINDS:
            return (
                "A layer version can be shared with an account, an organisation or everyone, not with a role, user or service."
            )
        if kind is PrincipalKind.ACCOUNT and self.principal.account == self.layer.account:
            return "This account owns the layer: its own policies decide who in it may use it."
        return ""

    @property
    def needs_second_person(self) -> str:
        """Why another person has to approve it; "" if nobody has to."""
        if self.principal.kind is PrincipalKind.EVERYONE:
            return "Everyone with an AWS account could use this layer version, and keep its code."
        return ""

    def statement(self) -> dict[str, Any]:
        """What AWS will store."""
        stored: dict[str, Any] = {
            "Sid": self.sid,
            "Effect": "Allow",
            "Principal": self.principal.stored,
            "Action": GET,
            "Resource": str(self.layer),
        }
        if self.principal.kind is PrincipalKind.ORGANIZATION:
            stored["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": self.principal.value}}
        return stored

    def parameters(self) -> dict[str, Any]:
        """AddLayerVersionPermission's parameters."""
        given: dict[str, Any] = {
            "LayerName": self.layer.name,
            "VersionNumber": self.layer.number,
            "StatementId": self.sid,
            "Action": GET,
            "Principal": self.principal.parameter,
        }
        if self.principal.kind is PrincipalKind.ORGANIZATION:
            given["OrganizationId"] = self.principal.value
        return given

    def sentence(self, names: Mapping[str, str], until: str | None = None) -> list[Part]:
        """Who may use what, until when. `until`: the end date as text, "" for no end, None to say nothing about it."""
        kind = self.principal.kind
        if kind is PrincipalKind.ACCOUNT:
            who = [Part("Functions of "), Part(self.principal.label(names), strong=True)]
        elif kind is PrincipalKind.ORGANIZATION:
            who = [Part("Functions of every account in organisation "), Part(self.principal.value, strong=True)]
            who.append(Part(", now and later,"))
        else:
            who = [Part("Everyone", strong=True), Part(" with an AWS account, whoever they are,")]
        parts = [*who, Part(" may use version "), Part(str(self.layer.number), strong=True), Part(" of layer ")]
        parts += [Part(self.layer.name, strong=True), Part(f" in {self.layer.region}")]
        if until:
            parts += [Part(", until "), Part(until, strong=True)]
        elif until is not None:
            parts.append(Part(", with no end date"))
        return [*parts, Part(".")]


def layer_cli(share: LayerShare) -> str:
    """The `aws lambda add-layer-version-permission` command that grants the share, quoted for a POSIX shell."""
    given = share.parameters()
    words = ["aws lambda add-layer-version-permission", f"--region {shlex.quote(share.layer.region)}"]
    options = {
        "LayerName": "--layer-name",
        "VersionNumber": "--version-number",
        "StatementId": "--statement-id",
        "Action": "--action",
        "Principal": "--principal",
        "OrganizationId": "--organization-id",
    }
    words += [f"{option} {shlex.quote(str(given[name]))}" for name, option in options.items() if name in given]
    return " \\\n    ".join(words)


@dataclass(frozen=True, slots=True)
class LetIn:
    """One principal that a version's policy lets in (or, for a Deny, keeps out), reduced from one statement.

    `public`, `external`: "yes", "no" or "depends" with the reasons in `depends_on`: depends is never safe. `statement`:
    its index in the document. `deny`: a Deny, shown as one; it makes nothing safe here. `latent`: why the statement lets
    nobody in; "" if it does.
    """

    kind: str
    principal: str
    account: str
    public: str
    external: str
    statement: int
    sid: str = ""
    deny: bool = False
    depends_on: tuple[str, ...] = ()
    latent: str = ""


def let_in(document: Document, layer: LayerArn) -> list[LetIn]:
    """Everyone that the policy of this layer version names. Never raises; an unreadable document depends."""
    if document.problem and not document.statements:
        return [LetIn("unknown", "?", "", "depends", "depends", 0, depends_on=(document.problem,))]
    return [one for statement in document.statements for one in _of(statement, document, layer)]


def widest(found: list[LetIn], name: str) -> str:
    """The least safe of what was found: `public` or `external`."""
    return max((getattr(one, name) for one in found), key=_WIDTH.__getitem__, default="no")


def share_from(statement: Statement, layer: LayerArn) -> LayerShare | None:
    """The share that a stored statement is, if AddLayerVersionPermission could have written it; else None."""
    if statement.problem or not statement.sid or len(statement.principals) != 1 or statement.actions != (GET,):
        return None
    found = _reduced(statement, statement.principals[0], layer, [])
    if found.depends_on or found.deny or found.latent or found.kind not in {kind.value for kind in KINDS}:
        return None
    kind = PrincipalKind(found.kind)
    return LayerShare(layer, statement.sid, Principal(kind, found.principal, found.account or None, layer.partition))


def _of(statement: Statement, document: Document, layer: LayerArn) -> list[LetIn]:
    doubts = [problem for problem in (statement.problem, document.problem) if problem]
    if statement.not_principals:
        reasons = [*doubts, "NotPrincipal: all but the listed"]
        return [_entry(statement, layer, "everyone", "*", public="depends", reasons=reasons)]
    if not statement.principals:
        return [_entry(statement, layer, "unknown", "?", public="depends", reasons=doubts or ["it names nobody"])]
    return [_reduced(statement, principal, layer, doubts) for principal in statement.principals]


def _reduced(statement: Statement, principal: Principal, layer: LayerArn, doubts: list[str]) -> LetIn:
    reasons = list(doubts)
    if principal.kind is PrincipalKind.EVERYONE:
        organisation, others = _organisation(statement)
        if organisation and not others:
            # What cannot be judged about the statement may let in others than the organisation.
            public = "depends" if doubts else "no"
            return _entry(statement, layer, "organization", organisation, public=public, reasons=reasons)
        reasons += others
        return _entry(statement, layer, "everyone", "*", public="depends" if reasons else "yes", reasons=reasons)
    reasons += [f"{one.operator} {one.key}" for one in statement.conditions]
    unknown = principal.kind is PrincipalKind.UNKNOWN
    if unknown:
        reasons.append("a principal that nobody can read")
    public = "depends" if doubts or unknown else "no"
    account = principal.account or ""
    return _entry(statement, layer, principal.kind.value, principal.value, account, public=public, reasons=reasons)


def _organisation(statement: Statement) -> tuple[str, list[str]]:
    """The organisation a `*` is narrowed to, and the conditions that say nothing certain."""
    organisation, others = "", []
    for one in statement.conditions:
        fixed = one.operator.lower() == "stringequals" and one.key.lower() == "aws:principalorgid" and len(one.values) == 1
        if fixed and ORGANIZATION_ID.fullmatch(one.values[0]) and not organisation:
            organisation = one.values[0]
        else:
            others.append(f"{one.operator} {one.key}")
    return organisation, others


def _entry(
    statement: Statement, layer: LayerArn, kind: str, principal: str, account: str = "", *, public: str, reasons: list[str]
) -> LetIn:
    latent = _latent(statement, layer)
    keeps_out = statement.is_deny or bool(latent)
    own = account == layer.account and public == "no" and not statement.problem
    external = "no" if own else "depends" if reasons else "yes"
    return LetIn(
        kind,
        principal,
        account,
        public="no" if keeps_out else public,
        external="no" if keeps_out else external,
        statement=statement.index,
        sid=statement.sid or "",
        deny=statement.is_deny,
        depends_on=() if keeps_out else tuple(dict.fromkeys(reasons)),
        latent=latent,
    )


def _latent(statement: Statement, layer: LayerArn) -> str:
    """Why the statement authorises nothing on this version; only where that is certain."""
    if statement.problem:
        return ""
    wanted = GET.lower()
    if statement.actions and not any(fnmatchcase(wanted, _literal(one.lower())) for one in statement.actions):
        return "It does not allow lambda:GetLayerVersion, which is all that a layer version's policy can grant."
    if statement.not_actions and any(fnmatchcase(wanted, _literal(one.lower())) for one in statement.not_actions):
        return "It leaves out lambda:GetLayerVersion, which is all that a layer version's policy can grant."
    if statement.resources and not any(fnmatchcase(str(layer), _literal(one)) for one in statement.resources):
        return "It names another resource than this layer version."
    if statement.not_resources and any(fnmatchcase(str(layer), _literal(one)) for one in statement.not_resources):
        return "It leaves this layer version out."
    return ""


def _literal(pattern: str) -> str:
    """An IAM wildcard pattern for fnmatch, in which brackets stand for themselves."""
    return pattern.replace("[", "[[]")
