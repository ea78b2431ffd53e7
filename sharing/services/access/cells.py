"""One cell of the matrix: the widest that one principal may do with one form of a function. Nothing here asks the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from sharing.policy import Document, PrincipalKind, Statement
from sharing.policy.verdicts import Answer
from sharing.services.organizations import UNKNOWN, Memberships
from sharing.services.tallying import CLASSES

Key = tuple[str, str]  # kind and principal, as an exposure has them


@dataclass(frozen=True)
class Proof:
    """A check that found the way open: as whom, and when."""

    principal: str
    at: datetime


@dataclass(frozen=True)
class Cell:
    """What is shown of a principal and a form of a function, widest first.

    `classes`: what it may do now; `latent`: what it could, were something not missing. `public`, `open_service`,
    `depends`: "yes", "no" or "depends" for the first two; whether anything hangs on something unknown. `denied`: a Deny
    names the principal. `through`: wider ways that (may) let it in as well: "everyone", "member" for certain,
    "organization" perhaps.
    """

    classes: tuple[str, ...] = ()
    latent: tuple[str, ...] = ()
    public: str = "no"
    open_service: str = "no"
    depends: bool = False
    denied: bool = False
    stale: bool = False
    proof: Proof | None = None
    through: tuple[str, ...] = ()

    @property
    def widest(self) -> str:
        """The widest class of what it may do now, else of what it could; "" for nothing."""
        return max(self.classes or self.latent, key=CLASSES.index, default="")

    @property
    def usable(self) -> bool:
        """Whether it may do anything now, by itself."""
        return bool(self.classes)

    @property
    def safe(self) -> bool:
        """Neither public, nor open, nor hanging on something unknown. Depends is not safe."""
        return self.public == "no" and self.open_service == "no" and not self.depends

    @property
    def provable(self) -> bool:
        """Whether a check could prove it: only an invocation can be tried."""
        return "invoke" in self.classes

    @property
    def proved(self) -> bool:
        """Whether a check did."""
        return self.proof is not None and self.provable


@dataclass(frozen=True)
class Way:
    """One stored exposure, as far as a cell needs it."""

    kind: str
    principal: str
    account: str
    action_class: str
    public: str
    external: str
    open_service: str
    latent: bool

    @property
    def key(self) -> Key:
        return self.kind, self.principal


def cells(ways: Iterable[Way], *, denied: Iterable[Key] = (), stale: bool = False) -> dict[Key, Cell]:
    """The cells of one policy: whom it lets in, and whom a Deny names."""
    found: dict[Key, Cell] = {}
    for way in ways:
        before = found.get(way.key, Cell(stale=stale))
        classes, latent = before.classes, before.latent
        if way.latent:
            latent = tuple(dict.fromkeys((*latent, way.action_class)))
        else:
            classes = tuple(dict.fromkeys((*classes, way.action_class)))
        found[way.key] = replace(
            before,
            classes=classes,
            latent=latent,
            public=_wider(before.public, way.public),
            open_service=_wider(before.open_service, way.open_service),
            depends=before.depends or "depends" in (way.public, way.external, way.open_service),
        )
    for key in denied:
        found[key] = replace(found.get(key, Cell(stale=stale)), denied=True)
    return found


def _wider(one: str, other: str) -> str:
    return next((answer for answer in ("yes", "depends") if answer in (one, other)), "no")


def expanded(
    key: Key, cell: Cell | None, of_policy: dict[Key, Cell], *, number: str = "", members: Memberships = UNKNOWN
) -> Cell | None:
    """What an account, role or user gets also as everyone, or as a member of an organisation. `number`: whose it is."""
    if key[0] not in ("account", "identity"):
        return cell
    wider = {other for other, one in of_policy.items() if other[0] in ("everyone", "organization") and one.usable}
    belongs = {members.is_in(number, principal) for kind, principal in wider if kind == "organization"}
    through = ["everyone"] if any(kind == "everyone" for kind, _ in wider) else []
    if Answer.YES in belongs:
        through.append("member")
    elif Answer.DEPENDS in belongs:
        through.append("organization")
    return replace(cell or Cell(), through=tuple(through)) if through else cell


@dataclass(frozen=True)
class ForAll:
    """A Deny for everybody: the place of its statement, whether some are spared, and whether conditions limit it."""

    index: int
    spares: bool
    conditional: bool


@dataclass(frozen=True)
class Denies:
    """Whom the Deny statements of a policy name, each with the places of those statements, and those for all."""

    named: dict[Key, tuple[int, ...]] = field(default_factory=dict)
    for_all: tuple[ForAll, ...] = ()


_IDENTITIES = (PrincipalKind.ROLE, PrincipalKind.USER, PrincipalKind.SESSION)


def denies(document: Document) -> Denies:
    """Read from the document: exposures hold only what is left after them."""
    named: dict[Key, tuple[int, ...]] = {}
    for_all: list[ForAll] = []
    for statement in document.statements:
        if not statement.is_deny:
            continue
        keys = _named(statement)
        if keys is None:
            for_all.append(ForAll(statement.index, bool(statement.not_principals), bool(statement.conditions)))
        for key in keys or ():
            named[key] = (*named.get(key, ()), statement.index)
    return Denies(named, tuple(for_all))


def _named(statement: Statement) -> set[Key] | None:
    """None: everybody, or everybody but some."""
    if statement.not_principals or not statement.principals:
        return None
    found: set[Key] = set()
    for principal in statement.principals:
        if principal.kind is PrincipalKind.EVERYONE:
            return None
        kind = "identity" if principal.kind in _IDENTITIES else principal.kind.value
        found.add((kind, principal.value))
    return found
