"""What the map shows: owner accounts or functions on one side, whom they let in on the other, and the ways between.

Whatever is too much for a picture is folded into a node that says how much it stands for; nothing is left out silently.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Exists, OuterRef, Sum

from sharing.models import Account, Exposure, Function, Policy, Tallied, Tally
from sharing.services import tallying
from sharing.services.inventory import NOT_SAFE
from sharing.services.tallying import CLASSES
from sharing.services.trusting import Trust

from . import account_matrix
from .parties import KINDS, Party, party
from .principals import Names

MOST_LEFT, MOST_RIGHT = 18, 18
_KINDS = dict(KINDS)
_COLUMNS = (
    *("account_id", "kind", "principal", "functions", "invoke", "invoke_url", "read", "manage"),
    *("public", "open_service", "depends", "not_safe", "latent", "stale"),
)


@dataclass(frozen=True)
class Node:
    """`of`: the account, function or party; None for a fold, which stands for `folded` of them."""

    key: str
    label: str
    beneath: str = ""
    kind: str = ""
    of: Account | Function | Party | None = None
    folded: int = 0


@dataclass
class Edge:
    """Who is let into what. `many`: functions, where the left is an account or a fold; parties, where only the right is a
    fold. `latent`: nothing of it can be used yet."""

    left: str
    right: str
    many: int = 0
    classes: set[str] = field(default_factory=set)
    public: str = "no"
    open_service: str = "no"
    depends: bool = False
    latent: bool = True
    stale: bool = False

    @property
    def widest(self) -> str:
        """The widest class among them; "" for a fold, of which only the number is known."""
        return max(self.classes, key=CLASSES.index, default="")


@dataclass(frozen=True)
class Picture:
    """Both sides from top to bottom, and the edges in the order of the left side."""

    left: tuple[Node, ...]
    right: tuple[Node, ...]
    edges: tuple[Edge, ...]


def of_accounts(owners: Sequence[Account], *, trust: Trust) -> Picture:
    """Owner accounts by parties. Seven queries."""
    known = {one.pk: one for one in owners}
    counted = list(
        Tallied.objects.filter(account__in=list(known), counted_at__isnull=False).order_by("-reached", "account__name", "pk")
    )
    shown = [known[one.account_id] for one in counted[:MOST_LEFT]]
    rest = [known[one.account_id] for one in counted[MOST_LEFT:]]
    reached = {one.account_id: one for one in counted}
    left = [Node(str(one.pk), one.name, _of(reached[one.pk].reached, reached[one.pk].functions), "owner", one) for one in shown]
    right, parties = _parties([*shown, *rest], trust)
    found = Tally.objects.filter(principal__in={one.principal for one in parties.values()}, account__in=list(known))
    tallies: Iterable[Any] = found.order_by("kind", "principal", "pk").values_list(*_COLUMNS, named=True)  # two thousand
    named = [one for one in tallies if (one.kind, one.principal) in parties]
    edges: dict[tuple[str, str], Edge] = {}
    in_view = {one.pk for one in shown}
    for tally in named:
        left_key = str(tally.account_id) if tally.account_id in in_view else "rest"
        _add(edges, left_key, f"{tally.kind}:{tally.principal}", tally)
    _add_folded(edges, counted, named, in_view)
    if rest:
        left.append(
            Node("rest", f"and {len(rest):,} more account{'' if len(rest) == 1 else 's'}", kind="owner", folded=len(rest))
        )
    return _picture(left, right, edges)


def _of(reached: int, functions: int) -> str:
    return f"{reached:,} of {functions:,} functions let somebody in"


def _parties(owners: Sequence[Account], trust: Trust) -> tuple[list[Node], dict[tuple[str, str], Party]]:
    """The widest parties by name, and a fold for the rest of each kind."""
    top = account_matrix.widest(owners, MOST_RIGHT)
    keys = [(str(one["kind"]), str(one["principal"])) for one in top]
    names = Names.of(name for kind, name in keys if kind == "account")
    own = [one.number for one in owners]
    shown = {
        (kind, name): party(kind, name, name if kind == "account" else "", names=names, trust=trust, owners=own)
        for kind, name in keys
    }
    nodes = [
        Node(one.key, one.label, _functions(row["many"], row["lacking"]), one.kind, one)
        for row, one in zip(top, shown.values(), strict=True)
    ]
    counts = Counter(account_matrix.many_parties(owners))  # a moment later: some may be gone by then
    counts.subtract(kind for kind, _ in keys)
    for kind, _ in KINDS:
        if counts[kind] > 0:
            words = _KINDS[kind].lower() if kind != "service" else "AWS services"
            words = words.removesuffix("s") if counts[kind] == 1 and words.endswith("s") else words
            nodes.append(Node(f"fold:{kind}", f"and {counts[kind]:,} more {words}", kind=kind, folded=counts[kind]))
    return nodes, shown


def _functions(many: int, lacking: int) -> str:
    said = [f"{many:,} function{'' if many == 1 else 's'}"] if many or not lacking else []
    return ", ".join([*said, *([f"{lacking:,} not usable yet"] if lacking else [])])


def _add(edges: dict[tuple[str, str], Edge], left: str, right: str, tally: Any) -> None:
    edge = edges.setdefault((left, right), Edge(left, right))
    edge.many += tally.functions or tally.latent
    classes = (("invoke", tally.invoke), ("invoke-url", tally.invoke_url), ("read", tally.read), ("manage", tally.manage))
    edge.classes |= {name for name, many in classes if many}
    if tally.public:
        edge.public = "yes"
    elif tally.kind == "everyone" and tally.depends and edge.public == "no":
        edge.public = "depends"
    if tally.open_service:
        edge.open_service = "yes"
    edge.depends = edge.depends or bool(tally.depends)
    edge.latent = edge.latent and not tally.functions
    edge.stale = edge.stale or bool(tally.stale)


def _add_folded(
    edges: dict[tuple[str, str], Edge], counted: Iterable[Tallied], named: Iterable[Any], in_view: set[uuid.UUID]
) -> None:
    """How many parties of each kind that are not shown reach each account: all of them, but for those in `named`."""
    left = {(one.account_id, kind): list(sums) for one in counted for kind, sums in one.kinds.items()}
    for tally in named:
        sums = left.get((tally.account_id, tally.kind))
        if sums is not None:
            sums[0] -= 1
            sums[1] -= tally.not_safe
    for (account, kind), (many, unsafe) in left.items():
        if many > 0:
            _fold(edges, str(account) if account in in_view else "rest", kind, many=many, unsafe=max(0, unsafe))


def of_account(owner: Account, *, trust: Trust) -> Picture:
    """The functions of one account by parties: those that are not safe first. Nine queries."""
    functions = _widest_functions(owner)
    right, parties = _parties([owner], trust)
    edges, in_view = _edges(functions, parties)
    left = [_function_node(one, edges) for one in functions]
    tallied = Tallied.objects.filter(account=owner).first()
    more = max(0, (tallied.reached if tallied else 0) - len(functions))
    if more:
        left.append(Node("rest", f"and {more:,} more function{'' if more == 1 else 's'}", kind="function", folded=more))
        _add_rest(edges, owner, parties, in_view)
    return _picture(left, right, edges)


def _function_node(function: Function, edges: dict[tuple[str, str], Edge]) -> Node:
    many = sum(edge.many for (left, _), edge in edges.items() if left == str(function.pk))
    return Node(str(function.pk), function.name, f"{function.region} · lets in {many:,}", "function", function)


def _widest_functions(owner: Account) -> list[Function]:
    """Public ones first, then open to services, then any that let somebody in; by name. Three queries."""
    present = Function.objects.filter(account=owner, vanished_at=None).order_by("name", "region", "id")
    policies = Policy.objects.filter(function=OuterRef("pk"), vanished_at=None)
    ways = Exposure.objects.filter(policy__function=OuterRef("pk"), policy__vanished_at=None)
    steps = (
        Exists(policies.filter(public__in=NOT_SAFE)),
        Exists(policies.filter(open_service__in=NOT_SAFE)),
        Exists(ways),
    )
    found: dict[uuid.UUID, Function] = {}
    for step in steps:
        if len(found) < MOST_LEFT:
            found |= {one.pk: one for one in present.filter(step)[:MOST_LEFT] if one.pk not in found}
    shown = list(found.values())[:MOST_LEFT]
    for one in shown:
        one.account = owner
    return shown


_WAY = (
    "policy__function_id", "kind", "principal", "account", "action_class", "public", "external", "open_service", "latent",
    "policy__unread_since",
)  # fmt: skip


def _edges(
    functions: Sequence[Function], parties: dict[tuple[str, str], Party]
) -> tuple[dict[tuple[str, str], Edge], tallying.Whole]:
    """The edges of these functions, and what they add up to for each party."""
    edges: dict[tuple[str, str], Edge] = {}
    members: dict[tuple[str, str], set[tuple[str, str]]] = {}
    in_view = tallying.Whole()
    ways = Exposure.objects.filter(policy__function__in=functions, policy__vanished_at=None).order_by("pk")
    for function, kind, principal, account, *answers in ways.values_list(*_WAY):
        in_view.add(function, kind, principal, account, *answers)
        key = tallying.party_of(kind, principal, account)
        right = f"{key[0]}:{key[1]}" if key in parties else f"fold:{key[0]}"
        edge = edges.setdefault((str(function), right), Edge(str(function), right))
        members.setdefault((str(function), right), set()).add(key)
        edge.many = len(members[str(function), right])
        _judge(edge, answers)
    return edges, in_view


def _judge(edge: Edge, answers: Iterable[Any]) -> None:
    action_class, public, external, open_service, latent, unread_since = answers
    if not latent:
        edge.classes.add(action_class)
        edge.latent = False
    edge.public = _wider(edge.public, public)
    edge.open_service = _wider(edge.open_service, open_service)
    edge.depends = edge.depends or "depends" in (public, external, open_service)
    edge.stale = edge.stale or unread_since is not None


def _wider(one: str, other: str) -> str:
    return next((answer for answer in NOT_SAFE if answer in (one, other)), "no")


def _add_rest(
    edges: dict[tuple[str, str], Edge], owner: Account, parties: dict[tuple[str, str], Party], in_view: tallying.Whole
) -> None:
    """What the functions that are not shown add: the counts of the account less those in the picture."""
    named = {name for _, name in (*parties, *in_view.parties)}
    for tally in Tally.objects.filter(account=owner, principal__in=named):
        shown = in_view.parties.get((tally.kind, tally.principal), tallying.Counted()).counts()
        left = Tally(
            kind=tally.kind,
            principal=tally.principal,
            **{name: max(0, getattr(tally, name) - many) for name, many in shown.items()},
        )
        if not left.functions and not left.latent:
            continue
        if (tally.kind, tally.principal) in parties:
            _add(edges, "rest", f"{tally.kind}:{tally.principal}", left)
        else:
            _fold(edges, "rest", tally.kind, many=1, unsafe=left.not_safe)
    others = Tally.objects.filter(account=owner).exclude(principal__in=named).order_by().values_list("kind")
    for kind, many, unsafe in others.annotate(many=Count("pk"), unsafe=Sum("not_safe")):
        _fold(edges, "rest", kind, many=many, unsafe=unsafe)


def _fold(edges: dict[tuple[str, str], Edge], left: str, kind: str, *, many: int, unsafe: int) -> None:
    """Further parties of a kind that are not shown by name."""
    edge = edges.setdefault((left, f"fold:{kind}"), Edge(left, f"fold:{kind}", latent=False))
    edge.many += many
    edge.depends = edge.depends or bool(unsafe)


def _picture(left: Sequence[Node], right: Sequence[Node], edges: dict[tuple[str, str], Edge]) -> Picture:
    places = {node.key: place for place, node in enumerate(left)}
    others = {node.key: place for place, node in enumerate(right)}
    drawn = [edge for (one, other), edge in edges.items() if one in places and other in others]
    drawn.sort(key=lambda edge: (places[edge.left], others[edge.right]))
    return Picture(tuple(left), tuple(right), tuple(drawn))
