"""The callers that conditions leave, and how a condition narrows them.

Three kinds of callers are followed: signed (any IAM principal of any account), services calling for somebody, and
anonymous callers of a function URL.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from . import fixed
from .actions import ActionClass
from .arn import FunctionArn
from .conditions import WILD, Atom, compare
from .matching import Truth, any_of, covers, has_wildcard, overlap
from .sources import SourceArn

TEXT: Final = frozenset(("equal", "fold", "like", "arn"))
URL_TYPES: Final = frozenset(("NONE", "AWS_IAM"))
#: Values of aws:PrincipalType of signed callers.
TYPES: Final = frozenset(("Account", "User", "AssumedRole", "FederatedUser"))
_BY_URL: Final = frozenset((ActionClass.INVOKE, ActionClass.INVOKE_URL))

Values = tuple[str, ...]


class Population:
    """The callers left, and what is known of them. None for a list means "not narrowed by this".

    `doubts` make every answer depend, `service_doubts` those about services; `limits` are bounds (network, shared
    secret) that make only "everyone" depend.
    `must_…`: conditions that a known account, ARN or service has to meet even where they do not narrow a `*`.
    The defaults are immutable and stay on the class: one is made for every principal of every statement read.
    """

    signed: bool = True
    service: bool = True
    anonymous: bool = True
    accounts: Values | None = None
    arns: Values | None = None
    ids: Values | None = None
    organizations: Values | None = None
    functions: Values | None = None
    services: Values | None = None
    source_accounts: Values | None = None
    source_arns: tuple[SourceArn, ...] | None = None
    source_organizations: Values | None = None
    must_accounts: tuple[Atom, ...] = ()
    must_arns: tuple[Atom, ...] = ()
    must_services: tuple[Atom, ...] = ()
    not_accounts: tuple[Atom, ...] = ()
    not_arns: tuple[Atom, ...] = ()
    not_organizations: tuple[str, ...] = ()
    organizations_if_any: tuple[Values, ...] = ()
    not_sources: tuple[str, ...] = ()
    types: frozenset[str] = TYPES
    url_types: frozenset[str] = URL_TYPES
    only_by_url: bool = False
    token: bool = False
    no_address: bool = False
    times: tuple[Atom, ...] = ()
    ours: tuple[Atom, ...] = ()
    narrowing: tuple[Atom, ...] = ()
    other: tuple[Atom, ...] = ()
    doubts: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    service_doubts: tuple[str, ...] = ()

    def __init__(self, function: FunctionArn, action_class: ActionClass) -> None:
        self.function = function
        self.action_class = action_class

    @property
    def empty(self) -> bool:
        return not (self.signed or self.service or self.anonymous)

    @property
    def by_url_at_all(self) -> bool:
        """Whether the action is one of the two that come by a function URL, the only way for anonymous callers."""
        return self.action_class in _BY_URL

    def end(self) -> None:
        """Nobody is left."""
        self.signed = self.service = self.anonymous = False

    def demand_url(self) -> None:
        """Only calls by the function URL are left; other actions than the two of a URL never come that way."""
        self.only_by_url = True
        if not self.by_url_at_all:
            self.end()

    def note(self, atom: Atom, narrows: bool = False) -> None:
        """List a condition among those that narrow or those that do not."""
        if narrows:
            self.narrowing += (atom,)
        else:
            self.other += (atom,)

    def cannot_judge(self, atom: Atom, why: str = "which cannot be judged") -> None:
        self.doubts += (f"condition {atom.source.operator} {atom.source.key}, {why}",)

    def limit(self, bound: str) -> None:
        """A bound that makes only "everyone" depend."""
        if bound not in self.limits:
            self.limits += (bound,)


def values_of(population: Population, atom: Atom) -> Values:
    """The policy's values, with the variable that is constant for one function filled in."""
    if not atom.variables:
        return atom.values
    account = population.function.account
    return tuple(account if value.lower() == "${aws:resourceaccount}" else value for value in atom.values)


def misfit(population: Population, atom: Atom) -> bool:
    """An operator of another kind than the key's values, such as NumericEquals on an ARN."""
    if atom.family in TEXT:
        return False
    population.cannot_judge(atom, "an unusual operator for that key")
    population.note(atom)
    return True


def doubt_literal_wildcard(population: Population, atom: Atom) -> None:
    """StringEquals takes `*` literally and matches nobody real; what was meant is anybody's guess."""
    if atom.family not in WILD and any(has_wildcard(value) for value in atom.values):
        population.doubts += (f"{atom.source.operator} takes the wildcard in {atom.source.key} literally",)


def meet_values(now: Values | None, more: Iterable[str]) -> Values:
    """Values that both allow; of two overlapping patterns the narrower one where that is known."""
    if now is None:
        return tuple(dict.fromkeys(more))
    more = tuple(more)
    pairs = ((one, other) for one in now for other in more if overlap(one, other))
    return tuple(dict.fromkeys(other if covers(one, other) else one for one, other in pairs))


def meet_organizations(now: Values | None, more: Iterable[str]) -> Values:
    """Like `meet_values` for `o-…` and unit paths: a unit lies in its organisation and in the units above it."""
    if now is None:
        return tuple(dict.fromkeys(more))
    more = tuple(more)
    met = (_organization_of_both(one, other) for one in now for other in more)
    return tuple(dict.fromkeys(name for name in met if name))


def _organization_of_both(one: str, other: str) -> str:
    """The narrower of two that may have members in common, "" when nobody can be in both."""
    if fixed.OWN_ORGANIZATION in (one, other):  # which one that is may not be known
        return other if one == fixed.OWN_ORGANIZATION else one
    if fixed.is_within(one, other) or covers(other, one):
        return one
    return other if fixed.is_within(other, one) or overlap(one, other) else ""


def holds(atom: Atom, value: str) -> Truth:
    """Whether the condition holds when its key has this one value."""
    open_ones = atom.values_with_variables()
    matched = any_of(None if pattern in open_ones else compare(atom, pattern, value) for pattern in atom.values)
    return matched if matched is None else matched is atom.want
