"""What reaches the accounts that a person acts for: grants and stored exposures, filtered by membership in the query."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cached_property

from django.db.models import F, Q, QuerySet

from sharing.models import Account, Actor, Check, Exposure, Grant, GrantState, Membership, OrganizationMember, Policy
from sharing.policy import PrincipalKind
from sharing.policy.arn import digits_of
from sharing.policy.exposure import Kind
from sharing.services.granting.rights import OF_AN_ACCOUNT

S = GrantState

#: Grants that the other side sees as shared with it. What still waits for a second person was not shared yet.
SHOWN = (S.PENDING, S.GRANTING, S.ACTIVE, S.REVOKING, S.STUCK, S.SUSPENDED)
#: Grants that were, and are over.
OVER = (S.REVOKED, S.EXPIRED, S.VANISHED)
#: Exposures of an account itself, or of a role or user of it.
_OWN_KINDS = (Kind.ACCOUNT, Kind.IDENTITY)


@dataclass(frozen=True, slots=True)
class Place:
    """One function, alias or version, as little of it as is searched."""

    pk: uuid.UUID
    name: str
    region: str
    arn: str
    owner: str
    number: str
    qualifier: str

    @property
    def order(self) -> tuple[str, str, str, str, uuid.UUID]:
        """By name, and the same always."""
        return self.name, self.region, self.number, self.qualifier, self.pk

    def matches(self, text: str) -> bool:
        """Whether the text is in its name, ARN, owner's name or digits, or is its alias or version."""
        wanted = text.lower()
        if not wanted:
            return True
        if wanted.startswith("arn:"):
            function, qualifier = ":".join(wanted.split(":")[:7]), ":".join(wanted.split(":")[7:])
            return self.arn.lower().startswith(function) and self.qualifier.lower().startswith(qualifier)
        if (digits := digits_of(wanted)) and digits in self.number:
            return True
        full = f"{self.name}:{self.qualifier}" if self.qualifier else self.name
        said = (full, self.arn, self.owner)
        return any(wanted in one.lower() for one in said) or wanted == self.qualifier.lower()


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
        return self._named().exclude(policy__function__account__number__in=self.numbers)

    def _named(self) -> QuerySet[Grant]:
        mine = Q(principal_account__in=self.numbers, principal_kind__in=OF_AN_ACCOUNT)
        through = Q(principal_kind=PrincipalKind.ORGANIZATION, principal__in=list(self.organizations))
        return Grant.objects.filter(mine | through)

    def exposures(self) -> QuerySet[Exposure]:
        """What policies, as last read, let in of the same, however it came about. Everyone is nobody in particular."""
        present = Q(policy__vanished_at=None, policy__function__vanished_at=None)
        return self._let_in().filter(present).exclude(account=F("owner__number"))

    def _let_in(self) -> QuerySet[Exposure]:
        mine = Q(account__in=self.numbers, kind__in=_OWN_KINDS)
        through = Q(kind=Kind.ORGANIZATION, principal__in=list(self.organizations))
        return Exposure.objects.filter(mine | through, latent=False)

    def reaches(self, pk: uuid.UUID) -> bool:
        """Whether this policy lets any of theirs in now. What is not theirs is not even asked for.

        All that is theirs is read, and the id looked for in it: a question about a stranger's row can be measured.
        """
        granted = self._named().filter(state__in=SHOWN).order_by().values_list("policy_id", flat=True)
        if pk not in {*granted, *self._let_in().order_by().values_list("policy_id", flat=True)}:
            return False
        exactly = self.grants().filter(state__in=SHOWN, policy=pk).exists()
        return exactly or self.exposures().filter(policy=pk).exists()

    @cached_property
    def places(self) -> dict[uuid.UUID, Place]:
        """Functions, aliases and versions shared with them now, by the policy's id and in order: one query.

        All of theirs, whatever is looked for, so that looking for something takes the same time whether it exists elsewhere
        or not at all: what a database does with a condition on a stranger's row can be measured.
        """
        fields = ("pk", *(f"function__{name}" for name in ("name", "region", "arn", "account__name", "account__number")))
        # As `grants` and `exposures` have it, with what they ask of policy and function asked once of each policy.
        named = self._named().filter(state__in=SHOWN).order_by()
        granted = Policy.objects.filter(pk__in=named.values("policy")).exclude(function__account__number__in=self.numbers)
        let_in = self._let_in().exclude(account=F("owner__number")).order_by()
        present = Policy.objects.filter(vanished_at=None, function__vanished_at=None)
        granted, reached = granted.order_by(), present.filter(pk__in=let_in.values("policy")).order_by()
        rows = granted.values_list(*fields, "qualifier").union(reached.values_list(*fields, "qualifier"))
        found = sorted((Place(*row) for row in rows), key=lambda place: place.order)
        return {place.pk: place for place in found}

    def grant(self, pk: uuid.UUID) -> Grant | None:
        """A grant that they may give back, or None: what is not theirs is not even asked for."""
        if pk not in set(self.own(self.grants()).filter(state__in=SHOWN).order_by().values_list("pk", flat=True)):
            return None
        return Grant.objects.select_related("policy__function__account", "policy__current").get(pk=pk)

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
