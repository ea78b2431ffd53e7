"""What a policy lets in as seen at the moment of the question: trust, membership, URLs and time applied to the reduction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from sharing.models import Policy
from sharing.policy import Document, Exposure, exposures
from sharing.policy.keys import Role, key_of
from sharing.policy.verdicts import Answer
from sharing.services.organizations import UNKNOWN, Memberships
from sharing.services.syncing.reach import url_auth
from sharing.services.trusting import Trust

#: Why somebody a statement names cannot use it, though the policy alone would let them in.
NOT_A_MEMBER: Final = "it is not in the organisation that the policy demands, as its members were read"
_DEMANDING = (Role.ORGANIZATION, Role.ORGANIZATION_PATH)

Key = tuple[object, ...]


def appraise(
    policy: Policy,
    document: Document,
    *,
    trust: Trust,
    members: Memberships = UNKNOWN,
    at: datetime | None = None,
    past: bool = False,
) -> list[Exposure]:
    """The exposures of one content of a policy. `policy.function.account` should be loaded; no query is made.

    members: who is known to belong where; an account that is known not to be where it must be comes last, latent, so that
    it is told and not dropped. past: the content is not today's, so today's URLs and members say nothing about it.
    """
    if past or not members:
        return _of(policy, document, trust, UNKNOWN, at, past)
    found = _of(policy, document, trust, members, at, past)
    if not demands_membership(document):
        return found
    there = {key_of_way(one) for one in found}
    for one in _of(policy, document, trust, UNKNOWN, at, past):
        if one.account and one.kind in ("account", "identity") and key_of_way(one) not in there:
            no = Answer.NO
            found.append(replace(one, latent=NOT_A_MEMBER, public=no, external=no, open_service=no, depends_on=()))
    return found


def demands_membership(document: Document) -> bool:
    """Whether any of its conditions is about the caller's organisation."""
    return any(key_of(one.key.lower()).role in _DEMANDING for statement in document.statements for one in statement.conditions)


def key_of_way(one: Exposure) -> Key:
    """The same way in, whatever is known of who belongs where."""
    places = tuple(statement.index for statement in one.statements)
    return one.kind, one.principal, one.account, one.action_class, one.qualifier, places


def _of(
    policy: Policy, document: Document, trust: Trust, members: Memberships, at: datetime | None, past: bool
) -> list[Exposure]:
    return exposures(
        document,
        function_arn=policy.arn,
        owner_account=policy.function.account.number,
        trusted_accounts=trust.accounts,
        trusted_organizations=trust.organizations,
        organization_of=members.places or None,
        whole_organizations=members.whole,
        url_auth=None if past else url_auth(policy),
        at=at,
    )
