"""One way in: a principal of a statement after its conditions, split until each piece is one account, one identity...

A reach knows nothing of trust, membership, URLs, buckets or the clock: those are applied when somebody asks.
"""

from __future__ import annotations

from typing import NamedTuple

from .actions import ActionClass
from .conditions import Atom
from .population import URL_TYPES
from .principal import Principal
from .sources import Behalf
from .statement import Condition


class Candidate(NamedTuple):
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


class Reach(NamedTuple):
    """Somebody who is let in.

    `kind` is one of exposure.Kind. `organizations`: membership that is demanded besides; `not_organizations`: that is
    ruled out; `times`, `ours`: conditions judged when asked. `url_types`: types of function URL it works with;
    `only_by_url`: nobody gets in otherwise; `anonymous`: callers without a signature are among them.
    `behalf`: for a service, on whose behalf. `limits` make "everyone" depend. `dead`: why it can never be used.
    `organizations_if_any`: whoever is in an organisation at all must be in one of each of these lists.
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
    url_types: frozenset[str] = URL_TYPES
    only_by_url: bool = False
    anonymous: bool = False
    behalf: Behalf | None = None
    token: bool = False
    narrowing: tuple[Atom | Condition, ...] = ()
    other: tuple[Atom | Condition, ...] = ()
    doubts: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    dead: str = ""
    half: str = ""
    organizations_if_any: tuple[tuple[str, ...], ...] = ()

    @property
    def bare(self) -> bool:
        """Whether nothing is left to be judged but whose it is."""
        return not (
            self.organizations
            or self.not_organizations
            or self.times
            or self.ours
            or self.only_by_url
            or self.doubts
            or self.limits
            or self.dead
            or self.half
            or self.organizations_if_any
        )
