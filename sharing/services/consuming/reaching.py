"""What reaches the accounts that a person acts for: grants and stored exposures, filtered by membership in the query."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property

from django.db.models import F, Q, QuerySet

from sharing.models import Account, Actor, Check, Exposure, Grant, GrantState, Membership, OrganizationMember, Policy
from sharing.policy import PrincipalKind
from sharing.policy.exposure import Kind
from sharing.services.granting.rights import OF_AN_ACCOUNT

S = GrantState

#: Grants that the other side sees as shared with it. What still waits for a second person was not shared yet.
SHOWN = (S.PENDING, S.GRANTING, S.ACTIVE, S.REVOKING, S.STUCK, S.SUSPENDED)
#: Grants that were, and are over.
OVER = (S.REVOKED, S.EXPIRED, S.VANISHED)
#: Exposures of an account itself, or of a role or user of it.
_OWN_KINDS = (Kind.ACCOUNT, Kind.IDENTITY)


@dataclass(frozen=True)
class Side:
    """A person and the accounts they act for. Two queries, whatever is asked with it."""

    me: Actor
    memberships: tuple[Membership, ...]

    @cached_property
    def accounts(self) -> dict[str, Account]:
        """The accounts by their digits."""
        return {one.account.number: one.account for one in self.memberships}

    @cached_property
    def numbers(self) -> list[str]:
        """The accounts' digits."""
        return list(self.accounts)

    @cached_property
    def organizations(self) -> dict[str, list[Account]]:
        """Organisations (o-…) that these accounts are known to be in, and which of them are."""
        found: dict[str, list[Account]] = {}
        rows = OrganizationMember.objects.present().filter(number__in=self.numbers).select_related("organization")
        for row in rows:
            found.setdefault(row.organization.organization_id, []).append(self.accounts[row.number])
        return found

    def own(self, grants: QuerySet[Grant]) -> QuerySet[Grant]:
        """Of these grants the ones to an account of theirs, or to a role or user of it: what they may give back."""
        return grants.filter(principal_account__in=self.numbers, principal_kind__in=OF_AN_ACCOUNT)

    def grants(self) -> QuerySet[Grant]:
        """Grants to these accounts, to their roles and users, and to organisations that they are known to be in."""
        mine = Q(principal_account__in=self.numbers, principal_kind__in=OF_AN_ACCOUNT)
        through = Q(principal_kind=PrincipalKind.ORGANIZATION, principal__in=list(self.organizations))
        return Grant.objects.filter(mine | through).exclude(policy__function__account__number__in=self.numbers)

    def exposures(self) -> QuerySet[Exposure]:
        """What policies, as last read, let in of the same, however it came about. Everyone is nobody in particular."""
        mine = Q(account__in=self.numbers, kind__in=_OWN_KINDS)
        through = Q(kind=Kind.ORGANIZATION, principal__in=list(self.organizations))
        present = Q(policy__vanished_at=None, policy__function__vanished_at=None)
        return Exposure.objects.filter(mine | through, present, latent=False).exclude(account=F("owner__number"))

    def policies(self) -> QuerySet[Policy]:
        """Functions, aliases and versions shared with them now. What is not, is not in it: never fetch, then check."""
        granted = self.grants().filter(state__in=SHOWN).values("policy")
        reached = self.exposures().values("policy")
        found = Policy.objects.filter(Q(pk__in=granted) | Q(pk__in=reached))
        return found.select_related("function__account")

    def policy(self, pk: uuid.UUID) -> Policy | None:
        """One of them, or None: the same one query for what does not exist and for what is not theirs."""
        return self.policies().filter(pk=pk).first()

    def checks(self) -> QuerySet[Check]:
        """DryRuns as a principal of these accounts, of what is shared with them: nobody else's, whoever asked."""
        own_grant = Q(
            grant__principal_account__in=self.numbers,
            grant__principal_kind__in=OF_AN_ACCOUNT,
            grant__state__in=SHOWN,
        )
        by_name = Q(grant=None) & (Q(asked_as__in=self.numbers) | Q(connection__account__number__in=self.numbers))
        return Check.objects.filter(own_grant | by_name)


def side_of(me: Actor) -> Side:
    """The person's side: one query. Nobody who is no signed-in person has any."""
    return Side(me, tuple(Membership.objects.of(me).select_related("account")))
