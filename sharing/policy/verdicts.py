"""The answers about one reach: open to services, external, how close to home, what a URL lacks, whether in time.

Everything that changes without the policy changing is applied here: trust, membership, URLs, buckets and the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from . import fixed, services
from .arn import FunctionArn, is_account_id
from .conditions import truth
from .matching import glob_matches
from .reach import Reach
from .sources import Scope
from .variables import Known


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    DEPENDS = "depends"


class Audience(StrEnum):
    """Whom "public" means."""

    INTERNET = "internet"
    ANY_AWS_ACCOUNT = "any_aws_account"


class Zone(StrEnum):
    """How close to home; trust colours, it never hides."""

    OWNER = "owner"
    ORGANISATION = "organisation"
    TRUSTED = "trusted"
    OUTSIDE = "outside"


#: `url_auth` for a function that is known to have no URL; None means that nobody looked.
NO_URL: Final = "absent"


Membership = Mapping[str, str | None] | Callable[[str], str | None]


class Question(NamedTuple):
    """Everything that is applied when somebody asks, and never stored with the reduction."""

    function: FunctionArn
    owner: str
    trusted_accounts: frozenset[str]
    trusted_organizations: frozenset[str]
    organization_of: Callable[[str], str | None] | None
    members: Mapping[str, str | None] | None
    url_auth: str | None
    at: datetime | None
    buckets: Mapping[str, str]
    whole: frozenset[str] = frozenset()

    def home_of(self, account: str) -> str | None:
        """The organisation or unit of an account; "" for one known to be in none, None when unknown."""
        return self.organization_of(account) if self.organization_of is not None else None

    @property
    def colours(self) -> bool:
        """Whether anything is known that could tell accounts apart, other than the owner's from the rest."""
        known = self.organization_of is not None or self.whole
        return bool(known or self.trusted_accounts or self.trusted_organizations)


def lookup(membership: Membership | None) -> Callable[[str], str | None] | None:
    """A membership in either form as a function."""
    if membership is None or callable(membership):
        return membership
    return membership.get


def in_time(reach: Reach, asked: Question, doubts: list[str]) -> bool:
    for atom in reach.times:
        if asked.at is None:
            doubts.append(f"the time of the call ({atom.text})")
            continue
        now = {"aws:currenttime": asked.at.isoformat(), "aws:epochtime": str(int(asked.at.timestamp()))}[atom.key]
        held = truth(atom, {atom.key: Known((now,))})
        if held is False:
            return False
        if held is None:
            doubts.append(f"condition {atom.text}, which cannot be judged")
    return True


def is_member(reach: Reach, asked: Question) -> bool:
    """False when the account is known to be outside an organisation it must be in, or inside one it must not be in."""
    if reach.account is None or reach.kind == "service":
        return True
    home = asked.home_of(reach.account)
    if home is None:
        # Not among the members of organisations that are known whole, so in none of them; of others nothing is known.
        return not reach.organizations or not all(_is_whole(_own(name, asked), asked) for name in reach.organizations)
    wanted = [reach.organizations] if reach.organizations else []
    wanted += reach.organizations_if_any if home else ()
    for group in wanted:
        names = [_own(name, asked) for name in group]
        if not any(name is None or inside(home, name) is not False for name in names):
            return False
    # The paths AWS compares with end in a slash: one that does not is no path, and shuts nobody out.
    return not any(inside(home, name) for name in reach.not_organizations if name.endswith("/") or "/" not in name)


def _is_whole(name: str | None, asked: Question) -> bool:
    return name is not None and name.split("/", 1)[0] in asked.whole


def inside(home: str, wanted: str) -> bool | None:
    """Whether an account at `home` is in the organisation or unit `wanted`; None if only its organisation is known.

    None too where `wanted` names the unit without the slash that ends what AWS compares with.
    """
    root, _, units = home.partition("/")
    if wanted.split("/", 1)[0] != root:
        return False
    if "/" not in wanted:
        return True
    if not units:
        return None
    path = home.rstrip("/")
    return glob_matches(wanted, f"{path}/") or (None if glob_matches(wanted, path) else False)


def _own(name: str, asked: Question) -> str | None:
    if name != fixed.OWN_ORGANIZATION:
        return name
    home = asked.home_of(asked.owner)
    return home.split("/", 1)[0] if home else None


def is_ours(reach: Reach, asked: Question) -> bool:
    """aws:ResourceOrgID describes our own function: where it is known to be wrong, the statement is dead."""
    home = asked.home_of(asked.owner) if reach.ours else None
    if home is None:
        return True
    values = (home.split("/", 1)[0],) if home else ()
    return all(truth(atom, {atom.key: Known(values)}) is not False for atom in reach.ours if not atom.variables)


def open_service(reach: Reach, asked: Question, reasons: list[str], notes: list[str]) -> Answer:
    behalf = reach.behalf
    if reach.kind != "service" or behalf is None:
        return Answer.NO
    known = services.lookup(reach.principal)
    label = services.label(reach.principal)
    if behalf.scope in (Scope.ACCOUNT, Scope.ORGANIZATION):
        return Answer.NO
    if known is not None and known.crosses_accounts is False:
        notes.append(f"{label} cannot call a function of another account")
        return Answer.NO
    if behalf.scope is Scope.BUCKET:
        if behalf.name in asked.buckets:
            return Answer.NO
        reasons.append(f"whose bucket {behalf.name} is: its ARN names no account")
        return Answer.DEPENDS
    if behalf.scope is Scope.RESOURCE:
        parts = behalf.name.split(":", 5)
        fixed_account = len(parts) == 6 and is_account_id(parts[4])
        why = "a wildcard before its account runs past it" if fixed_account else "it names no account"
        reasons.append(f"whose {behalf.name} is: {why}")
        return Answer.DEPENDS
    if reach.token and known is not None and services.Source.TOKEN in known.safe_with:
        notes.append(f"{label} must send the event source token")
        return Answer.NO
    if reach.token or reach.limits:
        reasons.extend(reach.limits)
        return Answer.DEPENDS
    if known is not None and known.principal == "replicator.lambda.amazonaws.com":
        reasons.append("AWS's own replication, whose limits are not documented")
        return Answer.DEPENDS
    return Answer.YES


def external(reach: Reach, opened: Answer, asked: Question, reasons: list[str]) -> Answer:
    if reach.kind in ("everyone", "organization"):
        return _unit(reach, asked, reasons) if reach.kind == "organization" else Answer.YES
    if reach.kind != "service":
        if reach.account is None:
            reasons.append("whose identity this is: the policy names no account")
            return Answer.DEPENDS
        return Answer.NO if reach.account == asked.owner else Answer.YES
    behalf = reach.behalf
    known = services.lookup(reach.principal)
    if behalf is None or (known is not None and known.crosses_accounts is False):
        return Answer.NO
    if behalf.scope is Scope.ORGANIZATION:
        return Answer.YES
    if behalf.scope is Scope.ACCOUNT:
        return Answer.NO if behalf.account == asked.owner else Answer.YES
    if behalf.scope is Scope.BUCKET and behalf.name in asked.buckets:
        return Answer.NO if asked.buckets[behalf.name] == asked.owner else Answer.YES
    return opened


def _unit(reach: Reach, asked: Question, reasons: list[str]) -> Answer:
    """An organisation or unit covers future members; of a unit nothing is said without any membership data."""
    root, slash, _ = reach.principal.partition("/")
    known = [asked.home_of(asked.owner), *(asked.members or {}).values()]
    if not slash or any(home is not None and home.startswith(f"{root}/") for home in known):
        return Answer.YES
    reasons.append(f"which accounts are in {reach.principal}")
    return Answer.DEPENDS


def organization_name(reach: Reach, asked: Question) -> str | None:
    """The organisation or unit whose members are let in, or for whose members a service calls."""
    behalf = reach.behalf
    if behalf is not None and behalf.scope is Scope.ORGANIZATION:
        name = behalf.name
    elif reach.organizations:
        name = reach.organizations[0]
    else:
        return None
    if name == fixed.OWN_ORGANIZATION:
        return _own(name, asked) or "the owner's own organisation"
    return name


def audience(reach: Reach, is_url: bool, asked: Question) -> Audience:
    anonymous = reach.anonymous and is_url and "NONE" in reach.url_types and asked.url_auth != "AWS_IAM"
    return Audience.INTERNET if anonymous else Audience.ANY_AWS_ACCOUNT


def missing(reach: Reach, asked: Question) -> str | None:
    """What a function URL still lacks."""
    if asked.url_auth == NO_URL:
        return "the function has no URL"
    if asked.url_auth is not None and asked.url_auth not in reach.url_types:
        return f"the function's URL is of type {asked.url_auth}, the statement is for {' or '.join(sorted(reach.url_types))}"
    if reach.half and reach.account != asked.owner:
        return f"the other half of the pair: {reach.half} for the same principal"
    return None


def zone(reach: Reach, organization: str | None, asked: Question) -> Zone:
    account = reach.account
    behalf = reach.behalf
    if behalf is not None:
        if behalf.scope is Scope.BUCKET:
            account = asked.buckets.get(behalf.name)
        known = services.lookup(reach.principal)
        if account is None and known is not None and known.crosses_accounts is False:
            account = asked.owner
    home = asked.home_of(asked.owner)
    if account is not None:
        if account == asked.owner:
            return Zone.OWNER
        organization = asked.home_of(account) or organization
    root = organization.split("/", 1)[0] if organization else None
    if root and home and root == home.split("/", 1)[0]:
        return Zone.ORGANISATION
    if account in asked.trusted_accounts or root in asked.trusted_organizations or organization in asked.trusted_organizations:
        return Zone.TRUSTED
    return Zone.OUTSIDE
