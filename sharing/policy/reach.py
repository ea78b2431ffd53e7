"""One way in: a principal of a statement after its conditions, split until each piece is one account, one identity...

A reach knows nothing of trust, membership, URLs, buckets or the clock: those are applied when somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from .actions import ActionClass
from .arn import FunctionArn, is_account_id
from .conditions import WILD, Atom, atom_of
from .matching import any_of, arn_matches, covers, glob_matches, has_wildcard, overlap
from .narrowing import remaining
from .population import Population
from .principal import Principal, PrincipalKind
from .services import same_service
from .sources import Behalf, Scope, behalves
from .statement import Condition


@dataclass(frozen=True, slots=True)
class Candidate:
    """A principal with the conditions it must satisfy, before they are applied.

    `nothing`: why these actions authorise nothing, empty if they do. `qualifier` "*" stands for every alias and version.
    """

    principal: Principal
    atoms: tuple[Atom, ...]
    action_class: ActionClass
    actions: frozenset[str]
    qualifier: str | None
    statements: tuple[int, ...]
    doubts: tuple[str, ...] = ()
    nothing: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """Somebody who is let in.

    `kind` is one of exposure.Kind. `organizations`: membership that is demanded besides; `not_organizations`: that is
    ruled out; `times`, `ours`: conditions judged when asked. `url_types`: types of function URL it works with;
    `only_by_url`: nobody gets in otherwise; `anonymous`: callers without a signature are among them.
    `behalf`: for a service, on whose behalf. `limits` make "everyone" depend. `dead`: why it can never be used.
    `half`: the action that a function URL also needs and nobody grants. `candidate` is pinned to this piece.
    """

    kind: str
    principal: str
    account: str | None
    candidate: Candidate
    organizations: tuple[str, ...] = ()
    not_organizations: tuple[str, ...] = ()
    times: tuple[Atom, ...] = ()
    ours: tuple[Atom, ...] = ()
    url_types: frozenset[str] = frozenset()
    only_by_url: bool = False
    anonymous: bool = False
    behalf: Behalf | None = None
    token: bool = False
    narrowing: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    dead: str = ""
    half: str = ""


_IDENTITIES: Final = frozenset((PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION))


def reaches(candidate: Candidate, function: FunctionArn) -> list[Reach]:
    """Everybody the candidate lets in; empty when its conditions cannot hold together."""
    kind = candidate.principal.kind
    population = Population(function, candidate.action_class)
    if kind is PrincipalKind.SERVICE:
        population.signed = population.anonymous = False
    elif kind is not PrincipalKind.EVERYONE and kind is not PrincipalKind.UNKNOWN:
        population.service = population.anonymous = False
    if _foreign_partition(candidate.principal, function):
        return []
    remaining(population, candidate.atoms)
    if population.empty:
        return []
    piece = _Piece(candidate, population)
    match kind:
        case PrincipalKind.EVERYONE:
            return piece.everyone()
        case PrincipalKind.ACCOUNT:
            return piece.account(candidate.principal.value)
        case PrincipalKind.ROLE | PrincipalKind.USER | PrincipalKind.SESSION:
            return piece.identity()
        case PrincipalKind.SERVICE:
            return piece.service(candidate.principal.value)
        case PrincipalKind.GHOST:
            why = "it names a deleted role or user, and one of the same name made later does not get the access back"
            return [piece.reach("ghost", candidate.principal.value, None, dead=why)]
        case PrincipalKind.FEDERATED:
            why = "identity providers work in the trust policies of roles only"
            return [piece.reach("federated", candidate.principal.value, candidate.principal.account, dead=why)]
    return [piece.unreadable()]


def _foreign_partition(principal: Principal, function: FunctionArn) -> bool:
    return principal.account is not None and principal.partition not in ("", function.partition)


class _Piece:
    """Splits one population into reaches."""

    def __init__(self, candidate: Candidate, population: Population) -> None:
        self.candidate = candidate
        self.population = population
        self.narrowing = _texts(population.narrowing)
        self.other = _texts(population.other)
        self.doubts = tuple(dict.fromkeys((*candidate.doubts, *population.doubts)))

    def reach(
        self,
        kind: str,
        principal: str,
        account: str | None,
        *,
        pin: Atom | None = None,
        pinned: Principal | None = None,
        organizations: tuple[str, ...] | None = None,
        doubt: str = "",
        dead: str = "",
        behalf: Behalf | None = None,
        anonymous: bool = False,
    ) -> Reach:
        population, candidate = self.population, self.candidate
        if pin is not None or pinned is not None:
            atoms = (*candidate.atoms, pin) if pin is not None else candidate.atoms
            candidate = replace(candidate, principal=pinned or candidate.principal, atoms=atoms)
        if population.no_address and not dead and kind != "service":
            dead = "private addresses never match a call over the internet"
        return Reach(
            kind,
            principal,
            account,
            candidate,
            population.organizations or () if organizations is None else organizations,
            tuple(population.not_organizations),
            tuple(population.times),
            tuple(population.ours),
            population.url_types,
            population.only_by_url,
            anonymous,
            behalf,
            population.token,
            self.narrowing,
            self.other,
            (*self.doubts, doubt) if doubt else self.doubts,
            tuple(dict.fromkeys(population.limits)),
            dead,
        )

    def everyone(self) -> list[Reach]:
        population = self.population
        found: list[Reach] = []
        if population.signed:
            found = self._signed()
        elif population.anonymous:
            found = [self.reach("everyone", "*", None, organizations=(), anonymous=True)]
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
                    pin=_pin("StringLike", "aws:PrincipalOrgPaths" if "/" in name else "aws:PrincipalOrgID", name),
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
        pinned = Principal(PrincipalKind.ACCOUNT, account, account, population.function.partition)
        return [self.reach("account", account, account, pinned=pinned)]

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
                found.append(self.reach("identity", identity, owner, pin=_pin("StringLike", "aws:userid", identity)))
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
                found.append(self.reach("identity", value, owner, pin=_pin("ArnLike", key, value)))
        return found

    def identity(self) -> list[Reach]:
        population, principal = self.population, self.candidate.principal
        account = principal.account or ""
        if population.accounts is not None and account not in population.accounts:
            return []
        shown = _shown_arn(principal)
        doubt = ""
        if population.arns is not None:
            matched = any_of(_identity_matches(pattern, principal, shown) for pattern in population.arns)
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
        sources = behalves(population.source_accounts, population.source_arns, population.source_organizations)
        shut_out = set(population.not_sources)
        found = []
        for behalf in sources:
            if behalf.scope is Scope.ACCOUNT and behalf.account in shut_out:
                continue
            pin = self._source_pin(behalf)
            found.append(self.reach("service", name, behalf.account, behalf=behalf, organizations=(), pin=pin))
        return found

    def _source_pin(self, behalf: Behalf) -> Atom | None:
        population = self.population
        if population.source_accounts is not None and behalf.account:
            return _pin("StringEquals", "aws:SourceAccount", behalf.account)
        if behalf.scope is Scope.ORGANIZATION:
            return _pin("StringLike", "aws:SourceOrgPaths" if "/" in behalf.name else "aws:SourceOrgID", behalf.name)
        if population.source_arns is None:
            return None
        arns = [arn.text for arn in population.source_arns if arn.scope is behalf.scope and arn.account == behalf.account]
        named = [text for text in arns if behalf.scope is Scope.OPEN or behalf.account or behalf.name in text]
        return _pin("ArnLike", "aws:SourceArn", *named) if named else None

    def unreadable(self) -> Reach:
        """A principal nobody could read: with a wildcard it might be anybody, otherwise one unknown identity."""
        value = self.candidate.principal.value
        doubt = f"principal {value}, which names nobody AWS knows"
        kind = "everyone" if has_wildcard(value) else "identity"
        return self.reach(kind, value, None, doubt=doubt)

    def _shut_out(self, account: str, arn: str) -> bool:
        """Whether a negated condition certainly excludes all of the account or ARN pattern."""
        population = self.population
        return any(_excludes(atom, account) for atom in population.not_accounts) or any(
            _excludes(atom, arn) for atom in population.not_arns
        )


def _excludes(atom: Atom, pattern: str) -> bool:
    values = [value for value in atom.values if not (atom.variables and "${" in value)]
    if atom.family == "arn":
        return any(_arn_covers(value, pattern) for value in values)
    if atom.family in WILD:
        return any(covers(value, pattern) for value in values)
    return not has_wildcard(pattern) and pattern in values


def _arn_covers(wide: str, narrow: str) -> bool:
    wide_parts, parts = wide.split(":", 5), narrow.split(":", 5)
    return wide == "*" or (len(wide_parts) == len(parts) and all(map(covers, wide_parts, parts)))


def _pin(operator: str, key: str, *values: str) -> Atom:
    return replace(atom_of(Condition(operator, key, values), True), hidden=True)


def _texts(atoms: list[Atom]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(atom.text for atom in atoms if not atom.hidden))


def _shown_arn(principal: Principal) -> str:
    """What aws:PrincipalArn shows for the principal: of a session its role's ARN, without the path."""
    if principal.kind is PrincipalKind.SESSION and principal.role_name:
        return f"arn:{principal.partition}:iam::{principal.account}:role/{principal.role_name}"
    return principal.value


def _identity_matches(pattern: str, principal: Principal, shown: str) -> bool | None:
    if arn_matches(pattern, shown):
        return True
    if principal.kind is PrincipalKind.SESSION and principal.role_name:
        base = f"arn:{principal.partition}:iam::{principal.account}:role/"
        return None if overlap(pattern, f"{base}*/{principal.role_name}") else False
    return False
