"""Which statements of a policy apply to a request, and what they decide. Deny first, then Allow, else nothing.

Written from the IAM user guide alone: the sandbox must be able to contradict the product.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sharing.sandbox.conditions import Context, as_list, expanded, hold, matches

Document = dict[str, Any]

_ROOT = re.compile(r"arn:[a-z-]+:iam::(\d{12}):root")


@dataclass(frozen=True)
class Who:
    """The caller as policies see it.

    arn: the user's or the role's ARN; a service's name for services. session_arn: the assumed-role session's ARN.
    unique_id: AIDA... or AROA... . kind: user, role or service.
    """

    kind: str
    account: str
    arn: str
    unique_id: str = ""
    session_arn: str = ""

    @property
    def forms(self) -> list[str]:
        """Every name under which a NotPrincipal must list this caller to spare it."""
        partition = self.arn.split(":")[1] if self.arn.startswith("arn:") else "aws"
        root = f"arn:{partition}:iam::{self.account}:root"
        return [root, self.arn, self.session_arn] if self.session_arn else [root, self.arn]


class Reach(IntEnum):
    """How closely a statement names the caller; the closest Allow counts."""

    NONE = 0
    ACCOUNT = 1
    ANYONE = 2
    ROLE = 3
    USER = 4
    SESSION = 5
    SERVICE = 6


@dataclass(frozen=True)
class Outcome:
    """What one policy says: deny, or the closest reach of its Allow statements (NONE: it says nothing)."""

    denied: bool = False
    allowed: Reach = Reach.NONE


def statements(document: Document | None) -> list[dict[str, Any]]:
    if not document:
        return []
    return [s for s in as_list(document.get("Statement")) if isinstance(s, dict)]


def _names(principal: Any, family: str) -> list[str]:
    if isinstance(principal, str):
        return [principal] if family == "AWS" else []
    if isinstance(principal, dict):
        return [str(p) for p in as_list(principal.get(family))]
    return []


def _named(name: str, who: Who) -> Reach:
    """How one AWS principal text names the caller."""
    if name == "*":
        return Reach.ANYONE
    if who.kind == "service":
        return Reach.NONE
    root = _ROOT.fullmatch(name)
    if name == who.account or (root and root.group(1) == who.account and name in who.forms):
        return Reach.ACCOUNT
    if who.session_arn and name == who.session_arn:
        return Reach.SESSION
    if who.unique_id and name in (who.unique_id, who.arn):
        return Reach.ROLE if who.kind == "role" else Reach.USER
    return Reach.NONE


def principal_reach(statement: dict[str, Any], who: Who) -> Reach:
    """How the statement's Principal or NotPrincipal covers the caller."""
    if "NotPrincipal" in statement:
        listed = statement["NotPrincipal"]
        if who.kind == "service":
            spared = who.arn in _names(listed, "Service")
            return Reach.NONE if spared else Reach.SERVICE
        names = set(_names(listed, "AWS"))
        if "*" in names:
            return Reach.NONE
        ids = {who.account} if who.account in names else set()
        covered = [form in names or (form == who.arn and who.unique_id in names) for form in who.forms]
        covered[0] = covered[0] or bool(ids)
        # Deny spares only a caller all of whose names are listed; Allow leaves out whoever is listed by any name.
        spared = all(covered) if statement.get("Effect") == "Deny" else any(covered)
        return Reach.NONE if spared else Reach.ANYONE
    principal = statement.get("Principal")
    if who.kind == "service" and who.arn in _names(principal, "Service"):
        return Reach.SERVICE
    return max((_named(name, who) for name in _names(principal, "AWS")), default=Reach.NONE)


def _covers_action(statement: dict[str, Any], action: str) -> bool:
    if action.endswith(":?") and "Action" in statement:
        service = action.removesuffix("?")
        named = [str(p).lower() for p in as_list(statement["Action"])]
        if statement.get("Effect") == "Deny":
            return bool({"*", f"{service}*"} & set(named))
        return any(p == "*" or p.startswith(service) for p in named)
    for field, wanted in (("Action", True), ("NotAction", False)):
        if field in statement:
            return any(matches(str(p), action, True) for p in as_list(statement[field])) is wanted
    return False


def _covers_resource(statement: dict[str, Any], resource: str, context: Context, *, variables: bool) -> bool:
    for field, wanted in (("Resource", True), ("NotResource", False)):
        if field in statement:
            patterns = [str(pattern) for pattern in as_list(statement[field])]
            if variables:
                filled = [expanded(pattern, context, wild=True) for pattern in patterns]
                patterns = [pattern for pattern in filled if pattern is not None]
            return any(matches(pattern, resource) for pattern in patterns) is wanted
    return False


def applies(statement: dict[str, Any], action: str, resource: str | None, context: Context, version: str) -> bool:
    """Action, resource and conditions of one statement. resource None: only the action is asked about."""
    variables = version == "2012-10-17"
    if not _covers_action(statement, action):
        return False
    if resource is not None and not _covers_resource(statement, resource, context, variables=variables):
        return False
    return hold(statement.get("Condition"), context, variables=variables)


def resource_outcome(
    document: Document | None, who: Who, action: str, resource: str, context: Context, *, trust: bool = False
) -> Outcome:
    """What a resource policy (or, with trust=True, a trust policy, which has no Resource) says about the caller."""
    reach = Reach.NONE
    version = str((document or {}).get("Version", "2008-10-17"))
    for statement in statements(document):
        if not applies(statement, action, None if trust else resource, context, version):
            continue
        covered = principal_reach(statement, who)
        if covered is Reach.NONE:
            continue
        if statement.get("Effect") == "Deny":
            return Outcome(denied=True)
        reach = max(reach, covered)
    return Outcome(allowed=reach)


def identity_outcome(documents: Iterable[Document], action: str, resource: str | None, context: Context) -> tuple[bool, bool]:
    """(denied, allowed) by identity policies, a boundary or session policies taken together."""
    allowed = False
    for document in documents:
        version = str(document.get("Version", "2008-10-17"))
        for statement in statements(document):
            deny = statement.get("Effect") == "Deny"
            asked = "*" if resource is None and deny else resource
            if not applies(statement, action, asked, context, version):
                continue
            if deny:
                return True, False
            allowed = True
    return False, allowed
