"""What a policy really lets in, after conditions and Deny: for whom, how widely, and on what the answer hangs.

Meanings. Public: any AWS account, or anyone, can use it. External: somebody outside the owner account can. Open
service: a service that any account can drive. Each is "yes", "no" or "depends"; depends is not safe.
Facts: conditions narrow by key as in the evaluation tables of IAM; see `keys`, `population` and `denial`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple

from . import services, verdicts
from .actions import ActionClass
from .arn import FunctionArn
from .conditions import Atom
from .document import Document, parse
from .principal import PrincipalKind
from .reach import Reach
from .reduction import reduction
from .sources import Scope
from .statement import Condition, Statement
from .verdicts import NO_URL, Answer, Audience, Membership, Question, Zone

__all__ = ["NO_URL", "Answer", "Audience", "Conditions", "Exposure", "Kind", "Zone", "exposures"]


class Kind(StrEnum):
    """Who remains after the conditions."""

    EVERYONE = "everyone"
    ACCOUNT = "account"
    IDENTITY = "identity"
    ORGANIZATION = "organization"
    SERVICE = "service"
    FEDERATED = "federated"
    GHOST = "ghost"


#: Counted up whenever an unchanged policy is reduced to something else: every policy is reduced anew then.
VERSION: Final = 1
_NOBODY: Final[frozenset[str]] = frozenset()
_KINDS: Final = {kind.value: kind for kind in Kind}


class Conditions(NamedTuple):
    """The conditions on an exposure: those that narrow who is let in, and those that do not."""

    narrowing_atoms: tuple[Atom | Condition, ...] = ()
    other_atoms: tuple[Atom | Condition, ...] = ()

    @property
    def narrowing(self) -> tuple[str, ...]:
        """Texts such as `StringEquals aws:PrincipalOrgID = o-…`; a Deny's as `not (…)`; a shared secret masked."""
        return _texts(self.narrowing_atoms)

    @property
    def other(self) -> tuple[str, ...]:
        return _texts(self.other_atoms)


_NO_CONDITIONS: Final = Conditions()


@dataclass(slots=True, unsafe_hash=True)
class Exposure:
    """One way in; to be treated as immutable.

    `principal`: account id, ARN (or ARN pattern), organisation id or unit path, service name, `*`, unique id.
    `account`: whose, where that is fixed; for a service the account it calls for. `organization`: whose members are
    let in or must be, or for whom a service calls. `qualifier`: the alias or version reached; "*" any of them, None
    the bare function. `latent`: what is missing before it can be used, None if nothing is. `depends_on`: what
    "depends" hangs on. `notes`: why an answer is "no" where one might expect otherwise.
    """

    kind: Kind
    principal: str
    account: str | None
    organization: str | None
    actions: tuple[str, ...]
    action_class: ActionClass
    qualifier: str | None
    conditions: Conditions
    statements: tuple[Statement, ...]
    public: Answer
    external: Answer
    open_service: Answer
    audience: Audience | None
    zone: Zone
    latent: str | None = None
    depends_on: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def safe(self) -> bool:
        """Whether nothing about it is public or open, for certain."""
        return self.public is Answer.NO and self.open_service is Answer.NO


def exposures(
    document: Document | str | Mapping[str, Any] | None,
    *,
    function_arn: FunctionArn | str,
    owner_account: str,
    trusted_accounts: Iterable[str] = (),
    trusted_organizations: Iterable[str] = (),
    organization_of: Membership | None = None,
    whole_organizations: Iterable[str] = (),
    url_auth: str | None = None,
    at: datetime | None = None,
    buckets: Mapping[str, str] | None = None,
) -> list[Exposure]:
    """Everybody the policy of this form of the function lets in.

    `organization_of`: account id → organisation id (or whole unit path `o-x/r-y/ou-z/`), "" for an account known to
    be in none, None or missing when unknown. `whole_organizations`: all of whose members `organization_of` knows, so that
    an account without a known organisation is known to be outside these. `url_auth`: "NONE" or "AWS_IAM" for the type of
    the function's URL, NO_URL when it has none, None when that is not known. `at`: aware time at which time conditions
    are judged; without it they depend. `buckets`: names of buckets seen in known accounts → account id.
    Raises ArnError for a malformed function ARN, ValueError for a naive `at`.
    """
    if at is not None and at.tzinfo is None:
        raise ValueError("The time of the question needs a time zone: give an aware datetime.")
    function = function_arn if isinstance(function_arn, FunctionArn) else FunctionArn.parse(function_arn)
    policy = document if isinstance(document, Document) else parse(document, partition=function.partition)
    asked = Question(
        function,
        owner_account,
        frozenset(trusted_accounts) if trusted_accounts else _NOBODY,
        frozenset(trusted_organizations) if trusted_organizations else _NOBODY,
        verdicts.lookup(organization_of),
        organization_of if isinstance(organization_of, Mapping) else None,
        NO_URL if url_auth in ("", NO_URL) else url_auth,
        at,
        buckets or {},
        frozenset(whole_organizations) if whole_organizations else _NOBODY,
    )
    colours = asked.colours
    found = []
    for reach in reduction(policy, function).reaches:
        one = None if colours else _at_a_glance(reach, policy, owner_account)
        one = one or _judge(reach, policy, asked)
        if one is not None:
            found.append(one)
    return found


def _at_a_glance(reach: Reach, policy: Document, owner: str) -> Exposure | None:
    """The answer about one known account, role, user or source of a service, with nothing else to it; else None."""
    candidate = reach.candidate
    if reach.account is None or not reach.bare:
        return None
    if candidate.nothing or candidate.action_class is ActionClass.INVOKE_URL:
        return None
    if reach.behalf is not None:
        known = services.lookup(reach.principal)
        if known is not None and known.crosses_accounts is False:
            return None
    at_home = reach.account == owner
    statements, indexes = policy.statements, candidate.statements
    return Exposure(
        _KINDS[reach.kind],
        reach.principal,
        reach.account,
        None,
        _sorted(candidate.actions),
        candidate.action_class,
        candidate.qualifier,
        Conditions(reach.narrowing, reach.other) if reach.narrowing or reach.other else _NO_CONDITIONS,
        (statements[indexes[0]],) if len(indexes) == 1 else tuple([statements[index] for index in indexes]),
        Answer.NO,
        Answer.NO if at_home else Answer.YES,
        Answer.NO,
        None,
        Zone.OWNER if at_home else Zone.OUTSIDE,
    )


def _judge(reach: Reach, policy: Document, asked: Question) -> Exposure | None:
    """Apply trust, membership, URLs, buckets and time; None for somebody who is not let in after all."""
    doubts = list(reach.doubts)
    if reach.times and not verdicts.in_time(reach, asked, doubts):
        return None
    organizations = reach.organizations or reach.not_organizations or reach.organizations_if_any
    if organizations and not verdicts.is_member(reach, asked):
        return None
    if reach.ours and not verdicts.is_ours(reach, asked):
        return None
    candidate = reach.candidate
    latent = candidate.nothing or reach.dead
    reasons: list[str] = []
    notes: list[str] = []
    opened = verdicts.open_service(reach, asked, reasons, notes)
    external = verdicts.external(reach, opened, asked, reasons)
    public = Answer.NO
    if reach.kind == "everyone":
        public = Answer.DEPENDS if reach.limits else Answer.YES
        if reach.limits:
            external = Answer.DEPENDS
            reasons.extend(reach.limits)
    elif reach.kind == "service" and candidate.principal.kind is PrincipalKind.EVERYONE:
        public = _by_service(reach, opened)
        if public is Answer.YES:
            notes.append("only by way of a service, which any account can drive")
    if latent:
        public = external = opened = Answer.NO
        reasons = []
    elif doubts:
        public, external, opened = (Answer.DEPENDS if one is not Answer.NO else one for one in (public, external, opened))
        reasons.extend(doubts)
    is_url = reach.only_by_url or candidate.action_class is ActionClass.INVOKE_URL
    organization = verdicts.organization_name(reach, asked) if reach.organizations or reach.behalf else None
    statements = policy.statements
    indexes = candidate.statements
    return Exposure(
        _KINDS[reach.kind],
        organization or "" if reach.kind == "organization" else reach.principal,
        reach.account,
        organization,
        _sorted(candidate.actions),
        candidate.action_class,
        candidate.qualifier,
        Conditions(reach.narrowing, reach.other) if reach.narrowing or reach.other else _NO_CONDITIONS,
        (statements[indexes[0]],) if len(indexes) == 1 else tuple(statements[index] for index in indexes),
        public,
        external,
        opened,
        verdicts.audience(reach, is_url, asked) if public is not Answer.NO else None,
        verdicts.zone(reach, organization, asked),
        latent or (verdicts.missing(reach, asked) if is_url else None) or None,
        tuple(dict.fromkeys(reasons)) if reasons and Answer.DEPENDS in (public, external, opened) else (),
        tuple(notes),
    )


def _by_service(reach: Reach, opened: Answer) -> Answer:
    """Whether `*` is public when only services are left of it: one bucket, whoever owns it, is not everybody."""
    if opened is Answer.DEPENDS and reach.behalf is not None and reach.behalf.scope is Scope.BUCKET:
        return Answer.NO
    return opened


@lru_cache(maxsize=4096)
def _sorted(actions: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(actions))


def _texts(atoms: tuple[Atom | Condition, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(atom.text for atom in atoms if not getattr(atom, "hidden", False))) if atoms else ()
