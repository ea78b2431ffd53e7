"""Who is let in by one principal and its conditions: split until each piece is one account, one identity, one source."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from .actions import ActionClass
from .arn import FunctionArn, is_account_id
from .conditions import Atom, atom_of
from .identities import excludes, identity_matches, may_hold, shown_arn
from .matching import any_of, glob_matches, has_wildcard
from .narrowing import remaining
from .population import Population, holds
from .principal import Principal, PrincipalKind
from .reach import Candidate, Reach
from .services import same_service
from .sources import Behalf, Scope, behalves
from .statement import Condition

_GHOST: Final = "it names a deleted role or user, and one of the same name made later does not get the access back"
_FEDERATED: Final = "identity providers work in the trust policies of roles only"


#: Principals that take in others than signed callers.
_STARTS: Final = frozenset((PrincipalKind.EVERYONE, PrincipalKind.UNKNOWN, PrincipalKind.SERVICE))


# One set of conditions recurs in most statements of an estate, and in every piece that a Deny leaves.
@lru_cache(maxsize=16384)
def callers(
    kind: PrincipalKind, action_class: ActionClass, atoms: tuple[Atom, ...], partition: str, region: str, account: str
) -> Population:
    """The callers that conditions leave of a kind of principal, at any function of that place; only to be read."""
    population = Population(FunctionArn(partition, region, account, ""), action_class)
    if kind is PrincipalKind.SERVICE:
        population.signed = population.anonymous = False
    elif kind is PrincipalKind.ACCOUNT:
        population.service = population.anonymous = False
    return remaining(population, atoms) if atoms else population


def reaches(candidate: Candidate, function: FunctionArn, *, pinned: bool = True) -> list[Reach]:
    """Everybody the candidate lets in; empty when its conditions cannot hold together.

    `pinned` False leaves every piece with the whole candidate: enough, and faster, where nothing is taken away from it.
    """
    principal = candidate.principal
    kind = principal.kind
    if not principal.is_in(function.partition):
        return []
    start = kind if kind in _STARTS else PrincipalKind.ACCOUNT
    population = callers(start, candidate.action_class, candidate.atoms, function.partition, function.region, function.account)
    if not (population.signed or population.service or population.anonymous):
        return []
    piece = _Piece(candidate, population, pinned)
    match kind:
        case PrincipalKind.ACCOUNT:
            return piece.account(principal.value)
        case PrincipalKind.ROLE | PrincipalKind.USER | PrincipalKind.SESSION:
            return piece.identity()
        case PrincipalKind.SERVICE:
            return piece.service(principal.value)
        case PrincipalKind.EVERYONE:
            return piece.everyone()
        case PrincipalKind.GHOST:
            return [piece.reach("ghost", principal.value, None, dead=_GHOST)]
        case PrincipalKind.FEDERATED:
            return [piece.reach("federated", principal.value, principal.account, dead=_FEDERATED)]
    return piece.unreadable()


def _type_of(principal: Principal) -> str:
    """aws:PrincipalType of a role, user or session: a role calls by its sessions."""
    if principal.kind is PrincipalKind.USER:
        return "User"
    return "FederatedUser" if principal.kind is PrincipalKind.SESSION and principal.role_name is None else "AssumedRole"


class _Piece:
    """Splits one population into reaches."""

    __slots__ = ("candidate", "doubts", "pinned", "population")

    def __init__(self, candidate: Candidate, population: Population, pinned: bool) -> None:
        self.candidate = candidate
        self.population = population
        self.pinned = pinned
        self.doubts = candidate.doubts
        if population.doubts:
            self.doubts = tuple(dict.fromkeys((*candidate.doubts, *population.doubts)))

    def reach(
        self,
        kind: str,
        principal: str,
        account: str | None,
        *,
        pin: Atom | None = None,
        as_principal: Principal | None = None,
        organizations: tuple[str, ...] | None = None,
        doubt: str = "",
        dead: str = "",
        behalf: Behalf | None = None,
        anonymous: bool = False,
    ) -> Reach:
        population, candidate = self.population, self.candidate
        if pin is not None or as_principal is not None:
            atoms = (*candidate.atoms, pin) if pin is not None else candidate.atoms
            candidate = candidate._replace(principal=as_principal or candidate.principal, atoms=atoms)
        if population.no_address and not dead and kind != "service":
            dead = "private addresses never match a call over the internet"
        if organizations is None:
            organizations = population.organizations or ()
        return Reach(
            kind,
            principal,
            account,
            candidate,
            organizations,
            population.not_organizations,
            population.times,
            population.ours,
            population.url_types,
            population.only_by_url,
            anonymous,
            behalf,
            population.token,
            population.narrowing,
            population.other,
            (*self.doubts, doubt) if doubt else self.doubts,
            population.limits,
            dead,
            organizations_if_any=population.organizations_if_any,
        )

    def everyone(self) -> list[Reach]:
        population = self.population
        found: list[Reach] = []
        if population.signed:
            found = self._signed()
        elif population.anonymous and population.by_url_at_all:
            found = [self.reach("everyone", "*", None, organizations=(), anonymous=True)._replace(only_by_url=True)]
        if population.service and not (population.signed and any(reach.kind == "everyone" for reach in found)):
            for name in population.services or ("*",):
                found.extend(self.service(name))
        return found

    def _signed(self) -> list[Reach]:
        population = self.population
        if population.arns is not None or population.ids is not None or population.functions is not None:
            return self._identities(None)
        if population.accounts is not None:
            return [reach for account in population.accounts for reach in self.account(account)]
        if population.organizations is not None:
            return [
                self.reach(
                    "organization",
                    name,
                    None,
                    organizations=(name,),
                    pin=self._pin("StringLike", "aws:PrincipalOrgPaths" if "/" in name else "aws:PrincipalOrgID", name),
                )
                for name in population.organizations
                if name not in population.not_organizations
            ]
        return [self.reach("everyone", "*", None, anonymous=population.anonymous)]

    def account(self, account: str) -> list[Reach]:
        population = self.population
        if population.accounts is not None and account not in population.accounts:
            return []
        if self._shut_out(account, f"arn:{population.function.partition}:iam::{account}:*"):
            return []
        if population.arns is not None or population.ids is not None or population.functions is not None:
            return self._identities(account)
        if self.candidate.principal.kind is PrincipalKind.ACCOUNT or not self.pinned:
            return [self.reach("account", account, account)]
        itself = Principal(PrincipalKind.ACCOUNT, account, account, population.function.partition)
        return [self.reach("account", account, account, as_principal=itself)]

    def _identities(self, account: str | None) -> list[Reach]:
        """Roles, users or unique ids that PrincipalArn, userid or SourceFunctionArn leave, in `account` if given."""
        population = self.population
        values = population.arns or population.functions
        if values is None:
            found = []
            for identity in population.ids or ():
                owner = identity if is_account_id(identity) else account
                if owner is None and population.accounts is not None and len(population.accounts) == 1:
                    owner = population.accounts[0]
                found.append(self.reach("identity", identity, owner, pin=self._pin("StringLike", "aws:userid", identity)))
            return found
        found = []
        for value in values:
            owner = value.split(":", 5)[4]
            if account is not None and owner != account:
                continue
            if population.accounts is not None and owner not in population.accounts:
                continue
            if not self._shut_out(owner, value):
                key = "aws:PrincipalArn" if population.arns else "lambda:SourceFunctionArn"
                found.append(self.reach("identity", value, owner, pin=self._pin("ArnLike", key, value)))
        return found

    def identity(self) -> list[Reach]:
        population, principal = self.population, self.candidate.principal
        account = principal.account or ""
        if population.accounts is not None and account not in population.accounts:
            return []
        shown = shown_arn(principal)
        if _type_of(principal) not in population.types:
            return []
        doubt = ""
        if population.arns is not None:
            matched = any_of(identity_matches(pattern, principal, shown) for pattern in population.arns)
            if matched is False:
                return []
            doubt = "" if matched else "whether aws:PrincipalArn matches, as a session does not show its role's path"
        if self._shut_out(account, shown):
            return []
        return [self.reach("identity", principal.value, account, doubt=doubt)]

    def service(self, name: str) -> list[Reach]:
        population = self.population
        if population.services is not None and name != "*":
            named = [pattern for pattern in population.services if glob_matches(pattern, name) or same_service(pattern, name)]
            if not named:
                return []
        if name != "*" and any(not atom.want and holds(atom, name) is False for atom in population.must_services):
            return []
        sources = behalves(population.source_accounts, population.source_arns, population.source_organizations)
        shut_out = set(population.not_sources)
        doubt = ", ".join(population.service_doubts)
        found = []
        for behalf in sources:
            if behalf.scope is Scope.ACCOUNT and behalf.account in shut_out:
                continue
            pin = self._source_pin(behalf)
            found.append(self.reach("service", name, behalf.account, behalf=behalf, organizations=(), pin=pin, doubt=doubt))
        return found

    def _source_pin(self, behalf: Behalf) -> Atom | None:
        population = self.population
        if not self.pinned:
            return None
        if population.source_accounts is not None and behalf.account:
            return self._pin("StringEquals", "aws:SourceAccount", behalf.account)
        if behalf.scope is Scope.ORGANIZATION:
            return self._pin("StringLike", "aws:SourceOrgPaths" if "/" in behalf.name else "aws:SourceOrgID", behalf.name)
        if population.source_arns is None:
            return None
        arns = [arn.text for arn in population.source_arns if arn.scope is behalf.scope and arn.account == behalf.account]
        named = [text for text in arns if behalf.scope is Scope.OPEN or behalf.account or behalf.name in text]
        return self._pin("ArnLike", "aws:SourceArn", *named) if named else None

    def unreadable(self) -> list[Reach]:
        """A principal nobody could read: with a wildcard it might be anybody, otherwise one unknown identity."""
        value = self.candidate.principal.value
        doubt = f"principal {value}, which names nobody AWS knows"
        if not has_wildcard(value):
            return [self.reach("identity", value, None, doubt=doubt)]
        self.doubts = (*self.doubts, doubt)
        return [reach._replace(principal=value) if reach.kind == "everyone" else reach for reach in self.everyone()]

    def _pin(self, operator: str, key: str, *values: str) -> Atom | None:
        if not self.pinned:
            return None
        return atom_of(Condition(operator, key, values), True)._replace(hidden=True)

    def _shut_out(self, account: str, arn: str) -> bool:
        """Whether some condition certainly excludes all of the account or ARN pattern."""
        population = self.population
        if not (population.not_accounts or population.not_arns or population.must_accounts or population.must_arns):
            return False
        return (
            any(excludes(atom, account) for atom in population.not_accounts)
            or any(excludes(atom, arn) for atom in population.not_arns)
            or not all(may_hold(atom, account) for atom in population.must_accounts)
            or not all(may_hold(atom, arn) or self._by_path(atom, arn) for atom in population.must_arns)
        )

    def _by_path(self, atom: Atom, arn: str) -> bool:
        """Whether it may hold for a session whose role has a path, which the session's ARN does not show."""
        principal = self.candidate.principal
        if principal.kind is not PrincipalKind.SESSION or principal.role_name is None:
            return False
        return may_hold(atom, f"{arn.rsplit('/', 1)[0]}/*/{principal.role_name}")
