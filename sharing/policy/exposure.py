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
from typing import Any

from . import verdicts
from .arn import FunctionArn
from .document import Document, parse
from .principal import PrincipalKind
from .reach import Reach
from .reduction import reduction
from .statement import Statement
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


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions on an exposure as texts: those that narrow who is let in, and those that do not."""

    narrowing: tuple[str, ...] = ()
    other: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exposure:
    """One way in.

    `principal`: account id, ARN (or ARN pattern), organisation id or unit path, service name, `*`, unique id.
    `account`: whose, where that is fixed; for a service the account it calls for. `organization`: membership that is
    shared with or demanded. `qualifier`: the alias or version reached; "*" any of them, None the bare function.
    `latent`: what is missing before it can be used, None if nothing is. `depends_on`: what "depends" hangs on.
    `notes`: why an answer is "no" where one might expect otherwise.
    """

    kind: Kind
    principal: str
    account: str | None
    organization: str | None
    actions: tuple[str, ...]
    action_class: str
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
    url_auth: str | None = None,
    at: datetime | None = None,
    buckets: Mapping[str, str] | None = None,
) -> list[Exposure]:
    """Everybody the policy of this form of the function lets in.

    `organization_of`: account id → organisation id (or whole unit path `o-x/r-y/ou-z/`), "" for an account known to
    be in none, None or missing when unknown. `url_auth`: "NONE" or "AWS_IAM" for the type of the function's URL,
    NO_URL when it has none, None when that is not known. `at`: aware time at which time conditions are judged; without
    it they depend. `buckets`: names of buckets seen in known accounts → account id.
    Raises ArnError for a malformed function ARN, ValueError for a naive `at`.
    """
    if at is not None and at.tzinfo is None:
        raise ValueError("The time of the question needs a time zone: give an aware datetime.")
    function = function_arn if isinstance(function_arn, FunctionArn) else FunctionArn.parse(function_arn)
    policy = document if isinstance(document, Document) else parse(document, partition=function.partition)
    asked = Question(
        function,
        owner_account,
        frozenset(trusted_accounts),
        frozenset(trusted_organizations),
        verdicts.lookup(organization_of),
        organization_of if isinstance(organization_of, Mapping) else None,
        NO_URL if url_auth in ("", NO_URL) else url_auth,
        at,
        buckets or {},
    )
    found = (_judge(reach, policy, asked) for reach in reduction(policy, function).reaches)
    return [exposure for exposure in found if exposure is not None]


def _judge(reach: Reach, policy: Document, asked: Question) -> Exposure | None:
    """Apply trust, membership, URLs, buckets and time; None for somebody who is not let in after all."""
    doubts = list(reach.doubts)
    if not verdicts.in_time(reach, asked, doubts) or not verdicts.is_member(reach, asked) or not verdicts.is_ours(reach, asked):
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
    elif reach.kind == "service" and candidate.principal.kind is PrincipalKind.EVERYONE and opened is Answer.YES:
        public = Answer.YES
        notes.append("only by way of a service, which any account can drive")
    if latent:
        public = external = opened = Answer.NO
        reasons = []
    elif doubts:
        public, external, opened = (Answer.DEPENDS if one is not Answer.NO else one for one in (public, external, opened))
        reasons.extend(doubts)
    is_url = reach.only_by_url or candidate.action_class == "invoke-url"
    organization = verdicts.organization_name(reach, asked)
    return Exposure(
        Kind(reach.kind),
        organization or "" if reach.kind == "organization" else reach.principal,
        reach.account,
        organization,
        tuple(sorted(candidate.actions)),
        str(candidate.action_class),
        candidate.qualifier,
        Conditions(reach.narrowing, reach.other),
        tuple(policy.statements[index] for index in candidate.statements),
        public,
        external,
        opened,
        verdicts.audience(reach, is_url, asked) if public is not Answer.NO else None,
        verdicts.zone(reach, organization, asked),
        latent or (verdicts.missing(reach, asked) if is_url else None) or None,
        tuple(dict.fromkeys(reasons)) if Answer.DEPENDS in (public, external, opened) else (),
        tuple(notes),
    )
